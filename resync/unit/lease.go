package unit

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"spafleet/device"
	"spafleet/device/chance"
	"spafleet/device/dhcp"
	"spafleet/resync"
)

// DHCP says how the devices of a fleet ask for their leases.
type DHCP struct {
	Relay netip.Addr // the fleet's own address, where it is their relay agent; zero: they broadcast
	// Leased is called when the lease of a device has another address; zero: it has none.
	// It reports false, and changes nothing, where another device has that address.
	Leased func(device.Index, netip.Addr) bool
	// Own is called when a device has an address of its own: a static one, or [Backup].
	Own func(device.Index, netip.Addr)

	known leases
}

// leased is what a device has of DHCP.
type leased struct {
	client dhcp.Client
	lease  *resync.Lease // nil: none
	asking bool          // the firmware waits for it
	backup bool          // the device works with its backup address, and goes on asking
	saved  bool          // the device was saved, and goes on when it has its address again
	before netip.Addr    // that it had when it was saved; zero: none
	forced int64         // of such a device, the timer whose place the client has
}

// Backup returns the address that a phone with Use_Backup_IP has where no server answers
// (device-surface.md §5: field), and what it knows of its network then.
func Backup() (netip.Addr, resync.Lease) {
	return netip.AddrFrom4([4]byte{192, 168, 1, 235}), resync.Lease{
		Netmask: netip.AddrFrom4([4]byte{255, 255, 255, 0}), Gateway: netip.AddrFrom4([4]byte{192, 168, 1, 1})}
}

// mostLeases is how many different leases are kept once for all devices that have them.
const mostLeases = 4096

// leases are what servers said, without the addresses: those of a fleet are much alike.
type leases struct {
	mu   sync.Mutex
	list map[string]*resync.Lease
}

// keep returns one lease for all that say the same.
func (l *leases) keep(of *resync.Lease) *resync.Lease {
	key := fmt.Sprint(*of)
	l.mu.Lock()
	defer l.mu.Unlock()
	if known := l.list[key]; known != nil {
		return known
	}
	if l.list == nil || len(l.list) >= mostLeases {
		l.list = map[string]*resync.Lease{}
	}
	l.list[key] = of
	return of
}

// leaseOf returns what a server's message means to a device.
func leaseOf(d *dhcp.Lease) *resync.Lease {
	l := &resync.Lease{}
	if d.NextServer.IsValid() {
		l.NextServer = d.NextServer.String()
	}
	for option, value := range d.Options {
		l.Take(option, value)
	}
	return l
}

// A lessee gets the device of a turn its address, and keeps it.
type lessee struct{ *Machine }

// lease returns what the network told a device.
func (s *Shared) lease(u *Unit) *resync.Lease {
	if u.opt != nil && u.opt.net != nil && u.opt.net.lease != nil {
		return u.opt.net.lease
	}
	return &s.groups[u.group].Lease
}

// usesDHCP reports whether a device asks for its address: it is not set to another way.
func (m lessee) usesDHCP() bool {
	if m.Leases == nil {
		return false
	}
	if kind, ok := m.u.params.Lookup("Connection_Type"); ok {
		return strings.Contains(kind, "DHCP")
	}
	return m.u.params.Bool("DHCP", true)
}

// asker says who asks for a lease.
func (m lessee) asker() *dhcp.Asker {
	unit, use := m.identity(), &m.row().Behaviour.Lease
	view := device.View{Unit: unit, Params: m.u.params}
	return &dhcp.Asker{
		MAC: unit.MAC, XID: m.transaction(), Options: use.Asked, Class: use.Class, HostName: view.HostName(), Relay: m.Leases.Relay,
		Tries: use.Tries, Again: use.Again, Draw: func() float64 { return m.draw(chance.DHCP) },
	}
}

// A device is known by its transaction: no two of a fleet have the same.
const oddFactor, oddInverse = 2654435761, 244002641

func (m lessee) transaction() uint32 { return uint32(m.dev+1)*oddFactor ^ uint32(m.Seed) }

