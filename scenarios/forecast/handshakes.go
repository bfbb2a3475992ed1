package forecast

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"spafleet/certs"
	"spafleet/certs/trust"
	"spafleet/device/model"
	"spafleet/device/profile"
	"spafleet/fleet"
	"spafleet/resync/modelled"
	"spafleet/scenarios"
)

// A Handshake says how a firmware gets on with an HTTPS listener of the built-in server.
type Handshake struct {
	Listener string `json:"listener"` // its authority, and its port where it has one
	Model    string `json:"model"`
	Firmware string `json:"firmware"`
	OK       bool   `json:"ok"`
	Version  string `json:"version,omitempty"` // that both agree on
	Suite    string `json:"suite,omitempty"`
	Mutual   bool   `json:"mutual,omitempty"` // the device shows its own certificate
	Why      string `json:"why,omitempty"`    // of one that fails, or will once the device knows the time: who ends it, and by what
	Hint     string `json:"hint,omitempty"`
}

// mostHandshakes is how many are judged; how many are left is said.
const mostHandshakes = 200

// handshakes judges the listeners by the first device of each model and firmware. Now is
// when a fleet in real time begins. Left is how many were not judged.
func handshakes(p plan, shares []groupShare, d *trust.Devices, now time.Time) (list []Handshake, left int, err error) {
	s := p.Scenario.Server
	if s == nil {
		return nil, 0, nil
	}
	if start := p.Scenario.Clock.Start; !start.IsZero() {
		now = start
	} else if now.IsZero() || p.Scenario.Clock.Mode == fleet.Virtual {
		now = fleet.DefaultStart()
	}
	for i := range s.HTTPS {
		h, seen := &s.HTTPS[i], map[*model.Row]bool{}
		var l modelled.Secure
		if l.Server, l.Modern, err = h.Judged(d.PKI, s.Host(), func() time.Time { return now }); err != nil {
			return nil, 0, err
		}
		name := string(h.Authority())
		if h.Port != 0 {
			name = fmt.Sprintf("%s :%d", name, h.Port)
		}
		for _, g := range shares {
			if seen[g.Row] || !g.Row.Speaks("https") {
				continue
			}
			seen[g.Row] = true
			if len(list) == mostHandshakes {
				left++
				continue
			}
			one, err := handshake(p, g, &l, d, now)
			if err != nil {
				return nil, 0, err
			}
			one.Listener = name
			list = append(list, one)
		}
	}
	return list, left, nil
}

func handshake(p plan, g groupShare, l *modelled.Secure, d *trust.Devices, now time.Time) (Handshake, error) {
	one := Handshake{Model: g.Row.Model.Name, Firmware: g.Row.Firmware.Version}
	for s := range p.settings(g.number, 1) {
		side, home := l.Facing(g.Row), netip.AddrFrom4([4]byte{127, 0, 0, 1})
		visit := trust.Visit{Unit: &s.unit, Params: s.params, Now: time.Unix(0, s.params.CertificateTime(g.Row, now.UnixNano(), now.UnixNano())), Host: p.Scenario.Server.Host(), Addr: home, Found: []netip.Addr{home}}
		v, err := d.Judge(visit, side)
		if err != nil {
			return one, err
		}
		one.OK, one.Mutual = v.OK, v.Protection&profile.Mutual != 0
		if v.Version != 0 {
			one.Version, one.Suite = v.Version.String(), v.Suite.String()
		}
		once := ""
		if v.OK && !visit.Now.Equal(now) { // a profile may bring the time
			visit.Now, once = now, "once it knows the time, "
			if v, err = d.Judge(visit, side); err != nil {
				return one, err
			}
		}
		if !v.OK {
			one.Why = once + ending(&v)
			one.Hint = d.Hint(g.Row, trust.Failure{Number: v.Number, Alert: v.Alert, Sent: v.By == trust.TheDevice, Chain: side.Chain, DHBits: v.DHBits, Host: visit.Host, Now: visit.Now})
		}
	}
	return one, nil
}

// ending says who ends a handshake that fails, and by what.
func ending(v *trust.Verdict) string {
	what := "refuses"
	switch {
	case v.Number != 0:
		what = fmt.Sprintf("refuses the server's certificate (error %d)", v.Number)
	case v.Client != 0:
		what = fmt.Sprintf("refuses the device's certificate (error %d)", v.Client)
	case v.Status != 0:
		what = fmt.Sprintf("answers %d", v.Status)
	case v.DHBits != 0:
		what = fmt.Sprintf("does not take a DH prime of %d bits", v.DHBits)
	case v.Version == 0:
		what = "finds no version or cipher suite that both have"
	}
	return v.By.String() + " " + what
}

// devicesOf returns what the devices trust and show.
func devicesOf(p plan, o *scenarios.Machine) (*trust.Devices, error) {
	own, err := p.Scenario.Certificates(o.Own)
	if err != nil {
		return nil, err
	}
	d := &trust.Devices{PKI: cmp.Or(o.PKI, certs.New(1)), Extra: o.Trust}
	d.Holder = &certs.Holder{PKI: d.PKI, Pool: o.KeyPool, Unique: o.UniqueKeys, Own: own}
	return d, nil
}

// String returns a handshake in words.
func (h *Handshake) String() string {
	text := h.Listener + ", " + h.Model + " " + h.Firmware + ":"
	if h.OK {
		text += " " + strings.TrimSpace(h.Version+" "+h.Suite)
	}
	if h.Mutual {
		text += ", and the device shows its certificate"
	}
	for _, more := range []string{h.Why, h.Hint} {
		if more != "" {
			text += "; " + more
		}
	}
	return strings.Replace(text, ":;", ":", 1)
}
