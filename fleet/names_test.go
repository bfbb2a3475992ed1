package fleet

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/resync"
	"spafleet/resync/fetch"
	"spafleet/resync/unit"
)

// A nameNetwork knows one name, and counts what it is asked. It does not answer
// for names that begin with "silent".
type nameNetwork struct {
	askedNetwork
	asked  atomic.Int64
	source atomic.Value // of the last question, a netip.Addr
	asker  atomic.Value // of the last question, its name servers in words
	silent atomic.Int64 // questions that wait
}

func (n *nameNetwork) Resolve(ctx context.Context, name string) ([]netip.Addr, error) {
	n.asked.Add(1)
	if who, ok := fetch.AskerOf(ctx); ok {
		n.source.Store(who.Source(netip.MustParseAddr("127.0.0.53")))
		n.asker.Store(fmt.Sprint(who.Servers, who.Parallel))
	}
	if name == "log.example" {
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}
	if strings.HasPrefix(name, "silent") {
		n.silent.Add(1)
		<-ctx.Done()
		n.silent.Add(-1)
		return nil, ctx.Err()
	}
	return nil, &resync.Error{Result: device.NoDNS}
}

// fleetOn returns what a log sender needs of a fleet.
func fleetOn(n Network) *Fleet {
	return &Fleet{network: n, addresses: NewAddresses(netip.Prefix{}, nil, nil)}
}

// A logStand is a log sender at work without devices, and a server of its lines.
type logStand struct {
	*logSender
	network *nameNetwork
	server  *net.UDPConn
	port    string
	end     func() // of the fleet's time and of the sender
}

func newLogStand(t *testing.T) *logStand {
	t.Helper()
	l := &logStand{network: &nameNetwork{}}
	l.logSender = newLogSender(fleetOn(l.network))
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.server, l.port = conn.(*net.UDPConn), fmt.Sprint(conn.LocalAddr().(*net.UDPAddr).Port)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.run(ctx, ctx)
	}()
	l.end = func() { stop(); <-ended }
	t.Cleanup(func() { l.end(); conn.Close() })
	return l
}

func (l *logStand) log(server, text string) {
	l.queue <- logLine{dev: 4, servers: []string{server}, text: []byte(text)}
}

// wants reads lines and compares them.
func (l *logStand) wants(t *testing.T, want ...string) {
	t.Helper()
	buf := make([]byte, 100)
	for _, w := range want {
		l.server.SetReadDeadline(time.Now().Add(10 * time.Second))
		n, from, err := l.server.ReadFromUDPAddrPort(buf)
		if err != nil || string(buf[:n]) != w || from.Addr() != netip.MustParseAddr("127.64.0.5") {
			t.Fatalf("%q from %s, %v; want %q from 127.64.0.5", buf[:n], from, err, w)
		}
	}
}

// until waits for a count.
func until(t *testing.T, what string, count *atomic.Int64, want int64) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); count.Load() != want; {
		if time.Now().After(end) {
			t.Fatalf("%s: %d, want %d", what, count.Load(), want)
		}
		time.Sleep(time.Millisecond)
	}
}

// Names that no name server answers for delay no line to another server, be it
// given as an address or as a name.
func TestSilentNamesHoldUpNoOtherLogLine(t *testing.T) {
	l := newLogStand(t)
	for i := range mostNamesAsked - 1 {
		l.log(fmt.Sprintf("silent%d.example", i), "never")
	}
	until(t, "questions that wait", &l.network.silent, mostNamesAsked-1)
	l.log("127.0.0.1:"+l.port, "by address")
	l.wants(t, "by address")
	l.log("log.example:"+l.port, "by name")
	l.wants(t, "by name")
	begun := time.Now()
	l.end()
	if took := time.Since(begun); took < lastLines || took > 4*time.Second {
		t.Errorf("the sender ended %s after the fleet, want %s", took, lastLines)
	}
	if d := l.dropped.Load(); d != mostNamesAsked-1 || l.network.silent.Load() != 0 {
		t.Errorf("%d lines dropped, want those to silent names; %d questions wait", d, l.network.silent.Load())
	}
}

// Lines of a burst wait for their server's name, asked for once, from the device's
// own address, and are sent in their order.
func TestLogLinesWaitForTheirServersName(t *testing.T) {
	l := newLogStand(t)
	for _, text := range []string{"one", "two", "three"} {
		l.log("log.example:"+l.port, text)
	}
	l.wants(t, "one", "two", "three")
	if n, from := l.network.asked.Load(), l.network.source.Load(); n != 1 || from != netip.MustParseAddr("127.64.0.5") {
		t.Errorf("the name is asked for %d times, from %v", n, from)
	}
}

