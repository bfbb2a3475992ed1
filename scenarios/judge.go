package scenarios

import (
	"math"
	"sync"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"

	"spafleet/device"
	"spafleet/device/rule"
	"spafleet/fleet"
)

// A judge hears what happens and keeps, for each claim, how many devices it
// holds for. A claim is evaluated anew only for the device that had an event, so
// it costs the same however many devices there are.
type judge struct {
	fleet *fleet.Fleet
	seed  uint64
	start int64
	kinds map[string]int // event kinds that the story names: place in facts
	news  chan struct{}  // capacity 1: something changed

	mu     sync.Mutex
	facts  []facts // by device's place; none where neither the story nor its server asks
	claims []*tracked
}

// facts is what a judge remembers of a device.
type facts struct {
	counts   []int
	last     []happen
	resyncs  pair
	upgrades pair
	fetches  pair
	reboots  int
	synced   bool
	err      string
	held     uint64 // claims that hold, by number; latched ones held once; always and never: broken
}

// mostClaims is how many claims a story may have: held is one word.
const mostClaims = 64

// A tracked claim is one under observation.
type tracked struct {
	number   int // its place with the judge
	claim    *Claim
	program  *vm.Program
	in       []bool // by device's place; nil: all
	devices  int
	shared   bool          // a quantity of a fleet of which this process has a shard: the merge decides
	latched  bool          // a deadline claim: counts a device once it has held
	watching bool          // its time has begun
	after    time.Duration // of always and never: earlier events do not count
	count    int           // devices that it holds for now, or held once
	broken   map[device.Index]happen
	decided  bool
	ok       bool
	at       time.Duration
}

// each reports whether a claim speaks of every single event.
func (t *tracked) each() bool { return t.claim.Quant == "always" || t.claim.Quant == "never" }

// device returns the device at a place of this process.
func (j *judge) device(place int) device.Index { return j.fleet.Shard().At(place) }

// of returns the facts of a device.
func (j *judge) of(dev device.Index) *facts { return &j.facts[j.fleet.Shard().Place(dev)] }

// concerns reports whether a claim speaks of a device.
func (j *judge) concerns(t *tracked, dev device.Index) bool {
	return t.in == nil || t.in[j.fleet.Shard().Place(dev)]
}

// Tell hears events. Those of one device stand together and in order.
func (j *judge) Tell(events []device.Event) {
	if j.facts == nil {
		return
	}
	j.mu.Lock()
	for from := 0; from < len(events); {
		to := from + 1
		for to < len(events) && events[to].Dev == events[from].Dev {
			to++
		}
		j.hear(events[from:to])
		from = to
	}
	j.mu.Unlock()
	select {
	case j.news <- struct{}{}:
	default:
	}
}

func (j *judge) hear(events []device.Event) {
	dev := events[0].Dev
	f := j.of(dev)
	if len(j.claims) == 0 { // the server's texts may still ask
		for i := range events {
			j.note(f, &events[i], happened(&events[i], j.start))
		}
		return
	}
	w := j.world(dev)
	for i := range events {
		h := happened(&events[i], j.start)
		j.note(f, &events[i], h)
		w.catchUp(f, h)
		for n, t := range j.claims {
			if t.each() {
				j.witness(n, t, dev, w, h)
			}
		}
	}
	for n, t := range j.claims {
		j.weigh(n, t, dev, w)
	}
}

// note remembers what an event says of its device.
func (j *judge) note(f *facts, e *device.Event, h happen) {
	if at, ok := j.kinds[h.Kind]; ok {
		f.counts[at]++
		f.last[at] = h
	}
	switch e.Kind {
	case device.Boot:
		f.reboots++
		f.synced = false
	case device.PowerOff:
		f.synced = false
	case device.ResyncOK:
		f.resyncs.OK++
		f.synced = true
	case device.ResyncFailed:
		f.resyncs.Failed++
		f.err = e.Err
	case device.UpgradeOK:
		f.upgrades.OK++
	case device.UpgradeFailed:
		f.upgrades.Failed++
		f.err = e.Err
	case device.Fetched:
		f.fetches.OK++
	case device.FetchFailed:
		f.fetches.Failed++
	}
}

// catchUp brings a world to the moment of an event.
func (w *world) catchUp(f *facts, h happen) {
	w.State, w.Elapsed = h.State, h.At
	w.Synced, w.Err, w.Reboots = f.synced, f.err, max(f.reboots-1, 0)
	w.Resyncs, w.Upgrades, w.Fetches = f.resyncs, f.upgrades, f.fetches
}

// witness judges one event by a claim about all events.
func (j *judge) witness(n int, t *tracked, dev device.Index, w *world, h happen) {
	f, bit := j.of(dev), uint64(1)<<n
	if !t.watching || h.At < t.after || !j.concerns(t, dev) || f.held&bit != 0 {
		return
	}
	v, err := expr.Run(t.program, witness{*w, h})
	if holds := err == nil && v == any(true); holds == (t.claim.Quant == "always") {
		return
	}
	f.held |= bit
	t.count--
	if len(t.broken) < mostBroken {
		t.broken[dev] = h
	}
}

// mostBroken is how many breaks of a claim are remembered.
const mostBroken = 1000

