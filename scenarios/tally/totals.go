package tally

import (
	"cmp"
	"errors"
	"maps"
	"slices"

	"spafleet/fsm"
)

// Totals is everything of a tally that adds up: the totals of a fleet's shards
// add up to those of the fleet, to the last digit. Lists are in a fixed order, so
// equal totals are equal in JSON.
type Totals struct {
	Devices          int              `json:"devices"`
	Started          int64            `json:"started"`
	Makes            []makeTotals     `json:"makes"`
	Fetches          []fetchCount     `json:"fetches"`
	Repeats          int64            `json:"repeats"` // of these fetches: files that were asked for again at once
	Bytes            map[string]int64 `json:"bytes"`   // received, by scheme
	Reboots          map[string]int64 `json:"reboots"`
	Loops            Loops            `json:"reboot_loops"`
	SIP              SIP              `json:"sip"`
	UpgradeLoops     []UpgradeLoop    `json:"upgrade_loops"`
	UpgradeLoopsMore int              `json:"upgrade_loops_more"` // devices of causes beyond those
	Unknown          Params           `json:"unknown"`            // parameters that the devices do not have
	Rejected         Params           `json:"rejected"`           // and those whose value they did not take
	Partly           Params           `json:"partly"`             // what was taken of files that were not taken whole, as names
	Errors           []Failure        `json:"errors"`
	ErrorsMore       int              `json:"errors_more"`       // failures of causes beyond those
	Watched          []Watched        `json:"watched,omitempty"` // by the filters of thresholds
	Stretches        []Stretch        `json:"stretches,omitempty"`
	Series           []Series         `json:"series"`
	History          History          `json:"history"`
}

// makeTotals is a make's part.
type makeTotals struct {
	Make
	Answers
	States   map[string]int `json:"states"`
	Resyncs  Pair           `json:"resyncs"`
	Upgrades Pair           `json:"upgrades"`
	Results  []resultCount  `json:"results"`
	Now      []Firmware     `json:"now"`
}

// A Firmware is the devices of a make that have one firmware now.
type Firmware struct {
	Version string `json:"firmware"`
	Devices int    `json:"devices"`
	Answers
}

func (f *Firmware) add(m *mark) {
	f.Devices++
	f.count(m)
}

// firmware returns the part of the devices with a firmware.
func (m *makeTotals) firmware(version string) *Firmware {
	i := slices.IndexFunc(m.Now, func(f Firmware) bool { return f.Version == version })
	if i < 0 {
		i = len(m.Now)
		m.Now = append(m.Now, Firmware{Version: version})
	}
	return &m.Now[i]
}

// Answers is how devices stand with their servers.
type Answers struct {
	OK          int `json:"ok"`             // devices whose last resync succeeded
	Failed      int `json:"failed"`         // devices whose last resync failed
	Provisioned int `json:"provisioned"`    // devices with at least one successful resync
	Unanswered  int `json:"never_answered"` // devices that no server ever answered
}

// Add adds others.
func (a *Answers) Add(o Answers) {
	a.OK += o.OK
	a.Failed += o.Failed
	a.Provisioned += o.Provisioned
	a.Unanswered += o.Unanswered
}

// count counts a device.
func (a *Answers) count(m *mark) {
	switch {
	case m.has(resynced | succeeded):
		a.OK++
	case m.has(resynced):
		a.Failed++
	}
	if m.has(provisioned) {
		a.Provisioned++
	} else if !m.has(answered) {
		a.Unanswered++
	}
}

// Pair counts what went well and what did not.
type Pair struct {
	OK     int64 `json:"ok"`
	Failed int64 `json:"failed"`
}

// Add adds another pair.
func (p *Pair) Add(o Pair) {
	p.OK += o.OK
	p.Failed += o.Failed
}

// A resultCount is how many resyncs ended so; Scheme is that of the last file.
type resultCount struct {
	Scheme string `json:"scheme"`
	Result string `json:"result"`
	Count  int64  `json:"count"`
}

