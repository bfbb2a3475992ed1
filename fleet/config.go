package fleet

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"spafleet/device"
	"spafleet/device/inventory"
	"spafleet/fleet/state"
	"spafleet/resync"
	"spafleet/resync/capture"
	"spafleet/resync/fetch"
	"spafleet/resync/modelled"
	"spafleet/resync/unit"
)

// Network is what the fleet's devices reach their servers through. Package
// fetch has the one with sockets.
type Network interface {
	resync.Fetcher
	Resolve(ctx context.Context, name string) ([]netip.Addr, error)
}

// Config says what a fleet is. It is read by [New] and not kept.
type Config struct {
	Seed   uint64
	Groups []Group
	// List says who the devices are, and what they are set to over the presets of
	// their groups. Groups are those of the list, in its order. Nil: the devices
	// follow from the seed, group by group.
	List    *inventory.List
	Network Network // nil: sockets, which Guard guards; not of use in virtual time
	// Guard says where log lines may go, and is best that of Network too; nil:
	// addresses of loopback and private networks.
	Guard *fetch.Guard
	// InProcess is the servers of a fleet in virtual time, which needs them.
	InProcess *modelled.Network
	// Clock is how time passes. A clock that jumps has one loop, and starts
	// attempts when they are due: in virtual time neither Outstanding nor Rate
	// holds them back.
	Clock Clock
	// Start is the fleet's date at its beginning. The zero Time is now, or
	// DefaultStart for a clock that jumps.
	Start time.Time
	Speed float64 // how much faster than the wall's a real clock goes; 0: as fast
	// Conduct is called by the loop of a clock that jumps: before the first
	// moment, after each turn that told something, and at the moment that it
	// returned last. What it does to devices happens at once; in virtual time
	// nobody else may. Over ends the run. Nil lets the fleet go on by itself until
	// its context ends or, in virtual time, nothing can happen any more.
	Conduct func(now int64, do func(device.Index, device.Command)) (next int64, over bool)
	// Addresses has an address for each device: its base + 1 + the device's
	// index. The zero Prefix is 127.64.0.0/10. The addresses of a List go first, then
	// those of the groups.
	Addresses netip.Prefix
	// Source says how devices come to their addresses.
	Source Source
	// Shard is the part of the fleet that this process works: memory is taken for
	// its devices alone. The rest of Config describes the whole fleet.
	Shard device.Shard
	// Loops is how many loops work at once; 0: one for each CPU that Go uses. In virtual
	// time 0 is one loop, which takes turns with Conduct. Another number is for devices
	// of which none feels another: the servers answer each as if it were alone, there is no
	// SIP, and Conduct asks nothing of what was told. Then Conduct is called at the moments
	// that it returned, and not after events; events are told later, by one goroutine at a
	// time, and are the same for any number of loops.
	Loops int
	// Outstanding is the most attempts at once of the whole fleet, of which a
	// shard has its part; 0: as many as this machine's limit of open files allows,
	// at most MostOutstanding. See [Budget].
	Outstanding int
	// Memory is how many bytes all attempts at once may hold, which bounds how many
	// there are; 0: a quarter of what this machine or its container has.
	Memory int64
	// Rate is the most attempts started in a second by the whole fleet; 0: no limit.
	Rate float64
	// CCERT returns what $CCERT says of a unit's certificate; nil: Not Installed.
	// It is called often, from several goroutines.
	CCERT func(*device.Unit) string
	// Compiled opens files of the vendor's compiler.
	Compiled resync.Compiled
	Tap      Tap
	// Tell is called with what happened, by the fleet's loops, for several
	// devices at once but for each one in order. It must not block, and must copy
	// what it keeps: the slice is used again.
	Tell func([]device.Event)
	Web  Web
	SIP  SIP
	// Save keeps the fleet in a file, and Resume lets it go on from one: then it
	// must be the same fleet, but for Network, Lease, RCURL and limits. Attempts
	// that were under way begin again. Timers go on; what they would have done
	// meanwhile comes as spread as it would have. Time that jumps, and a date that
	// is not the wall's, goes on where it stood, whatever Start says.
	Save   Save
	Resume *state.Saved // nil: a new fleet
}

// A Tap is what is told of devices beside what they do.
type Tap struct {
	// Reasons lets devices tell why they do what they do too: the kinds of events
	// from device.Decided on.
	Reasons bool
	// Wire gives each connection and transfer of a device an event of its own: see
	// [device.Wire].
	Wire bool
	// Secrets counts the passwords and keys that could be read of each file. Files that
	// did not change are decoded again for it.
	Secrets bool
	// Capture keeps the packets of chosen devices that the fleet itself sends and
	// receives: SIP and log lines. What a network sends, it keeps itself. Nil: none.
	Capture *capture.File
}

