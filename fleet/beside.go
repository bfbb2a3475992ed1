package fleet

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sync"

	"spafleet/device"
)

// Loops side by side. In virtual time loops need not take turns with each other where
// no device feels another. Each runs ahead until it has enough to tell, or until the
// conductor's next moment, and what they have to tell is put into one order. That order
// follows from the devices alone, so it is the same for any number of loops: by moment;
// within one, by block of devices; of one block, turn by turn; within a turn, the devices
// whose time had come before the attempts that were admitted; and then by device.

// A turnKey is the place of a turn in the order of all.
type turnKey struct {
	at    int64
	block uint32 // of the devices that it wakes
	round uint32 // from 1: how many turns those devices have had at this moment
}

func (a turnKey) compare(b turnKey) int {
	return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.block, b.block), cmp.Compare(a.round, b.round))
}

// lastKey is after all others.
var lastKey = turnKey{at: never, block: math.MaxUint32, round: math.MaxUint32}

// blockDevices is how many devices are in a block: as many may act in one turn.
const blockDevices = 4096

func blockOf(dev device.Index) uint32 { return uint32(dev) / blockDevices }

// mostAhead is about how many events a loop has to tell before it waits.
const mostAhead = 1 << 14

// A turn is what one turn of a loop has to tell: events from begin up to admitted are
// of devices whose time had come, those up to end of attempts that were admitted.
type turn struct {
	turnKey
	begin, admitted, end int
}

// An ahead is how far a loop has run ahead of what was told.
type ahead struct {
	l     *loop
	last  turnKey
	turns []turn // with what they have to tell in the loop's out
}

// next returns the key of the loop's next turn, lastKey for none up to a moment.
func (a *ahead) next(until int64) turnKey {
	e, ok := a.entry()
	if !ok || e.at > until {
		return lastKey
	}
	k := turnKey{at: max(e.at, a.l.clock.Now()), block: blockOf(e.dev), round: 1}
	if last := a.last; last.at == k.at && last.block >= k.block {
		k.block, k.round = last.block, last.round+1
	}
	return k
}

// entry returns what the loop has to do next.
func (a *ahead) entry() (e entry, ok bool) {
	if len(a.l.heap) > 0 {
		e, ok = a.l.heap[0], true
	}
	if w := a.l.simulation.wakes; len(w) > 0 && (!ok || w[0].before(e)) {
		e, ok = w[0], true
	}
	return e, ok
}

// run takes turns up to and with a moment, until there is enough to tell.
func (a *ahead) run(ctx context.Context, until int64) {
	for len(a.l.out) < mostAhead && ctx.Err() == nil && a.l.broken == nil {
		k := a.next(until)
		if k == lastKey {
			return
		}
		a.turn(ctx, k)
	}
}

func (a *ahead) turn(ctx context.Context, k turnKey) {
	l := a.l
	l.clock.(*virtualClock).jump(k.at)
	a.last = k
	t := turn{turnKey: k, begin: len(l.out)}
	for {
		e, ok := a.entry()
		if !ok || e.at > k.at || blockOf(e.dev) > k.block {
			break
		}
		l.wakeFirst(k.at)
	}
	t.admitted = len(l.out)
	l.admit(ctx, k.at)
	if t.end = len(l.out); t.end > t.begin {
		a.turns = append(a.turns, t)
	}
	l.checkTurn()
}

// A beside is the loops of a fleet that run side by side, and what tells of them.
type beside struct {
	f        *Fleet
	telling  sync.WaitGroup
	merged   []device.Event // belongs to the telling
	commands int
	spare    [][]device.Event // buffers that were told
}

// run works until the conductor says that the run is over, nothing is left to happen,
// or ctx ends.
func (b *beside) run(ctx context.Context) *Broken {
	f := b.f
	b.begin()
	for over := false; !over && ctx.Err() == nil && b.broken() == nil; {
		moment := never
		if f.conduct != nil {
			do := func(dev device.Index, c device.Command) { b.do(ctx, dev, c) }
			if moment, over = f.conduct(f.Now(), do); over {
				break
			}
			b.admit(ctx)
			moment = max(moment, f.Now()+1)
		}
		over = b.until(ctx, moment)
	}
	b.drain()
	return b.broken()
}

// begin gives the devices their power in their order, as one loop does.
func (b *beside) begin() {
	for place := range b.f.Len() {
		l := b.f.loops[place%len(b.f.loops)]
		l.beginDevice(place / len(b.f.loops))
		b.tellOf(l)
	}
	b.flush()
	b.f.started.left.Store(0)
	close(b.f.started.whole)
}

// take takes what a loop has to tell.
func (b *beside) take(l *loop) {
	b.merged = append(b.merged, l.out...)
	clear(l.out)
	l.out = l.out[:0]
}

// tellOf tells what a loop has to tell, once it is enough.
func (b *beside) tellOf(l *loop) {
	b.take(l)
	if len(b.merged) > 4096 {
		b.flush()
	}
}

// flush tells what was put into its order.
func (b *beside) flush() {
	if len(b.merged) > 0 {
		b.f.tell(nil, b.merged)
		clear(b.merged)
		b.merged = b.merged[:0]
	}
}

// do carries out what the conductor wants of a device, while no loop runs.
func (b *beside) do(ctx context.Context, dev device.Index, c device.Command) {
	if !b.f.has(dev) {
		return
	}
	l := b.f.loop(dev)
	l.do(dev, c)
	b.tellOf(l)
	if b.commands++; b.commands%blockDevices == 0 {
		b.admit(ctx)
	}
}

