package fleet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/ipv4"

	"spafleet/device"
	"spafleet/device/hint"
	"spafleet/device/sip"
	"spafleet/device/syslog"
	"spafleet/resync/fault"
	"spafleet/resync/unit"
)

// SIP says whether the devices' lines speak SIP, and where.
type SIP struct {
	// Register has the lines register that a profile or preset gives an account and a
	// server.
	Register bool
	// Listen lets devices hear what comes to their SIP ports, NOTIFYs above all.
	// Register implies it.
	Listen bool
	// Port stands for 5060: the port p of a line is reached at Port + p - 5060. It is
	// for machines where a registrar has 5060; 0: 5060.
	Port uint16
	// Faults disturbs the devices' transactions; nil: nothing does.
	Faults *fault.Plan
	// Registrar is who answers at the address At in virtual time; nil: nobody.
	Registrar Registrar
	At        netip.AddrPort
}

// A Registrar answers SIP in virtual time. It is called by one goroutine at a time, and
// calls send before it returns.
type Registrar interface {
	// Receive takes a datagram.
	Receive(at int64, from netip.AddrPort, text []byte, send func(to netip.AddrPort, text []byte))
	// Due does what the registrar has to do by itself at a moment, and Next returns when
	// that is next; false for never.
	Due(at int64, send func(to netip.AddrPort, text []byte))
	Next() (at int64, ok bool)
}

const sipPort = 5060

// on reports whether devices hear anything.
func (s *SIP) on() bool { return s.Register || s.Listen }

// check refuses what SIP cannot have.
func (s *SIP) check(c *Config) error {
	switch {
	case s.on() && c.Clock == Mixed:
		return errors.New("fleet: a mixed clock would jump over the answers of a registrar; take virtual or real time for SIP")
	case s.on() && c.Source.One && c.Clock == Real:
		return errors.New("fleet: SIP needs an address for each device, which this machine cannot bind")
	}
	if s.Port == 0 {
		s.Port = sipPort
	}
	return nil
}

// What the sockets of SIP hold has these bounds.
const (
	mostOutgoing  = 16384 // messages that wait to be sent
	mostLate      = 4096  // datagrams that a fault delays
	mostDatagrams = 256   // that wait for one loop, of the messages that it has room for
	mostOfName    = 4096  // messages that wait for the name of one server
	mostPorts     = 64
	longestText   = 8192
	batchOf       = 16 // datagrams that are read at once
)

// sipSockets are the devices' SIP ports: one socket a port, at the addresses of all
// devices. What comes in goes to the loop of the device that was asked; what devices
// send leaves from their address and port. A datagram that finds a queue full is dropped
// and counted, as UDP would.
type sipSockets struct {
	f       *Fleet
	base    uint16
	queue   chan outgoing
	late    chan lateDatagram
	delayed []lateDatagram
	names   names[outgoing]
	faults  *sipFaults
	ports   map[uint16]sipSocket // by the port that the device has
	free    sync.Pool            // of *datagram: their buffers are used again
	closed  atomic.Bool
	reading sync.WaitGroup
	dropped atomic.Int64
}

// A sipSocket is one socket: ipv4 says which device a datagram was sent to.
type sipSocket struct {
	*net.UDPConn
	ipv4 *ipv4.PacketConn
}

// An outgoing message has left a device's line.
type outgoing struct {
	dev  device.Index
	port uint16    // of the line
	by   *resolver // of the server's name
	sip.Message
}

// A datagram has come to a device's port. Failed is none: a request of the line could
// not be sent.
type datagram struct {
	port   uint16
	from   netip.AddrPort
	text   []byte
	failed uint8  // the line
	server string // that it was for
}

// A lateDatagram is one that a fault delays, to a device or from it.
type lateDatagram struct {
	at  time.Time
	dev device.Index
	in  *datagram
	out *outgoing
	to  netip.AddrPort
}

