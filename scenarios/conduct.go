package scenarios

import (
	"context"
	"math"
	"slices"
	"time"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/prov"
)

// begin starts the time of the claims that do not wait for a step.
func (p *play) begin() {
	for _, t := range p.when {
		if t != nil {
			p.judge.watch(t.number, 0)
		}
	}
	for _, t := range p.expect {
		if from := since(t.claim); from.Step == "" {
			after, _ := p.moment(from)
			p.judge.watch(t.number, after)
		}
	}
}

// since returns the moment from which a claim is followed. What a plain deadline
// adds to a step does not count: the claim may hold any time before it.
func since(c *Claim) Instant {
	switch {
	case c.Quant == "always" || c.Quant == "never":
		return c.From
	case c.At.Given:
		return c.At
	}
	return Instant{Step: c.By.Step}
}

// conduct lets the steps happen and decides the claims, until the story is over
// or ctx ends.
func (p *play) conduct(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for ctx.Err() == nil {
		now := p.elapsed()
		if p.turn(ctx, now) {
			return
		}
		wait := time.Hour
		if at, ok := p.nextMoment(now); ok {
			wait = min(wait, time.Duration(float64(at-now)/p.story.Clock.pace())+time.Millisecond)
		}
		if len(p.quiet) > 0 {
			wait = min(wait, quietEvery)
		}
		timer.Reset(wait)
		select {
		case <-p.judge.news:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
}

// turn lets happen and decides what can be now, and reports whether the story is
// over.
func (p *play) turn(ctx context.Context, now time.Duration) (over bool) {
	p.happen(ctx, now)
	p.catchUp(now)
	for p.settleQuiet(now) && p.story.Clock.jumps() { // it is all there already
		p.happen(ctx, now)
	}
	p.decide(now)
	return p.over(now)
}

// lead conducts a fleet whose clock jumps: it is called by the fleet's loop.
func (p *play) lead(at int64, do func(device.Index, device.Command)) (next int64, over bool) {
	p.order = do
	now := time.Duration(at - p.start)
	ctx := context.Background()
	if p.turn(ctx, now) {
		p.final = p.report(ctx, p.began, false)
		return 0, true
	}
	after, ok := p.nextMoment(now)
	if !ok {
		return math.MaxInt64, false
	}
	return p.start + int64(after), false
}

func (p *play) elapsed() time.Duration { return time.Duration(p.fleet.Now() - p.start) }

// moment returns when an instant is; false where its step has not happened.
func (p *play) moment(i Instant) (time.Duration, bool) {
	if i.End {
		return p.story.Duration, p.story.Duration > 0
	}
	if i.Step == "" {
		return i.Plus, true
	}
	at := p.fired[p.steps[i.Step]]
	return at + i.Plus, at >= 0
}

// happen fires the steps whose moment has come, in file order.
func (p *play) happen(ctx context.Context, now time.Duration) {
	for ctx.Err() == nil {
		i := p.dueStep(now)
		if i < 0 {
			return
		}
		p.fire(i, now)
	}
}

// dueStep returns the step that happens next, the earlier in the file where two
// are due at once, -1 for none. One step may make another due, wherever it stands.
func (p *play) dueStep(now time.Duration) int {
	due, first := -1, time.Duration(0)
	for i := range p.story.Timeline {
		if p.fired[i] >= 0 || p.missed[i] {
			continue
		}
		if at, is := p.dueAt(i, now); is && (due < 0 || at < first) {
			due, first = i, at
		}
	}
	return due
}

// dueAt returns since when a step is due. It gives up a when whose deadline is
// over.
func (p *play) dueAt(i int, now time.Duration) (time.Duration, bool) {
	s := &p.story.Timeline[i]
	if s.When == nil {
		at, known := p.moment(s.At)
		return at, known && at <= now
	}
	by, known := p.moment(s.deadline())
	if p.ripe(p.when[i]) {
		return now, true
	}
	p.missed[i] = known && now >= by
	return 0, false
}

// deadline returns until when a step waits for its when.
func (s *Step) deadline() Instant {
	if s.When != nil && !s.By.Given {
		return Instant{End: true, Given: true}
	}
	return s.By
}

func (p *play) ripe(t *tracked) bool {
	p.judge.mu.Lock()
	defer p.judge.mu.Unlock()
	return t.holdsNow()
}

// fire lets a step happen.
func (p *play) fire(i int, now time.Duration) {
	s := &p.story.Timeline[i]
	p.fired[i] = now
	if s.Name != "" {
		p.judge.mu.Lock()
		p.happened = append(p.happened, s.Name)
		p.judge.mu.Unlock()
	}
	for _, t := range p.expect {
		if from := since(t.claim); from.Step == s.Name && s.Name != "" {
			p.judge.watch(t.number, now+from.Plus)
		}
	}
	switch s.Action {
	case "":
		return
	case "clear":
		p.calm(p.steps[s.Clear])
		return
	}
	devices := p.judge.choose(p.chosen[i], i)
	p.reached[i] = len(devices)
	if s.Action == "fault" {
		p.disturb(i, devices)
		if s.For > 0 {
			p.later(chore{at: now + s.For, step: i, undo: true})
		}
		return
	}
	if s.Pace != (Pace{}) {
		p.inTurn(i, now)
	} else {
		p.allAtOnce(i, devices, now)
	}
	if s.Action == "off_hook" || s.Action == "on_hook" || s.Action == "set" {
		p.quiet = append(p.quiet, quiet{devices, now + p.lasting() + s.Pace.length(len(devices))})
	}
}

// quiet is devices that a step changed in a way that brings no event.
type quiet struct {
	devices []device.Index
	until   time.Duration
}

const (
	quietFor   = time.Second           // that long such a change is looked for; a busy device tells when it ends
	quietEvery = 20 * time.Millisecond // and so often
)

// lasting is how long a change without an event is looked for: where time jumps
// it has happened already.
func (p *play) lasting() time.Duration {
	if p.story.Clock.jumps() {
		return -1
	}
	return time.Duration(float64(quietFor) * p.story.Clock.pace())
}

// settleQuiet weighs again what changed without an event, and reports whether
// there was any such thing.
func (p *play) settleQuiet(now time.Duration) bool {
	looked := len(p.quiet) > 0
	for _, q := range p.quiet {
		p.judge.reweigh(q.devices)
	}
	p.quiet = slices.DeleteFunc(p.quiet, func(q quiet) bool { return now > q.until })
	return looked
}

var orders = map[string]device.Order{
	"power_on": device.SwitchOn, "power_off": device.SwitchOff, "reboot": device.Reboot, "factory_reset": device.FactoryReset,
	"off_hook": device.HookOff, "on_hook": device.HookOn, "resync": device.Resync, "upgrade": device.Upgrade, "report": device.Report, "set": device.SetParams,
}

// act does a step's action to one device. An error is the end of the run, which
// the caller sees by its context.
func (p *play) act(s *Step, action string, dev device.Index) {
	v, _ := p.fleet.View(dev)
	if action == "rotate_keys" {
		if p.pairs != nil {
			p.pairs.Rotate(v.Unit.MAC.String())
		}
		return
	}
	c := device.Command{Order: orders[action], Cause: model.ByStep, Argument: p.spoken(s.URL, &v.Unit), Requester: v.Unit.IP}
	for _, set := range s.Set {
		if param, ok := v.Unit.Row.Lookup(set.Name); ok {
			c.Sets = append(c.Sets, device.Set{ID: param.ID, Value: p.spoken(set.Value, &v.Unit), Has: true})
		}
	}
	p.order(dev, c)
}

// spoken expands a step's text for a device. The plan has checked it; what
// fails only now is "", as a wrong expression is false.
func (p *play) spoken(text string, u *device.Unit) string {
	filled, err := placeholders(text, p.values)
	if err != nil {
		return ""
	}
	var r prov.Rotation
	if p.pairs != nil {
		mac := u.MAC.String()
		now := p.pairs.At(mac, p.pairs.Generation(mac))
		r = prov.Rotation{Asked: now, Next: now}
	}
	value, err := p.texts.expand(filled, prov.Asker{Unit: u}, r)
	if err != nil {
		return ""
	}
	return value
}

// decide settles the claims whose time is over, or that cannot change any more.
func (p *play) decide(now time.Duration) {
	p.judge.mu.Lock()
	defer p.judge.mu.Unlock()
	for _, t := range p.expect {
		if t.decided || !t.watching {
			continue
		}
		c := t.claim
		switch {
		case t.each():
			if !t.holdsNow() {
				t.settle(false, now)
			}
		case c.At.Given:
			if at, known := p.moment(c.At); known && at <= now {
				p.judge.weighAll(t.number)
				t.settle(t.holdsNow(), now)
			}
		case !c.By.Given: // at the end
		default:
			p.decideBy(t, now)
		}
	}
}

// decideBy settles a claim with a deadline: early where it can only hold.
func (p *play) decideBy(t *tracked, now time.Duration) {
	final := t.claim.Quant == "all" || t.claim.Quant == "at_least"
	if final && t.holdsNow() && (!t.shared || t.count == t.devices) {
		t.settle(true, now)
		return
	}
	if by, known := p.moment(t.claim.By); known && now >= by {
		p.judge.weighAll(t.number)
		t.settle(t.holdsNow(), now)
	}
}

func (t *tracked) settle(ok bool, now time.Duration) { t.decided, t.ok, t.at = true, ok, now }

// over reports whether nothing is left to wait for.
func (p *play) over(now time.Duration) bool {
	d := p.story.Duration
	if d > 0 && now >= d {
		return true
	}
	if d > 0 && !p.story.Brief || !p.story.expected() && len(p.story.Timeline) == 0 {
		return false
	}
	for i := range p.fired {
		if p.fired[i] < 0 && !p.missed[i] && !p.hopeless(i) {
			return false
		}
	}
	if slices.ContainsFunc(p.chores, func(c chore) bool { return p.story.Timeline[c.step].Fault == nil }) {
		return false
	}
	p.judge.mu.Lock()
	defer p.judge.mu.Unlock()
	for _, t := range p.expect {
		if !t.decided && t.open() && (t.watching || !p.unreachable(t)) {
			return false
		}
	}
	return true
}

// open reports whether the story goes on until a claim is decided. Some are
// decided by the end, and do not put it off.
func (t *tracked) open() bool {
	c := t.claim
	switch {
	case t.each() || c.At.End || !c.At.Given && !c.By.Given:
		return false
	case c.By.End:
		return c.Quant == "all" || c.Quant == "at_least"
	}
	return true
}

// hopeless reports whether a step waits for one that will not happen.
func (p *play) hopeless(i int) bool {
	step := awaited(&p.story.Timeline[i])
	if step == "" {
		return false
	}
	at := p.steps[step]
	return p.missed[at] || p.fired[at] < 0 && p.hopeless(at) // no circle: the plan has looked
}

// unreachable reports whether a claim waits for a step that will not happen.
func (p *play) unreachable(t *tracked) bool {
	step := since(t.claim).Step
	return step != "" && p.fired[p.steps[step]] < 0 && (p.missed[p.steps[step]] || p.hopeless(p.steps[step]))
}

// nextMoment returns when to look again if no news comes; false for never.
func (p *play) nextMoment(now time.Duration) (next time.Duration, ok bool) {
	next = math.MaxInt64
	if len(p.chores) > 0 {
		next = p.chores[0].at
	}
	consider := func(i Instant) {
		if at, known := p.moment(i); i.Given && known && at > now {
			next = min(next, at)
		}
	}
	for i := range p.story.Timeline {
		consider(p.story.Timeline[i].At)
		consider(p.story.Timeline[i].By)
	}
	for i := range p.story.Expect {
		consider(p.story.Expect[i].By)
		consider(p.story.Expect[i].At)
	}
	if p.story.Duration > now {
		next = min(next, p.story.Duration)
	}
	return next, next != math.MaxInt64
}