// Web says whether and where the devices' admin web servers answer.
type Web struct {
	Listen bool
	Port   uint16 // 0: a free one
	WAN    bool   // the devices' addresses are the WAN side of routers
}

// A Group is devices of one make. A fleet's devices are numbered group by group.
type Group = unit.Group

var errNoDevices = errors.New("fleet: no devices: no group has a count")

// DefaultAddresses returns where devices live when their servers are on loopback.
func DefaultAddresses() netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{127, 64, 0, 0}), 10)
}

// checkClock fills in the date, and refuses what the clock cannot have.
func (c *Config) checkClock() error {
	switch {
	case c.Clock > Mixed:
		return fmt.Errorf("fleet: no clock is called %s", c.Clock)
	case c.Clock == Virtual && c.InProcess == nil:
		return errors.New("fleet: virtual time needs servers in process")
	case c.Clock == Virtual && c.Web.Listen:
		return errors.New("fleet: in virtual time nobody can look at the devices' web servers; leave them out, or take another clock")
	case c.Clock == Virtual && c.Loops > 0 && (c.SIP.Register || c.SIP.Registrar != nil || c.InProcess.Workers > 0):
		return errors.New("fleet: loops side by side are for devices of which none feels another: without SIP, and with a server that answers all at once; leave out Loops")
	case c.Clock != Real && c.Speed != 0:
		return fmt.Errorf("fleet: a %s clock jumps, and has no speed", c.Clock)
	case c.Speed < 0:
		return fmt.Errorf("fleet: a clock with speed %g goes back", c.Speed)
	case c.Clock == Real && c.Conduct != nil:
		return errors.New("fleet: only a clock that jumps can be conducted")
	}
	if c.Speed == 0 {
		c.Speed = 1
	}
	if c.Network == nil && c.Clock != Virtual {
		c.Network = &fetch.Sockets{Guard: c.Guard}
	}
	return nil
}

// checkList refuses groups that are not those of the list.
func (c *Config) checkList() error {
	if c.List == nil {
		return nil
	}
	alike := func(g Group, listed inventory.Group) bool {
		return g.Count == listed.Count && g.Row.Model == listed.Row.Model && g.Row.Firmware.Version == listed.Row.Firmware.Version
	}
	if !slices.EqualFunc(c.Groups, c.List.Groups(), alike) {
		return fmt.Errorf("fleet: the groups are not those of %s: model, firmware and count of each, in its order", c.List.Name())
	}
	return nil
}

// check fills in what may be left out and refuses what cannot be.
func (c *Config) check() error {
	if err := c.checkClock(); err != nil {
		return err
	}
	if err := c.SIP.check(c); err != nil {
		return err
	}
	if !c.Addresses.IsValid() {
		c.Addresses = DefaultAddresses()
	}
	if !c.Addresses.Addr().Is4() {
		return fmt.Errorf("fleet: addresses %s: only IPv4 prefixes; these devices have no IPv6", c.Addresses)
	}
	total := 0
	for _, g := range c.Groups {
		if err := g.Check(); err != nil {
			return fmt.Errorf("fleet: %w", err)
		}
		total += g.Count
	}
	if total == 0 {
		return errNoDevices
	}
	if err := c.Shard.Check(); err != nil {
		return fmt.Errorf("fleet: %w", err)
	}
	if c.Shard.Len(total) == 0 {
		return fmt.Errorf("fleet: shard %d of %d has no device: the fleet has %d", c.Shard.Index, c.Shard.Count, total)
	}
	if err := c.checkList(); err != nil {
		return err
	}
	if err := c.Source.DHCP.check(c); err != nil {
		return err
	}
	return c.checkAddresses(total)
}

// checkAddresses refuses addresses that do not suffice.
func (c *Config) checkAddresses(devices int) error {
	a := NewAddresses(c.Addresses, c.List, c.Groups)
	prefix, alone := a.Prefix()
	if room := 1<<(32-prefix.Bits()) - 2; alone && devices > room || devices > device.MaxDevices {
		return fmt.Errorf("fleet: %d devices do not fit into %s, which has room for %d; use a wider prefix",
			devices, c.Addresses, max(min(room, device.MaxDevices), 0))
	}
	for i, p := range a.pools {
		if !p.prefix.Addr().Is4() {
			return fmt.Errorf("fleet: addresses %s: only IPv4 prefixes; these devices have no IPv6", p.prefix)
		}
		for _, other := range a.pools[:i] {
			if p.prefix.Overlaps(other.prefix) {
				return fmt.Errorf("fleet: addresses %s and %s of groups have addresses in common; give both the same, or keep them apart", other.prefix, p.prefix)
			}
		}
	}
	return nil
}
