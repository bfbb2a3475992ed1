package unit

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"spafleet/device"
	"spafleet/device/chance"
	"spafleet/device/dhcp"
	"spafleet/device/model"
	"spafleet/device/sip"
	"spafleet/device/syslog"
	"spafleet/fsm"
	"spafleet/resync"
)

// Effects are what follows from one input to one device.
type Effects struct {
	Events []device.Event // in order, stamped with device and count; the slice is used again
	Cancel int32          // the attempt to cancel, or [None]
	Start  *Start         // asks for admission of an attempt; nil: none
	Next   int64          // the device's timer, where it has changed; 0: it has not. [Unit.Due] tells a timer that was stopped
	N      uint32         // the device's count when the timer was set, which orders equal times
	SIP    []sip.Message  // to send, in order; the slice is used again
	// Unheard says that nothing came of a command: the device has no power, or has
	// not started yet.
	Unheard bool
	DHCP    []byte     // a message of the device's client of DHCP; nil: none
	Server  netip.Addr // that it goes to; zero: all
	Leased  bool       // the device has a lease that DHCP asks more time for
	Flaw    dhcp.Flaw  // of a DHCP server's message; 0: none

	start Start // that Start points to
	waits bool  // a command has to wait
}

// A Start is an attempt that waits for admission.
type Start struct {
	Command device.Command
	Due     int64 // when it should have started
	booted  int64 // the device's last boot; after another one the attempt is stale
	forced  bool  // starts though a line is in use
}

// A Queued is a Start in less memory: after a power failure all devices may wait.
type Queued struct {
	due, booted int64
	unusual     *device.Command // nil: it has nothing but order and cause
	order       device.Order
	cause       model.Cause
	forced      bool
}

// Queued returns a Start as it waits in a queue.
func (s *Start) Queued() Queued {
	q := Queued{due: s.Due, booted: s.booted, forced: s.forced, order: s.Command.Order, cause: s.Command.Cause}
	if c := &s.Command; c.Argument != "" || c.Requester.IsValid() || c.Sets != nil {
		unusual := *c
		q.unusual = &unusual
	}
	return q
}

// Start returns what waits.
func (q *Queued) Start() Start {
	s := Start{Command: device.Command{Order: q.order, Cause: q.cause}, Due: q.due, booted: q.booted, forced: q.forced}
	if q.unusual != nil {
		s.Command = *q.unusual
	}
	return s
}

// A turn is one device at one moment, with what follows.
type turn struct {
	*Shared
	u   *Unit
	dev device.Index
	now int64
	fx  Effects

	talker talker
}

func (t *turn) draw(purpose chance.Purpose) float64 {
	t.u.draws++
	return chance.Draw(t.Seed, uint32(t.dev), purpose, t.u.draws)
}

func (t *turn) row() *model.Row { return t.Row(t.u) }

func (t *turn) identity() device.Unit { return t.Identity(t.row(), t.dev) }

func (t *turn) group() *group { return &t.groups[t.u.group] }

// emit stamps an event with its device and count.
func (t *turn) emit(e device.Event) {
	e.Dev, e.N = t.dev, t.u.n
	most := mostOfText
	if e.Kind == device.Syslog && e.Log == syslog.Text {
		most = mostOfSIP
	}
	e.Text, e.Err = clipped(e.Text, most), clipped(e.Err, mostOfText)
	if e.Kind.Counted() {
		t.u.n++
	}
	if e.Kind != device.Moved {
		e.State = t.u.life.State
	}
	t.fx.Events = append(t.fx.Events, e)
}

// How many bytes an event holds of any text, and of a SIP message: those that were seen
// in datagrams of an SPA-3000 (surface-2.md §7: field) had up to nine kilobytes.
const (
	mostOfText = 2 << 10
	mostOfSIP  = 9 << 10
)

func clipped(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most-len("…")], "") + "…"
}

// moved emits moves of the lifecycle that no attempt has caused.
func (t *turn) moved(via device.Via, life device.Life, moves ...fsm.Event) {
	state := t.u.life.State
	t.u.life = life
	for _, m := range moves {
		state, _ = fsm.Next(state, m)
		e := device.Event{At: t.now, Kind: device.Moved, Move: m, State: state}
		if m == fsm.Customized {
			e.Via = via
		}
		t.emit(e)
	}
}

