package probetest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/nettest"

	"spafleet/scenarios/probe/probetest"
)

var (
	first  = netip.MustParseAddr("10.0.0.1")
	second = netip.MustParseAddr("10.0.0.2")
)

// A wire is two ends of a connection, the dialled one first.
type wire struct{ a, b net.Conn }

// connected connects by a listener and a dialer.
func connected(t *testing.T, l net.Listener, dial func(context.Context, netip.AddrPort) (net.Conn, error)) wire {
	t.Helper()
	a, err := dial(t.Context(), l.Addr().(*net.TCPAddr).AddrPort())
	if err != nil {
		t.Fatal(err)
	}
	b, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close(); l.Close() })
	return wire{a, b}
}

func inMemory(t *testing.T) (wire, *probetest.Host, *probetest.Host) {
	t.Helper()
	return inThe(t, &probetest.Memory{})
}

func inThe(t *testing.T, m *probetest.Memory) (wire, *probetest.Host, *probetest.Host) {
	t.Helper()
	from, to := m.Host(first), m.Host(second)
	l, err := to.Listen(0)
	if err != nil {
		t.Fatal(err)
	}
	return connected(t, l, from.Dial), from, to
}

func TestConnectionsAreThoseOfPackageNet(t *testing.T) {
	nettest.TestConn(t, func() (net.Conn, net.Conn, func(), error) {
		w, _, _ := inMemory(t)
		return w.a, w.b, func() { w.a.Close(); w.b.Close() }, nil
	})
}

// said is what came of a call, in a word.
func said(err error) string {
	for _, known := range []struct {
		err  error
		word string
	}{
		{io.EOF, "EOF"}, {net.ErrClosed, "closed"}, {os.ErrDeadlineExceeded, "timeout"},
		{syscall.ECONNRESET, "reset"}, {syscall.EPIPE, "pipe"}, {syscall.ECONNREFUSED, "refused"},
	} {
		if errors.Is(err, known.err) {
			return known.word
		}
	}
	return fmt.Sprint(err)
}

// all reads until an error.
func all(c net.Conn) string {
	text, err := io.ReadAll(c)
	if err == nil {
		err = io.EOF
	}
	return fmt.Sprintf("%q %s", text, said(err))
}

func writes(c net.Conn, text string) string {
	_, err := io.WriteString(c, text)
	return said(err)
}

// later waits until what the other end did has arrived, which over sockets takes no time
// that is known: a write fails then.
func later(c net.Conn) string {
	for range 1000 {
		if word := writes(c, "x"); word != said(nil) {
			return word
		}
		time.Sleep(time.Millisecond)
	}
	return "nothing"
}

// Each story of a connection, and how it ends.
var stories = []struct {
	name string
	tell func(w wire) string
	want string
}{
	{"half close", func(w wire) string {
		writes(w.a, "question")
		w.a.(interface{ CloseWrite() error }).CloseWrite()
		asked := all(w.b)
		writes(w.b, "answer")
		w.b.Close()
		return asked + " " + all(w.a) + " " + writes(w.a, "more")
	}, `"question" EOF "answer" EOF pipe`},
	{"close after data", func(w wire) string {
		writes(w.a, "all")
		w.a.Close()
		return all(w.b) + " " + said(w.a.Close()) + " " + writes(w.a, "more")
	}, `"all" EOF closed closed`},
	{"close with data that nobody has read", func(w wire) string {
		writes(w.b, "lost")
		w.a.SetReadDeadline(time.Now().Add(time.Second))
		w.a.Read(make([]byte, 1))
		w.a.Close()
		return all(w.b)
	}, `"" reset`},
	{"linger 0", func(w wire) string {
		w.a.(interface{ SetLinger(int) error }).SetLinger(0)
		w.a.Close()
		return all(w.b) + " " + later(w.b)
	}, `"" reset pipe`},
	{"write to a closed end", func(w wire) string {
		w.a.Close()
		return all(w.b) + " " + later(w.b)
	}, `"" EOF pipe`},
	{"nobody reads", func(w wire) string {
		w.a.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
		n, err := w.a.Write(make([]byte, 64<<20))
		return fmt.Sprint(n > 64<<10, n < 64<<20, " ", said(err))
	}, "true true timeout"},
	{"read and deadline", func(w wire) string {
		writes(w.b, "x")
		w.a.SetReadDeadline(time.Unix(1, 0))
		_, err := w.a.Read(make([]byte, 1))
		w.a.SetReadDeadline(time.Time{})
		n, err2 := w.a.Read(make([]byte, 1))
		return fmt.Sprint(said(err), " ", n, " ", said(err2))
	}, "timeout 1 <nil>"},
	{"closed while it reads", func(w wire) string {
		time.AfterFunc(50*time.Millisecond, func() { w.a.Close() })
		return all(w.a)
	}, `"" closed`},
}

