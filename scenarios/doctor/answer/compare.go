package answer

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"spafleet/device/measure"
	"spafleet/host/lines"
	"spafleet/scenarios/doctor/finding"
)

// A Comparison is what a change of servers does to devices. Only devices that both
// reports have are in its lists.
type Comparison struct {
	Before   Side     `json:"before"`
	After    Side     `json:"after"`
	Strands  []Change `json:"strands"`  // were well before, as far as that was asked, and would not be provisioned after
	Cures    []Change `json:"cures"`    // would not be provisioned before, and what broke them holds after
	Broken   []Change `json:"broken"`   // would not be provisioned by either
	Troubles []Change `json:"troubles"` // new warnings for devices that both provision
	Relieves []Change `json:"relieves"` // warnings that are gone for devices that both provision
	Unknown  []Change `json:"unknown"`  // what breaks them with one server was not asked of the other
	Notes    []string `json:"notes"`    // what makes the reports hard to compare
	Devices  int      `json:"devices"`  // that both have
}

// A Side is one of the two servers.
type Side struct {
	Server  string `json:"server"`
	Verdict string `json:"verdict"`
}

// A Change is a device, the checks that make the difference and what was seen in them.
type Change struct {
	Model    string   `json:"model"`
	Firmware string   `json:"firmware"`
	Checks   []string `json:"checks"`
	Details  []string `json:"details,omitempty"` // one for each check
}

// Compare says which devices a change from one server to the other strands, and which it
// cures.
func Compare(before, after *finding.Report) *Comparison {
	a, b := newSheet(before), newSheet(after)
	c := &Comparison{
		Before: Side{before.Server, Verdict(before)}, After: Side{after.Server, Verdict(after)},
		Strands: []Change{}, Cures: []Change{}, Broken: []Change{}, Troubles: []Change{}, Relieves: []Change{}, Unknown: []Change{}, Notes: []string{},
	}
	var missing [2]int
	for place, d := range a.crew {
		if other, ok := b.places[d.Name()]; ok {
			c.Devices++
			c.one(d, side{a, place}, side{b, other})
		} else {
			missing[1]++
		}
	}
	missing[0] = len(b.crew) - c.Devices
	for i, s := range []*sheet{a, b} {
		where := [2]string{"before", "after"}[i]
		if s.Incomplete != "" {
			c.Notes = append(c.Notes, fmt.Sprintf("%s: %s", where, s.unfinished()))
		}
		if missing[i] > 0 {
			c.Notes = append(c.Notes, fmt.Sprintf("%s: not asked by %s of the other report", where, measure.Counted(missing[i], "device")))
		}
	}
	return c
}

// A side is a device in one of the reports.
type side struct {
	*sheet
	place int
}

// one compares one device.
func (c *Comparison) one(d finding.Device, before, after side) {
	was, is := before.worst[before.place], after.worst[after.place]
	switch {
	case was == unasked || is == unasked:
		c.Notes = append(c.Notes, fmt.Sprintf("%s: nothing was asked in one of the reports", d.Name()))
	case is == breaks && was == breaks:
		c.Broken = append(c.Broken, after.change(d, after.checks(breaks)))
	case is == breaks && before.Incomplete != "" && before.lacks(after.checks(breaks)):
		c.Unknown = append(c.Unknown, after.change(d, after.checks(breaks)))
	case is == breaks:
		c.Strands = append(c.Strands, after.change(d, after.checks(breaks)))
	case was == breaks && (after.Incomplete != "" || !after.served()) && after.lacks(before.checks(breaks)):
		c.Unknown = append(c.Unknown, before.change(d, before.checks(breaks)))
	case was == breaks:
		c.Cures = append(c.Cures, before.change(d, before.checks(breaks)))
	default:
		if fresh := without(after.checks(warns), before.checks(warns)); len(fresh) > 0 {
			c.Troubles = append(c.Troubles, after.change(d, fresh))
		}
		gone := without(before.checks(warns), after.checks(warns))
		gone = slices.DeleteFunc(gone, func(id string) bool { return after.lacks([]string{id}) })
		if len(gone) > 0 {
			c.Relieves = append(c.Relieves, before.change(d, gone))
		}
	}
}

