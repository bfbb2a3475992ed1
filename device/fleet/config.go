package fleet

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"spafleet/device"
	"spafleet/resync"
	"spafleet/resync/fetch"
	"spafleet/resync/rule"
)

// Network is what the fleet's devices reach their servers through. Package
// fetch has the one with sockets.
type Network interface {
	resync.Fetcher
	Resolve(ctx context.Context, name string) ([]netip.Addr, error)
}

// Config says what a fleet is. It is read by [New] and not kept.
type Config struct {
	Seed    uint64
	Groups  []Group
	Network Network // needed
	// Guard says whom log lines may go to, and is best that of Network too; nil:
	// addresses of loopback and private networks.
	Guard *fetch.Guard
	// Addresses has an address for each device: its base + 1 + the device's
	// index. The zero Prefix is 127.64.0.0/10.
	Addresses netip.Prefix
	// OneAddress leaves the choice of source address to the system: for machines
	// that cannot bind addresses of the prefix. Devices keep theirs for $IP.
	OneAddress bool
	Loops      int // 0: one for each CPU that Go uses
	// Outstanding is the most attempts at once; 0: as many as the limit of open
	// files allows, at most MostOutstanding. See [Budget].
	Outstanding int
	// Rate is the most attempts started in a second; 0: no limit.
	Rate float64
	// CCERT returns what $CCERT says of a unit's certificate; nil: Not Installed.
	// It is called often, from several goroutines.
	CCERT func(*device.Unit) string
	// Compiled opens files of the vendor's compiler.
	Compiled resync.Compiled
	// Tell is called with what happened, by the fleet's loops, for several
	// devices at once but for each one in order. It must not block, and must copy
	// what it keeps: the slice is used again.
	Tell func([]device.Event)
	// Late is called when an attempt starts, with its lateness in nanoseconds.
	Late func(int64)
	Web  Web
}

// Web says whether and where the devices' admin web servers answer.
type Web struct {
	Listen bool
	Port   uint16 // 0: a free one
	WAN    bool   // the devices' addresses are the WAN side of routers
}

// A Group is devices of one make. A fleet's devices are numbered group by group.
type Group struct {
	Name    string
	Row     *device.Row
	Count   int
	Presets []device.Set // over the factory values; they survive a factory reset
	Lease   resync.Lease
	Off     bool // waits for power
	// RCURL is where the devices ask for remote customization on their first
	// boot, with macros as in a rule; "": they are ordinary units. The maker's own
	// server is never a default. Firmware before 5.0 ignores it.
	RCURL string
}

var errNoDevices = errors.New("fleet: no devices: no group has a count")

// DefaultAddresses is where devices live when their servers are on loopback.
var DefaultAddresses = netip.MustParsePrefix("127.64.0.0/10")

// checkRC refuses a customization URL that no device could follow.
func (g *Group) checkRC() error {
	u := g.Row.Unit(0, 0, netip.IPv4Unspecified())
	d, err := rule.Command(g.RCURL, device.Env{Unit: &u, Params: g.Row.Factory.Reset()}, g.Row.Dialect())
	switch {
	case err != nil:
		return fmt.Errorf("fleet: group %q: customization URL %q: %w", g.Name, g.RCURL, err)
	case g.RCURL != "" && (d.URL.Host == "" || d.URL.Path == ""):
		return fmt.Errorf("fleet: group %q: customization URL %q: host and path are needed", g.Name, g.RCURL)
	}
	return nil
}

// check fills in what may be left out and refuses what cannot be.
func (c *Config) check() error {
	if c.Network == nil {
		return errors.New("fleet: no network")
	}
	if !c.Addresses.IsValid() {
		c.Addresses = DefaultAddresses
	}
	if !c.Addresses.Addr().Is4() {
		return fmt.Errorf("fleet: addresses %s: only IPv4 prefixes; these devices have no IPv6", c.Addresses)
	}
	total := 0
	for _, g := range c.Groups {
		if g.Row == nil || g.Count < 0 {
			return fmt.Errorf("fleet: group %q: no model, or a negative count", g.Name)
		}
		if err := g.checkRC(); err != nil {
			return err
		}
		total += g.Count
	}
	if total == 0 {
		return errNoDevices
	}
	if room := 1<<(32-c.Addresses.Bits()) - 2; total > room || total > device.MaxDevices {
		return fmt.Errorf("fleet: %d devices do not fit into %s, which has room for %d; use a wider prefix",
			total, c.Addresses, max(min(room, device.MaxDevices), 0))
	}
	return nil
}
