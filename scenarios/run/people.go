package run

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"spafleet/device"
	"spafleet/device/measure"
	"spafleet/ivr"
	"spafleet/scenarios"
	"spafleet/webui"
)

// visit is a browser at a device: what the page orders is a command to it.
func visit(t *timeline, s *scenarios.Step, v *device.View) {
	b := webui.Browser{
		User: t.server.text(s.Visit.User, &v.Unit), Password: t.server.text(s.Visit.Password, &v.Unit), From: netip.AddrFrom4([4]byte{127, 0, 0, 1}), WAN: t.wan,
	}
	status, order, err := b.Visit(*v, t.server.text(s.Visit.Path, &v.Unit), t.server.text(s.Visit.Post, &v.Unit))
	switch {
	case err != nil:
		t.people["web: %s could not be sent the form: "+strings.ReplaceAll(err.Error(), "%", "%%")]++
	case status == 0:
		t.people["web: %s had no web server that answers"]++
	case status >= 400:
		t.people[fmt.Sprintf("web: %%s answered with status %d", status)]++
	}
	if order != nil {
		t.order(v.Unit.Index, *order)
	}
}

// press is a caller at the keypad of a device, who hangs up after the last key.
func press(t *timeline, s *scenarios.Step, dev device.Index) {
	var menu ivr.Menu
	v, _ := t.fleet.View(dev)
	said, why, ordered := "", "", false // why: what was refused first
	look := func() device.View { v, _ := t.fleet.View(dev); return v }
	obey := func(a ivr.Action) error {
		said = cmp.Or(a.Say, said)
		if a.Refused {
			why = cmp.Or(why, a.Say)
		}
		if a.Command != nil {
			ordered = true
			t.order(dev, *a.Command)
		}
		return nil
	}
	_ = menu.Dial(look, t.server.text(s.Keys, &v.Unit), obey)
	for _, a := range menu.HangUp(look()) {
		_ = obey(a)
	}
	switch {
	case ordered:
	case why != "":
		t.people[fmt.Sprintf("ivr: %%s refused: %q", why)]++
	case said == "":
		t.people["ivr: %s had no keypad menu that answers"]++
	default:
		t.people[fmt.Sprintf("ivr: %%s did nothing, and said %q", said)]++
	}
}

// peopleNotes says what browsers and callers came to, where it is no order.
func peopleNotes(t *timeline) (notes []string) {
	for _, text := range slices.Sorted(maps.Keys(t.people)) {
		notes = append(notes, fmt.Sprintf(text, measure.Counted(t.people[text], "device")))
	}
	return append(notes, t.server.sip.unheard()...)
}
