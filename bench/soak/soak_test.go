package main

import (
	"strings"
	"testing"
)

func TestAShortSoakEndsWithAllSynced(t *testing.T) {
	var out, errs strings.Builder
	if code := run(t.Context(), []string{"-devices", "60", "-time", "2s", "-period", "2s"}, &out, &errs); code != 0 {
		t.Fatalf("exit code %d\n%s%s", code, &out, &errs)
	}
	for _, want := range []string{"no power for a fifth", "no server", "many faults", "all synced again", "at rest: goroutines ", "✓ all synced, and nothing grew"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output lacks %q:\n%s", want, &out)
		}
	}
}

func TestWrongCommandLinesAreRefused(t *testing.T) {
	for _, args := range [][]string{{"-devices", "1"}, {"-time", "0s"}, {"-period", "1s"}, {"more"}, {"-nonsense"}} {
		var out, errs strings.Builder
		if code := run(t.Context(), args, &out, &errs); code != 2 || errs.Len() == 0 {
			t.Errorf("%v: exit code %d, %q", args, code, errs.String())
		}
	}
}

func TestWhatGrowsIsNamed(t *testing.T) {
	rest := sample{goroutines: 12, files: 12, heap: 50e6, resident: 120e6}
	if got := growth(rest, sample{goroutines: 40, files: 40}); got != nil {
		t.Errorf("some attempts are always under way: %v", got)
	}
	if got := growth(rest, sample{goroutines: 50, files: 12}); len(got) != 1 || got[0] != "goroutines grew from 12 to 50" {
		t.Errorf("%v", got)
	}
	if got := growth(rest, sample{goroutines: 12, files: 50}); len(got) != 1 || got[0] != "open files grew from 12 to 50" {
		t.Errorf("%v", got)
	}
	if got := remains(rest, sample{goroutines: 13, files: 14}); len(got) != 2 {
		t.Errorf("%v", got)
	}
	series := func(step int) (list []sample) {
		for i := range 30 {
			s := rest
			s.heap += i%5*5e6 + i*step // files that are kept, and a leak
			s.resident += i * step
			list = append(list, s)
		}
		return list
	}
	if got := drift(50_000, series(0)); got != nil {
		t.Errorf("files that are kept and dropped are no growth: %v", got)
	}
	if got := drift(50_000, series(1e6)); len(got) != 1 || !strings.HasPrefix(got[0], "the heap grew from 5") {
		t.Errorf("a leak of 1 MB a sample: %v", got)
	}
	if got := drift(50_000, series(4e6)); len(got) != 2 {
		t.Errorf("a leak of 4 MB a sample: %v", got)
	}
	if got := drift(50_000, series(4e6)[:15]); got != nil {
		t.Errorf("fifteen samples say nothing: %v", got)
	}
}

// The heap of a soak of 30 minutes, in MB, at the end of each phase: it rises in
// the first round, and where a busy machine had 7,000 attempts at once.
func TestAHeapThatSettlesHasNotGrown(t *testing.T) {
	seen := []float64{35.0, 38.9, 50.5, 47.7, 42.7, 42.6, 53.0, 46.9, 42.8, 42.9, 77.2, 109.4, 67.9, 44.2, 85.3, 50.9,
		46.0, 44.3, 54.1, 50.6, 45.0, 44.7, 60.1, 49.0, 45.4, 44.8, 55.3, 49.5, 53.6, 44.8, 53.8, 50.3}
	var samples []sample
	for i, mb := range seen {
		samples = append(samples, sample{heap: int(mb * 1e6), resident: 150e6})
		if got := drift(50_000, samples); got != nil {
			t.Errorf("after %d samples: %v", i+1, got)
		}
	}
	for i := range samples { // 100 bytes for each of 20,000 resyncs of a phase
		samples[i].heap += i * 2e6
	}
	if got := drift(50_000, samples); len(got) != 1 {
		t.Errorf("a leak in the same soak: %v", got)
	}
}
