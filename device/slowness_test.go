package device_test

import (
	"testing"

	"spafleet/device"
)

func TestASlowMachineCausesNoRefusal(t *testing.T) {
	closed := &device.File{Took: device.Phases{FirstByte: 1}}
	for _, tt := range []struct {
		name  string
		event device.Event
		want  bool
	}{
		{"no failure", device.Event{}, false},
		{"time-out", device.Event{Result: device.Timeout}, true},
		{"no name server", device.Event{Result: device.NoDNS}, true},
		{"cut off", device.Event{Result: device.Interrupted}, true},
		{"connection refused", device.Event{Result: device.NoConnect, File: &device.File{Took: device.Phases{Connect: 1}}}, false},
		{"closed without a byte", device.Event{Result: device.NoConnect, File: closed}, true},
		{"certificate", device.Event{Result: device.TLSFailed, File: closed}, false},
		{"no such file", device.Event{Result: device.NotFound}, false},
		{"no profile", device.Event{Result: device.Corrupt}, false},
		{"not allowed", device.Event{Result: device.Restricted}, false},
	} {
		if got := tt.event.Slowness(); got != tt.want {
			t.Errorf("%s: %t", tt.name, got)
		}
	}
}
