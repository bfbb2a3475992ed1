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

// Nobody reads on a page what opens a device's files.
func TestKeysOfRulesAreMasked(t *testing.T) {
	l := newLabOf(t, strings.NewReplacer("CLOCK", "real", "<GPP_K>", "<Profile_Rule_B>[--key $A --pwd $(B)]http://127.0.0.1/b [--key 0123abcd]http://127.0.0.1/c</Profile_Rule_B><GPP_A>11112222</GPP_A><GPP_B>33334444</GPP_B><GPP_C>55556666</GPP_C><GPP_K>").Replace(fleetOf))
	v := l.until(t, 0, func(v device.View) bool { return v.Get("GPP_C") != "" })
	for _, search := range []string{"", "GPP_"} {
		for _, p := range params(Of(l.live, &Recorder{}), &v, search).Rows {
			for _, secret := range []string{"11112222", "33334444", "0123abcd"} {
				if strings.Contains(p.Value+p.Default, secret) {
					t.Errorf("%s shows %s", p.Name, p.Value)
				}
			}
			if p.Name == "GPP_C" && p.Value != "55556666" || p.Name == "GPP_A" && p.Value != masked {
				t.Errorf("%s is %s", p.Name, p.Value)
			}
		}
	}
}
