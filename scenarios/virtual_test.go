package scenarios_test

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"spafleet/device/fleet"
	"spafleet/scenarios"
)

// virtually acts a story of the program out in virtual time, and returns its log.
func virtually(t *testing.T, story *scenarios.Story) (*scenarios.Report, string) {
	t.Helper()
	story.Clock = scenarios.Clock{Mode: fleet.Virtual}
	var log bytes.Buffer
	r, err := scenarios.Run(t.Context(), story, scenarios.Options{Events: &log})
	if err != nil {
		t.Fatal(err)
	}
	return r, log.String()
}

func builtin(t *testing.T, name string, seed uint64) *scenarios.Story {
	t.Helper()
	s, err := scenarios.Builtin(name)
	if err != nil {
		t.Fatal(err)
	}
	s.Seed = seed
	return s
}

// The walk of the demo, by TFTP and HTTP, gives the same bytes of log on any
// number of processors, and others for another seed.
func TestVirtualTimeIsTheSameEverywhere(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	first := ""
	for _, processors := range []int{1, 2, 8, 8} {
		runtime.GOMAXPROCS(processors)
		r, log := virtually(t, builtin(t, "demo", 1))
		wantVerdict(t, r, scenarios.Passed, 0)
		if first == "" {
			first = log
		}
		if log != first {
			t.Errorf("%d processors: %s", processors, difference(first, log))
		}
	}
	if n := strings.Count(first, "\n"); n < 600 {
		t.Errorf("%d events only", n)
	}
	if _, other := virtually(t, builtin(t, "demo", 2)); other == first {
		t.Error("another seed makes no difference")
	}
}

// difference names the first line in which two logs differ.
func difference(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range x {
		if i >= len(y) || x[i] != y[i] {
			return fmt.Sprintf("line %d was\n%s\nand is\n%s", i+1, x[i], append(y, "")[min(i, len(y))])
		}
	}
	return "it goes on after the end"
}
