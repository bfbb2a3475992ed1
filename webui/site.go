// Package webui is the web server of a device: the pages that a browser sees,
// and the URLs by which operators make a device resync, upgrade or reboot.
//
// One [Site] serves a whole fleet. A connection's local address says which
// device it is for; what the device is comes as a [device.View], what it is
// asked to do goes out as a [device.Command]. Start with [Site.Serve].
//
// The server speaks the wire form of the real ones, which no HTTP library
// produces: four header lines, no length, no date, one request a connection.
package webui

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"spafleet/device"
)

// Devices is the fleet as its web server sees it. It is called from many
// goroutines.
type Devices interface {
	// At returns the device that has this local address, without waiting for
	// what the device is doing.
	At(addr netip.Addr) (device.View, bool)
	// Do hands a command over and does not wait for the action. An error says
	// that the command was not taken.
	Do(ctx context.Context, dev device.Index, c device.Command) error
}

// A Site is the web servers of a fleet. Its fields must not change while it
// serves; one Site may serve several listeners.
type Site struct {
	Devices Devices

	// WAN puts the requests on the WAN side of routers, where they answer only
	// while Enable_WAN_Web_Server is on. Otherwise they come from the LAN side,
	// which always answers (device-surface.md §1.6: documented).
	WAN bool

	// Port, where it is not 0, is the port that clients see: a device whose own
	// port parameter says another does not answer. 0: the parameter is ignored
	// and every device answers on the listener's port.
	Port uint16

	// Patience is the wall time that a connection may last, 0 for 10 seconds.
	Patience time.Duration

	// Nonce returns the nonce of the moment for Digest challenges. A client that
	// comes with an older one is told that it is stale and tries again. Nil: one
	// nonce forever.
	Nonce func() string
}

const defaultPatience = 10 * time.Second

// maxRequest is the most bytes of a request that are read (inferred: the real
// limit is unknown, requests of this size do not occur).
const maxRequest = 16 << 10

// Serve answers connections until ctx ends or the listener is closed, which is
// no error. It closes the listener, ends the connections that are open and waits
// for its goroutines. A connection for which there is no device, or whose device
// has its server off, is reset unread.
func (s *Site) Serve(ctx context.Context, l net.Listener) error {
	var handlers sync.WaitGroup
	defer handlers.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer l.Close()
	defer context.AfterFunc(ctx, func() { l.Close() })()
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
			handlers.Go(func() { s.handle(ctx, conn) })
		case ctx.Err() != nil || errors.Is(err, net.ErrClosed):
			return nil
		case passing(err):
			pause(ctx)
		default:
			return fmt.Errorf("accept on %s: %w", l.Addr(), err)
		}
	}
}

// passing reports whether accepting may work again: the client gave up, or
// descriptors ran out for the moment.
func passing(err error) bool {
	for _, e := range [...]error{syscall.ECONNABORTED, syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// pause keeps a listener without descriptors from spinning.
func pause(ctx context.Context) {
	t := time.NewTimer(10 * time.Millisecond)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// handle serves one connection and closes it.
func (s *Site) handle(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	local := addrOf(conn.LocalAddr())
	if view, ok := s.Devices.At(local); !ok || !s.answers(view) {
		reset(conn)
		return
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	defer time.AfterFunc(s.patience(), func() { conn.Close() }).Stop()

	in := bufio.NewReader(io.LimitReader(conn, maxRequest))
	if _, err := in.Peek(1); err != nil {
		return // came and went without a word
	}
	r, err := http.ReadRequest(in)
	// A browser opens connections long before it asks: what counts is now.
	view, ok := s.Devices.At(local)
	if !ok {
		return
	}
	q := &request{Request: r, site: s, view: view, from: addrOf(conn.RemoteAddr())}
	if err != nil {
		s.deliver(ctx, conn, q, q.failure(http.StatusBadRequest))
		return
	}
	s.deliver(ctx, conn, q, q.answer())
}

func (s *Site) patience() time.Duration {
	if s.Patience <= 0 {
		return defaultPatience
	}
	return s.Patience
}

// deliver sends an answer and hands its command over. A real device queues a
// resync while the client still waits, but first closes before it upgrades or
// reboots (device-surface.md §1.2: field).
func (s *Site) deliver(ctx context.Context, conn net.Conn, q *request, a answer) {
	if !a.closesFirst() {
		s.do(ctx, q, a)
	}
	var b bytes.Buffer
	a.write(&b)
	if _, err := conn.Write(b.Bytes()); err == nil && q.unread() {
		drain(conn)
	}
	if a.closesFirst() {
		conn.Close()
		s.do(ctx, q, a)
	}
}

// do hands an answer's command over. One that is not taken changes nothing here:
// the page has promised, and knows no word for failure.
func (s *Site) do(ctx context.Context, q *request, a answer) {
	if a.command != nil {
		_ = s.Devices.Do(ctx, q.view.Unit.Index, *a.command)
	}
}

// drain lets a client that is still sending read its answer: closing at once
// would reset the connection under it. The connection's time ends it.
func drain(conn net.Conn) {
	if c, ok := conn.(interface{ CloseWrite() error }); ok && c.CloseWrite() == nil {
		_, _ = io.Copy(io.Discard, io.LimitReader(conn, 1<<20))
	}
}

// reset closes a connection so that the client sees a closed port, as near as a
// listener that accepts for others can come.
func reset(conn net.Conn) {
	if c, ok := conn.(interface{ SetLinger(int) error }); ok {
		_ = c.SetLinger(0)
	}
	conn.Close()
}

func addrOf(a net.Addr) netip.Addr {
	t, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return t.AddrPort().Addr().Unmap()
}