// admit lets the attempts start that commands brought.
func (b *beside) admit(ctx context.Context) {
	b.flush()
	for _, l := range b.f.loops {
		l.admit(ctx, l.clock.Now())
		b.take(l)
	}
	inOrder(b.merged)
	b.flush()
}

// until lets the loops run up to and with a moment, and tells all of it. It reports
// whether nothing is left to happen.
func (b *beside) until(ctx context.Context, moment int64) (over bool) {
	for first := b.first(moment); first != lastKey; {
		var running sync.WaitGroup
		for _, l := range b.f.loops[1:] {
			running.Go(func() { l.ahead.run(ctx, moment) })
		}
		b.f.loops[0].ahead.run(ctx, moment)
		running.Wait()
		if ctx.Err() != nil || b.broken() != nil {
			return false // the time is what it was
		}
		first = b.first(moment)
		b.tellAhead(first)
	}
	b.telling.Wait()
	for _, l := range b.f.loops {
		l.clock.(*virtualClock).jump(moment)
	}
	return moment == never
}

// first returns the turn that a loop takes next, lastKey for none up to a moment.
func (b *beside) first(moment int64) turnKey {
	first := lastKey
	for _, l := range b.f.loops {
		if k := l.ahead.next(moment); k.compare(first) < 0 {
			first = k
		}
	}
	return first
}

// tellAhead lets all turns be told that come before the next one. Meanwhile the loops run
// on.
func (b *beside) tellAhead(bound turnKey) {
	b.telling.Wait()
	stretches := make([]stretch, len(b.f.loops))
	for i, l := range b.f.loops {
		stretches[i] = b.cut(l, bound)
	}
	b.telling.Go(func() {
		b.tell(stretches)
		b.flush()
	})
}

// A stretch is turns of one loop, with their events.
type stretch struct {
	turns  []turn
	events []device.Event
}

// cut takes from a loop what comes before a turn.
func (b *beside) cut(l *loop, bound turnKey) stretch {
	n, _ := slices.BinarySearchFunc(l.ahead.turns, bound, func(t turn, k turnKey) int { return t.compare(k) })
	s := stretch{turns: l.ahead.turns[:n:n], events: l.out}
	rest := l.ahead.turns[n:]
	l.ahead.turns, l.out = make([]turn, 0, len(rest)+n), b.buffer()
	for _, t := range rest {
		moved := t.begin - len(l.out)
		l.out = append(l.out, s.events[t.begin:t.end]...)
		t.begin, t.admitted, t.end = t.begin-moved, t.admitted-moved, t.end-moved
		l.ahead.turns = append(l.ahead.turns, t)
	}
	return s
}

// buffer returns an empty buffer. Nothing is told meanwhile.
func (b *beside) buffer() []device.Event {
	if n := len(b.spare); n > 0 {
		buffer := b.spare[n-1]
		b.spare = b.spare[:n-1]
		return buffer
	}
	return make([]device.Event, 0, mostAhead+mostAhead/4)
}

// tell puts the turns of all loops into one order, and tells them.
func (b *beside) tell(stretches []stretch) {
	at := make([]int, len(stretches))
	var alike []int // the loops whose next turn is the first one
	for {
		first := lastKey
		alike = alike[:0]
		for i := range stretches {
			if at[i] == len(stretches[i].turns) {
				continue
			}
			switch c := stretches[i].turns[at[i]].compare(first); {
			case c < 0:
				first, alike = stretches[i].turns[at[i]].turnKey, append(alike[:0], i)
			case c == 0:
				alike = append(alike, i)
			}
		}
		if len(alike) == 0 {
			break
		}
		b.tellTurns(stretches, at, alike)
	}
	for i := range stretches {
		clear(stretches[i].events)
		b.spare = append(b.spare, stretches[i].events[:0])
	}
}

// tellTurns tells the same turn of some loops.
func (b *beside) tellTurns(stretches []stretch, at, loops []int) {
	for _, admitted := range []bool{false, true} {
		from := len(b.merged)
		for _, i := range loops {
			t := &stretches[i].turns[at[i]]
			part := stretches[i].events[t.begin:t.admitted]
			if admitted {
				part = stretches[i].events[t.admitted:t.end]
			}
			b.merged = append(b.merged, part...)
		}
		inOrder(b.merged[from:])
	}
	for _, i := range loops {
		at[i]++
	}
	if len(b.merged) > 4096 {
		b.flush()
	}
}

// inOrder orders events by device. Those of one device stay as they are.
func inOrder(events []device.Event) {
	byDevice := func(a, b device.Event) int { return cmp.Compare(a.Dev, b.Dev) }
	if !slices.IsSortedFunc(events, byDevice) {
		slices.SortStableFunc(events, byDevice)
	}
}

// drain cuts off what is under way, once everything before is told.
func (b *beside) drain() {
	b.telling.Wait()
	var rest []stretch
	for _, l := range b.f.loops {
		rest = append(rest, stretch{l.ahead.turns, slices.Clone(l.out)}) // of a run that was interrupted
		l.out = nil
	}
	b.tell(rest)
	b.flush()
	for _, l := range b.f.loops {
		l.cutOff()
		b.take(l)
		l.executor.close()
	}
	inOrder(b.merged)
	b.flush()
}

// broken returns what is wrong with the fleet itself, nil for nothing.
func (b *beside) broken() *Broken {
	for _, l := range b.f.loops {
		if l.broken != nil {
			return l.broken
		}
	}
	return nil
}