// setTimer sets one of the device's timers, or stops it with 0.
func (t *turn) setTimer(which timer, at int64) {
	timing{t.u}.set(which, at)
	t.schedule()
}

// schedule tells the owner when the earliest timer has changed.
func (t *turn) schedule() {
	u := t.u
	at, _, ok := u.nextTimer()
	if !ok {
		u.due = 0
		return
	}
	if u.due == at {
		return
	}
	u.due = at
	t.fx.Next, t.fx.N = at, u.n
	u.n++
}

// arm sets when a device resyncs next and why, or stops the timer.
func (t *turn) arm(at int64, cause model.Cause, ok bool) {
	if !ok {
		at = 0
	}
	if t.u.delayed() != nil {
		return // the timer is taken; what it starts sets the next
	}
	t.u.cause = cause
	t.setTimer(resyncTimer, at)
}

// watch sets when a trigger next starts a resync. It is asked again whenever
// something else than a timer may have changed a condition: after a boot, an
// attempt and an edit. While a device waits for its first contact after a boot,
// triggers wait too: else a condition that always holds would undo the random
// delay (inferred).
func (t *turn) watch() {
	u, at := t.u, int64(0)
	first := u.timers.resync != 0 && u.cause == model.ByPowerOn
	if triggers, ok := resync.TriggersOf(t.row(), u.params); ok && u.attempt == None && !u.has(queued) && !u.customizing() && !first {
		when, spent, ok := triggers.Next(t.conditions())
		u.spend(spent)
		if ok {
			at = when
		}
	}
	t.setTimer(triggerTimer, at)
}

// conditions returns what triggers look at.
func (t *turn) conditions() resync.Watch {
	u, unit := t.u, t.identity()
	return resync.Watch{
		Env:    device.Env{Unit: &unit, Params: u.params, Situation: &device.Situation{Customized: u.has(isCustom)}},
		Timers: resync.TimersOf(u.booted, u.last, u.upgrades().history.Last, u.lost()),
		Now:    t.now, Fired: u.fired(), Spent: [2]bool{u.has(spent1), u.has(spent2)},
	}
}

// began starts the timers of an attempt.
func (t *turn) began(cause model.Cause) {
	u := t.u
	u.last = t.now
	if cause == model.ByTrigger {
		u.own().fired = t.now
	}
	if triggers, ok := resync.TriggersOf(t.row(), u.params); ok && triggers.Edge {
		u.spend(triggers.Spend(t.conditions()))
	}
}

// timed returns what the resync timer stands for.
func (t *turn) timed() device.Command {
	u := t.u
	if c := u.delayed(); c != nil {
		u.opt.delayed = nil
		u.trim()
		return *c
	}
	if u.cause == model.ByRC {
		return device.Command{Order: device.Customize, Cause: model.ByRC}
	}
	return device.Command{Order: device.Resync, Cause: u.cause}
}

// takes returns how long a boot takes. The letter of its code says whether it is
// warm; a change of network parameters, or an order to restart, says otherwise.
func (t *turn) takes(reason device.Reason, warm bool) time.Duration {
	b := &t.row().Behaviour.Boot
	switch {
	case warm:
		return b.Warm
	case reason == device.ByUpgradeOK:
		return b.Flash + b.Cold
	case reason == device.ByUpgradeFailed && !t.row().Behaviour.Upgrade.KeepsRetry:
		return max(b.Cold, time.Second) // it may try again at once: its loop must not stand still in time
	}
	return b.Cold
}

// powerOn gives power to a device whose firmware does not run yet.
func (t *turn) powerOn() {
	t.u.set(powered, true)
	t.emit(device.Event{At: t.now, Kind: device.PowerOn})
	if !t.u.has(preset) {
		t.applyPresets()
	}
}

