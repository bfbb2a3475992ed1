package fault_test

import (
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"spafleet/resync/fault"
)

func ordinals(t testing.TB, text string) fault.Ordinals {
	t.Helper()
	o, err := fault.ParseOrdinals(text)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func packets(t testing.TB, text string) fault.Packets {
	t.Helper()
	p, err := parsePackets(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func match(t testing.TB, text string) fault.Match {
	t.Helper()
	m, err := fault.ParseMatch(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

var asks = fault.Exchange{Device: 17, Scheme: "tftp", Path: "/a.cfg"}

func TestAFaultBefallsTheExchangesThatItNames(t *testing.T) {
	p := &fault.Plan{}
	a := p.Start(fault.Fault{
		Match: match(t, "tftp /a.cfg"), Nth: ordinals(t, "1-2"),
		Devices: func(d uint32) bool { return d != 4 }, Effects: fault.Effects{Corrupt: true},
	})
	var got []bool
	for _, x := range []fault.Exchange{
		{Device: 17, Scheme: "http", Path: "/a.cfg"}, asks, {Device: 18, Scheme: "tftp", Path: "/a.cfg"}, asks, asks,
		{Device: 4, Scheme: "tftp", Path: "/a.cfg"}, {Device: 18, Scheme: "tftp", Path: "/a.cfg"}, {Device: 18, Scheme: "tftp", Path: "/a.cfg"},
	} {
		d := p.Exchange(x)
		if got = append(got, d != nil); d != nil {
			if d.Did(fault.Effects{Corrupt: true}); x.Device == 17 {
				d.Did(fault.Effects{Corrupt: true}) // once more, of the same exchange
				d.Did(fault.Effects{Down: true})    // no fault's doing
			}
		}
	}
	if want := []bool{false, true, true, true, false, false, true, false}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if a.Affected() != 4 {
		t.Errorf("it changed %d", a.Affected())
	}
	a.Stop()
	a.Stop()
	if p.Exchange(fault.Exchange{Device: 99, Scheme: "tftp", Path: "/a.cfg"}) != nil {
		t.Error("it goes on after its end")
	}
}

func TestAFleetCountsItsExchangesTogether(t *testing.T) {
	p := &fault.Plan{}
	p.Start(fault.Fault{Nth: ordinals(t, "2"), PerFleet: true})
	for i, want := range []bool{false, true, false} {
		if got := p.Exchange(fault.Exchange{Device: uint32(i)}) != nil; got != want {
			t.Errorf("exchange %d: %t", i+1, got)
		}
	}
}

func TestNothingBefallsAPlanWithoutFaults(t *testing.T) {
	var none *fault.Plan
	if none.Exchange(asks) != nil || new(fault.Plan).Exchange(asks) != nil {
		t.Error("there is disturbance")
	}
	if s := (*fault.Disturbance)(nil).Server(); s.OfServer() {
		t.Errorf("%+v", s)
	}
}

func TestFaultsOfTheHandshakeBefallHellosOnly(t *testing.T) {
	p := &fault.Plan{}
	p.Start(fault.Fault{Effects: fault.Effects{Alert: 40}})
	p.Start(fault.Fault{Match: match(t, "https"), Effects: fault.Effects{Hostile: fault.Garbage}})
	p.Start(fault.Fault{Match: match(t, "https /x"), Effects: fault.Effects{Hostile: fault.Garbage, StallAfter: fault.After(3)}})
	if e := p.Exchange(fault.Exchange{Scheme: "https", Hello: true}).Server(); e.Alert != 40 || e.Hostile != fault.Garbage || e.StallAfter.Given {
		t.Errorf("a hello: %+v", e)
	}
	if e := p.Exchange(fault.Exchange{Scheme: "https", Path: "/x"}).Server(); e.Alert != 0 || !e.StallAfter.Given {
		t.Errorf("a request: %+v", e)
	}
}

// victims returns which of each device's first exchanges are affected, asked in
// an order of its own.
func victims(p *fault.Plan, order []uint32, each int) map[uint32][]bool {
	list := map[uint32][]bool{}
	for range each {
		for _, d := range order {
			list[d] = append(list[d], p.Exchange(fault.Exchange{Device: d}) != nil)
		}
	}
	return list
}

// Who is affected follows from seed, fault, device and count, and from nothing
// else: not from the order in which devices come, nor from goroutines.
func TestTheSameSeedHasTheSameVictims(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := fault.Fault{
			Number: rapid.Uint32().Draw(t, "number"),
			Chance: rapid.Float64Range(0.05, 0.95).Draw(t, "chance"),
		}
		seed := rapid.Uint64().Draw(t, "seed")
		order := []uint32{0, 1, 2, 3, 4, 5, 6, 7}
		one, other := &fault.Plan{Seed: seed}, &fault.Plan{Seed: seed}
		one.Start(f)
		other.Start(f)
		want := victims(one, order, 8)
		var all sync.WaitGroup
		var mu sync.Mutex
		got := map[uint32][]bool{}
		for _, d := range rapid.Permutation(order).Draw(t, "order") {
			all.Go(func() {
				v := victims(other, []uint32{d}, 8)
				mu.Lock()
				defer mu.Unlock()
				got[d] = v[d]
			})
		}
		all.Wait()
		for d := range want {
			if !slices.Equal(got[d], want[d]) {
				t.Errorf("device %d: %v and %v", d, got[d], want[d])
			}
		}
	})
}

func TestAChanceIsTakenAsOftenAsItSays(t *testing.T) {
	p := &fault.Plan{Seed: 1}
	p.Start(fault.Fault{Chance: 0.3})
	n := 0
	for d := range uint32(1000) {
		for range 20 {
			if p.Exchange(fault.Exchange{Device: d}) != nil {
				n++
			}
		}
	}
	if n < 5700 || n > 6300 {
		t.Errorf("%d of 20000, want 6000 or so", n)
	}
	other := &fault.Plan{Seed: 2}
	other.Start(fault.Fault{Chance: 0.3})
	first := &fault.Plan{Seed: 1}
	first.Start(fault.Fault{Chance: 0.3})
	same := 0
	for d := range uint32(1000) {
		if (other.Exchange(fault.Exchange{Device: d}) != nil) == (first.Exchange(fault.Exchange{Device: d}) != nil) {
			same++
		}
	}
	if same > 700 {
		t.Errorf("two seeds agree about %d of 1000", same)
	}
}

func TestCorruptBytesDiffer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := &fault.Plan{Seed: rapid.Uint64().Draw(t, "seed")}
		p.Start(fault.Fault{})
		body := rapid.SliceOfN(rapid.Byte(), 1, 2000).Draw(t, "body")
		broken := slices.Clone(body)
		p.Exchange(asks).Corrupt(broken)
		if len(body) < 256 && slices.Equal(body, broken) { // in a longer one two flips may undo each other
			t.Error("nothing was flipped")
		}
	})
}

func BenchmarkNoFault(b *testing.B) {
	p := &fault.Plan{}
	b.ReportAllocs()
	for b.Loop() {
		if p.Exchange(asks) != nil {
			b.Fatal("disturbance")
		}
	}
}
