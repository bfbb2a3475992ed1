package fetch_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/resync/fault"
	"spafleet/resync/fault/faulttest"
	"spafleet/resync/fetch"
)

func lose(t testing.TB, text string) fault.Effects {
	t.Helper()
	var e fault.Effects
	if err := e.Set("lose", text); err != nil {
		t.Fatal(err)
	}
	return e
}

// "Device 17, block 9": that device gets the file by a retry, packet by packet
// as the protocol has it; the others notice nothing.
func TestABlockThatIsLostOnceComesByARetry(t *testing.T) {
	serve := func(w *wire, p string) {
		var block uint16
		switch {
		case strings.HasPrefix(p, "RRQ"):
			w.reply(data(1, full))
		default:
			if _, err := fmt.Sscanf(p, "ACK %d", &block); err != nil {
				t.Errorf("the server got %q", p)
			}
			body := full
			if block == 9 {
				body = "end"
			}
			if block < 10 {
				w.reply(data(block+1, body))
			}
		}
	}
	faults := &fault.Plan{}
	faults.Start(fault.Fault{Devices: func(d uint32) bool { return d == 17 }, Effects: lose(t, "block 9 once")})
	for dev, waits := range map[device.Index]time.Duration{17: 3 * time.Second, 18: 0} {
		w := newWire(serve)
		s := w.sockets()
		s.Faults = faults
		r := request(t, "tftp", wellKnown)
		r.Unit.Index = dev
		resp, err := s.Fetch(t.Context(), r)
		if err != nil || len(resp.Body) != 9*512+3 || w.clock.t.Sub(w.began) != waits {
			t.Errorf("device %d: %d bytes, %v, after %v; want them after %v", dev, len(resp.Body), err, w.clock.t.Sub(w.began), waits)
		}
		if want := []string{"0s ACK 8", "3s ACK 8", "3s ACK 9", "3s ACK 10"}; dev == 17 && !slices.Equal(w.sent[len(w.sent)-4:], want) {
			t.Errorf("sent %q", w.sent)
		}
	}
}

// "The first two attempts": by TFTP from a real server that never gets block 3
// through, and then does.
func TestTheFirstTwoTransfersFail(t *testing.T) {
	body := noise(2000)
	server := startPin(t, map[string][]byte{"/spa2102.cfg": body})
	s := &fetch.Sockets{Faults: faulttest.Plan(t, "tftp /spa2102.cfg", "1-2", lose(t, "block 3"))}
	for attempt := range 3 {
		for dev := range device.Index(2) {
			r := request(t, "tftp", server.addr)
			r.Unit = unit(t, "SPA2102", "5.2.10", map[string]string{"tftp_wait": "30ms", "tftp_tries": "2"})
			r.Unit.Index = dev
			resp, err := s.Fetch(t.Context(), r)
			if attempt < 2 {
				if e := failed(t, err); e.Result != device.Timeout {
					t.Errorf("attempt %d: %v", attempt+1, e)
				}
			} else if err != nil || !bytes.Equal(resp.Body, body) {
				t.Errorf("attempt %d: %d bytes, %v", attempt+1, len(resp.Body), err)
			}
		}
	}
}

// A line that loses, doubles and mixes up packets gives whole files or none.
func TestABadLineNeverGivesAWrongFile(t *testing.T) {
	body := noise(20*512 + 7)
	server := startPinThatWaits(t, map[string][]byte{"/spa2102.cfg": body}, 20*time.Millisecond)
	e := lose(t, "5%")
	e.Duplicate, e.Reorder, e.Delay = fault.Packets{Unit: fault.Some, Share: 0.1}, fault.Packets{Unit: fault.Some, Share: 0.05}, fault.Delay{Most: time.Millisecond}
	s := &fetch.Sockets{Faults: faulttest.Plan(t, "", "", e)}
	whole := 0
	for dev := range device.Index(40) {
		r := request(t, "tftp", server.addr)
		r.Unit = unit(t, "SPA2102", "5.2.10", map[string]string{"tftp_wait": "60ms"})
		r.Unit.Index = dev
		resp, err := s.Fetch(t.Context(), r)
		switch {
		case err != nil:
			failed(t, err)
		case !bytes.Equal(resp.Body, body):
			t.Errorf("device %d got %d bytes that are not the file", dev, len(resp.Body))
		default:
			whole++
		}
	}
	if whole < 30 {
		t.Errorf("only %d of 40 files came through", whole)
	}
}

