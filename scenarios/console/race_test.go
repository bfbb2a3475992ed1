//go:build race

package console

// slowness is how much longer the race detector may have a test take.
const slowness = 20
