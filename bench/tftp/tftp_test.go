package main

import (
	"os"
	"testing"

	"spafleet/bench/extproc"
	"spafleet/bench/harness"
)

func TestMain(m *testing.M) { harness.TestMain(m, instrument()) }

func TestBothClientsFetchInTurns(t *testing.T) {
	extproc.Need(t, "taskset", "util-linux")
	servers := embedded
	if os.Geteuid() == 0 { // dnsmasq's port is 69
		extproc.Need(t, "dnsmasq", "dnsmasq-base")
		servers += "," + dnsmasq
	}
	var c comparison
	// Fifty devices are done in a moment and then wait for a second: a shorter round may see none of them.
	harness.Said(t, instrument(), &c, "--devices 50 --rounds 1 --time 2 --parallel 4 --sizes 1000 --servers "+servers)
	for _, k := range c.Contests {
		for i, want := range []string{bare, ours} {
			// On a busy machine dnsmasq may drop a packet, which costs three seconds.
			if s := k.Sides[i]; s.Name != want || s.Rate <= 0 && k.Server == embedded || len(s.Costs) != 1 {
				t.Errorf("%s: %+v, want %s", k.Server, s, want)
			}
		}
	}
	if len(c.Contests) == 0 || len(c.Verdicts) != len(c.Contests) || c.Verdicts[0].Value != c.Contests[0].Sides[1].Rate/c.Contests[0].Sides[0].Rate {
		t.Errorf("verdicts %v of %+v", c.Verdicts, c.Contests)
	}
}
