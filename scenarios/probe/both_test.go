package probe

import (
	"context"
	"strings"
	"testing"
	"time"

	"spafleet/certs"
	"spafleet/certs/trust"
	"spafleet/device/observed"
	"spafleet/scenarios/probe/probetest"
)

// quick are experiments that take a few seconds of a phone's time, one or more of each kind of
// socket.
var quick = []string{"gpp-restart", "later-rules", "tftp-silence", "http-interim", "rule-versions", "tls-hello"}

// askQuick asks a phone those, at a pace of a second.
func askQuick(t *testing.T, place *probetest.Place) *observed.File {
	t.Helper()
	place.Person.Answer = nil
	f, err := Ask(context.Background(), Question{Network: place, Person: place.Person, Names: quick, Pace: time.Second, PKI: loopPKI()})
	if err != nil {
		t.Errorf("%v\n%s", err, strings.Join(place.Person.Said(), "\n"))
	}
	return f
}

// A phone over sockets is found as one in memory is.
func TestSocketsAndMemoryFindTheSame(t *testing.T) {
	t.Parallel()
	o := probetest.Options{Model: "SPA942", Firmware: "6.1.5(a)", Presets: map[string]string{"Profile_Rule": "", "Resync_Random_Delay": "0"},
		Switches: map[string]string{"boot_time": "1s", "reboot_time": "1s", "tftp_wait": "1s", "tftp_tries": "3"},
		Certs:    &trust.Devices{PKI: loopPKI(), Holder: &certs.Holder{PKI: loopPKI()}}}
	var inMemory *observed.File
	t.Run("memory", func(t *testing.T) {
		probetest.Bubble(t, func(t *testing.T) { inMemory = askQuick(t, probetest.InMemory(t, o)) })
	})
	t.Run("sockets", func(t *testing.T) {
		onSockets := askQuick(t, probetest.OnSockets(t, o))
		if len(inMemory.Findings) != len(onSockets.Findings) || len(onSockets.Findings) < len(quick) {
			t.Fatalf("%d findings in memory, %d over sockets", len(inMemory.Findings), len(onSockets.Findings))
		}
		for i, a := range inMemory.Findings {
			if b := onSockets.Findings[i]; a.Switch != b.Switch || a.Value != b.Value || a.Value == "" && len(a.OneOf) == 0 {
				t.Errorf("%s: %q %v in memory, %q %v over sockets (%s)\n%s", a.Switch, a.Value, a.OneOf, b.Value, b.OneOf, b.Why, factsOf(onSockets))
			}
		}
	})
}
