package fault_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"spafleet/resync/fault"
)

var server = netip.MustParseAddrPort("192.0.2.1:69")

// A link is a packet socket in virtual time: what is sent is noted, what comes
// was told before.
type link struct {
	t        time.Time
	deadline time.Time
	coming   []told
	sent     []string
}

type told struct {
	at   time.Duration
	text string
}

var start = time.Unix(1000, 0)

type late struct{}

func (late) Error() string   { return "late" }
func (late) Timeout() bool   { return true }
func (late) Temporary() bool { return true }

func (l *link) now() time.Time                    { return l.t }
func (l *link) Close() error                      { return nil }
func (l *link) SetDeadline(t time.Time) error     { l.deadline = t; return nil }
func (l *link) SetReadDeadline(t time.Time) error { l.deadline = t; return nil }
func (l *link) WriteToUDPAddrPort(p []byte, _ netip.AddrPort) (int, error) {
	l.sent = append(l.sent, string(p))
	return len(p), nil
}

func (l *link) ReadFromUDPAddrPort(p []byte) (int, netip.AddrPort, error) {
	if len(l.coming) == 0 || start.Add(l.coming[0].at).After(l.deadline) {
		if l.deadline.After(l.t) {
			l.t = l.deadline
		}
		return 0, netip.AddrPort{}, late{}
	}
	next := l.coming[0]
	l.coming = l.coming[1:]
	if at := start.Add(next.at); at.After(l.t) {
		l.t = at
	}
	return copy(p, next.text), server, nil
}

// data is DATA of a block with a text behind it.
func data(block byte, text string) string { return string([]byte{0, 3, 0, block}) + text }
func ack(block byte) string               { return string([]byte{0, 4, 0, block}) }

// heard returns what reaches the device within a minute, with its time.
func heard(l *link, s fault.Datagrams) []string {
	var list []string
	_ = s.SetReadDeadline(start.Add(time.Minute))
	p := make([]byte, 600)
	for {
		n, _, err := s.ReadFromUDPAddrPort(p)
		if err != nil {
			return list
		}
		list = append(list, fmt.Sprintf("%v %s", l.t.Sub(start), name(string(p[:n]))))
	}
}

func name(p string) string {
	if len(p) >= 4 && p[0] == 0 && (p[1] == 3 || p[1] == 4) {
		return fmt.Sprintf("%s%d%s", map[byte]string{3: "d", 4: "a"}[p[1]], p[3], p[4:])
	}
	return p
}

func disturbance(t testing.TB, e fault.Effects) *fault.Disturbance {
	t.Helper()
	p := &fault.Plan{Seed: 1}
	p.Start(fault.Fault{Effects: e})
	return p.Exchange(asks)
}