// A connection in memory ends as one over sockets does.
func TestConnectionsEndAsThoseOverSockets(t *testing.T) {
	for _, s := range stories {
		check := func(t *testing.T, w wire) {
			if got := s.tell(w); got != s.want {
				t.Errorf("got  %s\nwant %s", got, s.want)
			}
		}
		t.Run(s.name+"/in memory", func(t *testing.T) {
			probetest.Bubble(t, func(t *testing.T) {
				w, _, _ := inMemory(t)
				check(t, w)
			})
		})
		t.Run(s.name+"/over sockets", func(t *testing.T) {
			l, err := net.Listen("tcp4", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			var d net.Dialer
			check(t, connected(t, l, func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
				return d.DialContext(ctx, "tcp4", to.String())
			}))
		})
	}
}

// What is sent meanwhile arrives when the cable is back, the end of the connection too.
func TestAnUnpluggedHostGoesOn(t *testing.T) {
	probetest.Bubble(t, func(t *testing.T) {
		w, _, to := inMemory(t)
		to.Unplug()
		writes(w.a, "question")
		w.a.(interface{ CloseWrite() error }).CloseWrite()
		w.b.SetReadDeadline(time.Now().Add(time.Hour))
		if got := all(w.b); got != `"" timeout` {
			t.Errorf("unplugged, it hears %s", got)
		}
		w.b.SetReadDeadline(time.Time{})
		to.Plug()
		if got := all(w.b); got != `"question" EOF` {
			t.Errorf("plugged in, it hears %s", got)
		}
	})
}

// A host that had no power answers what belongs to a connection of before with a reset.
func TestAHostWithoutPowerForgets(t *testing.T) {
	probetest.Bubble(t, func(t *testing.T) {
		w, _, to := inMemory(t)
		to.Unplug()
		to.Forget()
		if got := writes(w.a, "question"); got != said(nil) {
			t.Errorf("the first write: %s", got)
		}
		w.a.SetReadDeadline(time.Now().Add(time.Hour))
		if got := all(w.a); got != `"" timeout` {
			t.Errorf("without power it says %s", got)
		}
		w.a.SetReadDeadline(time.Time{})
		to.Plug()
		if got := all(w.a); got != `"" reset` {
			t.Errorf("with power it says %s", got)
		}
	})
}

// A dial waits for a host that is not there, and for one whose queue is full.
func TestADialWaits(t *testing.T) {
	probetest.Bubble(t, func(t *testing.T) {
		m := &probetest.Memory{}
		from := m.Host(first)
		ctx, stop := context.WithTimeout(t.Context(), time.Hour)
		defer stop()
		time.AfterFunc(time.Minute, func() {
			l, err := m.Host(second).Listen(80)
			if err != nil {
				t.Error(err)
				return
			}
			context.AfterFunc(ctx, func() { l.Close() })
			time.AfterFunc(time.Minute, func() { l.Accept() })
		})
		began := time.Now()
		for range 129 { // of which the last finds no room
			c, err := from.Dial(ctx, netip.AddrPortFrom(second, 80))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
		}
		if took := time.Since(began); took != 2*time.Minute {
			t.Errorf("connected after %v", took)
		}
		_, err := from.Dial(ctx, netip.AddrPortFrom(second, 80))
		var timeout net.Error
		if took := time.Since(began); !errors.As(err, &timeout) || !timeout.Timeout() || took != time.Hour {
			t.Errorf("%v after %v", err, took)
		}
	})
}

