// Package tally counts what happens to a fleet.
//
// A [Tally] hears the events of a fleet; [Tally.Totals] is what it has counted,
// which adds up with that of other shards, and [Tally.Register] shows the same
// figures to Prometheus while the run goes on. An [EventLog] writes the events.
package tally

import (
	"maps"
	"slices"
	"sync"
	"time"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/fsm"
)

// A Tally counts what happens to a fleet. It is safe for concurrent use.
type Tally struct {
	makes  []Make
	makeOf func(device.Index) int
	shard  device.Shard
	mac    func(device.Index) model.MAC // nil: failures do not say it

	mu       sync.Mutex
	devices  []mark // by place in the shard
	counts   []counts
	errs     map[failureKey]*Failure
	moreErrs int // failures of causes above the bound
	durations
	files    map[fileKey]int64
	bytes    map[string]int64
	reboots  map[device.Reason]int64
	repeats  int64 // of files that were asked for again at once
	loops    Loops
	sip      SIP
	notified map[device.Index]int64 // when a NOTIFY came whose resync has not ended
	history  History
	upgrades upgradeLoops
	started  int64
	watching watching
	live     *live

	firmwares []string // that devices have been upgraded to; the first stands for that of the start
	profiles  profileCounts
}

// profileCounts are what devices did not take of profiles.
type profileCounts struct {
	unknown  paramCounts
	rejected paramCounts
	partly   paramCounts // by what was taken of a file, not by a name
}

// durations are what took time.
type durations struct {
	resync   histogram
	ready    histogram
	notify   histogram             // from a NOTIFY to the end of its resync
	fetch    map[string]*histogram // by scheme
	phases   map[phaseKey]*histogram
	lateness histogram
}

// A Make is devices of one group of a scenario, and of one model and firmware: that
// of the start.
type Make struct {
	Group    string `json:"group,omitempty"`
	Model    string `json:"model"`
	Firmware string `json:"firmware"`
	Devices  int    `json:"devices"`
}

// String returns model and firmware.
func (m Make) String() string { return m.Model + " " + m.Firmware }

// mark is what a tally remembers of one device.
type mark struct {
	state fsm.State
	flags markFlags
	again uint8  // reboots in a row for changes of each file
	tries uint8  // reboots in a row after upgrades that failed; looped: it has had many
	fell  uint32 // the second of the last of those reboots
	on    int64
	now   uint16 // firmware, as a place in Tally.firmwares
}

type markFlags uint8

const (
	resynced    markFlags = 1 << iota // has resynced at least once
	flying                            // an attempt is under way
	succeeded                         // the last resync succeeded
	synced                            // since power-on
	provisioned                       // a resync has succeeded: the device is provisioned
	answered                          // a server has answered
	calm                              // since the last resync that succeeded, no changes have rebooted it
	loops                             // has had more of those reboots than an honest server causes
)

func (m *mark) has(f markFlags) bool { return m.flags&f == f }

func (m *mark) set(f markFlags, on bool) {
	if on {
		m.flags |= f
	} else {
		m.flags &^= f
	}
}

// mostFirmwares bounds how many firmware versions are told apart.
const mostFirmwares = 1000

// upgraded notes a device's firmware.
func (t *Tally) upgraded(m *mark, version string) {
	i := slices.Index(t.firmwares, version)
	if i < 0 && len(t.firmwares) < mostFirmwares {
		i = len(t.firmwares)
		t.firmwares = append(t.firmwares, version)
	}
	m.now = uint16(max(i, 0))
}

// counts are a make's totals.
type counts struct {
	states   [4]int64
	resyncs  map[resyncKey]int64
	ok       int64
	failed   int64
	upgraded int64
	unUpped  int64 // upgrades that failed
}

type resyncKey struct {
	scheme string
	result device.Result
}

type fileKey struct {
	scheme string
	rule   byte
	what   string
	result device.Result
}

type phaseKey struct{ phase, scheme string }

// New returns a tally of a shard's devices by make. MakeOf says which of the
// makes a device is of.
func New(makes []Make, makeOf func(device.Index) int, shard device.Shard) *Tally {
	t := &Tally{sip: newSIP(), notified: map[device.Index]int64{}, makes: makes, makeOf: makeOf, shard: shard, counts: make([]counts, len(makes)), firmwares: []string{""}, errs: map[failureKey]*Failure{},
		durations: durations{fetch: map[string]*histogram{}, phases: map[phaseKey]*histogram{}}, files: map[fileKey]int64{}, bytes: map[string]int64{}, reboots: map[device.Reason]int64{}}
	total := 0
	for i, m := range makes {
		total += m.Devices
		t.counts[i] = counts{resyncs: map[resyncKey]int64{}}
		t.counts[i].states[fsm.MfgReset] = int64(m.Devices)
	}
	t.devices = make([]mark, total)
	t.history.Initial[fsm.MfgReset] = int64(total)
	return t
}

