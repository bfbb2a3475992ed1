package run_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/fleet"
	"spafleet/scenarios"
	"spafleet/scenarios/run"
)

// Where nobody keeps a log, a server of virtual time leaves out what a device has already.
// Devices do and tell the same all the same: a log is kept here for the comparison, with
// the credentials that it has counted in each file.
func TestWhatDevicesDoDoesNotDependOnALog(t *testing.T) {
	for _, name := range []string{"demo", "key-rotation", "retry-echo"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			told := func(log io.Writer) string {
				s := builtin(t, name, 1)
				s.Clock = scenarios.Clock{Mode: fleet.Virtual}
				var b strings.Builder
				_, err := run.Run(t.Context(), s, run.Options{Events: log, Reasons: true, Tell: func(events []device.Event) {
					for _, e := range events {
						var file device.File
						if e.File != nil {
							file = *e.File
						}
						e.File, file.Secrets = nil, 0
						fmt.Fprintf(&b, "%+v %+v\n", e, file)
					}
				}})
				if err != nil {
					t.Fatal(err)
				}
				return b.String()
			}
			with, without := strings.Split(told(io.Discard), "\n"), strings.Split(told(nil), "\n")
			if len(with) < 100 {
				t.Errorf("%d events", len(with))
			}
			for i := range with {
				if i == len(without) || with[i] != without[i] {
					t.Fatalf("event %d with a log:\n%s\nwithout:\n%s", i, with[i], strings.Join(without[min(i, len(without)):min(i+1, len(without))], ""))
				}
			}
			if len(without) != len(with) {
				t.Errorf("%d events with a log, %d without", len(with), len(without))
			}
		})
	}
}
