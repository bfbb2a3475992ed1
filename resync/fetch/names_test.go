package fetch_test

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"spafleet/device"
	"spafleet/resync/fetch"
)

// A zone is a name server: what it says to the names it is asked for, in the form
// of zone files. It notes the questions.
type zone struct {
	at   netip.AddrPort
	mu   sync.Mutex
	said []string
}

// serveZone starts a name server for UDP and TCP. Say makes an answer of the
// network and the name.
func serveZone(t *testing.T, say func(answer *dns.Msg, network, name string)) *zone {
	t.Helper()
	z := &zone{}
	udp, tcp := listenBoth(t)
	z.at = netip.MustParseAddrPort(udp.LocalAddr().String())
	handle := dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		network, name := w.RemoteAddr().Network(), q.Question[0].Name
		z.mu.Lock()
		z.said = append(z.said, network+" "+name)
		z.mu.Unlock()
		answer := new(dns.Msg).SetReply(q)
		say(answer, network, name)
		times := 1
		if answer.Id != q.Id || answer.Question[0] != q.Question[0] {
			times = 150 // more than a device looks at, so that it need not wait
		}
		for range times {
			w.WriteMsg(answer)
		}
	})
	var all sync.WaitGroup
	t.Cleanup(all.Wait)
	for _, s := range []*dns.Server{{PacketConn: udp, Handler: handle}, {Listener: tcp, Handler: handle}} {
		ready := make(chan struct{})
		s.NotifyStartedFunc = func() { close(ready) }
		all.Go(func() { s.ActivateAndServe() })
		<-ready
		t.Cleanup(func() { s.Shutdown() })
	}
	return z
}

// listenBoth listens on one port of UDP and TCP. Another test may have the one that
// was free for the other protocol.
func listenBoth(t *testing.T) (net.PacketConn, net.Listener) {
	t.Helper()
	for range 100 {
		udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if tcp, err := net.Listen("tcp4", udp.LocalAddr().String()); err == nil {
			return udp, tcp
		}
		udp.Close()
	}
	t.Fatal("no port is free for both protocols")
	return nil, nil
}

func (z *zone) questions() []string {
	z.mu.Lock()
	defer z.mu.Unlock()
	return slices.Clone(z.said)
}

func records(t *testing.T, lines ...string) (rs []dns.RR) {
	t.Helper()
	for _, line := range lines {
		r, err := dns.NewRR(line)
		if err != nil {
			t.Fatal(err)
		}
		rs = append(rs, r)
	}
	return rs
}

// What a device kept it does not ask again, until the time is over or it boots;
// the least time in an answer counts.
func TestDevicesKeepNamesForAsLongAsTheServerSays(t *testing.T) {
	answer := records(t, "prov.test. 300 IN CNAME a.test.", "a.test. 200 IN A 127.0.0.3", "a.test. 250 IN A 127.0.0.1")
	z := serveZone(t, func(m *dns.Msg, _, name string) {
		if name == "never.test." {
			m.Answer = records(t, "never.test. 0 IN A 127.0.0.1")
			return
		}
		m.Answer = answer
	})
	s := &fetch.Sockets{NameServers: only(z.at)}
	const second = int64(time.Second)
	tests := []struct {
		why   string
		name  string
		by    fetch.Asker
		asked bool
	}{
		{"for the first time", "prov.test", fetch.Asker{Device: 1, Now: 1000 * second, Keeps: true}, true},
		{"while it lasts", "Prov.Test.", fetch.Asker{Device: 1, Now: 1199 * second, Keeps: true}, false},
		{"another device", "prov.test", fetch.Asker{Device: 2, Now: 1199 * second, Keeps: true}, true},
		{"when it is over", "prov.test", fetch.Asker{Device: 1, Now: 1200 * second, Keeps: true}, true},
		{"after a boot", "prov.test", fetch.Asker{Device: 1, Now: 1250 * second, Booted: 1240 * second, Keeps: true}, true},
		{"a device that keeps nothing", "prov.test", fetch.Asker{Device: 1, Now: 1260 * second}, true},
		{"what that one learned", "prov.test", fetch.Asker{Device: 1, Now: 1440 * second, Booted: 1240 * second, Keeps: true}, false},
		{"which is over now", "prov.test", fetch.Asker{Device: 1, Now: 1450 * second, Booted: 1240 * second, Keeps: true}, true},
		{"not to be kept", "never.test", fetch.Asker{Device: 1, Now: 2000 * second, Keeps: true}, true},
		{"not to be kept, again", "never.test", fetch.Asker{Device: 1, Now: 2000 * second, Keeps: true}, true},
	}
	for _, tt := range tests {
		before := len(z.questions())
		addrs, err := s.Resolve(fetch.For(t.Context(), tt.by), tt.name)
		if err != nil || addrs[0] != netip.MustParseAddr("127.0.0.3") && tt.name != "never.test" {
			t.Fatalf("%s: %v, %v", tt.why, addrs, err)
		}
		if asked := len(z.questions()) > before; asked != tt.asked {
			t.Errorf("%s: asked %t, want %t", tt.why, asked, tt.asked)
		}
	}
}

