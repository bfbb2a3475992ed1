package probetest_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"spafleet/certs"
	"spafleet/certs/ssl"
	"spafleet/certs/trust"
	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/scenarios/probe/probetest"
)

var (
	pki     = certs.New(1)
	devices = &trust.Devices{PKI: pki, Holder: &certs.Holder{PKI: pki}}
)

const profile = "<flat-profile><GPP_A>it came</GPP_A></flat-profile>"

// A bench is where an exchange happens.
type bench struct {
	*testing.T
	*probetest.Place
}

// try fails the test for an error.
func try[T any](b bench, value T, err error) T {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
	return value
}

func (b bench) listen() (net.Listener, netip.AddrPort) {
	b.Helper()
	l, err := b.Listen(0)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	return l, l.Addr().(*net.TCPAddr).AddrPort()
}

func (b bench) packets() (net.PacketConn, netip.AddrPort) {
	b.Helper()
	c, err := b.ListenPacket(0)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close() })
	return c, c.LocalAddr().(*net.UDPAddr).AddrPort()
}

// accept accepts one connection of the phone, from its address.
func (b bench) accept(l net.Listener) net.Conn {
	b.Helper()
	c := try(b, must(l.Accept()), nil)
	b.Cleanup(func() { c.Close() })
	if from := c.RemoteAddr().(*net.TCPAddr).AddrPort().Addr(); from != b.Web().Addr() {
		b.Errorf("a connection from %s, not from %s", from, b.Web().Addr())
	}
	return c
}

func must(c net.Conn, err error) net.Conn {
	if err != nil {
		panic(err)
	}
	return c
}

// order has the person open /admin/resync?URL.
func (b bench) order(format string, args ...any) {
	b.Helper()
	if err := b.Person.Resync(b.Context(), fmt.Sprintf(format, args...)); err != nil {
		b.Fatal(err)
	}
}

// until waits for the first event of a kind.
func (b bench) until(kind device.Kind) device.Event {
	b.Helper()
	ctx, stop := context.WithTimeout(b.Context(), time.Minute)
	defer stop()
	if err := b.Phone.Fleet.Await(ctx, func() bool { return len(b.Phone.Events(kind)) > 0 }); err != nil {
		b.Fatalf("no %s: %v", kind, err)
	}
	return b.Phone.Events(kind)[0]
}

// head reads the head of a request, with the places of this run under their names.
func (b bench) head(r io.Reader, at netip.AddrPort) string {
	b.Helper()
	var head strings.Builder
	for in := bufio.NewReader(r); ; {
		line, err := in.ReadString('\n')
		if err != nil {
			b.Fatalf("%v after %q", err, head.String())
		}
		head.WriteString(line)
		if line == "\r\n" {
			break
		}
	}
	return strings.NewReplacer(at.String(), "PROBE", b.Phone.View().Unit.Serial, "SERIAL", "\r\n", "|").Replace(head.String())
}

// get opens a page of the phone, and returns all that comes.
func (b bench) get(path string) string {
	b.Helper()
	c, err := b.Dial(b.Context(), b.Web())
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	if from := c.RemoteAddr().(*net.TCPAddr).IP.String(); from != b.Web().Addr().String() {
		b.Errorf("the web server is at %s", from)
	}
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: phone\r\n\r\n", path)
	page, err := io.ReadAll(c)
	if err != nil {
		b.Fatal(err)
	}
	status, _, _ := strings.Cut(string(page), "\r\n")
	return status
}

// took says how long something took: exactly as long as it should in memory. On a busy
// machine it may take longer, and the test may have begun to measure late.
func (b bench) took(since time.Time, want time.Duration) string {
	d := time.Since(since)
	if d == want || b.Memory == nil && d > want-100*time.Millisecond && d < want+5*time.Second {
		return "in time"
	}
	return fmt.Sprintf("after %v, not %v", d, want)
}