// applyPresets counts a tester's presets, or the defaults of a customized unit,
// as the first change of a device's life.
func (t *turn) applyPresets() {
	u, g := t.u, t.group()
	u.set(preset, true)
	u.params = t.presets(t.dev, u).At(&t.Profiles.Layers, t.row().Factory)
	if g.birth.alike && u.row == u.group && !u.has(isCustom) && !t.List.SetsApart(t.dev) {
		t.moved(device.ViaPreset, g.birth.life, g.birth.moves...)
		return
	}
	row := t.row()
	unit := t.Identity(row, t.dev)
	via := device.ViaPreset
	if u.has(isCustom) {
		u.params, via = u.opt.custom.Defaults, device.ViaRC
	}
	life, moves := u.life.Apply(device.Change{Unit: &unit, Before: device.Reset(row.Factory), After: u.params, Via: via})
	t.moved(via, life, moves...)
}

// request asks for admission of an attempt. A resync takes the place of the timers
// that would start another.
func (t *turn) request(c device.Command, due int64) {
	u := t.u
	if c.Order == device.Resync || c.Order == device.Customize {
		u.timers.resync = 0
		timing{u}.set(triggerTimer, 0)
		t.schedule()
		if later := u.delayed(); later != nil { // its timer is gone: it comes next
			u.opt.delayed = nil
			u.opt.pending = append(u.opt.pending, *later)
		}
	}
	u.set(queued, true)
	u.doing, u.why = c.Order, c.Cause
	if c.Argument != "" {
		asked := c
		u.own().asked = &asked
	}
	t.fx.start = Start{Command: c, Due: due, booted: u.booted, forced: u.has(inUse)}
	t.fx.Start = &t.fx.start
}

// abandon cancels what a device is doing or waits to do. What was committed
// stays.
func (t *turn) abandon() {
	u := t.u
	u.due = 0
	timing{u}.setAll(timers{})
	u.set(queued|booting, false)
	if t.upgrading() { // it was not tried to its end, and counts as new
		u.upgradeState().target = 0
	}
	if u.opt != nil {
		u.opt.pending, u.opt.delayed, u.opt.tries = nil, nil, nil
		u.trim()
	}
	u.done()
	t.fx.Start = nil
	if u.attempt != None {
		t.fx.Cancel = u.attempt
		u.attempt = None
	}
}

// upgrading reports whether the device does, or waits to do, what Upgrade_Rule asks
// for.
func (t *turn) upgrading() bool {
	byRule := func(c device.Command) bool { return c.Order == device.Upgrade && c.Cause == model.ByUpgrade }
	return byRule(device.Command{Order: t.u.doing, Cause: t.u.why}) || slices.ContainsFunc(t.u.pending(), byRule)
}

// wait keeps a command until the device can carry it out. The same one twice is
// kept once. While a line is in use, a resync waits for Forced_Resync_Delay at
// most.
func (t *turn) wait(c device.Command) {
	u := t.u
	t.fx.waits = true
	list := u.pending()
	same := func(k device.Command) bool {
		return k.Order == c.Order && k.Argument == c.Argument && len(k.Sets) == 0
	}
	known := len(c.Sets) == 0 && slices.ContainsFunc(list, same)
	byRule := c.Order == device.Resync && c.Argument == ""
	if !known && (len(list) < mostPending || byRule) {
		u.own().pending = append(list, c)
	}
	if c.Order == device.Resync && u.has(inUse) && u.timers.forced == 0 && !t.row().Behaviour.ForcedCountdown {
		t.setTimer(forcedTimer, t.now+int64(forcedDelay(u.params)))
	}
}

// mostPending bounds what a device keeps in mind while it is busy. A resync by
// its own rules is always kept: the timer that asked for it is gone.
const mostPending = 8

// target returns the upgrade that Upgrade_Rule asks for, 0 for none.
func (t *turn) target() resync.UpgradeTarget {
	u := t.u
	if text, _ := u.params.Lookup("Upgrade_Rule"); text == "" {
		return 0
	}
	return resync.WantedUpgrade(resync.Input{
		Unit: t.identity(), Params: u.params, Lease: *t.lease(u),
		Booted: u.booted, Last: u.last, Upgrade: u.upgrades().history, Lost: u.lost(),
	}, t.now)
}
