// Package faulttest makes plans of faults for tests.
package faulttest

import (
	"testing"

	"spafleet/resync/fault"
)

// Plan returns a plan of seed 1 with one fault, written as in a scenario: "http
// /a", and which exchanges of each device, "" for all.
func Plan(t testing.TB, match, nth string, e fault.Effects) *fault.Plan {
	t.Helper()
	m, err := fault.ParseMatch(match)
	if err != nil {
		t.Fatal(err)
	}
	f := fault.Fault{Match: m, Effects: e}
	if nth != "" {
		if f.Nth, err = fault.ParseOrdinals(nth); err != nil {
			t.Fatal(err)
		}
	}
	p := &fault.Plan{Seed: 1}
	p.Start(f)
	return p
}
