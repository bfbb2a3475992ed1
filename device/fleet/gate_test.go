package fleet

import (
	"testing"

	"pgregory.net/rapid"

	"spafleet/device"
)

func TestGateIsFirstInFirstOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := gate{most: rapid.IntRange(1, 5).Draw(t, "most")}
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
				g.running = max(g.running-1, 0)
			}
		}
	})
}

// A server that is slow for days keeps the queue from ever being empty.
func TestQueueThatIsNeverEmptyDoesNotGrow(t *testing.T) {
	g := gate{most: 1}
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
		g.running--
	}
	if cap(g.ready) > 4*mostSpent {
		t.Errorf("room for %d attempts while 10 wait", cap(g.ready))
	}
	if waits != 100_000-1 {
		t.Errorf("%d attempts have waited for another's end, want each but the first once", waits)
	}
}

func TestGateForgetsAMassPowerUp(t *testing.T) {
	g := gate{most: 10_000}
	for i := range device.Index(10_000) {
		g.push(start{dev: i})
	}
	for range 10_000 {
		if _, ok := g.pop(0); !ok {
			t.Fatal("closed")
		}
	}
	if cap(g.ready) > mostSpent {
		t.Errorf("room for %d attempts while none waits", cap(g.ready))
	}
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
