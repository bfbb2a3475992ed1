//go:build race

package main

// raceSlowdown is how much slower the race detector makes programs, at most.
const raceSlowdown = 4
