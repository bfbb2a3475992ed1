package fetch_test

import (
	"context"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"spafleet/device"
	"spafleet/resync/fetch"
)

func failingDial(err error) func(context.Context, netip.Addr, netip.AddrPort, time.Duration) (net.Conn, error) {
	return func(context.Context, netip.Addr, netip.AddrPort, time.Duration) (net.Conn, error) { return nil, err }
}

// nameServers are one DNS server, which knows one name.
func nameServers(t *testing.T, name string, addrs ...string) *fetch.NameServers {
	t.Helper()
	conn, server := listenUDP(t)
	done := make(chan bool)
	go func() {
		defer close(done)
		for buf := make([]byte, 512); ; {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			conn.WriteToUDPAddrPort(dnsAnswer(buf[:n], name, addrs), from)
		}
	}()
	t.Cleanup(func() { conn.Close(); <-done })
	return only(server)
}

// only is one name server and patience.
func only(server netip.AddrPort) *fetch.NameServers {
	return &fetch.NameServers{Servers: []netip.AddrPort{server}, Dots: 1, Wait: 10 * time.Second, Tries: 1}
}

func dnsAnswer(query []byte, name string, addrs []string) []byte {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil {
		return nil
	}
	m.Response, m.Additionals = true, nil
	q := m.Questions[0]
	if q.Name.String() != name {
		m.RCode = dnsmessage.RCodeNameError
	} else if q.Type == dnsmessage.TypeA {
		for _, a := range addrs {
			m.Answers = append(m.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class},
				Body:   &dnsmessage.AResource{A: netip.MustParseAddr(a).As4()},
			})
		}
	}
	b, err := m.Pack()
	if err != nil {
		return nil
	}
	return b
}

// See device-surface.md §4.5.
func TestResolveKeepsTheOrderOfTheAnswer(t *testing.T) {
	want := []string{"127.0.0.3", "127.0.0.1", "127.0.0.2"}
	s := &fetch.Sockets{NameServers: nameServers(t, "prov.example.com.", want...)}
	got, err := s.Resolve(t.Context(), "prov.example.com.")
	if err != nil || !slices.Equal(texts(got), want) {
		t.Errorf("Resolve = %v, %v; want %v", got, err, want)
	}
}

func TestResolveAsksHostsFirst(t *testing.T) {
	s := &fetch.Sockets{
		NameServers: nameServers(t, "prov.example.com.", "127.0.0.9"),
		Hosts: map[string][]netip.Addr{
			"prov.example.com": {netip.MustParseAddr("127.0.0.7"), netip.MustParseAddr("::1"), netip.MustParseAddr("::ffff:127.0.0.5")},
		},
	}
	for _, name := range []string{"prov.example.com", "Prov.Example.COM."} {
		got, err := s.Resolve(t.Context(), name)
		if want := []string{"127.0.0.7", "127.0.0.5"}; err != nil || !slices.Equal(texts(got), want) {
			t.Errorf("Resolve(%s) = %v, %v; want %v", name, got, err, want)
		}
	}
}

func TestResolveWithoutAnAddressIsNoDNS(t *testing.T) {
	s := &fetch.Sockets{
		NameServers: nameServers(t, "empty.example.com."),
		Hosts:       map[string][]netip.Addr{"six.example.com": {netip.MustParseAddr("::1")}, "none.example.com": nil},
	}
	for _, name := range []string{"empty.example.com.", "unknown.example.com.", "six.example.com", "none.example.com", "not a name"} {
		_, err := s.Resolve(t.Context(), name)
		e := failed(t, err)
		if e.Result != device.NoDNS || !strings.Contains(e.Error(), strings.TrimSuffix(name, ".")) {
			t.Errorf("Resolve(%s): %v, want dns and the name", name, e)
		}
	}
}

// A name server sees who asks: over UDP, and over TCP where the answer is cut short.
func TestQuestionsLeaveFromTheDevicesOwnAddress(t *testing.T) {
	own := netip.MustParseAddr("127.64.0.9")
	conn, over, server := listenUDPAndTCP(t)
	var from []netip.Addr
	var answering sync.WaitGroup
	answering.Go(func() {
		buf := make([]byte, 512)
		n, client, err := conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		from = append(from, client.Addr().Unmap())
		cut := dnsAnswer(buf[:n], "prov.example.com.", nil)
		cut[2] |= 2 // truncated
		conn.WriteToUDPAddrPort(cut, client)
		if again, err := over.AcceptTCP(); err == nil {
			from = append(from, again.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap())
			again.Close()
		}
	})
	s := &fetch.Sockets{NameServers: only(server)}
	ask := fetch.Asker{Source: func(to netip.Addr) netip.Addr {
		if to != server.Addr() {
			t.Errorf("the source for %s is asked for", to)
		}
		return own
	}}
	_, err := s.Resolve(fetch.For(t.Context(), ask), "prov.example.com.")
	conn.Close()
	over.Close()
	answering.Wait()
	if want := []netip.Addr{own, own}; !slices.Equal(from, want) {
		t.Errorf("questions from %v (%v), want %v", from, err, want)
	}
}

// listenUDPAndTCP listens at a port that is free for both: one that is free for UDP may be some
// TCP connection's.
func listenUDPAndTCP(t *testing.T) (*net.UDPConn, *net.TCPListener, netip.AddrPort) {
	t.Helper()
	for range 100 {
		conn, server := listenUDP(t)
		if over, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(server)); err == nil {
			return conn, over, server
		}
	}
	t.Fatal("a hundred ports are free for UDP and not for TCP")
	return nil, nil, netip.AddrPort{}
}

func TestResolveEndsWithItsContext(t *testing.T) {
	asked := make(chan bool, 10)
	s := &fetch.Sockets{NameServers: only(netip.MustParseAddrPort("127.0.0.1:53")), DialNameServer: func(context.Context, netip.Addr, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		t.Cleanup(func() { server.Close() })
		asked <- true
		return client, nil
	}}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	if _, err := s.Resolve(ctx, "prov.example.com."); err != context.Canceled {
		t.Errorf("Resolve: %v, want the context's error", err)
	}
}

func TestResolveWithoutDescriptorsIsALocalLimit(t *testing.T) {
	s := &fetch.Sockets{NameServers: only(netip.MustParseAddrPort("127.0.0.1:53")), DialNameServer: func(context.Context, netip.Addr, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "udp", Err: os.NewSyscallError("socket", syscall.EMFILE)}
	}}
	_, err := s.Resolve(t.Context(), "prov.example.com.")
	if limit, _ := fetch.LocalLimit(err); limit != "descriptors" {
		t.Errorf("Resolve: %v: limit %q, want descriptors", err, limit)
	}
}

func texts(addrs []netip.Addr) []string {
	var out []string
	for _, a := range addrs {
		out = append(out, a.String())
	}
	return out
}
