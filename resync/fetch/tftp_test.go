package fetch_test

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/resync"
	"spafleet/resync/fetch"
)

var full = strings.Repeat("x", 512)

// A read of one full and one short block, told packet by packet. See device-surface.md §4.4.
func TestTFTPReadPackets(t *testing.T) {
	const rrq = "RRQ /spa2102.cfg octet "
	tests := []struct {
		name  string
		serve map[string][]func(w *wire) // by packet of the device, one per time it is sent
		want  []string
	}{
		{
			name: "nothing is lost",
			serve: map[string][]func(*wire){
				rrq:     {func(w *wire) { w.reply(data(1, full)) }},
				"ACK 1": {func(w *wire) { w.reply(data(2, "y")) }},
			},
			want: []string{"0s " + rrq, "0s ACK 1", "0s ACK 2"},
		},
		{
			name: "a lost request is sent again after the wait",
			serve: map[string][]func(*wire){
				rrq:     {nil, func(w *wire) { w.reply(data(1, full)) }},
				"ACK 1": {func(w *wire) { w.reply(data(2, "y")) }},
			},
			want: []string{"0s " + rrq, "3s " + rrq, "3s ACK 1", "3s ACK 2"},
		},
		{
			name: "a lost ACK is sent again when the server repeats its block",
			serve: map[string][]func(*wire){
				rrq:     {func(w *wire) { w.reply(data(1, full)) }},
				"ACK 1": {func(w *wire) { w.from(session, time.Second, data(1, full)) }, func(w *wire) { w.reply(data(2, "y")) }},
			},
			want: []string{"0s " + rrq, "0s ACK 1", "1s ACK 1", "1s ACK 2"},
		},
		{
			name: "a lost block is asked for by the same ACK",
			serve: map[string][]func(*wire){
				rrq:     {func(w *wire) { w.reply(data(1, full)) }},
				"ACK 1": {nil, func(w *wire) { w.reply(data(2, "y")) }},
			},
			want: []string{"0s " + rrq, "0s ACK 1", "3s ACK 1", "3s ACK 2"},
		},
		{
			name: "a repeated block does not restart the wait",
			serve: map[string][]func(*wire){
				rrq: {func(w *wire) { w.reply(data(1, full)) }},
				"ACK 1": {
					func(w *wire) { w.from(session, 2*time.Second, data(1, full)) }, nil,
					func(w *wire) { w.reply(data(2, "y")) },
				},
			},
			want: []string{"0s " + rrq, "0s ACK 1", "2s ACK 1", "3s ACK 1", "3s ACK 2"},
		},
		{
			name: "doubled blocks are stored once",
			serve: map[string][]func(*wire){
				rrq:     {func(w *wire) { w.reply(data(1, full), data(1, full)) }},
				"ACK 1": {func(w *wire) { w.reply(data(2, "y"), data(2, "y")) }, nil},
			},
			want: []string{"0s " + rrq, "0s ACK 1", "0s ACK 1", "0s ACK 2"},
		},
		{
			name: "another port of the server is told so and not believed",
			serve: map[string][]func(*wire){
				rrq: {func(w *wire) { w.reply(data(1, full)) }},
				"ACK 1": {func(w *wire) {
					other := netip.AddrPortFrom(session.Addr(), 3002)
					w.from(other, 0, data(2, "zzz"))
					w.from(other, 0, errorPacket(2, "errors are not answered"))
					w.reply(data(2, "y"))
				}},
			},
			want: []string{"0s " + rrq, "0s ACK 1", "0s ERROR 5 Unknown transfer ID to 10.0.2.1:3002", "0s ACK 2"},
		},
		{
			name: "another address is not heard, before and after the first answer",
			serve: map[string][]func(*wire){
				rrq: {func(w *wire) {
					w.from(netip.MustParseAddrPort("10.0.2.66:69"), 0, data(1, "evil"))
					w.reply(data(1, full))
				}},
				"ACK 1": {func(w *wire) {
					w.from(netip.MustParseAddrPort("10.0.2.66:3001"), 0, data(2, "evil"))
					w.reply(data(2, "y"))
				}},
			},
			want: []string{"0s " + rrq, "0s ACK 1", "0s ACK 2"},
		},
		{
			name: "packets that make no sense are passed over",
			serve: map[string][]func(*wire){
				rrq: {func(w *wire) {
					w.reply(nil, []byte{0}, []byte{0, 3, 0}, pack(6, 'b'<<8|'l', "ksize\x00512\x00"), pack(1, 0, ""), ack(1), data(0, full), data(7, full), data(1, full))
				}},
				"ACK 1": {func(w *wire) { w.reply(data(0, "old"), data(3, "early"), data(2, "y")) }},
			},
			want: []string{"0s " + rrq, "0s ACK 1", "0s ACK 2"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWire(func(w *wire, p string) {
				if todo := tt.serve[p]; len(todo) > 0 {
					tt.serve[p] = todo[1:]
					if todo[0] != nil {
						todo[0](w)
					}
				}
			})
			resp, err := w.fetch(t, nil)
			if err != nil || resp.Status != 200 || string(resp.Body) != full+"y" {
				t.Errorf("Fetch = status %d, %d bytes, %v; want 200 and 513 bytes", resp.Status, len(resp.Body), err)
			}
			if !slices.Equal(w.sent, tt.want) {
				t.Errorf("sent\n  %s\nwant\n  %s", strings.Join(w.sent, "\n  "), strings.Join(tt.want, "\n  "))
			}
		})
	}
}

