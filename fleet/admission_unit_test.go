package fleet

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"spafleet/device"
)

func TestGateIsFirstInFirstOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := admission{most: rapid.IntRange(1, 5).Draw(t, "most")}
		var in, out device.Index
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			switch rapid.IntRange(0, 2).Draw(t, "step") {
			case 0:
				g.push(start{dev: in})
				in++
			case 1:
				full := g.running == g.most
				s, ok := g.pop(0)
				if ok != (out < in && !full) {
					t.Fatalf("pop %v with %d waiting and %d of %d running", ok, in-out, g.running, g.most)
				}
				if ok && s.dev != out {
					t.Fatalf("device %d, want %d", s.dev, out)
				}
				if ok {
					out++
				}
			case 2:
				if g.running > 0 {
					g.ended(datagrams)
				}
			}
		}
	})
}

// Whatever comes, no more run than may, each transport's in order, and neither is
// held up while it has less than its kept places.
func TestTransportsShareTheGate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var g admission
		most := rapid.IntRange(1, 12).Draw(t, "most")
		g.open(most, most/4)
		var in, out, running [transports]device.Index
		for range rapid.IntRange(1, 300).Draw(t, "steps") {
			lane := transport(rapid.IntRange(0, 1).Draw(t, "transport"))
			switch rapid.IntRange(0, 2).Draw(t, "step") {
			case 0:
				g.push(start{dev: in[lane], transport: lane})
				in[lane]++
			case 1:
				s, ok := g.pop(0)
				if !ok {
					for l := range transports {
						if waits := out[l] < in[l]; waits && g.running < most && int(running[l]) < max(most-most/4, 1) {
							t.Fatalf("%d of transport %d run, %d of %d in all, and none of its %d starts", running[l], l, g.running, most, in[l]-out[l])
						}
					}
					continue
				}
				if s.dev != out[s.transport] {
					t.Fatalf("transport %d: device %d, want %d", s.transport, s.dev, out[s.transport])
				}
				out[s.transport]++
				running[s.transport]++
			case 2:
				if running[lane] > 0 {
					running[lane]--
					g.ended(lane)
				}
			}
			if g.running > most || g.running != int(running[0]+running[1]) || g.waiting() != int(in[0]-out[0]+in[1]-out[1]) {
				t.Fatalf("%d run of %d, %v; %d wait", g.running, most, running, g.waiting())
			}
		}
	})
}

// A silent TFTP server, at which every attempt stays, leaves HTTP its places;
// alone, either transport has them all.
func TestSilentTransportHoldsUpNoOther(t *testing.T) {
	var g admission
	g.open(100, 25)
	start100 := func(lane transport) (n int) {
		for range 100 {
			g.push(start{transport: lane})
		}
		for {
			if _, ok := g.pop(0); !ok {
				return n
			}
			n++
		}
	}
	if n := start100(datagrams); n != 100 {
		t.Errorf("%d of 100 TFTP attempts start while nobody asks by HTTP", n)
	}
	for range 100 {
		g.ended(datagrams)
	}
	g.push(start{transport: streams})
	if _, ok := g.pop(0); !ok {
		t.Fatal("closed")
	}
	if n := start100(datagrams); n != 75 {
		t.Errorf("%d TFTP attempts start beside HTTP, want three quarters", n)
	}
	if n := start100(streams); n != 24 {
		t.Errorf("%d HTTP attempts start beside a silent TFTP server, want what was kept", n)
	}
}

// Starts at a rate are even within the second, however late the loop comes: in
// no tenth of an interval's tenfold are there more than its ten and the one at
// the edge.
func TestRateIsSmoothWithinTheSecond(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const interval = int64(time.Millisecond) // 1,000/s
		g := admission{most: 1 << 20, interval: interval}
		for i := range device.Index(3000) {
			g.push(start{dev: i})
		}
		var at []int64
		for now := int64(0); len(at) < 3000; {
			for {
				if _, ok := g.pop(now); !ok {
					break
				}
				at = append(at, now)
			}
			next, _ := g.nextStart()
			now = max(next, now) + int64(rapid.SampledFrom([]int{0, 0, 0, 50_000, 900_000, 20_000_000}).Draw(t, "late"))
		}
		const window = 10 * interval
		for i, from := 0, 0; i < len(at); i++ {
			for at[i]-at[from] >= window {
				from++
			}
			if n := i - from + 1; n > int(window/interval)+2 {
				t.Fatalf("%d starts within %d ms, from %d on", n, window/interval, at[from])
			}
		}
	})
}