// Asked returns the device that a server's message is for, if a fleet has so many.
func (s *Shared) Asked(text []byte) (device.Index, bool) {
	xid, ok := dhcp.XID(text)
	n := (xid ^ uint32(s.Seed)) * oddInverse
	return device.Index(n - 1), ok && n != 0
}

// startupDelay is how long a device waits for its network before it asks (surface-2.md
// §4.1: the parameter is of the firmware; devices without it: inferred).
func (m lessee) startupDelay() time.Duration {
	text, _ := m.u.params.Lookup("Network_Startup_Delay")
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 16)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}

// leased returns what a device has of DHCP; nil: nothing.
func (o *optional) leased() *leased {
	if o == nil {
		return nil
	}
	return o.net
}

// due returns when the client of a device that works does something, 0 for never.
func (n *leased) due() int64 {
	if n == nil {
		return 0
	}
	return n.client.Next()
}

// link reports whether a device whose boot is over has to wait for its address first,
// and lets it ask for one.
func (m lessee) link(reason device.Reason) bool {
	u := m.u
	if n := u.opt.leased(); m.Leases == nil || n != nil && (n.backup || n.client.Address().IsValid()) {
		return false
	}
	if !m.usesDHCP() {
		m.unlink()
		m.static()
		return false
	}
	client := u.opt.leased().cold()
	u.own().net = &leased{client: client, asking: true}
	u.reason = reason
	u.set(booting, true)
	m.setTimer(bootTimer, m.now+int64(m.startupDelay()))
	return true
}

// static gives a device the address that it is set to.
func (m lessee) static() {
	if own, _ := m.u.params.Lookup("Static_IP"); own != "" {
		addr, _ := netip.ParseAddr(own)
		m.Leases.Own(m.dev, addr)
	}
}

// resume lets a device that was saved ask for the address that it had (RFC 2131 §3.2), and
// go on where it was when it has it. Until then all that it does waits.
func (m lessee) resume() {
	u := m.u
	switch {
	case m.Leases == nil: // this time nobody asks
		if u.opt != nil {
			u.opt.net = nil
			u.trim()
		}
		return
	case !u.has(powered) || u.has(booting):
		return
	case !m.usesDHCP():
		m.static()
		return
	}
	if u.own().net == nil {
		u.opt.net = &leased{}
	}
	n := u.opt.net
	n.asking, n.saved, n.before, n.forced = true, true, n.client.Had(), u.timers.forced
	u.set(booting, true)
	a := m.asker()
	a.Again = true
	m.answered(n.client.Start(a, m.now))
}

// resumed lets a device go on that has the address of before it was saved; another restarts it.
func (m lessee) resumed() {
	n, u := m.u.opt.leased(), m.u
	same := n.before == n.client.Address()
	n.saved, n.asking = false, false
	u.set(booting, false)
	timing{u}.set(bootTimer, n.forced)
	if !same {
		m.abandon()
		m.boot(device.ByAddress, true, "")
		return
	}
	m.runPending()
	m.schedule()
}

// cold returns the client as a cold start leaves it.
func (n *leased) cold() (c dhcp.Client) {
	if n != nil {
		c = n.client
		c.Forget()
	}
	return c
}

// unlink ends a lease with the device that has it.
func (m lessee) unlink() {
	if n := m.u.opt.leased(); n != nil {
		n.client.Forget()
		n.lease, n.asking, n.backup = nil, false, false
		m.Leases.Leased(m.dev, netip.Addr{})
	}
}

// bootDue ends a boot, or lets a device that has no address yet ask for one.
func (m lessee) bootDue() {
	n := m.u.opt.leased()
	if n == nil || !n.asking {
		m.u.set(booting, false)
		m.startFirmware(m.u.reason)
		return
	}
	a := m.asker()
	if n.client.Next() == 0 {
		m.answered(n.client.Start(a, m.now))
		return
	}
	m.answered(n.client.Due(a, m.now))
}

// Lease takes what a DHCP server said to the device of the last [Machine.At].
func Lease(m *Machine, text []byte) *Effects {
	if m.u.opt.leased() != nil && m.u.has(powered) {
		lessee{m}.hear(text)
	}
	return &m.fx
}

