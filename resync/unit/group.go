package unit

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/rule"
	"spafleet/fsm"
	"spafleet/resync"
)

// A Group is devices of one make. A fleet's devices are numbered group by group.
type Group struct {
	Name    string
	Row     *model.Row
	Count   int
	Presets map[string]string // parameters by name, over the factory values; they survive a factory reset
	Lease   resync.Lease
	Off     bool // waits for power
	// RCURL is where the devices ask for remote customization on their first
	// boot, with macros as in a rule; "": they are ordinary units. The maker's own
	// server is never a default. Firmware before 5.0 ignores it.
	RCURL string
	// Addresses is where the devices live, one after the other with those of other
	// groups of the same prefix; zero: at the fleet's.
	Addresses netip.Prefix
	NAT       NAT // how the devices there share addresses
}

// Check refuses what no device could be or follow.
func (g *Group) Check() error {
	if g.Row == nil || g.Count < 0 {
		return fmt.Errorf("group %q: no model, or a negative count", g.Name)
	}
	if _, err := g.sets(); err != nil {
		return err
	}
	u := device.NewUnit(g.Row, 0, 0, netip.IPv4Unspecified())
	d, err := rule.Command(g.RCURL, device.Env{Unit: &u, Params: device.Reset(g.Row.Factory)}, g.Row.Dialect())
	switch {
	case err != nil:
		return fmt.Errorf("group %q: customization URL %q: %w", g.Name, g.RCURL, err)
	case g.RCURL != "" && (d.URL.Host == "" || d.URL.Path == ""):
		return fmt.Errorf("group %q: customization URL %q: host and path are needed", g.Name, g.RCURL)
	}
	return nil
}

// sets returns the presets in an order that does not change.
func (g *Group) sets() (list []device.Set, err error) {
	for _, name := range slices.Sorted(maps.Keys(g.Presets)) {
		id, ok := model.LookupID(name)
		if !ok {
			return nil, fmt.Errorf("group %q: no device has a parameter %q", g.Name, name)
		}
		list = append(list, device.Set{ID: id, Value: g.Presets[name], Has: true})
	}
	return list, nil
}

// A group is a Group of a fleet, with what its devices have in common.
type group struct {
	Group
	first   int // how many devices the groups before it have
	presets device.Params
	birth   birth
}

// Add adds a group that passed its Check. Without a List its devices come after those
// of the groups before it. Groups are numbered from 0.
func (s *Shared) Add(g Group) {
	var rows []*model.Row
	if list := s.rows.Load(); list != nil {
		rows = slices.Clone(*list)
	}
	rows = append(rows, g.Row)
	s.rows.Store(&rows)
	sets, _ := g.sets() // Check has looked
	own := group{Group: g, presets: s.Profiles.Layers.Preset(g.Row.Factory, sets)}
	if n := len(s.groups); n > 0 {
		own.first = s.groups[n-1].first + s.groups[n-1].Count
	}
	if g.Count > 0 {
		dev := s.List.At(own.first)
		u := s.List.Unit(g.Row, s.Seed, dev, s.Address(dev))
		own.birth = birthOf(&g, &u, own.presets)
	}
	s.groups = append(s.groups, own)
}

// Groups returns how many groups there are.
func (s *Shared) Groups() int { return len(s.groups) }

// Group returns a group. It must not be changed.
func (s *Shared) Group(number int) *Group { return &s.groups[number].Group }

// Presets returns what the devices of a group are set to before their life begins, but
// for what a list says of one.
func (s *Shared) Presets(number int) device.Params { return s.groups[number].presets }

// Device returns the n-th device of a group, from 0.
func (s *Shared) Device(group, n int) device.Index { return s.List.At(s.groups[group].first + n) }

// GroupOf returns the number of the group of a device of the fleet.
func (s *Shared) GroupOf(dev device.Index) int {
	if s.List != nil {
		return s.List.Group(dev)
	}
	after, _ := slices.BinarySearchFunc(s.groups, int(dev), func(g group, dev int) int {
		if g.first <= dev {
			return -1
		}
		return 1
	})
	return after - 1 // of groups without devices the last one begins where the next does
}

// presets returns what a device is set to before its life begins, at the firmware of its
// group.
func (s *Shared) presets(dev device.Index, u *Unit) device.Params {
	return s.List.Params(dev, s.groups[u.group].presets)
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
	for _, value := range g.Presets {
		if strings.Contains(value, "CCERT") {
			return birth{}
		}
	}
	life, moves := device.Life{}.Apply(device.Change{Unit: u, Before: device.Reset(g.Row.Factory), After: presets, Via: device.ViaPreset})
	return birth{true, life, moves}
}