// A fetchCount is how many files were asked for so.
type fetchCount struct {
	Scheme string `json:"scheme"`
	Rule   string `json:"rule"`
	What   string `json:"what"`
	Result string `json:"result"`
	Count  int64  `json:"count"`
}

// Totals returns the figures so far. They are the caller's.
func (t *Tally) Totals() *Totals {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := &Totals{Devices: len(t.devices), Started: t.started, Repeats: t.repeats, Bytes: maps.Clone(t.bytes), Reboots: map[string]int64{}, Loops: t.loops, SIP: t.sip.clone(),
		Unknown: t.profiles.unknown.params(t.makes), Rejected: t.profiles.rejected.params(t.makes), Partly: t.profiles.partly.params(t.makes), Watched: t.watching.all(), Stretches: slices.Clone(t.watching.stretches), Series: t.series(), History: t.history.clone()}
	for i := range t.makes {
		c := &t.counts[i]
		all.Makes = append(all.Makes, makeTotals{Make: t.makes[i], States: states(c), Resyncs: Pair{c.ok, c.failed},
			Upgrades: Pair{c.upgraded, c.unUpped}, Results: results(c.resyncs)})
	}
	for place := range t.devices {
		m, mark := &all.Makes[t.makeOf(t.shard.At(place))], &t.devices[place]
		m.count(mark)
		m.firmware(cmp.Or(t.firmwares[mark.now], m.Make.Firmware)).add(mark)
	}
	for reason, n := range t.reboots {
		all.Reboots[reason.String()] = n
	}
	for k, n := range t.files {
		all.Fetches = append(all.Fetches, fetchCount{k.scheme, ruleName(k.rule), k.what, k.result.String(), n})
	}
	all.ErrorsMore = t.moreErrs
	all.UpgradeLoops, all.UpgradeLoopsMore = slices.Clone(t.upgrades.list), t.upgrades.more
	sortUpgradeLoops(all.UpgradeLoops)
	for _, e := range t.errs {
		all.Errors = append(all.Errors, e.clone())
	}
	all.sort()
	return all
}

func states(c *counts) map[string]int {
	m := map[string]int{}
	for i, n := range c.states {
		if n != 0 {
			m[fsm.State(i).String()] = int(n)
		}
	}
	return m
}

func results(counts map[resyncKey]int64) []resultCount {
	var list []resultCount
	for k, n := range counts {
		list = append(list, resultCount{k.scheme, k.result.String(), n})
	}
	return list
}

// series returns copies of the histograms that have samples.
func (t *Tally) series() []Series {
	var list []Series
	add := func(name string, tags map[string]string, h *histogram) {
		if h.h != nil {
			s := Series{Name: name, Tags: tags}
			s.merge(h)
			list = append(list, s)
		}
	}
	add("resync_duration", map[string]string{}, &t.resync)
	add("ready_duration", map[string]string{}, &t.ready)
	add("notify_duration", map[string]string{}, &t.notify)
	add("lateness", map[string]string{}, &t.lateness)
	for scheme, h := range t.fetch {
		add("fetch_duration", map[string]string{"scheme": scheme}, h)
	}
	for k, h := range t.phases {
		add("phase_duration", map[string]string{"phase": k.phase, "scheme": k.scheme}, h)
	}
	return list
}