func TestHTTPFaults(t *testing.T) {
	body := string(noise(5000))
	at := serveTCP(t, func(conn net.Conn) {
		if strings.Contains(readHead(conn), "GET /spa2102.cfg ") {
			fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		}
	})
	tests := []struct {
		name    string
		effects fault.Effects
		result  device.Result // 0: the file
		cut     bool
	}{
		{"a reset in the body", fault.Effects{ResetAfter: fault.After(3000)}, device.Corrupt, true},
		{"a reset in the header", fault.Effects{ResetAfter: fault.After(10)}, device.Corrupt, false},
		{"a reset at once", fault.Effects{ResetAfter: fault.After(0)}, device.NoConnect, false},
		{"an early end", fault.Effects{Truncate: fault.After(3000)}, device.Corrupt, true},
		{"a half-close in the answer", fault.Effects{CloseAfter: fault.After(3000)}, 0, false},
		{"a half-close before the request", fault.Effects{CloseAfter: fault.After(0)}, device.NoConnect, false},
		{"everything is lost", lose(t, "all"), device.Timeout, false},
		{"from the fourth packet on all is lost", lose(t, "packet 4-"), device.Timeout, true},
		{"an answer that comes too late", fault.Effects{Delay: fault.Delay{Least: 250e6, Most: 250e6}}, device.Timeout, false},
		{"a line on which the body takes too long", fault.Effects{Bandwidth: 9600}, device.Timeout, false},
		{"a slow line", fault.Effects{Bandwidth: 2e6}, 0, false},
		{"twice and out of order", fault.Effects{Duplicate: lose(t, "all").Lose, Reorder: lose(t, "all").Lose}, 0, false},
	}
	for _, tt := range tests {
		s := &fetch.Sockets{Faults: faulttest.Plan(t, "http", "", tt.effects)}
		r := request(t, "http", at)
		r.Unit = unit(t, "SPA2102", "5.2.10", map[string]string{"http_read_wait": "200ms", "http_connect_wait": "300ms"})
		resp, err := s.Fetch(t.Context(), r)
		if tt.result == 0 {
			if err != nil || string(resp.Body) != body {
				t.Errorf("%s: %d bytes, %v", tt.name, len(resp.Body), err)
			}
			continue
		}
		if e := failed(t, err); e.Result != tt.result || e.Cut != tt.cut {
			t.Errorf("%s: %v (cut %t), want %v (%t)", tt.name, e, e.Cut, tt.result, tt.cut)
		}
	}
	s := &fetch.Sockets{Faults: faulttest.Plan(t, "http", "", fault.Effects{ResetAfter: fault.After(3000)})}
	if _, err := s.Fetch(t.Context(), request(t, "http", at)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a person's log says %v", err)
	}
}

func TestQuestionsToDNSHaveFaultsOfTheirDevice(t *testing.T) {
	s := &fetch.Sockets{Hosts: map[string][]netip.Addr{"prov.test": {netip.MustParseAddr("192.0.2.1")}}}
	s.Faults = faulttest.Plan(t, "dns", "1", fault.Effects{Delay: fault.Delay{Least: 30e6, Most: 30e6}})
	for i, want := range []bool{true, false} {
		begun := time.Now()
		addrs, err := s.Resolve(fetch.For(t.Context(), fetch.Asker{Device: 3}), "prov.test")
		if err != nil || len(addrs) != 1 || (time.Since(begun) >= 30*time.Millisecond) != want {
			t.Errorf("question %d: %v, %v after %v", i+1, addrs, err, time.Since(begun))
		}
	}
	s.Faults = faulttest.Plan(t, "dns", "", lose(t, "all"))
	if _, err := s.Resolve(t.Context(), "prov.test"); err != nil {
		t.Errorf("a question of no device: %v", err)
	}
	if _, err := s.Resolve(fetch.For(t.Context(), fetch.Asker{Device: 3, Faultless: true}), "prov.test"); err != nil {
		t.Errorf("a question without faults: %v", err)
	}
}

// What no fault affects costs what it cost without faults; "none" and "others"
// are to be compared.
func BenchmarkFaults(b *testing.B) {
	answer := fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Length: 16384\r\n\r\n%s", noise(16<<10))
	at := serveTCP(b, func(conn net.Conn) { readHead(conn); conn.Write(answer) })
	for name, faults := range map[string]*fault.Plan{
		"none": nil, "empty": {}, "others": faulttest.Plan(b, "tftp", "", fault.Effects{ResetAfter: fault.After(1)}),
		"harmless": faulttest.Plan(b, "http", "", fault.Effects{ResetAfter: fault.After(1 << 30)}),
	} {
		b.Run(name, func(b *testing.B) {
			s := &fetch.Sockets{Faults: faults}
			r := request(b, "http", at)
			b.ReportAllocs()
			for b.Loop() {
				if resp, err := s.Fetch(b.Context(), r); err != nil || len(resp.Body) != 16<<10 {
					b.Fatal(len(resp.Body), err)
				}
			}
		})
	}
}