// A name that no device asks for, a syslog server's, is not kept.
func TestNamesForNobodyAreAskedEachTime(t *testing.T) {
	z := serveZone(t, func(m *dns.Msg, _, _ string) { m.Answer = records(t, "log.test. 300 IN A 127.0.0.1") })
	s := &fetch.Sockets{NameServers: only(z.at)}
	for range 3 {
		if _, err := s.Resolve(t.Context(), "log.test"); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(z.questions()); got != 3 {
		t.Errorf("%d questions, want 3", got)
	}
}

func TestAnswersCutShortAreAskedForAgain(t *testing.T) {
	z := serveZone(t, func(m *dns.Msg, network, _ string) {
		if m.Truncated = network == "udp"; !m.Truncated {
			m.Answer = records(t, "prov.test. 300 IN A 127.0.0.5")
		}
	})
	s := &fetch.Sockets{NameServers: only(z.at)}
	addrs, err := s.Resolve(t.Context(), "prov.test")
	if err != nil || !slices.Equal(texts(addrs), []string{"127.0.0.5"}) || !slices.Equal(z.questions(), []string{"udp prov.test.", "tcp prov.test."}) {
		t.Errorf("Resolve = %v, %v after %q", addrs, err, z.questions())
	}
}

// The next server is asked where one cannot say; that there is no such name is an
// answer.
func TestWhichNameServersAreAsked(t *testing.T) {
	tests := []struct {
		name  string
		first func(*dns.Msg, string, string)
		found bool
		asked int // of the second server
	}{
		{"fails", func(m *dns.Msg, _, _ string) { m.Rcode = dns.RcodeServerFailure }, true, 1},
		{"refuses", func(m *dns.Msg, _, _ string) { m.Rcode = dns.RcodeRefused }, true, 1},
		{"knows no such name", func(m *dns.Msg, _, _ string) { m.Rcode = dns.RcodeNameError }, false, 0},
		{"knows no address", func(m *dns.Msg, _, _ string) {}, false, 0},
		{"says something else", func(m *dns.Msg, _, _ string) { m.Question[0].Name = "other.test." }, true, 1},
		{"answers another question", func(m *dns.Msg, _, _ string) { m.Id++ }, true, 1},
	}
	for _, tt := range tests {
		first := serveZone(t, tt.first)
		second := serveZone(t, func(m *dns.Msg, _, _ string) { m.Answer = records(t, "prov.test. 300 IN A 127.0.0.6") })
		s := &fetch.Sockets{NameServers: &fetch.NameServers{Servers: []netip.AddrPort{first.at, second.at}, Wait: 10 * time.Second, Tries: 1}}
		addrs, err := s.Resolve(t.Context(), "prov.test")
		if (err == nil && len(addrs) == 1) != tt.found || len(second.questions()) != tt.asked {
			t.Errorf("%s: %v, %v; the second was asked %d times", tt.name, addrs, err, len(second.questions()))
		}
		if !tt.found && failed(t, err).Result != device.NoDNS {
			t.Errorf("%s: %v, want dns", tt.name, err)
		}
	}
}

func TestNamesAreSearchedFor(t *testing.T) {
	z := serveZone(t, func(m *dns.Msg, _, name string) {
		if m.Rcode = dns.RcodeNameError; name == "prov.b.test." || name == "with.dots.test." {
			m.Rcode, m.Answer = dns.RcodeSuccess, records(t, name+" 300 IN A 127.0.0.7")
		}
	})
	n := only(z.at)
	n.Search, n.Hosts = []string{"a.test", "b.test"}, map[string][]netip.Addr{"listed": {netip.MustParseAddr("127.0.0.8")}}
	s := &fetch.Sockets{NameServers: n}
	for name, want := range map[string]string{
		"prov": "udp prov.a.test. udp prov.b.test.", "prov.": "udp prov.", "with.dots.test": "udp with.dots.test.", "Listed.": "",
	} {
		before := len(z.questions())
		_, err := s.Resolve(t.Context(), name)
		if got := strings.Join(z.questions()[before:], " "); got != want || (err == nil) != (name != "prov.") {
			t.Errorf("Resolve(%s): asked %q (%v), want %q", name, got, err, want)
		}
	}
}

// Who sends what is no answer keeps a device busy for so many datagrams, not for
// the length of its wait.
func TestAFloodOfWrongAnswersEndsTheQuestion(t *testing.T) {
	conn, server := listenUDP(t)
	done := make(chan bool)
	t.Cleanup(func() { conn.Close(); <-done })
	go func() {
		defer close(done)
		_, from, err := conn.ReadFromUDPAddrPort(make([]byte, 512))
		for err == nil { // until the device is gone, and then until the socket is
			_, err = conn.WriteToUDPAddrPort([]byte("nothing of DNS"), from)
		}
	}()
	n := only(server)
	n.Wait = time.Hour
	s := &fetch.Sockets{NameServers: n}
	if _, err := s.Resolve(t.Context(), "prov.test"); failed(t, err).Result != device.NoDNS {
		t.Errorf("Resolve: %v, want dns", err)
	}
}