// presets of a phone that asks for nothing by itself.
func presets() map[string]string {
	return map[string]string{"Resync_On_Reset": "No", "Resync_Periodic": "0", "Resync_Error_Retry_Delay": "0", "Resync_Random_Delay": "0"}
}

// quick are switches with short waits, which real sockets need too.
func quick() map[string]string {
	return map[string]string{"boot_time": "0s", "reboot_time": "0s", "http_read_wait": "300ms", "http_connect_wait": "400ms", "tftp_wait": "200ms", "tftp_tries": "2"}
}

// Each exchange gives the same in memory and over sockets.
var exchanges = []struct {
	name string
	do   func(b bench) string
	want string
}{
	{"tftp get", func(b bench) string {
		c, at := b.packets()
		b.order("tftp://%s/a.cfg", at)
		buf := make([]byte, 600)
		n, from := read(b, c, buf)
		asked := string(buf[:n])
		if _, err := c.WriteTo(append([]byte{0, 3, 0, 1}, profile...), from); err != nil {
			b.Fatal(err)
		}
		n, _ = read(b, c, buf)
		b.until(device.ResyncOK)
		return fmt.Sprintf("%q %x %s from the phone: %t", asked, buf[:n], b.Phone.Get("GPP_A"), from.(*net.UDPAddr).AddrPort().Addr() == b.Web().Addr())
	}, `"\x00\x01/a.cfg\x00octet\x00" 00040001 it came from the phone: true`},

	{"http get", func(b bench) string {
		l, at := b.listen()
		b.order("http://%s/a.cfg", at)
		c := b.accept(l)
		head := b.head(c, at)
		fmt.Fprintf(c, "HTTP/1.0 200 OK\r\n\r\n%s", profile)
		c.Close()
		b.until(device.ResyncOK)
		return head + b.Phone.Get("GPP_A")
	}, "GET /a.cfg HTTP/1.1|Host: PROBE|User-Agent: Linksys/SPA-942-6.1.5(a) (SERIAL)|Connection: close||it came"},

	{"http get of a long body", func(b bench) string {
		l, at := b.listen()
		b.order("http://%s/a.cfg", at)
		c := b.accept(l)
		b.head(c, at)
		long := strings.Replace(profile, "><GPP_A>", ">"+strings.Repeat("<!-- 16 bytes -->", 5000)+"<GPP_A>", 1)
		n, err := fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(long), long)
		b.until(device.ResyncOK)
		return fmt.Sprintf("%t %s", err == nil && n > len(long), b.Phone.Get("GPP_A"))
	}, "true it came"},

	{"https get", func(b bench) string {
		cert, err := pki.Server(certs.ServerRequest{CA: certs.Sipura1, CN: b.Probe.String()})
		if err != nil {
			b.Fatal(err)
		}
		l, at := b.listen()
		b.order("https://%s/a.cfg", at)
		c := ssl.Accept(b.accept(l), &ssl.Server{Suites: []ssl.Suite{ssl.AES256SHA}, Certificate: cert, Ask: ssl.AskFirst, Verify: trust.AnyClient})
		defer c.Close()
		head := b.head(c, at)
		fmt.Fprintf(c, "HTTP/1.0 200 OK\r\n\r\n%s", profile)
		c.Close()
		b.until(device.ResyncOK)
		return fmt.Sprint(head, b.Phone.Get("GPP_A"), " ", c.State().Version, " ", c.State().Suite, " ", c.State().Asked)
	}, "GET /a.cfg HTTP/1.1|Host: PROBE|User-Agent: Linksys/SPA-942-6.1.5(a) (SERIAL)|Connection: close||it came tls1.0 AES256-SHA false"},

	{"web order", func(b bench) string {
		l, at := b.listen()
		status := b.get("/admin/resync?http://" + at.String() + "/ordered.cfg")
		head := b.head(b.accept(l), at)
		return status + " " + head
	}, "HTTP/1.1 200 OK GET /ordered.cfg HTTP/1.1|Host: PROBE|User-Agent: Linksys/SPA-942-6.1.5(a) (SERIAL)|Connection: close||"},

	{"reboot", func(b bench) string {
		status := b.get("/admin/reboot")
		for b.until(device.Boot); len(b.Phone.Events(device.Boot)) < 2; {
			_ = b.Phone.Fleet.Await(b.Context(), func() bool { return len(b.Phone.Events(device.Boot)) > 1 })
		}
		return status + " " + b.Phone.Events(device.Boot)[1].Reason.String()
	}, "HTTP/1.1 200 OK web"},

	{"a page of no use", func(b bench) string { return b.get("/no/such/page") }, "HTTP/1.1 404 Not Found"},

	{"refused connection", func(b bench) string {
		l, at := b.listen()
		l.Close()
		b.order("http://%s/a.cfg", at)
		e := b.until(device.ResyncFailed)
		return fmt.Sprint(e.Result, " ", e.File.Phase)
	}, "connect connect"},

	{"refused connection of the probe", func(b bench) string {
		_, err := b.Dial(b.Context(), netip.AddrPortFrom(b.Web().Addr(), 1))
		return fmt.Sprint(errors.Is(err, syscall.ECONNREFUSED))
	}, "true"},

	{"reset connection", func(b bench) string {
		l, at := b.listen()
		b.order("http://%s/a.cfg", at)
		c := b.accept(l)
		b.head(c, at)
		_ = c.(interface{ SetLinger(int) error }).SetLinger(0)
		c.Close()
		e := b.until(device.ResyncFailed)
		return fmt.Sprint(e.Result, " ", e.File.Phase)
	}, "connect first_byte"},

	{"connection closed without a byte", func(b bench) string {
		l, at := b.listen()
		b.order("http://%s/a.cfg", at)
		c := b.accept(l)
		b.head(c, at)
		c.Close()
		e := b.until(device.ResyncFailed)
		return fmt.Sprint(e.Result, " ", e.File.Phase)
	}, "connect first_byte"},

	{"body cut short", func(b bench) string {
		l, at := b.listen()
		b.order("http://%s/a.cfg", at)
		c := b.accept(l)
		b.head(c, at)
		fmt.Fprintf(c, "HTTP/1.0 200 OK\r\nContent-Length: 1000\r\n\r\n%s", profile)
		c.Close()
		e := b.until(device.ResyncFailed)
		return fmt.Sprint(e.Result, " ", e.File.Phase)
	}, "corrupt body"},

	{"silent HTTP server", func(b bench) string {
		l, at := b.listen()
		b.order("http://%s/a.cfg", at)
		c := b.accept(l)
		b.head(c, at)
		asked := time.Now()
		_, err := io.ReadAll(c)
		e := b.until(device.ResyncFailed)
		return fmt.Sprint(err, " ", b.took(asked, 300*time.Millisecond), ": ", e.Result, " ", e.File.Phase)
	}, "<nil> in time: timeout first_byte"},

	{"silent TFTP server", func(b bench) string {
		c, at := b.packets()
		b.order("tftp://%s/a.cfg", at)
		buf := make([]byte, 600)
		_, from := read(b, c, buf)
		asked := time.Now()
		_, again := read(b, c, buf)
		late := b.took(asked, 200*time.Millisecond)
		e := b.until(device.ResyncFailed)
		return fmt.Sprint("again ", late, " from the same port: ", from.String() == again.String(), ", ", e.Result, " ", b.took(asked, 400*time.Millisecond))
	}, "again in time from the same port: true, timeout in time"},

	{"deaf port", func(b bench) string {
		at, end, err := b.Deaf()
		if err != nil {
			b.Skip(err)
		}
		defer end()
		asked := time.Now()
		b.order("http://%s/a.cfg", at)
		e := b.until(device.ResyncFailed)
		phone := b.took(asked, 400*time.Millisecond)
		asked = time.Now()
		ctx, stop := context.WithTimeout(b.Context(), 100*time.Millisecond)
		defer stop()
		var timeout net.Error
		_, err = b.Dial(ctx, at)
		return fmt.Sprint(e.Result, " ", e.File.Phase, " ", phone, ", and the probe's: ", errors.As(err, &timeout) && timeout.Timeout(), " ", b.took(asked, 100*time.Millisecond))
	}, "timeout connect in time, and the probe's: true in time"},

	{"port in use", func(b bench) string {
		_, tcp := b.listen()
		_, udp := b.packets()
		_, err := b.Listen(tcp.Port())
		_, err2 := b.ListenPacket(udp.Port())
		return fmt.Sprint(errors.Is(err, syscall.EADDRINUSE), errors.Is(err2, syscall.EADDRINUSE))
	}, "true true"},

	{"closed sockets", func(b bench) string {
		l, _ := b.listen()
		c, _ := b.packets()
		l.Close()
		c.Close()
		_, err := l.Accept()
		_, _, err2 := c.ReadFrom(make([]byte, 1))
		return fmt.Sprint(errors.Is(err, net.ErrClosed), errors.Is(err2, net.ErrClosed))
	}, "true true"},

	{"log line", func(b bench) string {
		c, at := b.packets()
		set(b.T, b.Place, "Syslog_Server="+at.String())
		b.order("http://192.0.2.1/a.cfg")
		buf := make([]byte, 600)
		n, from := read(b, c, buf)
		return fmt.Sprintf("%q from the phone: %t", buf[:n], from.(*net.UDPAddr).AddrPort().Addr() == b.Web().Addr())
	}, `"<134>resync rule:  http://192.0.2.1/a.cfg" from the phone: true`},

	{"http server of package net", func(b bench) string {
		l, at := b.listen()
		asked := make(chan string, 10)
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked <- r.Method + " " + r.URL.Path
			_, _ = io.WriteString(w, profile)
		})}
		done := make(chan struct{})
		go func() { defer close(done); _ = server.Serve(l) }()
		b.order("http://%s/a.cfg", at)
		b.until(device.ResyncOK)
		server.Close()
		<-done
		return <-asked + " " + b.Phone.Get("GPP_A")
	}, "GET /a.cfg it came"},

	{"power", func(b bench) string {
		l, at := b.listen()
		b.order("http://%s/a.cfg", at)
		b.accept(l)
		b.Person.Unplugged = 10 * time.Millisecond
		when, done := b.Person.Power(b.Context())
		return fmt.Sprint(done, " ", time.Since(when) < time.Second, " ", len(b.Phone.Events(device.PowerOff)), " ", b.get("/no/such/page"))
	}, "true true 1 HTTP/1.1 404 Not Found"},
}

