package unit

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"spafleet/device"
	"spafleet/device/inventory"
	"spafleet/device/model"
	"spafleet/resync"
)

// Shared is what the devices of a fleet have in common. Its groups are added
// before any device works; then it is safe for concurrent use.
type Shared struct {
	Seed     uint64
	Address  func(device.Index) netip.Addr
	CCERT    func(*device.Unit) string // what $CCERT says of a device's certificate; nil: Not Installed
	Profiles resync.ProfileCache
	Tapped   bool // devices' connections and transfers have events of their own
	// List says who the devices are and what they are set to; its groups are added in
	// its order. Nil: they follow from Seed, group by group.
	List *inventory.List
	// SIP lets lines register that have an account and a server; else devices only answer.
	SIP     bool
	SIPPort uint16 // the port that stands for 5060 in what devices say of themselves; 0: 5060
	Leases  *DHCP  // how devices ask for their addresses; nil: they have them, and the lease of their group
	Reasons bool   // attempts tell the kinds of events that say why

	kept   keptSets
	groups []group
	rows   atomic.Pointer[[]*model.Row] // a group's own row has the group's number
	adding sync.Mutex                   // of rows
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
	u := s.List.Unit(r, s.Seed, dev, s.Address(dev))
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

// ruleOf is the parameter that an order without a URL follows.
var ruleOf = map[device.Order]string{device.Upgrade: "Upgrade_Rule", device.Report: "Report_Rule", device.UpdateCA: "Custom_CA_RULE"}

// Rule returns the text that an attempt follows, as it is set before it begins:
// a URL, or a rule.
func (s *Shared) Rule(u *Unit, c *device.Command) string {
	switch name := ruleOf[c.Order]; {
	case c.Order == device.Install || c.Order == device.SetDirectory:
		return ""
	case c.Argument != "":
		return c.Argument
	case c.Order == device.Customize:
		return s.groups[u.group].RCURL
	case c.Order == device.Fetch:
		for x := range s.Row(u).Extras(u.params.Get) {
			return x.URL // of any: it is no promise
		}
	case name != "":
		text, _ := u.params.Lookup(name)
		return text
	}
	text, _ := u.params.Lookup("Profile_Rule")
	return text
}

// NameServers returns the name servers that a device asks, as [resync.Lease.NameServers] does.
func (s *Shared) NameServers(u *Unit) (servers []netip.Addr, parallel bool) {
	return s.lease(u).NameServers(s.Row(u), u.params)
}

// View returns a copy of a device for those who look at it.
func (s *Shared) View(dev device.Index, u *Unit, now int64) device.View {
	v := device.View{
		Unit: s.Identity(s.Row(u), dev), Params: u.params, State: u.life.State, Proven: u.life.Proven,
		Powered: u.has(powered), Booting: u.has(booting), InUse: u.has(inUse), Booted: u.booted, Reason: u.reason, Now: now, Due: u.nextResync(),
		Customization: u.customization(s.Row(u)), Directory: u.directory(),
	}
	v.Resyncs.OK, v.Resyncs.Failed = u.ok, u.failed
	l := s.lease(u)
	v.Network.Netmask, v.Network.Gateway, v.Network.DNS, v.Network.Domain = l.Netmask, l.Gateway, l.DNS, l.Domain
	u.lines.Show(&v)
	return v
}