// What finds nobody, or no room, is lost.
func TestDatagrams(t *testing.T) {
	probetest.Bubble(t, func(t *testing.T) {
		m := &probetest.Memory{}
		from, to := m.Host(first), m.Host(second)
		a, err := from.ListenPacket(0)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		b, err := to.ListenPacket(69)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		at := b.LocalAddr()
		for _, nobody := range []string{"10.0.0.2:70", "10.0.0.3:69"} {
			if _, err := a.WriteTo([]byte("x"), net.UDPAddrFromAddrPort(netip.MustParseAddrPort(nobody))); err != nil {
				t.Errorf("to %s: %v", nobody, err)
			}
		}
		to.Unplug()
		a.WriteTo([]byte("lost"), at)
		to.Plug()
		for i := range 600 {
			a.WriteTo(fmt.Appendf(nil, "%d", i), at)
		}
		buf := make([]byte, 2)
		got := 0
		b.SetReadDeadline(time.Now().Add(time.Minute))
		for ; ; got++ {
			n, sender, err := b.ReadFrom(buf)
			if err != nil {
				if said(err) != "timeout" {
					t.Error(err)
				}
				break
			}
			if want := fmt.Sprint(got)[:min(2, len(fmt.Sprint(got)))]; string(buf[:n]) != want || sender.String() != a.LocalAddr().String() {
				t.Fatalf("datagram %d: %q from %s", got, buf[:n], sender)
			}
		}
		if got != 512 {
			t.Errorf("%d datagrams of 600 that nobody read", got)
		}
		if _, err := a.WriteTo(make([]byte, 65508), at); !errors.Is(err, syscall.EMSGSIZE) {
			t.Errorf("a datagram that is too long: %v", err)
		}
	})
}

// On a slow network a connection takes a round, and each way its time.
func TestASlowNetwork(t *testing.T) {
	const way = 20 * time.Millisecond
	probetest.Bubble(t, func(t *testing.T) {
		m := &probetest.Memory{}
		m.Slow(func() time.Duration { return way })
		from, to := m.Host(first), m.Host(second)
		l, err := to.Listen(0)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		passed := func(what string, want time.Duration) {
			t.Helper()
			if d := time.Since(began); d != want {
				t.Errorf("%s after %v, want %v", what, d, want)
			}
		}
		w := connected(t, l, from.Dial)
		passed("connected", 2*way)
		writes(w.a, "question")
		w.b.Read(make([]byte, 8))
		passed("asked", 3*way)
		writes(w.b, "answer")
		w.b.Close()
		if got := all(w.a); got != `"answer" EOF` {
			t.Error(got)
		}
		passed("answered", 4*way)
		if _, err := from.Dial(t.Context(), netip.AddrPortFrom(second, 1)); said(err) != "refused" {
			t.Error(err)
		}
		passed("refused", 6*way)
	})
}

// However different the times of its packets are, a connection keeps its order.
func TestAStreamKeepsItsOrder(t *testing.T) {
	probetest.Bubble(t, func(t *testing.T) {
		m := &probetest.Memory{}
		w, _, _ := inThe(t, m)
		n := 0
		m.Slow(func() time.Duration { n++; return time.Duration(n*7919%50) * time.Millisecond })
		want := ""
		go func() {
			for i := range 1000 {
				fmt.Fprintf(w.a, "%d,", i)
				if i%10 == 0 {
					time.Sleep(time.Millisecond)
				}
			}
			w.a.Close()
		}()
		for i := range 1000 {
			want += fmt.Sprintf("%d,", i)
		}
		if got := all(w.b); got != fmt.Sprintf("%q EOF", want) {
			t.Errorf("it arrives as %.200s", got)
		}
	})
}
