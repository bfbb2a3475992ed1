package webui_test

import (
	"context"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/fsm"
	"spafleet/webui"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2012, 1, 16, 5, 11, 0, 0, time.UTC)

// fleet is the devices of a test, by local address.
type fleet struct {
	mu    sync.Mutex
	views map[netip.Addr]device.View
	done  chan device.Command
	to    []device.Index
}

func (f *fleet) At(a netip.Addr) (device.View, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	v, ok := f.views[a]
	return v, ok
}

func (f *fleet) Do(_ context.Context, i device.Index, c device.Command) error {
	f.mu.Lock()
	f.to = append(f.to, i)
	f.mu.Unlock()
	f.done <- c
	return nil
}

func view(t *testing.T, name, firmware string, sets ...string) device.View {
	t.Helper()
	row := devicetest.Row(t, name, firmware)
	v := device.View{Unit: devicetest.Known(row, 7), Params: devicetest.Params(t, row.Factory, sets...), State: fsm.SecPrv1, Powered: true, Now: noon.UnixNano()}
	v.Booted = v.Now - int64(18*24*time.Hour+22*time.Hour+23*time.Minute+43*time.Second)
	v.Due = v.Now + int64(2197*time.Second)
	v.Resyncs.OK, v.Resyncs.Failed = 12, 3
	return v
}

// serve runs a site over one device at 127.0.0.1 and returns its address. The
// test must collect every command that it causes.
func serve(t *testing.T, s *webui.Site, v device.View) (*fleet, string) {
	t.Helper()
	f := &fleet{views: map[netip.Addr]device.View{netip.MustParseAddr("127.0.0.1"): v}, done: make(chan device.Command, 16)}
	s.Devices = f
	t.Cleanup(func() { f.none(t) }) // runs when Serve has ended
	return f, listen(t, s, "127.0.0.1:0")
}

func listen(t *testing.T, s *webui.Site, addr string) string {
	t.Helper()
	l, err := net.Listen("tcp4", addr)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Errorf("serve ended with %v", err)
		}
	})
	return l.Addr().String()
}

// exchange sends bytes as they are and returns what came until the close.
func exchange(addr, request string) (string, error) {
	conn, err := net.Dial("tcp4", addr)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		return "", err
	}
	b, err := io.ReadAll(conn)
	return string(b), err
}

func get(t *testing.T, addr, target string, headers ...string) string {
	t.Helper()
	got, err := exchange(addr, "GET "+target+" HTTP/1.1\r\nHost: x\r\n"+strings.Join(append(headers, ""), "\r\n")+"\r\n")
	if err != nil {
		t.Fatalf("GET %s: %v", target, err)
	}
	return got
}

func statusOf(response string) string {
	line, _, _ := strings.Cut(response, "\r\n")
	return strings.TrimPrefix(line, "HTTP/1.1 ")
}

// command returns what the device was asked, which follows the page closely.
func (f *fleet) command(t *testing.T) device.Command {
	t.Helper()
	select {
	case c := <-f.done:
		return c
	case <-time.After(5 * time.Second):
		t.Fatal("no command came")
		return device.Command{}
	}
}

func (f *fleet) none(t *testing.T) {
	t.Helper()
	select {
	case c := <-f.done:
		t.Errorf("got command %+v, want none", c)
	default:
	}
}
