package fleet

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/net/ipv4"

	"spafleet/device"
	"spafleet/resync"
)

// logSender sends the devices' log lines: one datagram a line, from the device's
// own address. One socket serves the fleet, from the first line on; a line that
// finds the queue full is dropped and counted, as UDP would.
type logSender struct {
	f       *Fleet
	conn    *ipv4.PacketConn // nil until the first line is sent
	queue   chan logLine
	known   map[string]netip.Addr // names that were looked up, not valid where without success; the sender's alone
	dropped atomic.Int64
}

type logLine struct {
	dev     device.Index
	servers []string // host[:port]
	text    []byte
}

func newLogSender(f *Fleet) *logSender {
	return &logSender{f: f, queue: make(chan logLine, 4096), known: map[string]netip.Addr{}}
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
		line := logLine{dev: e.Dev, text: resync.LogLine(l.f.shared.Row(u), e.Text)}
		for _, name := range [...]string{"Syslog_Server", "Debug_Server"} {
			if server, _ := u.Params().Lookup(name); server != "" {
				line.servers = append(line.servers, server)
			}
		}
		select {
		case s.queue <- line:
		default:
			s.dropped.Add(1)
		}
	}
}

// lastLines is how long what is queued at the end may still be sent.
const lastLines = 250 * time.Millisecond

// run sends until ctx ends, then what is still queued. From the end of the
// fleet's time on, when over ends, it has not long for that.
func (s *logSender) run(ctx, over context.Context) {
	defer s.close()
	late := make(chan struct{})
	defer context.AfterFunc(over, func() { time.AfterFunc(lastLines, func() { close(late) }) })()
	for {
		select {
		case <-late:
			s.dropped.Add(int64(len(s.queue)))
			return
		case line := <-s.queue:
			s.send(ctx, line)
		case <-ctx.Done():
			if len(s.queue) == 0 {
				return
			}
			s.send(ctx, <-s.queue)
		}
	}
}

func (s *logSender) send(ctx context.Context, line logLine) {
	for _, server := range line.servers {
		to, ok := s.address(ctx, server)
		if !ok || s.f.guard.Admit(hostOf(server), to.Addr()) != nil || s.open() != nil {
			s.dropped.Add(1)
			continue
		}
		var cm *ipv4.ControlMessage
		if src := s.f.addresses.source(s.f.addresses.of(line.dev), to.Addr()); src.IsValid() {
			cm = &ipv4.ControlMessage{Src: src.AsSlice()}
		}
		if _, err := s.conn.WriteTo(line.text, cm, net.UDPAddrFromAddrPort(to)); err != nil {
			s.dropped.Add(1)
		}
	}
}

func hostOf(server string) string {
	host, _, _ := strings.Cut(strings.TrimSpace(server), ":")
	return host
}

// address reads host[:port] and looks a name up once.
func (s *logSender) address(ctx context.Context, server string) (netip.AddrPort, bool) {
	host := hostOf(server)
	_, portText, hasPort := strings.Cut(strings.TrimSpace(server), ":")
	port := uint64(514)
	if hasPort {
		n, err := strconv.ParseUint(portText, 10, 16)
		if err != nil {
			return netip.AddrPort{}, false
		}
		port = n
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		addr, err = s.resolve(ctx, host)
	}
	return netip.AddrPortFrom(addr, uint16(port)), err == nil
}

func (s *logSender) resolve(ctx context.Context, host string) (netip.Addr, error) {
	if a, ok := s.known[host]; ok {
		if !a.IsValid() {
			return a, fmt.Errorf("resolve syslog server %s: it was not found before", host)
		}
		return a, nil
	}
	addrs, err := s.f.network.Resolve(ctx, host)
	if err != nil || len(addrs) == 0 {
		s.known[host] = netip.Addr{}
		return netip.Addr{}, fmt.Errorf("resolve syslog server %s: %w", host, err)
	}
	s.known[host] = addrs[0]
	return addrs[0], nil
}
