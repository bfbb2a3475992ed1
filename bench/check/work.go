package main

import (
	"crypto/sha256"
	"runtime"
	"slices"
	"strconv"

	"spafleet/host"
)

// work does a fixed piece of work, of the kinds that attempts consist of, and returns how
// many seconds of a core one turn of it takes.
func work() float64 {
	const turns = 200_000
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	text := make([]byte, 300)
	names := map[string]int{}
	before := host.CPUTime()
	for i := range turns {
		name := "GPP_" + strconv.Itoa(i%1000)
		names[name]++
		sum := sha256.Sum256(text)
		copy(text, sum[:])
		list := []int{i % 7, i % 5, i % 3, names[name]}
		slices.Sort(list)
		text[40] = byte(list[0])
	}
	return (host.CPUTime() - before).Seconds() / turns
}