// read reads a datagram.
func read(b bench, c net.PacketConn, buf []byte) (int, net.Addr) {
	b.Helper()
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	n, from, err := c.ReadFrom(buf)
	if err != nil {
		b.Fatal(err)
	}
	return n, from
}

// What happens in memory is what happens over sockets.
func TestExchanges(t *testing.T) {
	for _, x := range exchanges {
		o := probetest.Options{Switches: quick(), Presets: presets(), Certs: devices}
		check := func(t *testing.T, p *probetest.Place) {
			if got := x.do(bench{t, p}); got != x.want {
				t.Errorf("got  %s\nwant %s", got, x.want)
			}
		}
		t.Run(x.name+"/in memory", func(t *testing.T) {
			probetest.Bubble(t, func(t *testing.T) { check(t, probetest.InMemory(t, o)) })
		})
		t.Run(x.name+"/over sockets", func(t *testing.T) { check(t, probetest.OnSockets(t, o)) })
	}
}

// set gives a parameter a value: "GPP_A=x".
func set(t *testing.T, p *probetest.Place, pair string) {
	t.Helper()
	c := device.Command{Order: device.SetParams, Sets: devicetest.Sets(t, p.Phone.View().Unit.Row.Factory, pair)}
	if err := p.Phone.Do(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}