// Requests of 7.5.2b have options. A server may pass over them, or say in an OACK
// which of them it has taken: that is acknowledged like a block before the first, and
// changes nothing. A refusal of them is a refusal. See device-surface.md §4.4 and surface-2.md §4.7.
func TestTFTPRequestsWithOptions(t *testing.T) {
	const rrq, wrq = "RRQ /spa504G.cfg octet timeout 10 tsize 0 ", "WRQ /spa504G.cfg octet timeout 10 tsize 0 "
	oack := pack(6, 't'<<8|'s', "ize\x00513\x00timeout\x0010\x00")
	for _, tt := range []struct {
		name    string
		method  string
		serve   map[string][][]byte // by packet of the device: what it gets for the first time that it sends it, the second …
		want    string
		refusal int
	}{
		{"they are passed over", "GET", map[string][][]byte{rrq: {data(1, full)}, "ACK 1": {data(2, "y")}}, "0s " + rrq + "|0s ACK 1|0s ACK 2", 0},
		{"they are taken", "GET", map[string][][]byte{rrq: {oack}, "ACK 0": {data(1, full)}, "ACK 1": {data(2, "y")}}, "0s " + rrq + "|0s ACK 0|0s ACK 1|0s ACK 2", 0},
		{"the ACK of the OACK is lost", "GET", map[string][][]byte{rrq: {oack}, "ACK 0": {oack, data(1, full)}, "ACK 1": {data(2, "y")}},
			"0s " + rrq + "|0s ACK 0|0s ACK 0|0s ACK 1|0s ACK 2", 0},
		{"the first block is lost", "GET", map[string][][]byte{rrq: {nil, oack}, "ACK 0": {nil, data(1, full)}, "ACK 1": {data(2, "y")}},
			"0s " + rrq + "|5s " + rrq + "|5s ACK 0|10s ACK 0|10s ACK 1|10s ACK 2", 0},
		{"they are refused", "GET", map[string][][]byte{rrq: {errorPacket(8, "no")}}, "0s " + rrq, 8},
		{"a file is sent, and they are passed over", "PUT", map[string][][]byte{wrq: {ack(0)}, "DATA 1 (1)": {ack(1)}}, "0s " + wrq + "|0s DATA 1 (1)", 0},
		{"a file is sent, and they are taken", "PUT", map[string][][]byte{wrq: {oack}, "DATA 1 (1)": {ack(1)}}, "0s " + wrq + "|0s DATA 1 (1)", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWire(func(w *wire, p string) {
				if todo := tt.serve[p]; len(todo) > 0 {
					tt.serve[p] = todo[1:]
					if todo[0] != nil {
						w.reply(todo[0])
					}
				}
			})
			resp, err := w.fetch(t, func(r *resync.Request) {
				r.Unit, r.Path, r.Method, r.Body = unit(t, "SPA504G", "7.5.2b", nil), "/spa504G.cfg", tt.method, []byte("x")
			})
			switch {
			case tt.refusal > 0:
				if e := failed(t, err); e.Result != device.BadStatus || e.Code != tt.refusal {
					t.Errorf("%v, code %d", e, e.Code)
				}
			case err != nil || resp.Status != 200 || tt.method == "GET" && string(resp.Body) != full+"y":
				t.Errorf("status %d, %d bytes, %v", resp.Status, len(resp.Body), err)
			}
			if got := strings.Join(w.sent, "|"); got != tt.want {
				t.Errorf("sent %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestTFTPWritePackets(t *testing.T) {
	w := newWire(nil)
	lost := map[string]int{"WRQ /report.xml octet ": 1, "DATA 1 (512)": 1}
	w.serve = func(w *wire, p string) {
		lost[p]--
		switch {
		case lost[p] >= 0:
		case strings.HasPrefix(p, "WRQ"):
			w.reply(ack(0))
		case strings.HasPrefix(p, "DATA 1 "):
			w.reply(ack(0), ack(1), ack(1)) // doubled ACKs must not double the data
		default:
			w.reply(ack(2))
		}
	}
	resp, err := w.fetch(t, func(r *resync.Request) {
		r.Method, r.Path, r.Body = "PUT", "/report.xml", []byte(full)
	})
	if err != nil || resp.Status != 200 {
		t.Errorf("Fetch = %d, %v", resp.Status, err)
	}
	want := []string{
		"0s WRQ /report.xml octet ", "3s WRQ /report.xml octet ",
		"3s DATA 1 (512)", "6s DATA 1 (512)", "6s DATA 2 (0)",
	}
	if !slices.Equal(w.sent, want) {
		t.Errorf("sent %q, want %q", w.sent, want)
	}
}

// See device-surface.md §4.4.
func TestTFTPBlockNumbersRollOverToZeroOnReading(t *testing.T) {
	body := noise(65536*512 + 1)
	at := 0
	w := newWire(nil)
	w.serve = func(w *wire, p string) {
		if at == len(body) {
			return // the last ACK
		}
		n := min(len(body)-at, 512)
		w.reply(data(uint16(at/512+1), string(body[at:at+n])))
		at += n
	}
	resp, err := w.fetch(t, func(r *resync.Request) { r.Max = len(body) })
	if last := w.sent[len(w.sent)-1]; err != nil || !bytes.Equal(resp.Body, body) || last != "0s ACK 1" {
		t.Errorf("got %d bytes, %v, then sent %s; want %d", len(resp.Body), err, last, len(body))
	}
}

func TestTFTPBlockNumbersRollOverToZeroOnWriting(t *testing.T) {
	blocks := 0
	w := newWire(nil)
	w.serve = func(w *wire, p string) {
		var n uint16
		if _, err := fmt.Sscanf(p, "DATA %d ", &n); err == nil {
			blocks++
		}
		w.reply(ack(n))
	}
	_, err := w.fetch(t, func(r *resync.Request) { r.Method, r.Body = "PUT", make([]byte, 65537*512) })
	last := w.sent[len(w.sent)-1]
	if err != nil || blocks != 65538 || last != "0s DATA 2 (0)" {
		t.Errorf("sent %d blocks, the last %q, %v; want 65538 up to DATA 2 (0)", blocks, last, err)
	}
}

func TestTFTPErrorPackets(t *testing.T) {
	for code := range uint16(9) {
		for _, method := range []string{"GET", "PUT"} {
			w := newWire(func(w *wire, p string) { w.reply(errorPacket(code, "so be it")) })
			resp, err := w.fetch(t, func(r *resync.Request) { r.Method = method })
			if code == 1 {
				if err != nil || resp.Status != 404 {
					t.Errorf("ERROR 1 on %s: status %d, %v; want 404", method, resp.Status, err)
				}
				continue
			}
			e := failed(t, err)
			if want := fmt.Sprintf("ERROR %d \"so be it\"", code); e.Result != device.BadStatus || !strings.Contains(e.Error(), want) {
				t.Errorf("ERROR %d on %s: %v; want status and %s", code, method, e, want)
			}
			if len(w.sent) != 1 {
				t.Errorf("ERROR %d on %s: sent %q, want the request alone", code, method, w.sent)
			}
		}
	}
}

// See device-surface.md §4.4.
func TestTFTPSilenceTakesTriesTimesWait(t *testing.T) {
	tests := []struct {
		switches map[string]string
		want     []string
		took     time.Duration
	}{
		{nil, []string{"0s", "3s", "6s", "9s", "12s"}, 15 * time.Second},
		{map[string]string{"tftp_wait": "250ms", "tftp_tries": "2"}, []string{"0s", "250ms"}, 500 * time.Millisecond},
	}
	for _, tt := range tests {
		w := newWire(nil)
		_, err := w.fetch(t, func(r *resync.Request) { r.Unit = unit(t, "SPA2102", "5.2.10", tt.switches) })
		e := failed(t, err)
		if e.Result != device.Timeout || e.Took != (device.Phases{FirstByte: int64(tt.took)}) {
			t.Errorf("result %v after %+v; want timeout after %v", e.Result, e.Took, tt.took)
		}
		var at []string
		for _, line := range w.sent {
			when, what, _ := strings.Cut(line, " ")
			if at = append(at, when); what != "RRQ /spa2102.cfg octet " {
				t.Errorf("sent %q; want requests alone, no ERROR", line)
			}
		}
		if !slices.Equal(at, tt.want) {
			t.Errorf("requests at %v, want %v", at, tt.want)
		}
	}
}

func TestTFTPServerThatRepeatsForEverIsGivenUp(t *testing.T) {
	for name, repeat := range map[string][]byte{"data": data(1, full), "old data": data(0, full), "rubbish": {9, 9}} {
		w := newWire(nil)
		w.serve = func(w *wire, p string) {
			if strings.HasPrefix(p, "RRQ") {
				w.reply(data(1, full))
				w.reply(slices.Repeat([][]byte{repeat}, 300)...)
			}
		}
		_, err := w.fetch(t, nil)
		if e := failed(t, err); e.Result != device.Timeout || w.clock.t != w.began {
			t.Errorf("%s: %v after %v, want a timeout at once", name, e, w.clock.t.Sub(w.began))
		}
		if len(w.sent) > 110 {
			t.Errorf("%s: sent %d packets", name, len(w.sent))
		}
	}
}

func TestTFTPAnswerLargerThanTheDeviceTakes(t *testing.T) {
	serve := func(last string) func(*wire, string) {
		return func(w *wire, p string) {
			switch p {
			case "ACK 1":
				w.reply(data(2, last))
			default:
				w.reply(data(1, full))
			}
		}
	}
	limit := func(r *resync.Request) { r.Max = 515 }
	w := newWire(serve("xyz"))
	if resp, err := w.fetch(t, limit); err != nil || len(resp.Body) != 515 {
		t.Errorf("a body of the limit: %d bytes, %v", len(resp.Body), err)
	}
	w = newWire(serve("xyz!"))
	_, err := w.fetch(t, limit)
	if e := failed(t, err); e.Result != device.Corrupt || !e.TooBig {
		t.Errorf("a byte more: %+v, want corrupt and TooBig", e)
	}
	if last := w.sent[len(w.sent)-1]; last != "0s ERROR 3 Buffer Full" {
		t.Errorf("the last packet was %q, want ERROR 3", last)
	}
	w = newWire(func(w *wire, p string) { w.reply(data(1, full+"x")) })
	_, err = w.fetch(t, nil)
	if e := failed(t, err); e.Result != device.Corrupt || e.TooBig {
		t.Errorf("a block of 513 bytes: %+v, want corrupt", e)
	}
}

func TestTFTPPhases(t *testing.T) {
	w := newWire(nil)
	w.serve = func(w *wire, p string) {
		switch p {
		case "ACK 1":
			w.from(session, 2*time.Second, data(2, "end"))
		default:
			w.from(session, time.Second, data(1, full))
		}
	}
	resp, err := w.fetch(t, nil)
	if want := (device.Phases{FirstByte: 1e9, Body: 2e9}); err != nil || resp.Took != want {
		t.Errorf("took %+v, %v; want %+v", resp.Took, err, want)
	}
}

func TestTFTPPathsEndAtAZeroByte(t *testing.T) {
	w := newWire(func(w *wire, p string) { w.reply(data(1, "")) })
	resp, err := w.fetch(t, func(r *resync.Request) { r.Path = "/a b\x00netascii" })
	if err != nil || resp.Status != 200 || len(resp.Body) != 0 || w.sent[0] != "0s RRQ /a b octet " {
		t.Errorf("sent %q: %+v, %v", w.sent, resp, err)
	}
}

// Whatever a server sends, a transfer ends, holds its limit, and says either
// that it went well or how it failed.
func FuzzTFTPServer(f *testing.F) {
	f.Add([]byte{5, 0, 3, 0, 1, 'a'}, false)
	f.Add([]byte{4, 0, 4, 0, 0, 4, 0, 4, 0, 1}, true)
	get := request(f, "tftp", wellKnown) // once: to make a device takes longer than a transfer
	get.Max = 700
	put := *get
	put.Method, put.Body = "PUT", noise(600)
	f.Fuzz(func(t *testing.T, script []byte, sends bool) {
		w := newWire(nil)
		w.silent = true
		script = script[:min(len(script), 256)] // some dozens of packets show as much as thousands
		w.serve = func(w *wire, _ string) {
			if len(script) == 0 {
				return
			}
			n := min(int(script[0])*4, len(script)-1)
			p := script[1 : 1+n]
			script = script[1+n:]
			w.reply(p, p)
		}
		r := *get
		if sends {
			r = put
		}
		resp, err := w.sockets().Fetch(t.Context(), &r)
		if err != nil {
			failed(t, err)
		} else if resp.Status != 200 && resp.Status != 404 || len(resp.Body) > 700 {
			t.Errorf("status %d, %d bytes", resp.Status, len(resp.Body))
		}
	})
}

func TestTFTPEndsWithItsContext(t *testing.T) {
	server, addr := listenUDP(t)
	testEndsWithContext(t, request(t, "tftp", addr), func() {
		buf := make([]byte, 600)
		if n, _, err := server.ReadFromUDPAddrPort(buf); err != nil || !bytes.Contains(buf[:n], []byte("octet")) {
			t.Errorf("the server read %q, %v", buf[:n], err)
		}
	})
}

// testEndsWithContext cancels transfers that wait for an answer. The bound holds
// for the fastest of them: this machine may be busy.
func testEndsWithContext(t *testing.T, r *resync.Request, asked func()) {
	t.Helper()
	s := &fetch.Sockets{}
	fastest := time.Hour
	for range 10 {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan time.Time, 1)
		go func() {
			_, err := s.Fetch(ctx, r)
			ended <- time.Now()
			if err != context.Canceled {
				t.Errorf("error = %v, want the context's", err)
			}
		}()
		asked()
		cancelled := time.Now()
		cancel()
		fastest = min(fastest, (<-ended).Sub(cancelled))
	}
	if fastest > 10*time.Millisecond {
		t.Errorf("gone %v after its context, want 10 ms", fastest)
	}
}