func TestWhatReachesTheDevice(t *testing.T) {
	coming := []told{{0, data(1, "")}, {0, data(2, "")}, {1e9, data(2, "")}, {2e9, data(3, "")}}
	tests := []struct {
		name    string
		effects fault.Effects
		want    string
	}{
		{"nothing happens", fault.Effects{Corrupt: true}, "0s d1,0s d2,1s d2,2s d3"},
		{"all is lost", fault.Effects{Lose: packets(t, "all")}, ""},
		{"a block is lost", fault.Effects{Lose: packets(t, "block 2")}, "0s d1,2s d3"},
		{"a block is lost once", fault.Effects{Lose: packets(t, "block 2 once")}, "0s d1,1s d2,2s d3"},
		{"ACKs do not come in here", fault.Effects{Lose: packets(t, "ack 2")}, "0s d1,0s d2,1s d2,2s d3"},
		{"packets by their place", fault.Effects{Lose: packets(t, "packet 2-3")}, "0s d1,2s d3"},
		{"twice", fault.Effects{Duplicate: packets(t, "block 1-2 once")}, "0s d1,0s d1,0s d2,0s d2,1s d2,2s d3"},
		{"out of order", fault.Effects{Reorder: packets(t, "block 1")}, "0s d2,0s d1,1s d2,2s d3"},
		{"held for ever", fault.Effects{Reorder: packets(t, "block 3")}, "0s d1,0s d2,1s d2"},
		{"later", fault.Effects{Delay: fault.Delay{Least: 5e8, Most: 5e8}}, "500ms d1,500ms d2,1.5s d2,2.5s d3"},
		{"a line of 32 bits a second", fault.Effects{Bandwidth: 32}, "1s d1,2s d2,3s d2,4s d3"},
		{"both", fault.Effects{Bandwidth: 32, Delay: fault.Delay{Least: 1e9, Most: 1e9}}, "2s d1,3s d2,4s d2,5s d3"},
	}
	for _, tt := range tests {
		l := &link{t: start, coming: slices.Clone(coming)}
		got := strings.Join(heard(l, disturbance(t, tt.effects).Packets(l, l.now)), ",")
		if got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestWhatReachesTheServer(t *testing.T) {
	sends := []string{"RRQ", ack(1), ack(1), ack(2), ack(3)}
	tests := []struct {
		name    string
		effects fault.Effects
		want    string
	}{
		{"nothing happens", fault.Effects{Corrupt: true}, "RRQ a1 a1 a2 a3"},
		{"an ACK is lost", fault.Effects{Lose: packets(t, "ack 1 once")}, "RRQ a1 a2 a3"},
		{"the request is lost", fault.Effects{Lose: packets(t, "packet 1")}, "a1 a1 a2 a3"},
		{"blocks do not go out here", fault.Effects{Lose: packets(t, "block 1-")}, "RRQ a1 a1 a2 a3"},
		{"twice", fault.Effects{Duplicate: packets(t, "ack 3")}, "RRQ a1 a1 a2 a3 a3"},
		{"out of order", fault.Effects{Reorder: packets(t, "ack 2")}, "RRQ a1 a1 a3 a2"},
	}
	for _, tt := range tests {
		l := &link{t: start}
		s := disturbance(t, tt.effects).Packets(l, l.now)
		for _, p := range sends {
			if n, err := s.WriteToUDPAddrPort([]byte(p), server); n != len(p) || err != nil {
				t.Errorf("%s: %d, %v", tt.name, n, err)
			}
		}
		for i := range l.sent {
			l.sent[i] = name(l.sent[i])
		}
		if got := strings.Join(l.sent, " "); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestADelayedPacketMissesTheDeadlineAndComesLater(t *testing.T) {
	l := &link{t: start, coming: []told{{0, data(1, "")}}}
	s := disturbance(t, fault.Effects{Delay: fault.Delay{Least: 4e9, Most: 4e9}}).Packets(l, l.now)
	_ = s.SetReadDeadline(start.Add(3 * time.Second))
	p := make([]byte, 600)
	if _, _, err := s.ReadFromUDPAddrPort(p); err == nil || l.t != start.Add(3*time.Second) {
		t.Errorf("%v at %v, want a time-out after 3s", err, l.t.Sub(start))
	}
	_ = s.SetReadDeadline(start.Add(6 * time.Second))
	if _, from, err := s.ReadFromUDPAddrPort(p); err != nil || from != server || l.t != start.Add(4*time.Second) {
		t.Errorf("%v from %v at %v, want it after 4s", err, from, l.t.Sub(start))
	}
}

func TestATruncatedTransferEndsWithAShortBlock(t *testing.T) {
	full := strings.Repeat("x", 512)
	for limit, want := range map[int64]int{0: 0, 100: 100, 512: 512, 600: 512, 5000: 512} {
		l := &link{t: start, coming: []told{{0, data(1, full)}, {0, data(2, full)}}}
		s := disturbance(t, fault.Effects{Truncate: fault.After(limit)}).Packets(l, l.now)
		_ = s.SetReadDeadline(start.Add(time.Second))
		p := make([]byte, 600)
		n, _, _ := s.ReadFromUDPAddrPort(p)
		m, _, _ := s.ReadFromUDPAddrPort(p)
		second := min(max(limit-512, 0), 512)
		if n-4 != want || m-4 != int(second) {
			t.Errorf("after %d: blocks of %d and %d bytes", limit, n-4, m-4)
		}
	}
}

// A socket whose disturbance is not the network's is as if it were not there.
func TestWithoutAFaultASocketIsTransparent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOfN(rapid.StringN(0, 100, 500), 0, 20).Draw(t, "texts")
		var coming []told
		at := time.Duration(0)
		for _, text := range texts {
			at += time.Duration(rapid.IntRange(0, 2000).Draw(t, "pause")) * time.Millisecond
			coming = append(coming, told{at, text})
		}
		bare := &link{t: start, coming: slices.Clone(coming)}
		wrapped := &link{t: start, coming: slices.Clone(coming)}
		p := &fault.Plan{}
		p.Start(fault.Fault{Effects: fault.Effects{Lose: fault.Packets{Unit: fault.Packet, Range: fault.Range{From: 1000, To: 1000}}}})
		s := p.Exchange(asks).Packets(wrapped, func() time.Time { t.Fatal("the clock is read"); return start })
		if got, want := heard(wrapped, s), heard(bare, bare); !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
		for _, text := range texts {
			_, _ = s.WriteToUDPAddrPort([]byte(text), server)
		}
		if !slices.Equal(wrapped.sent, texts) && len(texts) > 0 {
			t.Errorf("sent %q, want %q", wrapped.sent, texts)
		}
	})
}

// Two runs of one seed lose the same packets and delay them alike; no packet is
// invented, and none comes before its time.
func TestTheSameSeedHasTheSamePackets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := fault.Effects{
			Lose: fault.Packets{Unit: fault.Some, Share: 0.3}, Duplicate: fault.Packets{Unit: fault.Some, Share: 0.2}, Reorder: fault.Packets{Unit: fault.Some, Share: 0.2},
			Delay: fault.Delay{Least: 0, Most: time.Second}, Bandwidth: float64(rapid.IntRange(0, 10000).Draw(t, "bandwidth")),
		}
		seed := rapid.Uint64().Draw(t, "seed")
		run := func() []string {
			p := &fault.Plan{Seed: seed}
			p.Start(fault.Fault{Effects: e})
			l := &link{t: start}
			for i := range 40 {
				l.coming = append(l.coming, told{time.Duration(i) * 100 * time.Millisecond, data(byte(i), "")})
			}
			return heard(l, p.Exchange(asks).Packets(l, l.now))
		}
		one, other := run(), run()
		if !slices.Equal(one, other) {
			t.Errorf("%q and %q", one, other)
		}
		for _, line := range one {
			var at, text string
			fmt.Sscan(line, &at, &text)
			var i int
			fmt.Sscanf(text, "d%d", &i)
			if d, err := time.ParseDuration(at); err != nil || d < time.Duration(i)*100*time.Millisecond {
				t.Errorf("%s came too early", line)
			}
		}
	})
}

func TestQuestionsAreLostWithTheirPackets(t *testing.T) {
	type lookup struct {
		late  time.Duration
		found bool
	}
	for text, want := range map[string]lookup{
		"all": {10e9, false}, "packet 1": {5e9 + 7, true}, "packet 2": {5e9 + 7, true}, "packet 1-2": {10e9, false} /* a question without an answer is one packet */, "packet 9": {7, true}, "packet 2-3": {10e9, false},
	} {
		late, found := disturbance(t, fault.Effects{Lose: packets(t, text), Delay: fault.Delay{Least: 7, Most: 7}}).Lookup(5*time.Second, 2)
		if late != want.late || found != want.found {
			t.Errorf("%s: %v, %t; want %v", text, late, found, want)
		}
	}
	if late, found := disturbance(t, fault.Effects{Delay: fault.Delay{Least: 6e9, Most: 6e9}}).Lookup(5*time.Second, 2); found || late != 10*time.Second {
		t.Errorf("answers that come too late: %v, %t", late, found)
	}
}