// openSIP opens the ports that the devices' lines have from the factory or by presets.
// Others are opened when a line first sends something.
func openSIP(f *Fleet, c SIP) (*sipSockets, error) {
	s := &sipSockets{
		f: f, base: c.Port, queue: make(chan outgoing, mostOutgoing), late: make(chan lateDatagram, mostLate), names: newNames[outgoing](f, mostOfName),
		faults: newSIPFaults(c.Faults), ports: map[uint16]sipSocket{}, free: sync.Pool{New: func() any { return &datagram{} }},
	}
	for _, port := range sipPorts(f) {
		if err := s.open(port); err != nil {
			s.close()
			return nil, err
		}
	}
	return s, nil
}

// sipPorts returns the ports that lines begin with.
func sipPorts(f *Fleet) []uint16 {
	var list []uint16
	for number := range f.shared.Groups() {
		params := f.shared.Presets(number)
		for line := uint8(1); line <= sip.LineCount(f.shared.Group(number).Row); line++ {
			list = append(list, sip.Port(params, line))
		}
	}
	return list
}

// real returns the port of this machine that a device's port is.
func (s *sipSockets) real(port uint16) uint16 { return s.base + port - sipPort }

// open opens the socket of a port, unless it is open.
func (s *sipSockets) open(port uint16) error {
	if _, is := s.ports[port]; is {
		return nil
	}
	if len(s.ports) >= mostPorts {
		return fmt.Errorf("open SIP port %d: the devices have more than %d different ones", port, mostPorts)
	}
	lc := s.f.addresses.wildcard()
	at := netip.AddrPortFrom(netip.IPv4Unspecified(), s.real(port))
	conn, err := lc.ListenPacket(context.Background(), "udp4", at.String())
	if err != nil {
		return hint.With(fmt.Errorf("open the devices' SIP port %d: %w", at.Port(), err), hint.SIPPort, "")
	}
	u := conn.(*net.UDPConn)
	_ = u.SetReadBuffer(4 << 20) // the NOTIFYs of a whole town; what the system gives is enough for others
	p := sipSocket{u, ipv4.NewPacketConn(u)}
	if err := p.ipv4.SetControlMessage(ipv4.FlagDst, true); err != nil {
		p.Close()
		return fmt.Errorf("this system does not say which device a datagram was sent to: %w", err)
	}
	s.ports[port] = p
	return nil
}

// close closes the sockets and waits for those who read them.
func (s *sipSockets) close() {
	s.closed.Store(true)
	for _, p := range s.ports {
		p.Close()
	}
	s.reading.Wait()
}

// take queues what a device's lines send. It runs in the loop, which owns the unit.
func (s *sipSockets) take(dev device.Index, u *unit.Unit, list []sip.Message) {
	for _, m := range list {
		select {
		case s.queue <- outgoing{dev, sip.Port(u.Params(), m.Line), resolverOf(&s.f.shared, u, m.Server), m}:
		default:
			s.dropped.Add(1)
		}
	}
}

