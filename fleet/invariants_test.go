package fleet

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/resync"
	"spafleet/resync/modelled"
	"spafleet/resync/unit"
)

// file is a server that has one file.
type file string

func (f file) Respond(int64, *resync.Request) resync.Response {
	return resync.Response{Status: 200, Body: []byte(f)}
}

// asking are the presets of a device that resyncs as soon as it boots.
var asking = map[string]string{"Profile_Rule": "http://127.0.0.1/a", "Resync_Random_Delay": "0"}

// A fleet that is wrong in itself ends with the rule that it broke.
func TestABrokenRuleEndsTheRun(t *testing.T) {
	tests := []struct {
		rule   string
		tamper func(l *loop)
	}{
		{countsAgree, func(l *loop) { l.counts.started++ }},
		{countsAgree, func(l *loop) { l.admission.running-- }},
		{neverEarly, func(l *loop) {
			now := l.clock.Now()
			u := unit.Unit{}
			l.checkStart(&start{Start: unit.Start{Due: now + 3600e9}}, &u, now)
		}},
		{oneState, func(l *loop) { l.checkStart(&start{dev: 1}, &l.units[1], l.clock.Now()) }},
		{bytesAdd, func(l *loop) {
			l.slots[l.units[0].Attempt()].told = received{1, 1}
		}},
	}
	for _, tt := range tests {
		f, begun := (*Fleet)(nil), false
		c := Config{Seed: 1, Groups: []Group{{Row: devicetest.Row(t, "SPA2102", ""), Count: 2, Presets: asking}}, Clock: Virtual,
			InProcess: &modelled.Network{Server: file("<flat-profile></flat-profile>"), Addr: netip.AddrFrom4([4]byte{127, 0, 0, 1}), HTTP: 80}}
		c.Conduct = func(now int64, _ func(device.Index, device.Command)) (int64, bool) {
			if f.Running() == 2 && !begun {
				begun = true
				tt.tamper(f.loops[0])
			}
			return now + 3600e9, now > f.start+86400e9
		}
		var err error
		if f, err = New(c); err != nil {
			t.Fatal(err)
		}
		err = f.Run(context.Background())
		var b *Broken
		if !errors.As(err, &b) || b.Rule != tt.rule || !strings.Contains(err.Error(), "internal error") {
			t.Errorf("%v; want a broken rule %q", err, tt.rule)
		}
	}
}