// keep lets the client of a device that works ask for more time.
func (m lessee) keep() { m.answered(m.u.opt.leased().client.Due(m.asker(), m.now)) }

// hear takes what a server said.
func (m lessee) hear(text []byte) {
	m.answered(m.u.opt.leased().client.Receive(m.asker(), m.now, text))
}

// answered takes what the client wants sent, and what came of an input to it.
func (m lessee) answered(r dhcp.Result) {
	n := m.u.opt.leased()
	m.fx.DHCP, m.fx.Server, m.fx.Flaw, m.fx.Leased = r.Send, r.To, r.Flaw, n.client.Address().IsValid()
	switch r.Outcome {
	case dhcp.Leased:
		m.bound(r.Lease)
	case dhcp.Failed:
		m.backup()
	case dhcp.Refused:
		m.unleased("a server refused the address; it asks again")
	case dhcp.Ended:
		m.lost("the time of the lease is over", device.ByLease, m.row().Behaviour.Lease.Warm)
	case dhcp.Taken:
		m.lost("the server took the address back", device.ByAddress, true)
	}
	if n.asking && n.client.Next() != 0 {
		m.setTimer(bootTimer, n.client.Next())
	}
	m.schedule()
}

// backup is what a device does that no server has answered: it goes on asking, and
// meanwhile works with its backup address if it waited for one.
func (m lessee) backup() {
	n := m.u.opt.leased()
	if !n.asking || !m.u.params.Bool("Use_Backup_IP", false) {
		m.unleased("no server answers; it goes on asking")
		return
	}
	addr, lease := Backup()
	m.unleased("no server answers; it takes its backup address " + addr.String() + ", and goes on asking")
	m.Leases.Own(m.dev, addr)
	n.lease, n.backup = m.Leases.known.keep(&lease), true
	m.begin()
}

// lost restarts a device that has no lease any more. It has no address to say goodbye from.
func (m lessee) lost(text string, reason device.Reason, warm bool) {
	m.unleased(text + "; the device " + map[bool]string{false: "reboots", true: "restarts"}[warm])
	m.unlink()
	m.abandon()
	m.boot(reason, warm, "")
	m.fx.SIP = m.fx.SIP[:0]
}

func (m lessee) unleased(text string) {
	m.emit(device.Event{At: m.now, Kind: device.LeaseFailed, Text: text})
}

// bound takes a lease. A device that waited for it starts its firmware; one that got
// another address than it had restarts (documented).
func (m lessee) bound(l *dhcp.Lease) {
	n := m.u.opt.leased()
	before, had := m.Address(m.dev), !n.asking // its backup address counts
	if !m.Leases.Leased(m.dev, l.Address) {
		m.fx.Flaw = dhcp.InUse
		m.inUse(l.Address)
		return
	}
	n.backup = false
	n.lease = m.Leases.known.keep(leaseOf(l))
	if had && before == l.Address {
		return
	}
	lasts := "for ever"
	if l.Lasts > 0 {
		lasts = "for " + l.Lasts.String()
	}
	m.emit(device.Event{At: m.now, Kind: device.Leased, Text: fmt.Sprintf("%s of %s %s", l.Address, l.Server, lasts)})
	if had {
		m.abandon()
		m.boot(device.ByAddress, true, "")
		return
	}
	m.begin()
}

// inUse is a lease for the address of another device. Phones show that they notice
// (surface-2.md §4.1: documented); that they ask for another address is inferred.
func (m lessee) inUse(addr netip.Addr) {
	n := m.u.opt.leased()
	if !n.asking && !n.backup {
		m.lost("another device has the address "+addr.String(), device.ByAddress, true)
		return
	}
	m.unleased("another device has the address " + addr.String() + "; it asks for another")
	n.client.Decline(m.now)
}

// begin starts the firmware of a device that waited for its address.
func (m lessee) begin() {
	if m.u.opt.leased().saved {
		m.resumed()
		return
	}
	m.u.opt.leased().asking = false
	timing{m.u}.set(bootTimer, 0)
	m.u.set(booting, false)
	m.startFirmware(m.u.reason)
}
