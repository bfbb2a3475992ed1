package console

import (
	"fmt"
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/fsm"
	"spafleet/scenarios/console/page"
)

// A device's page says when it came to each state, however much has happened since.
func TestMovesAreKeptForTheStatesUpToADevicesOwn(t *testing.T) {
	moved := func(dev device.Index, at int64, move fsm.Event, to fsm.State) device.Event {
		return device.Event{Dev: dev, At: at, Kind: device.Moved, Move: move, State: to}
	}
	up := []device.Event{moved(1, 10, fsm.Customized, fsm.SpCust), moved(1, 20, fsm.Keyed, fsm.SecPrv1), moved(1, 30, fsm.Secured, fsm.SecPrv2), moved(1, 40, fsm.Secured, fsm.SecPrv2)}
	for _, tt := range []struct {
		name string
		then []device.Event
		want string
	}{
		{"secured once more", nil, "SP-CUST 10 customized, SEC-PRV-1 20 keyed, SEC-PRV-2 30 secured"},
		{"without keys", []device.Event{moved(1, 50, fsm.Unkeyed, fsm.SpCust)}, "SP-CUST 50 unkeyed"},
		{"reset", []device.Event{moved(1, 50, fsm.FactoryReset, fsm.MfgReset)}, "MFG-RESET 50 factory-reset"},
		{"another device", []device.Event{moved(2, 50, fsm.FactoryReset, fsm.MfgReset)}, "SP-CUST 10 customized, SEC-PRV-1 20 keyed, SEC-PRV-2 30 secured"},
	} {
		r := &Recorder{}
		r.Tell(up)
		r.Tell(tt.then)
		for range mostKept {
			r.Tell([]device.Event{{Dev: 7, Kind: device.Boot}})
		}
		var list []string
		for _, e := range (&source{recorder: r}).Moves(1) {
			list = append(list, fmt.Sprint(e.State, " ", e.At, " ", e.Move))
		}
		if got := strings.Join(list, ", "); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// A value that another device has too is from a shared profile.
func TestAValueOfOneDeviceIsItsOwn(t *testing.T) {
	l := newLab(t)
	held := func(v device.View) bool { return v.Get("GPP_K") != "" }
	l.until(t, 1, held)
	v := l.until(t, 0, held)
	got := map[string]page.Origin{}
	for _, p := range params(Of(l.live, &Recorder{}), &v, "").Rows {
		got[p.Name] = p.Origin
	}
	for name, want := range map[string]page.Origin{"GPP_K": page.Own, "Resync_Random_Delay": page.Shared, "Resync_Periodic": page.Default} {
		if got[name] != want {
			t.Errorf("%s is %s, want %s", name, got[name], want)
		}
	}
}
