package main

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"spafleet/bench/harness"
)

// A sample is how much there is of what could grow.
type sample struct {
	goroutines int
	files      int
	heap       int // bytes that live
	resident   int // bytes
}

// look takes a sample, after a collection.
func look() sample {
	runtime.GC()
	runtime.GC() // what the first one's cleanups let go
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	files := 0
	if entries, err := os.ReadDir("/proc/self/fd"); err == nil {
		files = len(entries) - 1 // without the one that reads them
	}
	resident, _ := harness.Resident()
	return sample{runtime.NumGoroutine(), files, int(m.HeapAlloc), resident}
}

// settled takes the least of many samples: what is left when attempts and
// connections of the moment have ended.
func settled(look func() sample) sample {
	least := look()
	for range 20 {
		<-time.After(100 * time.Millisecond)
		s := look()
		least.goroutines, least.files = min(least.goroutines, s.goroutines), min(least.files, s.files)
		least.heap, least.resident = min(least.heap, s.heap), min(least.resident, s.resident)
	}
	return least
}

const header = "   after  synced now      ok   failed  cut off  saved  goroutines  files   heap MB  resident MB"

func (b *bath) print(what string, s sample) {
	k := &b.book
	recent := k.in(b.fleet.Now() - int64(b.period) - int64(b.period)/6)
	k.mu.Lock()
	ok, failed := k.ok, k.failed
	k.mu.Unlock()
	fmt.Fprintf(b.out, "%8s %11d %7d %8d %8d %6d %11d %6d %9.1f %12.1f  %s\n", time.Since(b.began).Round(time.Second), recent, ok, failed, b.fleet.Aborted(), b.saved.Load(),
		s.goroutines, s.files, float64(s.heap)/1e6, float64(s.resident)/1e6, what)
}

// compare prints how things were and are.
func (b *bath) compare(first, last sample) {
	fmt.Fprintf(b.out, "at rest: goroutines %d, then %d · files %d, then %d · heap %.1f, then %.1f MB · resident %.1f, then %.1f MB\n",
		first.goroutines, last.goroutines, first.files, last.files, float64(first.heap)/1e6, float64(last.heap)/1e6, float64(first.resident)/1e6, float64(last.resident)/1e6)
	if was, is, ok := ends(b.samples); ok {
		fmt.Fprintf(b.out, "first and last third of the samples behind the first round: least heap %.1f and %.1f MB, most resident %.1f and %.1f MB\n",
			float64(was.heap)/1e6, float64(is.heap)/1e6, float64(was.resident)/1e6, float64(is.resident)/1e6)
	}
}

// failures prints why resyncs failed so far.
func (b *bath) failures() {
	b.book.mu.Lock()
	defer b.book.mu.Unlock()
	var list []string
	for _, what := range slices.Sorted(maps.Keys(b.book.errs)) {
		list = append(list, fmt.Sprintf("%s %d", what, b.book.errs[what]))
	}
	fmt.Fprintf(b.out, "resyncs that failed: %s\n", cmp.Or(strings.Join(list, " · "), "none"))
}

// growth says what there is more of than when all devices were synced first. Some
// attempts and connections are always under way.
func growth(first, last sample) (grown []string) {
	if last.goroutines > first.goroutines+32 {
		grown = append(grown, fmt.Sprintf("goroutines grew from %d to %d", first.goroutines, last.goroutines))
	}
	if last.files > first.files+32 {
		grown = append(grown, fmt.Sprintf("open files grew from %d to %d", first.files, last.files))
	}
	return grown
}

// A fleet keeps decoded files, 16 MiB of them, and then drops them all: its heap goes
// up and down by what they take. A small fleet takes long to get there.
const (
	keptFiles  = 48 << 20
	smallFleet = 20_000
)

// ends returns the first and the last third of the samples: of the heap the least
// of each, which is what is left when no files are kept; of the resident memory
// the most. The first round is left out: in it comes what stays and has a bound,
// such as a count for each device that met a fault, and what the most attempts at
// once took. It is false where a third is less than a round.
func ends(samples []sample) (was, is sample, ok bool) {
	samples = samples[min(len(phases), len(samples)):]
	third := len(samples) / 3
	if third < len(phases) {
		return was, is, false
	}
	return extremes(samples[:third]), extremes(samples[len(samples)-third:]), true
}

// drift says what grew from the first round's end to the last.
func drift(devices int, samples []sample) (grown []string) {
	was, is, ok := ends(samples)
	if !ok {
		return nil
	}
	slack := 4 << 20
	if devices < smallFleet {
		slack = keptFiles
	}
	if is.heap > was.heap+was.heap/10+slack {
		grown = append(grown, fmt.Sprintf("the heap grew from %.1f to %.1f MB", float64(was.heap)/1e6, float64(is.heap)/1e6))
	}
	if is.resident > was.resident+was.resident/5+slack {
		grown = append(grown, fmt.Sprintf("resident memory grew from %.1f to %.1f MB", float64(was.resident)/1e6, float64(is.resident)/1e6))
	}
	return grown
}

// extremes returns the least heap and the most resident memory.
func extremes(samples []sample) sample {
	e := samples[0]
	for _, s := range samples {
		e.heap, e.resident = min(e.heap, s.heap), max(e.resident, s.resident)
	}
	return e
}

// remains says what is left after everything has ended.
func remains(before, after sample) (left []string) {
	if n := after.goroutines - before.goroutines; n > 0 {
		left = append(left, fmt.Sprintf("%d goroutines are left at the end", n))
	}
	if n := after.files - before.files; n > 0 {
		left = append(left, fmt.Sprintf("%d files are still open at the end", n))
	}
	return left
}