// Merge adds the totals of another shard of the same fleet. The error says why
// they do not belong together; nothing is added then.
func (t *Totals) Merge(o *Totals) error {
	if !slices.EqualFunc(t.Makes, o.Makes, func(a, b makeTotals) bool {
		return a.Group == b.Group && a.Model == b.Model && a.Firmware == b.Firmware
	}) {
		return errors.New("they are of different fleets: models or firmwares differ")
	}
	t.Devices += o.Devices
	t.Repeats += o.Repeats
	t.Loops.merge(o.Loops)
	t.SIP.merge(&o.SIP)
	t.mergeUpgradeLoops(o)
	t.Started += o.Started
	for i := range t.Makes {
		t.Makes[i].merge(&o.Makes[i])
	}
	t.Fetches = merged(t.Fetches, o.Fetches, func(a, b *fetchCount) bool {
		return fetchCount{a.Scheme, a.Rule, a.What, a.Result, 0} == fetchCount{b.Scheme, b.Rule, b.What, b.Result, 0}
	}, func(to, from *fetchCount) { to.Count += from.Count })
	t.mergeFailures(o)
	t.Series = merged(t.Series, o.Series, func(a, b *Series) bool { return a.Name == b.Name && maps.Equal(a.Tags, b.Tags) },
		func(to, from *Series) { to.merge(&from.histogram) })
	t.History.merge(&o.History)
	if len(o.Stretches) > len(t.Stretches) {
		t.Stretches = o.Stretches // of a shard that came further: they have the same steps
	}
	t.Watched = merged(t.Watched, o.Watched, (*Watched).same, (*Watched).merge)
	addCounts(&t.Bytes, o.Bytes)
	addCounts(&t.Reboots, o.Reboots)
	t.Unknown.merge(&o.Unknown)
	t.Rejected.merge(&o.Rejected)
	t.Partly.merge(&o.Partly)
	t.sort()
	return nil
}

func (m *makeTotals) merge(o *makeTotals) {
	m.Devices += o.Devices
	m.Answers.Add(o.Answers)
	m.Resyncs.Add(o.Resyncs)
	m.Upgrades.Add(o.Upgrades)
	addCounts(&m.States, o.States)
	for i := range o.Now {
		to := m.firmware(o.Now[i].Version)
		to.Devices += o.Now[i].Devices
		to.Answers.Add(o.Now[i].Answers)
	}
	m.Results = merged(m.Results, o.Results, func(a, b *resultCount) bool { return a.Scheme == b.Scheme && a.Result == b.Result },
		func(to, from *resultCount) { to.Count += from.Count })
}

// merged adds what one list has to another: to the item that is the same, or
// as a new one.
func merged[T any](list, more []T, same func(a, b *T) bool, add func(to, from *T)) []T {
	for i := range more {
		at := slices.IndexFunc(list, func(have T) bool { return same(&have, &more[i]) })
		if at < 0 {
			list = append(list, more[i])
			continue
		}
		add(&list[at], &more[i])
	}
	return list
}

func addCounts[N int | int64](to *map[string]N, from map[string]N) {
	if *to == nil {
		*to = map[string]N{}
	}
	for name, n := range from {
		(*to)[name] += n
	}
}

// sort puts every list into its order.
func (t *Totals) sort() {
	slices.SortFunc(t.Fetches, func(a, b fetchCount) int {
		return cmp.Or(cmp.Compare(a.Scheme, b.Scheme), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.What, b.What), cmp.Compare(a.Result, b.Result))
	})
	sortFailures(t.Errors)
	slices.SortFunc(t.Series, func(a, b Series) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Tags["scheme"], b.Tags["scheme"]), cmp.Compare(a.Tags["phase"], b.Tags["phase"]))
	})
	for i := range t.Makes {
		slices.SortFunc(t.Makes[i].Now, func(a, b Firmware) int { return cmp.Compare(a.Version, b.Version) })
		slices.SortFunc(t.Makes[i].Results, func(a, b resultCount) int {
			return cmp.Or(cmp.Compare(a.Scheme, b.Scheme), cmp.Compare(a.Result, b.Result))
		})
	}
}

// States returns how many devices are in each state.
func (t *Totals) States() map[string]int {
	all := map[string]int{}
	for i := range t.Makes {
		addCounts(&all, t.Makes[i].States)
	}
	return all
}

// Lateness returns the spread of how late attempts started.
func (t *Totals) Lateness() Spread {
	i := slices.IndexFunc(t.Series, func(s Series) bool { return s.Name == "lateness" })
	if i < 0 {
		return Spread{}
	}
	return t.Series[i].Spread()
}

// NewTotals returns totals of nothing, for Merge to add others of the same
// fleet to.
func NewTotals(like *Totals) *Totals {
	t := &Totals{}
	for _, m := range like.Makes {
		t.Makes = append(t.Makes, makeTotals{Make: Make{Group: m.Group, Model: m.Model, Firmware: m.Make.Firmware}, States: map[string]int{}})
	}
	return t
}
