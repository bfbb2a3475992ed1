// Package webui is the web server of a device: the pages that a browser sees,
// and the URLs by which operators make a device resync, upgrade or reboot.
//
// One [Site] serves a whole fleet. A connection's local address says which
// device it is for; what the device is comes as a [device.View], what it is
// asked to do goes out as a [device.Command]. Start with [Site.Serve].
//
// The answers have the form of the real servers', which no HTTP library produces:
// four header lines, no length, no date, one request a connection.
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
	"spafleet/host"
	"spafleet/resync/image"
)

// Devices is the fleet as its web server sees it. It is called from many
// goroutines.
type Devices interface {
	// At returns the device at a local address. It does not wait for the device.
	At(addr netip.Addr) (device.View, bool)
	// Do passes a command to a device and does not wait until it is carried out.
	// An error means that the device did not accept the command.
	Do(ctx context.Context, dev device.Index, c device.Command) error
}

// A Site is the web servers of a fleet. Its fields must not change while it
// serves; one Site may serve several listeners.
type Site struct {
	Devices Devices

	// WAN: requests reach routers on their WAN side, where the web server answers
	// only while Enable_WAN_Web_Server is on. Otherwise requests come from the LAN
	// side, where it always answers (device-surface.md §1.6: documented).
	WAN bool

	// Port is the port that clients connect to. A device whose port parameter has
	// another value does not answer. 0: the parameter is ignored and every device
	// answers on the listener's port.
	Port uint16

	// Most is how many connections to all devices are open at once, 0 for
	// [MostConnections]. More wait in the listeners' queues.
	Most int

	// Patience is the wall time that a connection may last, 0 for 10 seconds.
	Patience time.Duration

	open connections
}

const defaultPatience = 10 * time.Second

// maxRequest is the most bytes of a request without its body that are read, and maxBody
// the most of a body (inferred: the real limits are unknown, requests of this size do not
// occur). Who reads a body keeps less of it.
const (
	maxRequest = 16 << 10
	maxBody    = image.Most + 64<<10
)

// Serve answers connections until ctx ends or the listener is closed, and then
// returns nil. It closes the listener, finishes pages that clients have begun to
// ask for, which takes two seconds at most, and waits for its goroutines.
//
// A connection is reset unread where its address has no device, the device's web
// server is off, or the device has 16 connections already.
func (s *Site) Serve(ctx context.Context, l net.Listener) error {
	var handlers sync.WaitGroup
	defer handlers.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer l.Close()
	defer context.AfterFunc(ctx, func() { l.Close() })()
	for s.open.place(ctx, s.Most) {
		conn, err := l.Accept()
		if err == nil {
			s.accepted(ctx, conn, &handlers)
			continue
		}
		s.open.leave()
		switch {
		case ctx.Err() != nil || errors.Is(err, net.ErrClosed):
			return nil
		case temporary(err):
			_ = host.Sleep(ctx, 10*time.Millisecond) // a listener without descriptors must not spin; the loop sees the end of ctx
		default:
			return fmt.Errorf("accept on %s: %w", l.Addr(), err)
		}
	}
	return nil
}

// temporary reports whether accepting may work again: the client gave up, or
// there were no free descriptors.
func temporary(err error) bool {
	for _, e := range [...]error{syscall.ECONNABORTED, syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// accepted starts to serve a connection that has a place, or resets it where its
// device has too many.
func (s *Site) accepted(ctx context.Context, conn net.Conn, handlers *sync.WaitGroup) {
	local := addrOf(conn.LocalAddr())
	if !s.open.enter(local) {
		reset(conn)
		s.open.leave()
		return
	}
	handlers.Go(func() {
		defer s.open.leave()
		defer s.open.exit(local)
		s.handle(ctx, conn)
	})
}

// handle serves one connection and closes it.
func (s *Site) handle(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	local := addrOf(conn.LocalAddr())
	if view, ok := s.Devices.At(local); !ok || !s.enabled(view) {
		reset(conn)
		return
	}
	defer time.AfterFunc(s.patience(), func() { conn.Close() }).Stop()
	early := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Now().Add(firstByte)) })
	limit := &io.LimitedReader{R: conn, N: maxRequest}
	in := bufio.NewReader(limit)
	if _, err := in.Peek(1); err != nil {
		return // the client sent nothing
	}
	if early() {
		defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now().Add(lastPage)) })()
	} else {
		_ = conn.SetDeadline(time.Now().Add(lastPage))
	}
	r, err := http.ReadRequest(in)
	limit.N += maxBody
	// A browser opens connections long before it sends a request: the device may
	// have changed since.
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

// At the end of Serve, a client that has sent nothing yet has firstByte for it: it
// may be on its way. A page that was begun has lastPage.
const (
	firstByte = 50 * time.Millisecond
	lastPage  = 2 * time.Second
)

func (s *Site) patience() time.Duration {
	if s.Patience <= 0 {
		return defaultPatience
	}
	return s.Patience
}

// deliver sends an answer and passes its command to the device. A real device
// queues a resync while the client still waits, but closes the connection before
// it upgrades or reboots (device-surface.md §1.2: field).
func (s *Site) deliver(ctx context.Context, conn net.Conn, q *request, a answer) {
	if !a.closesFirst() {
		s.do(ctx, q, a)
	}
	var err error
	if !a.broken {
		var head bytes.Buffer
		a.head(&head)
		_, err = (&net.Buffers{head.Bytes(), a.body}).WriteTo(conn)
	}
	a.free()
	if err == nil && q.unread() {
		drain(conn)
	}
	if a.closesFirst() {
		conn.Close()
		s.do(ctx, q, a)
	}
}

// do passes an answer's command to the device. A command that the device does not
// accept changes nothing here: the page has been sent, and no page reports failure.
func (s *Site) do(ctx context.Context, q *request, a answer) {
	if a.command != nil {
		_ = s.Devices.Do(ctx, q.view.Unit.Index, *a.command)
	}
}

// drain reads what the client still sends, so that it can read its answer: closing
// at once would reset the connection. The connection's time limit ends this.
func drain(conn net.Conn) {
	if c, ok := conn.(interface{ CloseWrite() error }); ok && c.CloseWrite() == nil {
		_, _ = io.Copy(io.Discard, io.LimitReader(conn, 1<<20))
	}
}

// reset closes a connection with a TCP reset: the nearest to a closed port that is
// possible on a listener that many devices share.
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
