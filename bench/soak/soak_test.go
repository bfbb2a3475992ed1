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
	if got := drift(50_000, series(1e6)); len(got) != 1 || !strings.HasPrefix(got[0], "the heap grew from 50.0 to 7") {
		t.Errorf("a leak of 1 MB a sample: %v", got)
	}
	if got := drift(50_000, series(4e6)); len(got) != 2 {
		t.Errorf("a leak of 4 MB a sample: %v", got)
	}
	if got := drift(50_000, series(4e6)[:8]); got != nil {
		t.Errorf("eight samples say nothing: %v", got)
	}
}
