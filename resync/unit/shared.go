package unit

import (
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/fsm"
	"spafleet/resync"
)

// Shared is what the devices of a fleet have in common. Its groups are added
// before any device works; then it is safe for concurrent use.
type Shared struct {
	Seed     uint64
	Address  func(device.Index) netip.Addr
	CCERT    func(*device.Unit) string // what $CCERT says of a device's certificate; nil: Not Installed
	Profiles resync.ProfileCache

	groups []group
	rows   atomic.Pointer[[]*model.Row] // a group's own row has the group's number
	adding sync.Mutex                   // of rows
}

// A Group is devices of one make. Off, names and numbers are the owner's.
type Group struct {
	Row     *model.Row
	Presets []device.Set // over the factory values; they survive a factory reset
	Lease   resync.Lease
	RCURL   string // where they ask for remote customization; "": they are ordinary units
}

type group struct {
	Group
	presets device.Params
	birth   birth
}

// Add adds a group, which begins with its first device. Groups are numbered from 0.
func (s *Shared) Add(g Group, first device.Index) {
	var rows []*model.Row
	if list := s.rows.Load(); list != nil {
		rows = slices.Clone(*list)
	}
	rows = append(rows, g.Row)
	s.rows.Store(&rows)
	presets := s.Profiles.Layers.Preset(g.Row.Factory, g.Presets)
	u := device.NewUnit(g.Row, s.Seed, first, s.Address(first))
	s.groups = append(s.groups, group{g, presets, birthOf(&g, &u, presets)})
}

// New returns a device of a group as it left the factory.
func (s *Shared) New(number int) Unit {
	g := &s.groups[number]
	u := Unit{attempt: None, row: uint16(number), group: uint16(number), params: device.Reset(g.Row.Factory)}
	u.set(rcPending, g.RCURL != "" && g.Row.Customizable())
	return u
}

// Row returns the model and firmware that a device has now.
func (s *Shared) Row(u *Unit) *model.Row { return (*s.rows.Load())[u.row] }

// Identity returns who a device is at a firmware.
func (s *Shared) Identity(r *model.Row, dev device.Index) device.Unit {
	u := device.NewUnit(r, s.Seed, dev, s.Address(dev))
	if s.CCERT != nil {
		u.CCERT = s.CCERT(&u)
	}
	return u
}

// rowAt returns the number of a row's model at another firmware, with the same
// switches turned.
func (s *Shared) rowAt(from uint16, version string) uint16 {
	s.adding.Lock()
	defer s.adding.Unlock()
	rows := *s.rows.Load()
	to, err := rows[from].At(version)
	if err != nil {
		return from
	}
	same := func(r *model.Row) bool {
		return r.Model == to.Model && r.Firmware.Version == version && slices.Equal(r.Switches, to.Switches)
	}
	if i := slices.IndexFunc(rows, same); i >= 0 {
		return uint16(i)
	}
	rows = append(slices.Clone(rows), to)
	s.rows.Store(&rows)
	return uint16(len(rows) - 1)
}

// A birth is what presets do to the devices of a group.
type birth struct {
	alike bool // for all of them, so that it need not be found out for each
	life  device.Life
	moves []fsm.Event
}

// birthOf finds out what presets do to a group's devices. A rule says the same
// for all of them: macros put other texts into it, but each has one. Only what is
// said of certificates differs between devices in more than its letters.
func birthOf(g *Group, u *device.Unit, presets device.Params) birth {
	for _, s := range g.Presets {
		if strings.Contains(s.Value, "CCERT") {
			return birth{}
		}
	}
	life, moves := device.Life{}.Apply(device.Change{Unit: u, Before: device.Reset(g.Row.Factory), After: presets, Via: device.ViaPreset})
	return birth{true, life, moves}
}

// ruleOf is the parameter that an order without a URL follows.
var ruleOf = map[device.Order]string{device.Upgrade: "Upgrade_Rule", device.Report: "Report_Rule"}

// Rule returns the text that an attempt follows, as it is set before it begins:
// a URL, or a rule.
func (s *Shared) Rule(u *Unit, c *device.Command) string {
	switch name := ruleOf[c.Order]; {
	case c.Argument != "":
		return c.Argument
	case c.Order == device.Customize:
		return s.groups[u.group].RCURL
	case name != "":
		text, _ := u.params.Lookup(name)
		return text
	}
	text, _ := u.params.Lookup("Profile_Rule")
	return text
}

// View returns a copy of a device for those who look at it.
func (s *Shared) View(dev device.Index, u *Unit, now int64) device.View {
	v := device.View{
		Unit: s.Identity(s.Row(u), dev), Params: u.params, State: u.life.State, Proven: u.life.Proven,
		Powered: u.has(powered), Booting: u.has(booting), InUse: u.has(inUse), Booted: u.booted, Now: now, Due: u.nextResync(),
		Customization: u.customization(),
	}
	v.Resyncs.OK, v.Resyncs.Failed = u.ok, u.failed
	return v
}
