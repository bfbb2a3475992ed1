package scenarios

import (
	"fmt"
	"maps"
	"net/netip"

	"spafleet/device"
	"spafleet/resync/unit"
	"spafleet/scenarios/expression"
)

// mostLooked is how many devices of a group are looked at for an expectation that
// tells them apart.
const mostLooked = 10_000

// refuseHolding refuses expectations that hold at 0 s, before any server can have
// answered: they would be met without one. What must not happen (none, at_most) is
// refused only where nothing else in the scenario has to happen.
func refuseHolding(c *checker) {
	s := c.Scenario
	born := newNewborn(c)
	if born == nil {
		return
	}
	needs := false // something has to happen
	for i := range s.Timeline {
		needs = needs || s.Timeline[i].When != nil
	}
	var met, idle []int
	for i := range s.Expect {
		switch e := &s.Expect[i]; {
		case e.Quant.EachEvent() || e.FromStart:
		case e.Since().Step != "" || !born.meets(c, e):
			needs = true
		case e.Quant.Form == "none" || e.Quant.Form == "at_most":
			idle = append(idle, i)
		default:
			met = append(met, i)
		}
	}
	if !needs {
		met = append(met, idle...)
	}
	for _, i := range met {
		e := &s.Expect[i]
		c.mistake(e.at.at(), fmt.Sprintf("expect[%d].%s", i, e.Quant.Form), `this holds at 0 s, before any server has answered; expect what a server must bring, or write "from: start" if you mean it`)
	}
}

// A newborn is the fleet at 0 s, a group at a time.
type newborn struct {
	shared  unit.Shared
	machine *unit.Machine
}

// newNewborn returns the fleet at 0 s, nil where it cannot be made.
func newNewborn(c *checker) *newborn {
	n := &newborn{}
	n.shared.Seed, n.shared.List = c.Scenario.Seed, c.List
	n.shared.Address = func(device.Index) netip.Addr { return netip.AddrFrom4([4]byte{127, 64, 0, 1}) }
	n.machine = unit.NewMachine(&n.shared)
	for _, g := range c.Groups {
		g.Presets = maps.Clone(g.Presets)
		for name, value := range g.Presets {
			g.Presets[name] = c.Scenario.FillAll(value, "127.0.0.1")
		}
		g.RCURL = c.Scenario.FillAll(g.RCURL, "127.0.0.1")
		if g.Check() != nil {
			return nil
		}
		n.shared.Add(g)
	}
	return n
}

// meets reports whether an expectation is met as the fleet starts. Of a group
// too large to be looked at it is not.
func (n *newborn) meets(c *checker, e *Expectation) bool {
	each := expression.TellsApart(e.Expr) || c.Scenario.Devices != nil
	count, devices := 0, 0
	for i := range c.Groups {
		g := n.shared.Group(i)
		if !c.concerns(e, g.Name) || g.Count == 0 {
			continue
		}
		devices += g.Count
		if !each {
			if n.holds(c, e, i, n.shared.Device(i, 0)) {
				count += g.Count
			}
			continue
		}
		if g.Count > mostLooked {
			return false
		}
		for k := range g.Count {
			if n.holds(c, e, i, n.shared.Device(i, k)) {
				count++
			}
		}
	}
	return devices > 0 && e.Quant.Holds(count, devices)
}

// holds reports whether an expectation holds for a device at 0 s.
func (n *newborn) holds(c *checker, e *Expectation, group int, dev device.Index) bool {
	g := n.shared.Group(group)
	u := n.shared.New(group)
	if !g.Off {
		n.machine.At(dev, &u, 0).PowerOn()
	}
	w := expression.DeviceVars{Who: expression.Who{Index: int(dev)}, Events: func(string) int { return 0 }, Last: func(string) expression.Event { return expression.Event{} }}
	view := n.shared.View(dev, &u, 0)
	w.Look(&view, g.Name, c.Scenario.Seed)
	return expression.Holds(c.programs[e], w)
}
