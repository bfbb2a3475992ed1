package webui_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"spafleet/device"
	"spafleet/webui"
)

// A command that is off answers with the same page; an administrator who is off with 403; a
// server that is off not at all (device-surface.md §1.2, §1.5, §1.6).
func TestURLCommandsAndServersThatAreOff(t *testing.T) {
	tests := []struct {
		name, model, set, target string
		status                   string // "" closed unread
		ordered                  bool
	}{
		{"provisioning off", "SPA2102", "Provision_Enable=No", "/admin/resync", "200 OK", false},
		{"provisioning off leaves upgrades", "SPA2102", "Provision_Enable=No", "/admin/upgrade", "200 OK", true},
		{"upgrades off", "SPA2102", "Upgrade_Enable=No", "/admin/upgrade?h/f.bin", "200 OK", false},
		{"upgrades off leaves resyncs", "SPA2102", "Upgrade_Enable=No", "/admin/resync", "200 OK", true},
		{"no admin access", "PAP2T", "Enable_Web_Admin_Access=No", "/admin/resync", "403 Forbidden", false},
		{"no admin access for upgrade", "PAP2T", "Enable_Web_Admin_Access=No", "/upgrade", "403 Forbidden", false},
		{"no admin access leaves users", "PAP2T", "Enable_Web_Admin_Access=No", "/resync", "200 OK", true},
		{"web server off", "PAP2T", "Enable_Web_Server=No", "/", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, addr := serve(t, &webui.Site{}, view(t, tt.model, "", tt.set))
			if tt.status == "" {
				refused(t, addr)
				return
			}
			if got := statusOf(get(t, addr, tt.target)); got != tt.status {
				t.Errorf("answers %s, want %s", got, tt.status)
			}
			if tt.ordered || tt.status == "403 Forbidden" {
				if c := f.command(t); (c.Order == device.Refuse) == tt.ordered {
					t.Errorf("it orders %s", c.Order)
				}
			}
		})
	}
}

// refused checks that a connection ends without a byte.
func refused(t *testing.T, addr string) {
	t.Helper()
	got, err := exchange(addr, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	gone := err == nil || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
	if got != "" || !gone {
		t.Errorf("got %q and error %v, want a connection closed unread", got, err)
	}
}

const remote = "router-configuration/Web_Management/Web_Remote_Management"

// The LAN side of a router always answers, its WAN side only while it is on (device-surface.md
// §1.6; surface-2.md §1.5).
func TestWANSideOfRoutersIsClosedUnlessEnabled(t *testing.T) {
	tests := []struct {
		model string
		wan   bool
		sets  []string
		open  bool
	}{
		{"SPA2102", true, nil, false},
		{"SPA2102", true, []string{"Enable_WAN_Web_Server=Yes"}, true},
		{"SPA2102", false, nil, true},
		{"SPA942", true, nil, true},
		{"SPA942", true, []string{"Enable_Web_Server=No"}, false},
		{"SPA122", true, nil, false},
		{"SPA122", true, []string{remote + "=1"}, true},
		{"SPA122", false, nil, true},
		{"SPA232D", true, nil, false},
		{"SPA112", true, nil, true}, // it has one side
	}
	for _, tt := range tests {
		_, addr := serve(t, &webui.Site{WAN: tt.wan}, view(t, tt.model, "", tt.sets...))
		if !tt.open {
			refused(t, addr)
			continue
		}
		if got := statusOf(get(t, addr, "/")); got != "200 OK" {
			t.Errorf("%s, WAN %v, %v: %s", tt.model, tt.wan, tt.sets, got)
		}
	}
}

// The port that a device is set to is the one that answers (device-surface.md §1.6).
func TestPortParameterCountsOnlyWhereTheSiteHasAPort(t *testing.T) {
	tests := []struct {
		site uint16
		own  string
		open bool
	}{{0, "8080", true}, {80, "80", true}, {80, "8080", false}, {8080, "8080", true}, {80, "nonsense", true}}
	for _, tt := range tests {
		_, addr := serve(t, &webui.Site{Port: tt.site}, view(t, "SPA942", "", "Web_Server_Port="+tt.own))
		if !tt.open {
			refused(t, addr)
			continue
		}
		if got := statusOf(get(t, addr, "/")); got != "200 OK" {
			t.Errorf("site port %d, own %s: %s", tt.site, tt.own, got)
		}
	}
}

func TestLocalAddressSaysWhichDevice(t *testing.T) {
	s := &webui.Site{}
	f, first := serve(t, s, view(t, "SPA2102", ""))
	f.mu.Lock()
	f.views[netip.MustParseAddr("127.0.0.2")] = view(t, "PAP2T", "")
	f.mu.Unlock()
	second, nobody := listen(t, s, "127.0.0.2:0"), listen(t, s, "127.0.0.3:0")
	if got := get(t, first, "/"); !strings.Contains(got, "SPA-2102") {
		t.Errorf("the first address shows\n%s", got)
	}
	if got := get(t, second, "/"); !strings.Contains(got, "PAP2T") {
		t.Errorf("the second address shows\n%s", got)
	}
	refused(t, nobody)
}

func TestDeviceWithoutPowerIsSilent(t *testing.T) {
	v := view(t, "SPA942", "")
	v.Powered = false
	_, addr := serve(t, &webui.Site{}, v)
	refused(t, addr)
}

func TestSlowClientIsCutOff(t *testing.T) {
	_, addr := serve(t, &webui.Site{Patience: 50 * time.Millisecond}, view(t, "SPA942", ""))
	for _, begun := range []string{"", "GET / HTTP/1.1\r\nHost:"} {
		got, err := exchange(addr, begun)
		if got != "" || err != nil && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("after %q came %q, %v; want nothing", begun, got, err)
		}
	}
}

