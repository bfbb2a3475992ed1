package fetch_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/resync"
	"spafleet/resync/fetch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const most = 128 << 10

// unit returns a device of an invented identity.
func unit(t testing.TB, name, firmware string, switches map[string]string) *device.Unit {
	t.Helper()
	u := devicetest.Known(devicetest.Turned(t, name, firmware, switches), 0)
	return &u
}

// request returns a GET of /spa2102.cfg by an SPA2102.
func request(t testing.TB, scheme string, server netip.AddrPort) *resync.Request {
	return &resync.Request{
		Unit: unit(t, "SPA2102", "5.2.10", nil), Server: server, Host: server.Addr().String(),
		Scheme: scheme, Method: "GET", Path: "/spa2102.cfg", Max: most,
	}
}

// failed returns the *resync.Error in err.
func failed(t testing.TB, err error) *resync.Error {
	t.Helper()
	var e *resync.Error
	if !errors.As(err, &e) {
		t.Fatalf("error = %v (%T), want a *resync.Error", err, err)
	}
	return e
}

// A virtualClock stands still until somebody waits.
type virtualClock struct{ t time.Time }

func newClock() *virtualClock {
	return &virtualClock{time.Date(2009, 2, 3, 4, 5, 6, 0, time.UTC)}
}

func (c *virtualClock) now() time.Time { return c.t }

// timeout is what a socket says whose deadline has come.
type timeout struct{}

func (timeout) Error() string   { return "virtual time out" }
func (timeout) Timeout() bool   { return true }
func (timeout) Temporary() bool { return true }

// noise returns bytes that do not repeat from block to block.
func noise(n int) []byte {
	b := make([]byte, n)
	x := uint32(2102)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}

// serveTCP runs handle for each connection to an address on loopback. The
// connection is closed after it.
func serveTCP(t testing.TB, handle func(net.Conn)) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer conn.Close()
				handle(conn)
			})
		}
	})
	t.Cleanup(func() { l.Close(); all.Wait() })
	return l.Addr().(*net.TCPAddr).AddrPort()
}

// readHead reads a request up to its blank line.
func readHead(conn net.Conn) string {
	var head []byte
	for b := make([]byte, 1024); !bytes.Contains(head, []byte("\r\n\r\n")); {
		n, err := conn.Read(b)
		if err != nil {
			break
		}
		head = append(head, b[:n]...)
	}
	return string(head)
}

// listenUDP opens a socket on loopback.
func listenUDP(t testing.TB) (*net.UDPConn, netip.AddrPort) {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn, conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

// counted returns Sockets that count their open sockets.
func counted(open *atomic.Int64) *fetch.Sockets {
	return &fetch.Sockets{
		ListenPacket: func(ctx context.Context, source netip.Addr) (net.PacketConn, error) {
			conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(source, 0)))
			if err != nil {
				return nil, err
			}
			open.Add(1)
			return &countedPackets{PacketConn: conn, open: open}, nil
		},
		Dial: func(ctx context.Context, source netip.Addr, server netip.AddrPort, wait time.Duration) (net.Conn, error) {
			conn, err := (&net.Dialer{Timeout: wait}).DialTCP(ctx, "tcp", netip.AddrPortFrom(source, 0), server)
			if err != nil {
				return nil, err
			}
			open.Add(1)
			return &countedConn{Conn: conn, open: open}, nil
		},
	}
}

type countedPackets struct {
	net.PacketConn
	open *atomic.Int64
}

func (c *countedPackets) Close() error { c.open.Add(-1); return c.PacketConn.Close() }

type countedConn struct {
	net.Conn
	open *atomic.Int64
}

func (c *countedConn) Close() error { c.open.Add(-1); return c.Conn.Close() }
