package fleet

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/net/ipv4"

	"spafleet/device"
	"spafleet/device/dhcp"
	"spafleet/host"
	"spafleet/resync/unit"
)

// A Source says how devices come to their addresses.
type Source struct {
	// One leaves the choice of source address to the system: for machines
	// that cannot bind addresses of the prefix. Devices keep theirs for $IP.
	One bool
	DHCP
}

// DHCP says how a fleet gets the leases of its devices from a server: as their relay
// agent, or by broadcasts on a network interface. Without either the devices have
// their addresses and the leases of their groups.
type DHCP struct {
	// Relay is the server to which the fleet is a relay agent, at the first of its
	// addresses and the same port; that address tells the server which subnet it is.
	Relay netip.AddrPort
	// Interface is where the devices broadcast.
	Interface string
}

// On reports whether there is a server to ask.
func (d DHCP) On() bool { return d.Relay.IsValid() || d.Interface != "" }

// String returns where the server is, as relay:ADDRESS:PORT or client:INTERFACE; "" for none.
func (d DHCP) String() string {
	switch {
	case !d.On():
		return ""
	case d.Interface != "":
		return "client:" + d.Interface
	}
	return "relay:" + d.Relay.String()
}

// Set reads relay:ADDRESS[:PORT] or client:INTERFACE.
func (d *DHCP) Set(text string) error {
	how, where, _ := strings.Cut(text, ":")
	*d = DHCP{}
	switch {
	case how == "client" && where != "" && !strings.ContainsAny(where, "/ "):
		d.Interface = where
		return nil
	case how == "relay":
		server, err := netip.ParseAddrPort(where)
		if addr, bare := netip.ParseAddr(where); err != nil && bare == nil {
			server, err = netip.AddrPortFrom(addr, dhcpServer), nil
		}
		if err == nil && server.Addr().Is4() {
			d.Relay = server
			return nil
		}
	}
	return fmt.Errorf("%q is neither relay:ADDRESS, with :PORT as you like, nor client:INTERFACE, such as relay:127.0.0.1 or client:eth1", text)
}

// Ports of DHCP.
const (
	dhcpServer = 67
	dhcpClient = 68
)

// check refuses what cannot be asked for.
func (d DHCP) check(c *Config) error {
	switch {
	case !d.On():
		return nil
	case d.Relay.IsValid() && d.Interface != "":
		return errors.New("fleet: DHCP by a relay and by an interface; give one")
	case c.Clock != Real || c.Speed != 1:
		return errors.New("fleet: a DHCP server is asked in real time alone; leave it out, or take the real clock")
	case c.List.HasAddresses():
		return errors.New("fleet: the list of devices has their addresses; leave out the column, or the DHCP server")
	}
	if d.Relay.IsValid() {
		return c.Guard.Admit("DHCP server", d.Relay.Addr())
	}
	return nil
}

// mostMessages is how many messages wait to be sent. Another is dropped, as a full
// network would, and its device asks again.
const mostMessages = 16384

// A lessee gets the leases of a fleet: one socket for all its devices. One goroutine
// sends, and one receives.
type lessee struct {
	f       *Fleet
	conn    *ipv4.PacketConn
	to      *net.UDPAddr
	relay   netip.Addr
	queue   chan leaseMessage
	lost    atomic.Int64 // messages that found the queue full, or could not be sent
	refused [dhcp.NumFlaws]atomic.Int64
	once    sync.Once
	over    context.CancelCauseFunc
	ended   context.Context // with err
	err     error
}

type leaseMessage struct {
	dev   device.Index
	text  []byte
	to    netip.Addr
	bound bool // the device has a lease, and sends from its address
}

func openLessee(f *Fleet, d DHCP) (*lessee, error) {
	l := &lessee{f: f, queue: make(chan leaseMessage, mostMessages)}
	l.ended, l.over = context.WithCancelCause(context.Background())
	lc, at := net.ListenConfig{}, ""
	if d.Relay.IsValid() {
		l.relay = nth(f.addresses.prefix, 0)
		l.to, at = net.UDPAddrFromAddrPort(d.Relay), netip.AddrPortFrom(l.relay, d.Relay.Port()).String()
	} else {
		lc = host.OnInterface(d.Interface)
		l.to, at = &net.UDPAddr{IP: net.IPv4bcast, Port: dhcpServer}, fmt.Sprint("0.0.0.0:", dhcpClient)
	}
	conn, err := lc.ListenPacket(context.Background(), "udp4", at)
	if err != nil {
		return nil, fmt.Errorf("open the DHCP socket at %s: %w (ports below 1024 need root or CAP_NET_BIND_SERVICE; a server at another port is relay:HOST:PORT)", at, err)
	}
	l.conn = ipv4.NewPacketConn(conn)
	f.shared.Leases = &unit.DHCP{Relay: l.relay, Leased: l.leased, Own: l.own}
	return l, nil
}