// dial opens a connection that sends nothing, until the test ends.
func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp4", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// Connections beyond the most wait until another one is closed.
func TestMoreConnectionsWaitForAPlace(t *testing.T) {
	_, addr := serve(t, &webui.Site{Most: 2}, view(t, "SPA942", ""))
	first := dial(t, addr)
	dial(t, addr)
	third := dial(t, addr)
	if _, err := io.WriteString(third, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	third.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := third.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the third connection is served beside two others: %d bytes, %v", n, err)
	}
	first.Close()
	third.SetReadDeadline(time.Now().Add(10 * time.Second))
	if page, err := io.ReadAll(third); err != nil || !strings.Contains(string(page), "SPA-942") {
		t.Errorf("after the first has ended: %v, %q", err, page)
	}
}

// A client that keeps all connections of one device open leaves the other devices'
// pages alone.
func TestOneDeviceTakesNotAllConnections(t *testing.T) {
	const own = 16
	s := &webui.Site{}
	f, first := serve(t, s, view(t, "SPA942", ""))
	f.mu.Lock()
	f.views[netip.MustParseAddr("127.0.0.2")] = view(t, "PAP2T", "")
	f.mu.Unlock()
	second := listen(t, s, "127.0.0.2:0")
	idle := make([]net.Conn, own)
	for i := range idle {
		idle[i] = dial(t, first)
	}
	refused(t, first)
	if got := get(t, second, "/"); !strings.Contains(got, "PAP2T") {
		t.Errorf("the other device shows\n%s", got)
	}
	idle[0].Close()
	for end := time.Now().Add(10 * time.Second); ; {
		page, _ := exchange(first, "GET / HTTP/1.1\r\nHost: x\r\n\r\n") // refused until the server sees the close
		if strings.Contains(page, "SPA-942") {
			break
		}
		if time.Now().After(end) {
			t.Fatal("no page after one of the connections was closed")
		}
	}
}

func TestServeEndsWithOpenConnections(t *testing.T) {
	f := &fleet{views: map[netip.Addr]device.View{netip.MustParseAddr("127.0.0.1"): view(t, "SPA942", "")}}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- (&webui.Site{Devices: f}).Serve(ctx, l) }()
	conn, err := net.Dial("tcp4", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /"); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-served; err != nil {
		t.Errorf("serve ended with %v", err)
	}
	goleak.VerifyNone(t)
}

// A page that a client has begun to ask for is finished though serving ends.
func TestBegunPagesAreFinished(t *testing.T) {
	f := &fleet{views: map[netip.Addr]device.View{netip.MustParseAddr("127.0.0.1"): view(t, "SPA942", "")}}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan struct{}, 1)
	served := make(chan error, 1)
	go func() {
		served <- (&webui.Site{Devices: lookedUp{f, accepted}}).Serve(context.Background(), l)
	}()
	conn, err := net.Dial("tcp4", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\n"); err != nil {
		t.Fatal(err)
	}
	<-accepted
	l.Close()
	if _, err := io.WriteString(conn, "Host: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if page, err := io.ReadAll(conn); err != nil || !strings.Contains(string(page), "SPA-942") {
		t.Errorf("%v, %q", err, page)
	}
	if err := <-served; err != nil {
		t.Errorf("serve ended with %v", err)
	}
}

// lookedUp says when a device is looked up.
type lookedUp struct {
	*fleet
	first chan struct{}
}

func (l lookedUp) At(addr netip.Addr) (device.View, bool) {
	select {
	case l.first <- struct{}{}:
	default:
	}
	return l.fleet.At(addr)
}

func TestServeEndsWithItsListener(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := (&webui.Site{Devices: &fleet{}}).Serve(context.Background(), l); err != nil {
		t.Errorf("serve ended with %v", err)
	}
}