// weigh evaluates a claim about a device's condition.
func (j *judge) weigh(n int, t *tracked, dev device.Index, w *world) {
	if t.each() || t.decided || !t.watching || !j.concerns(t, dev) {
		return
	}
	f, bit := j.of(dev), uint64(1)<<n
	had := f.held&bit != 0
	if had && t.latched {
		return
	}
	v, err := expr.Run(t.program, *w)
	has := err == nil && v == any(true)
	switch {
	case has && !had:
		f.held |= bit
		t.count++
	case !has && had:
		f.held &^= bit
		t.count--
	}
}

// watch begins a claim's time: everything is weighed once.
func (j *judge) watch(n int, after time.Duration) {
	j.mu.Lock()
	defer j.mu.Unlock()
	t := j.claims[n]
	t.watching, t.after = true, after
	if t.each() {
		t.count = t.devices
	}
	j.weighAll(n)
}

// weighAll looks at every device: some of what a condition may ask (a hook, a
// parameter set by a step, the time) changes without an event.
func (j *judge) weighAll(n int) {
	t := j.claims[n]
	if t.each() {
		return
	}
	for place := range j.facts {
		if dev := j.device(place); j.concerns(t, dev) {
			j.weigh(n, t, dev, j.world(dev))
		}
	}
}

// reweigh looks at some devices again.
func (j *judge) reweigh(devices []device.Index) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, dev := range devices {
		w := j.world(dev)
		for n, t := range j.claims {
			j.weigh(n, t, dev, w)
		}
	}
}

// world returns what expressions see of a device now.
func (j *judge) world(dev device.Index) *world {
	f := j.of(dev)
	w := &world{Index: int(dev), Events: j.counter(f), Last: j.latest(f)}
	v, _ := j.fleet.View(dev)
	w.identify(&v.Unit, j.fleet.Group(dev).Name, j.seed)
	w.State, w.Powered, w.OffHook = v.State.String(), v.Powered, v.InUse
	w.Elapsed = time.Duration(v.Now - j.start)
	w.Param = func(name string) string {
		value, _ := v.Params.Lookup(name)
		return value
	}
	w.catchUp(f, happen{State: w.State, At: w.Elapsed})
	return w
}

// identify fills in who a device is.
func (w *world) identify(u *device.Unit, group string, seed uint64) {
	m := u.Row.Model
	w.Group, w.Model, w.Family, w.PN, w.Firmware = group, m.Name, m.Family.Name, u.Row.PN(), u.Row.Firmware.Version
	w.MAC, w.Serial, w.Address = u.MAC.String(), u.Serial, u.IP.String()
	suffix := u.Row.Behaviour.Rules.IgnoreSuffix
	w.Since = func(v string) bool { return rule.CompareVersions(w.Firmware, v, suffix) >= 0 }
	w.Before = func(v string) bool { return rule.CompareVersions(w.Firmware, v, suffix) < 0 }
	w.Secret = func(word string) string { return secret(seed, u.MAC.String(), word) }
}

func (j *judge) counter(f *facts) func(string) int {
	return func(kind string) int {
		if at, ok := j.kinds[kind]; ok {
			return f.counts[at]
		}
		return 0
	}
}

func (j *judge) latest(f *facts) func(string) happen {
	return func(kind string) happen {
		if at, ok := j.kinds[kind]; ok {
			return f.last[at]
		}
		return happen{}
	}
}

// holdsNow reports whether a claim holds for the fleet as it is.
func (t *tracked) holdsNow() bool {
	n, want := float64(t.count), t.claim.Limit.of(t.devices)
	switch t.claim.Quant {
	case "all", "always", "never":
		return t.count == t.devices
	case "none":
		return t.count == 0
	case "at_least":
		return n >= want-rounding
	case "at_most":
		return n <= want+rounding
	case "exactly": // a share of a few devices is the nearest whole number, as in a sample
		return n == math.Round(want)
	}
	return false
}

// rounding forgives what a share loses in binary.
const rounding = 1e-6

// offends reports whether a device for which a claim holds, or not, is one of
// those that it fails for.
func (t *tracked) offends(held bool) bool {
	switch t.claim.Quant {
	case "none", "at_most":
		return held
	case "exactly":
		return held == (float64(t.count) > t.claim.Limit.of(t.devices))
	}
	return !held
}

// lacking returns the first devices that a claim does not hold for.
func (j *judge) lacking(t *tracked, most int) []Lack {
	return j.first(t, most, t.offends)
}

// first returns the first devices that a claim holds for, or not, as offends
// says; of always and never, those that broke it.
func (j *judge) first(t *tracked, most int, offends func(held bool) bool) []Lack {
	list := []Lack{}
	for place := range j.facts {
		if len(list) == most {
			break
		}
		dev := j.device(place)
		if !j.concerns(t, dev) {
			continue
		}
		why := ""
		if t.each() {
			h, broke := t.broken[dev]
			if !broke {
				continue
			}
			why = "at " + h.At.Round(time.Millisecond).String() + ": " + h.Kind
		} else if !offends(j.facts[place].held&(1<<t.number) != 0) {
			continue
		}
		list = append(list, j.lack(dev, why))
	}
	return list
}

// lack says who a device is and how it stands.
func (j *judge) lack(dev device.Index, why string) Lack {
	v, _ := j.fleet.View(dev)
	f := j.of(dev)
	if why == "" {
		why = v.State.String()
		if f.err != "" {
			why += ", last failure: " + f.err
		}
		if v.Due > v.Now {
			why += ", next in " + time.Duration(v.Due-v.Now).Round(time.Second).String()
		}
	}
	return Lack{MAC: v.Unit.MAC.String(), Index: int(dev), Model: v.Unit.Row.Model.Name, Why: why}
}