// Resume counts a device where a fleet that goes on has it, with the firmware that
// it has now. It is called before the first event.
func (t *Tally) Resume(dev device.Index, s fsm.State, firmware string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	m, kind := &t.devices[t.shard.Place(dev)], t.makeOf(dev)
	t.history.Initial[m.state]--
	t.history.Initial[s]++
	t.moved(m, kind, s)
	if firmware != t.makes[kind].Firmware {
		t.upgraded(m, firmware)
	}
}

func (t *Tally) moved(m *mark, kind int, to fsm.State) {
	c := &t.counts[kind]
	c.states[m.state]--
	c.states[to]++
	t.watching.changed("devices", kind, -1, "state", m.state.String())
	t.watching.changed("devices", kind, 1, "state", to.String())
	t.live.moved(kind, m.state, to)
	m.state = to
}

// Tell counts events. It keeps nothing of the slice.
func (t *Tally) Tell(events []device.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range events {
		t.count(&events[i])
	}
}

func (t *Tally) count(e *device.Event) {
	if e.Kind == device.Late {
		t.lateness.add(e.Took)
		t.watching.tell("lateness", &sample{kind: t.makeOf(e.Dev), due: e.At, n: 1, took: e.Took})
		t.live.late(e.Took)
		return
	}
	if e.Kind.Reason() {
		return
	}
	t.flight(e)
	t.history.count(e)
	m := &t.devices[t.shard.Place(e.Dev)]
	kind := t.makeOf(e.Dev)
	c := &t.counts[kind]
	t.watch(e, kind)
	heardSIP(t, e)
	switch e.Kind {
	case device.PowerOn:
		m.on = e.At
		m.set(synced, false)
	case device.Boot:
		t.reboots[e.Reason]++
		t.loops.reboot(m, e)
		if e.Reason == device.ByUpgradeFailed {
			m.upgradeReboot(e)
		}
		t.live.reboot(e.Reason)
	case device.Moved:
		t.history.moved(e.At, m.state, e.State)
		t.moved(m, kind, e.State)
	case device.ResyncStarted:
		t.started++
	case device.ResyncOK:
		m.settle()
		c.ok++
		t.ended(e, m, kind)
		t.readyAfter(e, m)
	case device.ResyncFailed:
		c.failed++
		t.ended(e, m, kind)
		t.failure(e)
	case device.Fetched:
		t.file(e)
	case device.FetchFailed:
		t.file(e)
		if slices.Contains([]string{"ca", "customization", "ring_tone", "xml_service"}, e.File.What) || e.File.Param != "" { // no other event tells
			t.failure(e)
		}
	case device.ReportFailed:
		t.failure(e)
	case device.UpgradeOK:
		c.upgraded++
		t.upgraded(m, e.Text)
		if m.tries != looped {
			m.tries = 0
		}
	case device.UpgradeFailed:
		c.unUpped++
		t.failure(e)
		_, file := keyOf(e)
		t.upgrades.failed(m, e, t.makes[kind].String(), t.example(e, file))
	case device.Applied:
		t.profiles.add(e.File, kind)
	}
}

// add counts what a device did not take of a profile.
func (p *profileCounts) add(f *device.File, kind int) {
	p.unknown.addUnknown(f, kind)
	p.rejected.addRejected(f, kind)
	if f.Partly != "" {
		p.partly.add(f.Partly, kind, "")
	}
}

// flight follows how many attempts are under way: a device has one at most, and loses it
// with its power or by a boot.
func (t *Tally) flight(e *device.Event) {
	m, by := &t.devices[t.shard.Place(e.Dev)], int64(0)
	switch e.Kind {
	case device.ResyncStarted, device.UpgradeStarted:
		by = 1
	case device.ResyncOK, device.ResyncFailed, device.UpgradeOK, device.UpgradeFailed, device.PowerOff, device.Boot:
		by = -1
	}
	if flies := by > 0; by != 0 && flies != m.has(flying) {
		m.set(flying, flies)
		t.watching.changed("outstanding", t.makeOf(e.Dev), by, "", "")
	}
}

