package fetch_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"spafleet/resync"
	"spafleet/resync/fetch"
)

// A wire is the packet socket of one device in virtual time. What the device
// sends is noted and shown to the server, whose packets arrive after their
// delays; waiting moves the clock.
type wire struct {
	clock    *virtualClock
	deadline time.Time
	serve    func(w *wire, p string) // p as described by describe
	coming   []datagram
	sent     []string // what the device sent: time, packet, destination if not the server's
	began    time.Time
	server   netip.AddrPort
	closed   bool
	silent   bool // what is sent is not noted
}

type datagram struct {
	at   time.Time
	from netip.AddrPort
	data []byte
}

var (
	wellKnown = netip.MustParseAddrPort("10.0.2.1:69")
	session   = netip.MustParseAddrPort("10.0.2.1:3001")
)

func newWire(serve func(w *wire, p string)) *wire {
	c := newClock()
	return &wire{clock: c, serve: serve, began: c.t, server: wellKnown}
}

// from has a packet arrive after a delay.
func (w *wire) from(addr netip.AddrPort, after time.Duration, data []byte) {
	d := datagram{w.clock.t.Add(after), addr, data}
	at := slices.IndexFunc(w.coming, func(c datagram) bool { return c.at.After(d.at) })
	if at < 0 {
		at = len(w.coming)
	}
	w.coming = slices.Insert(w.coming, at, d)
}

// reply has packets of the session arrive at once.
func (w *wire) reply(packets ...[]byte) {
	for _, p := range packets {
		w.from(session, 0, p)
	}
}

func (w *wire) ReadFrom(p []byte) (int, net.Addr, error) {
	if len(w.coming) == 0 || w.coming[0].at.After(w.deadline) {
		w.clock.t = w.deadline
		return 0, nil, timeout{}
	}
	d := w.coming[0]
	w.coming = w.coming[1:]
	if d.at.After(w.clock.t) {
		w.clock.t = d.at
	}
	return copy(p, d.data), net.UDPAddrFromAddrPort(d.from), nil
}

func (w *wire) WriteTo(p []byte, to net.Addr) (int, error) {
	if w.silent {
		w.serve(w, "")
		return len(p), nil
	}
	text := describe(p)
	line := fmt.Sprintf("%v %s", w.clock.t.Sub(w.began), text)
	if addr := to.(*net.UDPAddr).AddrPort(); addr != wellKnown && addr != session {
		line += " to " + addr.String()
	}
	w.sent = append(w.sent, line)
	if w.serve != nil {
		w.serve(w, text)
	}
	return len(p), nil
}

func (w *wire) Close() error                       { w.closed = true; return nil }
func (w *wire) LocalAddr() net.Addr                { return &net.UDPAddr{} }
func (w *wire) SetDeadline(t time.Time) error      { w.deadline = t; return nil }
func (w *wire) SetReadDeadline(t time.Time) error  { w.deadline = t; return nil }
func (w *wire) SetWriteDeadline(_ time.Time) error { return nil }

// sockets returns Sockets for one transfer over the wire.
func (w *wire) sockets() *fetch.Sockets {
	return &fetch.Sockets{
		Wall:         w.clock.now,
		ListenPacket: func(context.Context, netip.Addr) (net.PacketConn, error) { return w, nil },
	}
}

// fetch runs one transfer over the wire.
func (w *wire) fetch(t testing.TB, change func(*resync.Request)) (resync.Response, error) {
	t.Helper()
	s := w.sockets()
	r := request(t, "tftp", wellKnown)
	if change != nil {
		change(r)
	}
	resp, err := s.Fetch(t.Context(), r)
	if !w.closed {
		t.Error("the socket was left open")
	}
	return resp, err
}

func describe(p []byte) string {
	op, rest := binary.BigEndian.Uint16(p), p[2:]
	switch op {
	case 1, 2:
		return []string{"RRQ", "WRQ"}[op-1] + " " + strings.Join(strings.Split(string(rest), "\x00"), " ")
	case 3:
		return fmt.Sprintf("DATA %d (%d)", binary.BigEndian.Uint16(rest), len(rest)-2)
	case 4:
		return fmt.Sprintf("ACK %d", binary.BigEndian.Uint16(rest))
	case 5:
		return fmt.Sprintf("ERROR %d %s", binary.BigEndian.Uint16(rest), strings.TrimSuffix(string(rest[2:]), "\x00"))
	}
	return fmt.Sprintf("%x", p)
}

func pack(op, number uint16, payload string) []byte {
	b := binary.BigEndian.AppendUint16(nil, op)
	return append(binary.BigEndian.AppendUint16(b, number), payload...)
}

func data(block uint16, payload string) []byte    { return pack(3, block, payload) }
func ack(block uint16) []byte                     { return pack(4, block, "") }
func errorPacket(code uint16, text string) []byte { return pack(5, code, text+"\x00") }