// lacks reports whether one of the checks was not made with the device.
func (s side) lacks(checks []string) bool {
	return slices.ContainsFunc(checks, func(id string) bool { return s.fared[s.place][id] == unasked })
}

// served reports whether the device got a file.
func (s side) served() bool { return s.fared[s.place]["file-found"] == fine }

// checks returns those in which the device fares so, in the order of the table.
func (s side) checks(f fare) []string {
	var list []string
	for id, as := range s.fared[s.place] {
		if as == f {
			list = append(list, id)
		}
	}
	slices.SortFunc(list, func(x, y string) int {
		return cmp.Or(finding.Place(x)-finding.Place(y), strings.Compare(x, y))
	})
	return list
}

func (s side) change(d finding.Device, checks []string) Change {
	c := Change{Model: d.Model, Firmware: d.Firmware, Checks: checks}
	for _, id := range checks {
		c.Details = append(c.Details, s.found[spot{s.place, id}][0].Detail)
	}
	return c
}

// without returns the words of a list that another one lacks.
func without(list, other []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(other, s) })
}

// WriteJSON writes a comparison as one JSON object.
func (c *Comparison) WriteJSON(w io.Writer, exit int) error {
	return writeJSON(w, struct {
		Exit int `json:"exit"`
		*Comparison
	}{exit, c})
}

// WriteText writes a comparison for a terminal of 80 columns.
func (c *Comparison) WriteText(w io.Writer) error {
	var b strings.Builder
	b.WriteString(lines.Hang("before  ", "        ", shown(c.Before.Server)+" ("+c.Before.Verdict+")"))
	b.WriteString(lines.Hang("after   ", "        ", shown(c.After.Server)+" ("+c.After.Verdict+")"))
	b.WriteByte('\n')
	switch {
	case c.Devices == 0:
		b.WriteString("– the reports have no device in common: nothing can be said\n")
	case len(c.Strands) > 0:
		fmt.Fprintf(&b, "%s the change strands %d of %s\n", breaks.Symbol(), len(c.Strands), measure.Counted(c.Devices, "device"))
	default:
		fmt.Fprintf(&b, "%s the change strands none of %s, by what was asked\n", fine.Symbol(), measure.Counted(c.Devices, "device"))
	}
	for _, list := range []struct {
		sign    fare
		title   string
		changes []Change
	}{
		{breaks, "stranded: provisioned before, not after", c.Strands},
		{fine, "cured: not provisioned before, and after nothing breaks them", c.Cures},
		{unasked, "unknown: what breaks them with one server was not asked of the other", c.Unknown},
		{breaks, "broken before and after", c.Broken},
		{warns, "new trouble", c.Troubles},
		{fine, "trouble that is gone", c.Relieves},
	} {
		writeChanges(&b, list.sign, list.title, list.changes)
	}
	if len(c.Notes) > 0 {
		b.WriteByte('\n')
	}
	for i, n := range c.Notes {
		if i == mostRows {
			fmt.Fprintf(&b, "note: and %d more; --json has all\n", len(c.Notes)-i)
			break
		}
		b.WriteString(lines.Hang("note: ", "      ", shown(n)))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeChanges writes a list; devices that the same checks and details are about stand
// together.
func writeChanges(b *strings.Builder, sign fare, title string, list []Change) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s %s (%d)\n", sign.Symbol(), title, len(list))
	s := &sheet{}
	var order []string
	crowds := map[string]*crowd{}
	first := map[string]Change{}
	for i, c := range list {
		key := strings.Join(c.Checks, ",") + "\x00" + strings.Join(c.Details, "\x00")
		if crowds[key] == nil {
			crowds[key], first[key] = &crowd{}, c
			order = append(order, key)
		}
		s.crew = append(s.crew, finding.Device{Model: c.Model, Firmware: c.Firmware})
		crowds[key].add(i)
	}
	for i, key := range order {
		if i == mostRows {
			fmt.Fprintf(b, "%sand %d more ways; --json has all\n", inset, len(order)-i)
			return
		}
		b.WriteString(lines.Hang(inset, inset+inset, s.named(*crowds[key], mostNamed)))
		for j, id := range first[key].Checks {
			b.WriteString(lines.Hang(inset+inset, inset+inset+inset, shown(id)+": "+shown(first[key].Details[j])))
		}
	}
}