// ended counts the end of a resync.
func (t *Tally) ended(e *device.Event, m *mark, kind int) {
	m.set(resynced, true)
	m.set(succeeded, e.Kind == device.ResyncOK)
	if m.has(succeeded) {
		m.set(provisioned, true)
	}
	scheme := ""
	if e.File != nil {
		scheme = e.File.Scheme
	}
	servedNotify(t, e, kind)
	t.counts[kind].resyncs[resyncKey{scheme, e.Result}]++
	t.resync.add(e.Took)
	t.live.resync(kind, scheme, e.Result, e.Took)
}

func (t *Tally) readyAfter(e *device.Event, m *mark) {
	if !m.has(synced) {
		m.set(synced, true)
		t.ready.add(e.At - m.on)
		t.watching.tell("ready_duration", &sample{kind: t.makeOf(e.Dev), due: m.on, n: 1, took: e.At - m.on})
	}
}

func (t *Tally) file(e *device.Event) {
	f := e.File
	if f.Answered() {
		t.devices[t.shard.Place(e.Dev)].set(answered, true)
	}
	t.files[fileKey{f.Scheme, f.Rule, f.What, f.Result}]++
	t.bytes[f.Scheme] += int64(f.Bytes)
	if f.Repeat > 0 {
		t.repeats++
	}
	t.live.file(f)
	if f.Result != device.OK {
		return
	}
	of(t.fetch, f.Scheme).add(f.Took.Whole())
	for _, p := range parts(&f.Took) {
		if p.ns > 0 {
			of(t.phases, phaseKey{p.name, f.Scheme}).add(p.ns)
		}
	}
}

type part struct {
	name string
	ns   int64
}

func parts(p *device.Phases) [len(phaseNames)]part {
	took := [...]int64{p.DNS, p.Connect, p.TLS, p.FirstByte, p.Body, p.Decode, p.Apply}
	var list [len(phaseNames)]part
	for i, ns := range took {
		list[i] = part{phaseNames[i], ns}
	}
	return list
}

// of returns the histogram of a key, made on first use.
func of[K comparable](m map[K]*histogram, k K) *histogram {
	h := m[k]
	if h == nil {
		h = &histogram{}
		m[k] = h
	}
	return h
}

// Lateness returns how late attempts started.
func (t *Tally) Lateness() Spread {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.lateness.spread()
}

// Started returns how many resyncs began.
func (t *Tally) Started() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.started
}

// Watch counts the samples of filters from now on, of each filter once. It is called
// before the first event.
func (t *Tally) Watch(filters []Filter) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, f := range filters {
		if slices.ContainsFunc(t.watching.by[f.Metric], func(w *watch) bool { return maps.Equal(w.Tags, f.Tags) }) {
			continue
		}
		w := &watch{Watched: Watched{Filter: f, Series: Series{Name: f.Metric, Tags: f.Tags}}}
		for i := range t.makes {
			w.makes = append(w.makes, f.means(&t.makes[i]))
		}
		if t.watching.by == nil {
			t.watching.by = map[string][]*watch{}
		}
		t.watching.by[f.Metric] = append(t.watching.by[f.Metric], w)
		if f.Metric == "devices" {
			t.present(w)
		}
	}
}

// present counts the devices that a gauge finds.
func (t *Tally) present(w *watch) {
	for i := range t.makes {
		for state, n := range t.counts[i].states {
			if w.makes[i] && w.has("state", fsm.State(state).String()) {
				w.Count += n
			}
		}
	}
	w.Least, w.Most = w.Count, w.Count
}

// Entered says that a named step happened at a moment of fleet time, so long after the
// start: what becomes due from then on is during it.
func (t *Tally) Entered(name string, at int64, after time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.watching.steps = append(t.watching.steps, moment{at, name})
	t.watching.enter(name, after)
}

// Watched returns totals that have only what is counted for thresholds. They are the
// caller's.
func (t *Tally) Watched() *Totals {
	t.mu.Lock()
	defer t.mu.Unlock()
	return &Totals{Watched: t.watching.all(), Stretches: slices.Clone(t.watching.stretches)}
}

// watch counts an event by the filters.
func (t *Tally) watch(e *device.Event, kind int) {
	tell := watchers[e.Kind]
	if tell == nil || t.watching.by == nil {
		return
	}
	s := &sample{kind: kind, due: e.At, n: 1, cause: e.Cause.String(), result: e.Result.String(), file: e.File}
	s.bad = e.Result != device.OK
	s.surely = s.bad && !e.Slowness()
	tell(&t.watching, e, s)
}