// run sends until ctx ends, then the answers that are still queued.
func (s *sipSockets) run(ctx context.Context) {
	asking, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer s.close()
	defer s.names.asked.Wait()
	defer stop()
	for port, p := range s.ports {
		s.reading.Go(func() { s.read(port, p) })
	}
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for ctx.Err() == nil {
		timer.Reset(s.deliverLate())
		select {
		case o := <-s.queue:
			s.send(asking, o)
		case a := <-s.names.answers:
			for _, o := range s.names.answered(asking, a, time.Now()) {
				s.sendTo(asking, o, a.name, a.addr)
			}
		case d := <-s.late:
			s.delay(d)
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	for len(s.queue) > 0 {
		if o := <-s.queue; o.Server == "" {
			s.write(&o, o.To)
		}
	}
}

// send sends a message: an answer to where it goes, a request to its server, for whose name
// it may have to wait.
func (s *sipSockets) send(asking context.Context, o outgoing) {
	if o.Server == "" {
		if s.f.guard.Answers(o.To.Addr()) {
			s.disturbed(&o, o.To)
		}
		return
	}
	host, _, ok := sipServer(o.Server)
	if !ok {
		s.failed(asking, &o)
		return
	}
	addr, known, waits := s.names.find(asking, host, o.by, o.dev, o)
	switch {
	case known:
		s.sendTo(asking, o, host, addr)
	case !waits:
		s.dropped.Add(1)
	}
}

// sendTo sends a request to its server, at an address that is not valid where its name was
// not found.
func (s *sipSockets) sendTo(asking context.Context, o outgoing, host string, addr netip.Addr) {
	if !addr.IsValid() || s.f.guard.Admit(host, addr) != nil {
		s.failed(asking, &o)
		return
	}
	_, port, _ := sipServer(o.Server)
	s.disturbed(&o, netip.AddrPortFrom(addr, port))
}

// failed tells a device that a request of it could not be sent.
func (s *sipSockets) failed(ctx context.Context, o *outgoing) {
	select {
	case s.f.loop(o.dev).inbox <- message{dev: o.dev, sip: &datagram{failed: o.Line, server: o.Server}}:
	case <-s.f.done:
	case <-ctx.Done():
	}
}

// disturbed sends a datagram as faults have it.
func (s *sipSockets) disturbed(o *outgoing, to netip.AddrPort) {
	copies, late := s.faults.fate(o.dev, o.port, true, o.Text)
	for range copies {
		if late == 0 {
			s.write(o, to)
			continue
		}
		s.delay(lateDatagram{at: s.after(o.dev, late), dev: o.dev, out: o, to: to})
	}
}

// after returns when so much of the fleet's time has passed.
func (s *sipSockets) after(dev device.Index, late time.Duration) time.Time {
	return time.Now().Add(time.Duration(float64(late) / s.f.loop(dev).speed))
}

// write sends a datagram from a device's address and port.
func (s *sipSockets) write(o *outgoing, to netip.AddrPort) {
	p, is := s.ports[o.port]
	if !is {
		if s.closed.Load() || s.open(o.port) != nil {
			s.dropped.Add(1)
			return
		}
		p = s.ports[o.port]
		s.reading.Go(func() { s.read(o.port, p) })
	}
	own := s.f.addresses.Of(o.dev)
	if s.f.addresses.stranded(own) {
		return // into the air
	}
	var from []byte
	if src := s.f.addresses.source(own, to.Addr()); src.IsValid() {
		from = (&ipv4.ControlMessage{Src: src.AsSlice()}).Marshal()
	}
	if _, _, err := p.WriteMsgUDPAddrPort(o.Text, from, to); err != nil {
		s.dropped.Add(1)
		return
	}
	kept(s.f, o.dev, netip.AddrPortFrom(s.f.addresses.Of(o.dev), o.port), to, o.Text)
}

// delay keeps a datagram until its time.
func (s *sipSockets) delay(d lateDatagram) {
	if len(s.delayed) >= mostLate {
		s.dropped.Add(1)
		return
	}
	after := func(i int) bool { return s.delayed[i].at.After(d.at) }
	s.delayed = slices.Insert(s.delayed, sort.Search(len(s.delayed), after), d)
}

// deliverLate delivers the late datagrams whose time has come, and returns how long it is
// until the next.
func (s *sipSockets) deliverLate() time.Duration {
	for len(s.delayed) > 0 {
		d := s.delayed[0]
		if wait := time.Until(d.at); wait > 0 {
			return wait
		}
		s.delayed = s.delayed[1:]
		if d.in != nil {
			s.give(d.dev, d.in.port, d.in.from, d.in.text)
		} else {
			s.write(d.out, d.to)
		}
	}
	return time.Hour
}

// read takes what comes to a port, until its socket is closed.
func (s *sipSockets) read(port uint16, p sipSocket) {
	batch := make([]ipv4.Message, batchOf)
	for i := range batch {
		batch[i].Buffers, batch[i].OOB = [][]byte{make([]byte, longestText+1)}, ipv4.NewControlMessage(ipv4.FlagDst)
	}
	for !s.closed.Load() {
		n, err := p.ipv4.ReadBatch(batch, 0)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		for i := range batch[:max(n, 0)] {
			s.received(port, &batch[i])
		}
	}
}

// received gives a datagram to the device whose address it was sent to.
func (s *sipSockets) received(port uint16, m *ipv4.Message) {
	var cm ipv4.ControlMessage
	from, ok := m.Addr.(*net.UDPAddr)
	if !ok || m.N > longestText || cm.Parse(m.OOB[:m.NN]) != nil {
		return
	}
	to, _ := netip.AddrFromSlice(cm.Dst)
	dev, ok := s.f.addresses.Device(to)
	if !ok || !s.f.has(dev) {
		return
	}
	text := m.Buffers[0][:m.N]
	kept(s.f, dev, from.AddrPort(), netip.AddrPortFrom(to, port), text)
	copies, late := s.faults.fate(dev, port, false, text)
	at := from.AddrPort()
	at = netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
	for range copies {
		if late == 0 {
			s.give(dev, port, at, text)
			continue
		}
		select {
		case s.late <- lateDatagram{at: s.after(dev, late), dev: dev, in: &datagram{port: port, from: at, text: bytes.Clone(text)}}:
		default:
			s.dropped.Add(1)
		}
	}
}

// give hands a datagram to a device's loop, which has more to do than to read them, and gets
// it back by [sipSockets.heard].
func (s *sipSockets) give(dev device.Index, port uint16, from netip.AddrPort, text []byte) {
	l := s.f.loop(dev)
	if l.datagrams.Add(1) <= mostDatagrams {
		d := s.free.Get().(*datagram)
		d.port, d.from, d.text = port, from, append(d.text[:0], text...)
		select {
		case l.inbox <- message{dev: dev, sip: d}:
			return
		default:
			s.free.Put(d)
		}
	}
	l.datagrams.Add(-1)
	s.dropped.Add(1)
}

// heard gives a device what its loop was handed.
func (s *sipSockets) heard(l *loop, dev device.Index, d *datagram, now int64) {
	hearSIP(l, dev, d, now)
	if d.failed == 0 {
		l.datagrams.Add(-1)
		s.free.Put(d)
	}
}

// hearSIP gives a device what has come to a port of it. At a port that none of its lines
// has nobody listens.
func hearSIP(l *loop, dev device.Index, d *datagram, now int64) {
	u := l.unit(dev)
	m := l.machine.At(dev, u, now)
	if d.failed != 0 {
		l.apply(dev, u, m.SIPFailed(d.failed, d.server))
		return
	}
	for line := uint8(1); line <= sip.LineCount(l.f.shared.Row(u)); line++ {
		if sip.Port(u.Params(), line) == d.port {
			l.apply(dev, u, m.SIP(line, d.from, d.text))
			return
		}
	}
}

// saySIP sends what a device's lines have to say.
func saySIP(l *loop, dev device.Index, u *unit.Unit, list []sip.Message) {
	switch {
	case l.simulation != nil:
		l.simulation.mail.take(dev, u, list)
	case l.f.sip != nil:
		l.f.sip.take(dev, u, list)
	}
}

// DroppedSIP returns how many datagrams of SIP this machine has dropped because a queue
// was full, or because they could not be sent.
func DroppedSIP(f *Fleet) int {
	if f.sip == nil {
		return 0
	}
	return int(f.sip.dropped.Load())
}

// SIPPort returns where a line's SIP port is on this machine.
func SIPPort(f *Fleet, v *device.View, line uint8) netip.AddrPort {
	port := sip.Port(v.Params, line)
	if f.mode != Virtual {
		port += f.sipConfig.Port - sipPort
	}
	return netip.AddrPortFrom(v.Unit.IP, port)
}

// sipServer reads host[:port] of a registrar or proxy; false: what stands for the port is
// none.
func sipServer(server string) (host string, port uint16, ok bool) {
	if !strings.Contains(server, ":") {
		return strings.TrimSpace(server), sipPort, true
	}
	return syslog.SplitServer(server)
}
