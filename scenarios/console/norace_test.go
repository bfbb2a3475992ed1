//go:build !race

package console

const slowness = 1
