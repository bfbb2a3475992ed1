package fleet

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/ipv4"

	"spafleet/device"
	"spafleet/device/syslog"
)

// logSender sends the devices' log lines: one datagram a line, from the device's
// own address. One socket serves the fleet, from the first line on. A line that
// finds a queue full is dropped and counted, as UDP would. Lines to a server whose
// name is asked for wait aside; the others go on.
type logSender struct {
	f       *Fleet
	conn    *ipv4.PacketConn // nil until the first line is sent
	queue   chan logLine
	names   names[namedLine]
	dropped atomic.Int64
}

type logLine struct {
	dev     device.Index
	servers []string  // host[:port]
	by      *resolver // of their names
	text    []byte
}

// mostLinesOfName is how many lines wait for the name of one server.
const mostLinesOfName = 256

// A namedLine is a log line to a server that has a name.
type namedLine struct {
	dev  device.Index
	port uint16
	text []byte
}

func newLogSender(f *Fleet) *logSender {
	return &logSender{f: f, queue: make(chan logLine, 4096), names: newNames[namedLine](f, mostLinesOfName)}
}

// open opens the socket where it is not open yet; on loopback while the guard
// permits no other address.
func (s *logSender) open() error {
	if s.conn != nil {
		return nil
	}
	at := "0.0.0.0:0"
	if s.f.guard != nil && s.f.guard.OnlyLoopback {
		at = "127.0.0.1:0"
	}
	conn, err := net.ListenPacket("udp4", at)
	if err != nil {
		return fmt.Errorf("open the syslog socket: %w", err)
	}
	s.conn = ipv4.NewPacketConn(conn)
	return nil
}

func (s *logSender) close() {
	if s.conn != nil {
		s.conn.Close()
	}
}

// take queues the log lines among a loop's events. It runs in the loop, which
// owns the units.
func (s *logSender) take(l *loop, events []device.Event) {
	for i := range events {
		e := &events[i]
		if e.Kind != device.Syslog {
			continue
		}
		u := l.unit(e.Dev)
		form := &l.f.shared.Row(u).Behaviour.Syslog
		line := logLine{dev: e.Dev, text: form.Append(nil, syslog.Line{Priority: e.Log, Text: e.Text})}
		for i, name := range [...]string{"Syslog_Server", "Debug_Server"} {
			if server, _ := u.Params().Lookup(name); server != "" && (i == 1 || !e.Log.DebugOnly()) {
				line.servers = append(line.servers, server)
			}
		}
		line.by = resolverOf(&l.f.shared, u, line.servers...)
		select {
		case s.queue <- line:
		default:
			s.dropped.Add(1)
		}
	}
}

// lastLines is how long what is queued at the end may still be sent, and names be
// asked for.
const lastLines = 250 * time.Millisecond

// run sends until ctx ends, then what is still queued or waits for a name. From
// the end of the fleet's time on, when over ends, or ctx, it has not long for that.
func (s *logSender) run(ctx, over context.Context) {
	asking, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer s.close()
	defer s.names.asked.Wait()
	defer stop()
	late := make(chan struct{})
	soon := sync.OnceFunc(func() { time.AfterFunc(lastLines, func() { close(late) }) })
	defer context.AfterFunc(over, soon)()
	for end := ctx.Done(); end != nil || len(s.queue) > 0 || s.names.waiting > 0; {
		select {
		case <-late:
			s.dropped.Add(int64(len(s.queue) + s.names.waiting))
			return
		case line := <-s.queue:
			s.send(asking, line)
		case a := <-s.names.answers:
			for _, line := range s.names.answered(asking, a, time.Now()) {
				s.sendTo(a.name, a.addr, line)
			}
		case <-end:
			end = nil
			soon()
		}
	}
}

// send sends a line to its servers, or keeps it for those whose names are asked for.
func (s *logSender) send(asking context.Context, line logLine) {
	for _, server := range line.servers {
		host, port, ok := syslog.SplitServer(server)
		if !ok {
			s.dropped.Add(1)
			continue
		}
		one := namedLine{line.dev, port, line.text}
		addr, known, waits := s.names.find(asking, host, line.by, line.dev, one)
		if !known {
			if !waits {
				s.dropped.Add(1)
			}
			continue
		}
		s.sendTo(host, addr, one)
	}
}

// sendTo sends a line to a server; it counts it as dropped where its name was not
// found, which an address that is not valid says.
func (s *logSender) sendTo(host string, addr netip.Addr, line namedLine) {
	if !addr.IsValid() || s.f.guard.Admit(host, addr) != nil || s.open() != nil {
		s.dropped.Add(1)
		return
	}
	var cm *ipv4.ControlMessage
	own := s.f.addresses.Of(line.dev)
	if s.f.addresses.stranded(own) {
		return // into the air
	}
	if src := s.f.addresses.source(own, addr); src.IsValid() {
		cm = &ipv4.ControlMessage{Src: src.AsSlice()}
	}
	to := netip.AddrPortFrom(addr, line.port)
	if _, err := s.conn.WriteTo(line.text, cm, net.UDPAddrFromAddrPort(to)); err != nil {
		s.dropped.Add(1)
		return
	}
	if from, ok := s.conn.LocalAddr().(*net.UDPAddr); ok {
		kept(s.f, line.dev, netip.AddrPortFrom(s.f.addresses.Of(line.dev), from.AddrPort().Port()), to, line.text)
	}
}

// kept adds a datagram of a device to the capture, if there is one.
func kept(f *Fleet, dev device.Index, from, to netip.AddrPort, text []byte) {
	if f.packets != nil {
		u := f.Unit(dev)
		f.packets.Datagram(&u, from, to, text)
	}
}