// A name is asked of the name servers of the device, and devices that ask others ask for it
// again; a server that has an address asks nobody.
func TestALogServersNameIsAskedOfTheDevicesNameServers(t *testing.T) {
	shared := &unit.Shared{Address: NewAddresses(netip.Prefix{}, nil, nil).Of}
	shared.Add(unit.Group{Row: devicetest.Row(t, "SPA504G", ""), Count: 1, Lease: resync.Lease{DNS: []netip.Addr{netip.MustParseAddr("192.0.2.53")}}})
	u := shared.New(0)
	if by := resolverOf(shared, &u, "", "192.0.2.1:514", "192.0.2.2"); by != nil {
		t.Errorf("addresses are asked of %v", by)
	}
	leased := resolverOf(shared, &u, "192.0.2.1", "log.example:514")
	l := newLogStand(t)
	for _, tt := range []struct {
		by   *resolver
		want string
	}{
		{nil, "[] false"}, {leased, "[192.0.2.53] true"}, {&resolver{count: 2, servers: [mostNameServers]netip.Addr{netip.MustParseAddr("192.0.2.54")}}, "[192.0.2.54 invalid IP] false"},
	} {
		for range 2 {
			l.queue <- logLine{dev: 4, servers: []string{"log.example:" + l.port}, by: tt.by, text: []byte("x")}
			l.wants(t, "x")
		}
		if got := l.network.asker.Load(); got != tt.want {
			t.Errorf("asked of %s, want %s", got, tt.want)
		}
	}
	if n := l.network.asked.Load(); n != 3 {
		t.Errorf("asked %d times", n)
	}
}

// The socket is opened by the first line that can be sent.
func TestTheSyslogSocketOpensAtItsFirstLine(t *testing.T) {
	l := newLogStand(t)
	l.log("nowhere.example", "never")
	until(t, "lines dropped", &l.dropped, 1)
	l.end()
	if l.conn != nil {
		t.Error("a line that could not be sent has opened the socket")
	}
	l = newLogStand(t)
	l.log("127.0.0.1:"+l.port, "sent")
	l.wants(t, "sent")
	l.end()
	if l.conn == nil {
		t.Error("no socket, though a line came")
	}
}

// A name that was not found is asked for again after a while, and not before.
func TestANameNotFoundIsRemembered(t *testing.T) {
	l := newLogStand(t)
	for range 3 {
		l.log("nowhere.example", "never")
	}
	until(t, "lines dropped", &l.dropped, 3)
	l.log("nowhere.example", "never")
	until(t, "lines dropped", &l.dropped, 4)
	l.end()
	if n := l.network.asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
	now := time.Now()
	if addr, known := l.names.lookup(question{name: "nowhere.example"}, now); !known || addr.IsValid() {
		t.Errorf("known %v, %v", known, addr)
	}
	if _, known := l.names.lookup(question{name: "nowhere.example"}, now.Add(notFoundFor)); known {
		t.Errorf("still known after %s", notFoundFor)
	}
}

// What the names hold is bounded: names that are known, names that are asked for,
// and lines that wait.
func TestNamesAreBounded(t *testing.T) {
	network := &nameNetwork{}
	n := newNames[namedLine](fleetOn(network), mostLinesOfName)
	ctx, stop := context.WithCancel(context.Background())
	kept := 0
	for name := range 2 * mostNamesWanted {
		for range 2 * mostLinesOfName {
			if n.wait(ctx, question{name: fmt.Sprint("silent", name)}, 0, namedLine{}) {
				kept++
			}
		}
	}
	if want := mostNamesWanted * mostLinesOfName; kept != want || n.waiting != want || n.running != mostNamesAsked {
		t.Errorf("%d lines wait, counted as %d, want %d; %d names are asked for", kept, n.waiting, want, n.running)
	}
	stop()
	for n.waiting > 0 { // each answer lets the next be asked
		n.answered(ctx, <-n.answers, time.Now())
	}
	n.asked.Wait()
	if network.asked.Load() != mostNamesWanted || n.running != 0 || len(n.wanted) != 0 {
		t.Errorf("%d names were asked for; %d still are, of %d", network.asked.Load(), n.running, len(n.wanted))
	}
	for name := range 2 * mostNames {
		n.running++
		n.answered(ctx, nameAnswer{question: question{name: fmt.Sprint(name)}, last: time.Hour}, time.Now())
	}
	if n.known.Len() != mostNames {
		t.Errorf("%d names are known", n.known.Len())
	}
}