// What this machine lacks shrinks admission, once for all who say so, and comes
// back when nothing lacks.
func TestAdmissionShrinksAndRegrows(t *testing.T) {
	const while = int64(100 * time.Millisecond)
	var g admission
	g.open(800, 200)
	for range 800 {
		g.push(start{})
	}
	for range 400 {
		g.pop(0)
	}
	now := while
	for range 400 { // each of those that run lacks something
		g.shrink(now, while)
	}
	if g.most != 350 {
		t.Errorf("%d at once after 400 ran and lacked descriptors, want 350", g.most)
	}
	if _, ok := g.pop(now); ok {
		t.Error("another starts")
	}
	for range 100 {
		now += while
		g.shrink(now, while)
		if g.running > g.most {
			g.ended(datagrams)
		}
	}
	if g.most < 1 {
		t.Errorf("%d at once: nothing can start any more", g.most)
	}
	for range 16 {
		g.regrow(now, 50*while)
		now += 50 * while
	}
	if g.regrow(now, 50*while); g.most != 800 {
		t.Errorf("%d at once when nothing lacks", g.most)
	}
}

// A server that is slow for days keeps the queue from ever being empty.
func TestQueueThatIsNeverEmptyDoesNotGrow(t *testing.T) {
	g := admission{most: 1}
	waits := 0
	for i := range device.Index(100_000) {
		g.push(start{dev: i})
		if i < 10 {
			continue
		}
		s, ok := g.pop(0)
		if !ok || s.dev != i-10 {
			t.Fatalf("pop %d: device %d, %v", i, s.dev, ok)
		}
		waits += g.blocked()
		g.ended(datagrams)
	}
	if room := g.lanes[0].ready.room(); room > 2*lineBlock {
		t.Errorf("room for %d attempts while 10 wait", room)
	}
	if waits != 100_000-1 {
		t.Errorf("%d attempts have waited for another's end, want each but the first once", waits)
	}
}

func TestGateForgetsAMassPowerUp(t *testing.T) {
	g := admission{most: 10_000}
	for i := range device.Index(10_000) {
		g.push(start{dev: i})
	}
	for range 10_000 {
		if _, ok := g.pop(0); !ok {
			t.Fatal("closed")
		}
	}
	if room := g.lanes[0].ready.room(); room > lineBlock {
		t.Errorf("room for %d attempts while none waits", room)
	}
}

// room returns how many attempts a line has memory for.
func (l *line) room() (n int) {
	for _, b := range l.blocks[:cap(l.blocks)] {
		n += cap(b)
	}
	return n
}

// A line gives what it was given, in that order, however much waits.
func TestALineIsFirstInFirstOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l line
		in, out := 0, 0
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			for range rapid.IntRange(0, 3*lineBlock).Draw(t, "come") {
				l.push(queued{number: in})
				in++
			}
			at := out
			for q := range l.all {
				if q.number != at {
					t.Fatalf("%d waits in the place of %d", q.number, at)
				}
				at++
			}
			for range rapid.IntRange(0, in-out).Draw(t, "go") {
				first := l.first().number
				if q := l.pop(); q.number != out || first != out {
					t.Fatalf("%d and %d come for %d", first, q.number, out)
				}
				out++
			}
			if l.count != in-out || l.room() < l.count || l.room() > l.count+3*lineBlock {
				t.Fatalf("%d wait, with room for %d; want %d", l.count, l.room(), in-out)
			}
		}
	})
}

func TestHeapGivesEntriesInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h heap
		n := rapid.IntRange(0, 100).Draw(t, "entries")
		for i := range n {
			h.push(entry{int64(rapid.IntRange(0, 9).Draw(t, "at")), device.Index(rapid.IntRange(0, 3).Draw(t, "dev")), uint32(i)})
		}
		drop := int64(rapid.IntRange(-1, 9).Draw(t, "drop"))
		left := 0
		for _, e := range h {
			if e.at != drop {
				left++
			}
		}
		h.keep(func(e entry) bool { return e.at != drop })
		if len(h) != left {
			t.Fatalf("%d entries are left, want %d", len(h), left)
		}
		var last entry
		for i := 0; len(h) > 0; i++ {
			e := h.pop()
			if i > 0 && e.before(last) || e.at == drop {
				t.Fatalf("%+v after %+v, dropping %d", e, last, drop)
			}
			last = e
		}
	})
}