// Addressed returns how many devices have an address of a server's, or a static one: all of
// a fleet that asks no DHCP server.
func Addressed(f *Fleet) int {
	t := f.addresses.leases
	if t == nil {
		return f.Len()
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	n := len(t.devices)
	backup, _ := unit.Backup()
	if _, ok := t.devices[binary.BigEndian.Uint32(backup.AsSlice())]; ok {
		n--
	}
	return n
}

// DroppedDHCP returns how many messages to DHCP servers this machine has dropped because a
// queue was full, or because they could not be sent.
func DroppedDHCP(f *Fleet) int {
	if f.lessee == nil {
		return 0
	}
	return int(f.lessee.lost.Load())
}

// RefusedDHCP returns how many messages of DHCP servers counted for nothing, by the reason.
func RefusedDHCP(f *Fleet) map[string]int {
	list := map[string]int{}
	if f.lessee == nil {
		return list
	}
	for flaw := range f.lessee.refused {
		if n := f.lessee.refused[flaw].Load(); n > 0 {
			list[dhcp.Flaw(flaw).String()] = int(n)
		}
	}
	return list
}

// run sends and receives until ctx ends.
func (l *lessee) run(ctx context.Context) {
	var receiving sync.WaitGroup
	receiving.Go(l.receive)
	defer receiving.Wait()
	defer l.conn.Close()
	defer l.over(nil)
	for {
		select {
		case <-ctx.Done():
			return
		case m := <-l.queue:
			l.write(m)
		}
	}
}

// send queues a message of a device. It runs in the loop.
func (l *lessee) send(dev device.Index, text []byte, to netip.Addr, bound bool) {
	select {
	case l.queue <- leaseMessage{dev, text, to, bound}:
	default:
		l.lost.Add(1)
	}
}

// write sends a message: by the relay to its server, of an interface to all, or with a
// device's address to the server that it knows.
func (l *lessee) write(m leaseMessage) {
	to, cm := l.to, (*ipv4.ControlMessage)(nil)
	if m.to.IsValid() && !l.relay.IsValid() {
		if l.f.guard.Admit("DHCP server", m.to) != nil {
			l.lost.Add(1)
			return
		}
		to = &net.UDPAddr{IP: m.to.AsSlice(), Port: dhcpServer}
	}
	if addr, ok := l.f.addresses.leases.address(m.dev); ok && m.bound && !l.relay.IsValid() {
		cm = &ipv4.ControlMessage{Src: addr.AsSlice()}
	}
	if _, err := l.conn.WriteTo(m.text, cm, to); err != nil {
		l.lost.Add(1)
	}
}

// receive gives each message to the device that it is for.
func (l *lessee) receive() {
	buffer := make([]byte, dhcp.MostOfMessage+1)
	for {
		n, _, _, err := l.conn.ReadFrom(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		dev, ok := l.f.shared.Asked(buffer[:n])
		if !ok || !l.f.has(dev) {
			l.refused[map[bool]dhcp.Flaw{false: dhcp.Malformed, true: dhcp.Foreign}[ok]].Add(1)
			continue
		}
		text := append([]byte(nil), buffer[:n]...)
		select {
		case l.f.loop(dev).inbox <- message{dev: dev, lease: text}:
		case <-l.f.done:
			return
		}
	}
}

// leased gives a device the address of its lease, if no other device has that.
func (l *lessee) leased(dev device.Index, addr netip.Addr) bool {
	if !l.f.addresses.lease(dev, addr, false) {
		return false
	}
	if addr.IsValid() {
		l.mayBind(dev, addr)
	}
	return true
}

// own gives a device an address that no server gave it.
func (l *lessee) own(dev device.Index, addr netip.Addr) {
	l.f.addresses.lease(dev, addr, true)
	if backup, _ := unit.Backup(); addr.IsValid() && addr != backup {
		l.mayBind(dev, addr)
	}
}

// mayBind ends the run where this machine cannot send from the address of a device, which
// would reach nobody.
func (l *lessee) mayBind(dev device.Index, addr netip.Addr) {
	if l.f.addresses.one || host.CanBind(addr) {
		return
	}
	l.once.Do(func() {
		l.err = fmt.Errorf("device %d has a lease for %s, and this machine cannot send from there; route the subnet to it, such as: ip route add local %s dev lo",
			dev, addr, netip.PrefixFrom(addr, 24).Masked())
		l.over(l.err)
	})
}

// stranded reports whether a device has its backup address, and this machine has not: what
// it sends reaches nobody.
func (a *Addresses) stranded(own netip.Addr) bool {
	backup, _ := unit.Backup()
	return a.leases != nil && own == backup && !host.CanBind(own)
}

// ends lets a lease that is of no use end the fleet.
func (l *lessee) ends(over context.CancelFunc) (stop func() bool) {
	return context.AfterFunc(l.ended, over)
}

// total returns how many devices groups have.
func total(groups []Group) (n int) {
	for _, g := range groups {
		n += g.Count
	}
	return n
}

// A leaseTable is the addresses that devices have by DHCP.
type leaseTable struct {
	of      []atomic.Uint32 // by device; 0: none
	mu      sync.RWMutex
	devices map[uint32]device.Index
}

func newLeaseTable(devices int) *leaseTable {
	return &leaseTable{of: make([]atomic.Uint32, devices), devices: map[uint32]device.Index{}}
}

// lease notes the address that a device has from now on; zero: none. It does not where
// another device has it, except with shared: then the other alone is found there.
func (a *Addresses) lease(dev device.Index, addr netip.Addr, shared bool) bool {
	t, now := a.leases, uint32(0)
	if addr.Is4() {
		b := addr.As4()
		now = binary.BigEndian.Uint32(b[:])
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	other, taken := t.devices[now]
	if taken = taken && other != dev; taken && !shared {
		return false
	}
	before := t.of[dev].Swap(now)
	if before != 0 && t.devices[before] == dev {
		delete(t.devices, before)
	}
	if now != 0 && !taken {
		t.devices[now] = dev
	}
	return true
}

// address returns the address that a device has by DHCP, false for none.
func (t *leaseTable) address(dev device.Index) (netip.Addr, bool) {
	if t == nil {
		return netip.Addr{}, false
	}
	v := t.of[dev].Load()
	return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}), v != 0
}

// device returns the device that has an address by DHCP.
func (t *leaseTable) device(addr netip.Addr) (device.Index, bool) {
	b := addr.As4()
	t.mu.RLock()
	defer t.mu.RUnlock()
	dev, ok := t.devices[binary.BigEndian.Uint32(b[:])]
	return dev, ok
}
