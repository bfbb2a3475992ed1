package fleet_test

import (
	"errors"
	"testing"
	"testing/synctest"

	"spafleet/device"
	"spafleet/device/profile"
	"spafleet/fleet"
)

// mostAtWork is how many attempts of a loop may wait for this machine.
const mostAtWork = 256

// A server that is slow holds back nobody else: all attempts that may run wait for it at
// once.
func TestASlowServerHoldsBackNoAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		n.put("/a", profileOf())
		release := n.block("/a")
		const devices = 5 * mostAtWork
		s := start(t, n, fleet.Config{Groups: []fleet.Group{ata(t, devices)}, Outstanding: devices, Loops: 1})
		synctest.Wait()
		if n.inFlight() != devices || s.f.Running() != devices {
			t.Errorf("%d attempts run, %d of them have asked; want all %d", s.f.Running(), n.inFlight(), devices)
		}
		release()
		s.await("all resyncs", func() bool { return s.count(device.ResyncOK) == devices })
	})
}

// Where this machine is slow, few attempts start: here none gets its file decoded. In the
// end all have been served.
func TestASlowMachineStartsFewAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		n.put("/a", "SIPURA SPA *    compiled")
		const devices = 5 * mostAtWork
		quick := make(chan struct{})
		c := fleet.Config{Groups: []fleet.Group{ata(t, devices)}, Outstanding: devices, Loops: 1}
		c.Compiled.Program = func(profile.Options, []byte) (string, error) {
			<-quick
			return "", errors.New("no such format")
		}
		s := start(t, n, c)
		synctest.Wait()
		if running := s.f.Running(); running < mostAtWork || running > 2*mostAtWork {
			t.Errorf("%d attempts run, want about %d", running, mostAtWork)
		}
		if s.f.Saturated() != 0 {
			t.Errorf("%d attempts are said to wait for one of %d places", s.f.Saturated(), devices)
		}
		close(quick)
		s.await("all attempts", func() bool { return s.count(device.ResyncFailed) == devices })
	})
}
