package scenarios

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/expr-lang/expr/vm"

	"spafleet/certs"
	"spafleet/device"
	"spafleet/device/inventory"
	"spafleet/device/model"
	"spafleet/device/observed"
	"spafleet/fleet"
	"spafleet/fsm"
	"spafleet/resync"
	"spafleet/scenarios/expression"
	"spafleet/scenarios/report"
	"spafleet/scenarios/tally"
)

// A Plan is a scenario that was checked: what it names exists, and its
// expressions are compiled. Read it; what runs a scenario fills in the addresses
// of the groups.
type Plan struct {
	Scenario *Scenario
	Groups   []fleet.Group   // one for each model and firmware of a group of the scenario
	Makes    []tally.Make    // as Groups
	Kinds    map[string]bool // event kinds that expressions ask for
	Names    map[string]bool // of [expression.Costly], those that expressions ask for
	// List says who the devices are: that of the scenario, or one of the ranges of its
	// groups. Nil: they follow from the seed.
	List *inventory.List

	firsts    []int // as Groups: how many devices the groups before have
	programs  map[*Expectation]*vm.Program
	selectors []Selector // by step
	steps     map[string]int
	source    *source
}

// NewPlan checks a scenario that is complete. The error is [Mistakes]. Those of a
// scenario that came from a file name their lines; those of one made by a program
// name their keys.
func NewPlan(s *Scenario) (*Plan, error) {
	src := &source{name: s.Name}
	if src.name == "" {
		src.name = "scenario"
	}
	if s.file != nil {
		src.name, src.src, src.secrets = s.file.name, s.file.src, s.file.secrets
	}
	c := check(s, src)
	if c.ends(); len(src.mistakes) == 0 {
		listRanges(c)
	}
	if len(src.mistakes) == 0 {
		refuseHolding(c)
	}
	if len(src.mistakes) > 0 {
		return nil, src.sorted()
	}
	return c.Plan, nil
}

// Program returns the compiled expression of an expectation of the scenario.
func (p *Plan) Program(e *Expectation) *vm.Program { return p.programs[e] }

// Selector returns the devices that a step acts on.
func (p *Plan) Selector(step int) Selector { return p.selectors[step] }

// Step returns the place of a named step in the timeline.
func (p *Plan) Step(name string) (place int, ok bool) {
	place, ok = p.steps[name]
	return place, ok
}

// Devices returns how many devices the fleet has.
func (p *Plan) Devices() int {
	n := 0
	for i := range p.Groups {
		n += p.Groups[i].Count
	}
	return n
}

// MakeOf returns the place of a device's model and firmware in Makes.
func (p *Plan) MakeOf(dev device.Index) int {
	if list := p.List; list != nil {
		return list.Group(dev)
	}
	i, found := slices.BinarySearch(p.firsts, int(dev))
	for found && i+1 < len(p.firsts) && p.firsts[i+1] == int(dev) {
		i++ // makes without devices begin where the next does
	}
	if !found {
		i--
	}
	return i
}

// Device returns the n-th device of a group of the fleet, from 0.
func (p *Plan) Device(group, n int) device.Index { return p.List.At(p.firsts[group] + n) }

// Share returns how many devices of a group of the fleet belong to a shard.
func (p *Plan) Share(group int, s device.Shard) int {
	if list := p.List; list != nil {
		return list.Share(group, s)
	}
	return s.Between(p.firsts[group], p.firsts[group]+p.Groups[group].Count)
}

// GroupNames returns the groups that a list of names such as "homes, desk" means,
// nil for all.
func (p *Plan) GroupNames(text string) ([]string, error) { return p.Scenario.groupNames(text) }

// Known returns when an instant is, where that is known before the start.
func (p *Plan) Known(i Instant) (time.Duration, bool) {
	plus := i.Plus
	for i.Step != "" {
		step, ok := p.steps[i.Step]
		if !ok || p.Scenario.Timeline[step].When != nil || p.circular(step) {
			return 0, false
		}
		i = p.Scenario.Timeline[step].At
		plus += i.Plus
	}
	return plus, !i.End
}

// circular reports whether a step waits for itself, by way of others or not.
func (p *Plan) circular(first int) bool {
	seen := map[int]bool{}
	for at := first; ; {
		next, ok := p.steps[p.Scenario.Timeline[at].Awaits()]
		if !ok || seen[next] {
			return false
		}
		if next == first {
			return true
		}
		seen[next] = true
		at = next
	}
}

// Watches reports whether a run must keep facts of each device: for an
// expectation, a step, or a template of the server.
func (p *Plan) Watches() bool {
	s := p.Scenario
	return len(s.Expect) > 0 || len(s.Timeline) > 0 || s.Server != nil && !stable(s.Server) || s.Bug != nil
}

// Independent reports whether no device can feel what another does, and nothing of the
// scenario asks what devices have done: in virtual time several cores may then work at it.
func (p *Plan) Independent() bool {
	s := p.Scenario
	v := s.Server
	return !p.Watches() && len(s.Thresholds) == 0 && !s.Brief && s.Duration > 0 &&
		(v == nil || v.Workers == 0 && v.SIP == nil && v.Auth == nil && len(v.HTTPS) == 0)
}

// stable reports whether what a server answers follows from which device asks, and
// from its secrets.
func stable(s *Server) bool {
	fixed := func(text string) bool {
		t, err := expression.ParseTemplate(text, expression.Scope{})
		return err == nil && t.Stable()
	}
	for path, e := range s.Files {
		if e.File != "" || !fixed(path) || !fixed(e.Body) || !fixed(e.Key) || !fixed(e.Location) {
			return false
		}
	}
	return true
}

// places are what ${…} can stand for in a scenario.
func (s *Scenario) places() map[string]string {
	if s.Server == nil {
		return nil
	}
	places := map[string]string{"server.name": ""}
	for name, port := range map[string]Port{"server.tftp": s.Server.TFTP, "server.http": s.Server.HTTP, "server.syslog": s.Server.Syslog} {
		if !port.Off {
			places[name] = ""
		}
	}
	if s.Server.SIP != nil {
		places["server.sip"] = ""
	}
	for i, key := range s.Server.HTTPSKeys() {
		places[key] = ""
		if i == 0 {
			places["server.https"] = ""
		}
	}
	return places
}

// Names reports whether a text that is filled in before the start, or as the run goes
// on, names a place such as server.syslog.
func (s *Scenario) Names(place string) bool {
	found, name := false, "${"+place+"}"
	s.Texts(func(text string) { found = found || strings.Contains(text, name) })
	if s.Server != nil {
		for path := range s.Server.Files {
			found = found || strings.Contains(path, name)
		}
	}
	return found
}

// Texts tells what a scenario hands to devices: presets, bodies, what steps set and ask
// for. Paths of files are not among it.
func (s *Scenario) Texts(tell func(text string)) {
	look := func(texts ...string) {
		for _, text := range texts {
			tell(text)
		}
	}
	presets := func(list []Preset) {
		for _, p := range list {
			look(p.Value)
		}
	}
	for i := range s.Fleet {
		look(s.Fleet[i].RC)
		presets(s.Fleet[i].Set)
	}
	for i := range s.Timeline {
		look(s.Timeline[i].URL, s.Timeline[i].Visit.Path, s.Timeline[i].Visit.Post)
		presets(s.Timeline[i].Set)
		s.Timeline[i].change.each(func(n *node) { look(n.text) })
	}
	if s.Server != nil {
		for _, e := range s.Server.Files {
			look(e.Body, e.Key, e.Location)
		}
	}
}

// Observe turns the settled switches of a file, but for some, in all devices that are of
// its model and firmware. They go over those of the scenario. The error says why there
// are no such devices. Name is what a person calls the file.
func (s *Scenario) Observe(f *observed.File, name string, but map[string]string) error {
	return observe(s, f, name, but)
}

// Folder returns the folder of the file, "" for a scenario without one.
func (s *Scenario) Folder() string {
	if s.file == nil || s.file.folder == nil {
		return ""
	}
	return s.file.folder.path
}

// FillAll replaces each ${…} of a text by one and the same host: what a text may
// mean before the server has addresses.
func (s *Scenario) FillAll(text, host string) string {
	places := s.places()
	for name := range places {
		places[name] = host
	}
	if filled, err := expression.Fill(text, places); err == nil {
		return filled
	}
	return text
}

// templated finds the expressions in a text that devices have filled in for them.
var templated = regexp.MustCompile(`\{\{.*?\}\}`)

// Sample returns a text of the server as a device may get it: places have a host as
// stand-in, expressions a value.
func (s *Scenario) Sample(text, host, value string) string {
	return templated.ReplaceAllString(s.FillAll(text, host), value)
}

// List makes the devices of a list the fleet, with a group for each of the list's. What
// is set for a group is up to the caller.
func (s *Scenario) List(list *inventory.List) {
	s.Devices, s.Fleet = list, nil
	for _, g := range list.Groups() {
		if n := len(s.Fleet); n == 0 || s.Fleet[n-1].Name != g.Name {
			s.Fleet = append(s.Fleet, Group{Name: g.Name})
		}
		last := &s.Fleet[len(s.Fleet)-1]
		last.Count += g.Count
		last.Mix = append(last.Mix, Share{Model: g.Row.Model.Name, Firmware: g.Row.Firmware.Version, Count: g.Count})
	}
}

// Certificates gathers the devices' own certificates from the folders that the
// groups name and from the list of the devices, after those that are given. More may
// be nil.
func (s *Scenario) Certificates(more *certs.Material) (*certs.Material, error) {
	all := &certs.Material{}
	if more != nil {
		all.Passphrase = more.Passphrase
		all.Include(more)
	}
	for _, g := range s.Fleet {
		if g.Cert == "" {
			continue
		}
		m, err := certs.ReadMaterial(g.Cert, "")
		if err != nil {
			return nil, fmt.Errorf("fleet.%s.cert: %w", g.Name, err)
		}
		all.Include(m)
	}
	for _, c := range s.Devices.Certificates() {
		all.AddFiles(c.MAC, c.File, c.Key)
	}
	return all, nil
}

// MaxLateness returns the p99 of lateness above which a run is invalid.
func (s *Scenario) MaxLateness() time.Duration {
	if s.Lateness > 0 {
		return s.Lateness
	}
	return 100 * time.Millisecond
}

// HasExpectations reports whether anything is expected of a run.
func (s *Scenario) HasExpectations() bool {
	asked := func(t report.Threshold) bool { return !t.OnlyFails }
	return len(s.Expect) > 0 || s.Bug != nil || slices.ContainsFunc(s.Thresholds, asked) || slices.ContainsFunc(s.Timeline, func(s Step) bool { return s.When != nil })
}

// Fill puts a group's options into a lease; fill says what the texts are once servers
// have addresses. Where it is nil, texts with ${…} are left as they are.
func (g *Group) Fill(l *resync.Lease, fill func(string) (string, error)) error {
	if fill == nil {
		fill = func(text string) (string, error) { return text, nil }
	}
	for _, text := range []*string{&l.TFTPServer, &l.NextServer} {
		filled, err := fill(*text)
		if err != nil {
			return err
		}
		*text = filled
	}
	for _, option := range slices.Sorted(maps.Keys(g.Options)) {
		text, err := fill(g.Options[option])
		if err == nil && !strings.Contains(text, "${") {
			err = l.Set(option, text)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Group returns a group by its name; nil: there is none.
func (s *Scenario) Group(name string) *Group {
	i := slices.IndexFunc(s.Fleet, func(g Group) bool { return g.Name == name })
	if i < 0 {
		return nil
	}
	return &s.Fleet[i]
}

// Leaseless reports whether the devices of a group get no option 66 unless the group says
// one: it says another server, or its DHCP server gives them an address alone.
func (s *Scenario) Leaseless(group string, row *model.Row) bool {
	g := s.Group(group)
	return g != nil && (g.NoLease || !g.Classed(row))
}

// Classed reports whether devices tell a DHCP server the vendor class that the lease of a
// group is for.
func (g *Group) Classed(row *model.Row) bool {
	class := row.Behaviour.Lease.Class
	if head, open := strings.CutSuffix(g.Class, "*"); open {
		return strings.HasPrefix(class, head)
	}
	return g.Class == "" || g.Class == class
}

// CheckShard refuses what needs the whole fleet in one process.
func (p *Plan) CheckShard(s device.Shard) error {
	if err := s.Check(); err != nil || !s.Others() {
		return err
	}
	src := p.source
	if srv := p.Scenario.Server; srv != nil && srv.Workers > 0 {
		src.mistake(p.Scenario.file.root().at("server", "workers"), "server.workers", "devices that wait for each other's answers need the whole fleet in one process; leave workers out, or run without shards")
	}
	for i := range p.Scenario.Thresholds {
		if t := &p.Scenario.Thresholds[i]; t.Extreme() {
			src.mistake(p.Scenario.file.root().at("thresholds").keyAt(t.Metric), "thresholds", "the least and the most of the whole fleet are known only where all of it is; limit the value, or run without shards")
		} else if t.Abort {
			src.mistake(p.Scenario.file.root().at("thresholds").keyAt(t.Metric), "thresholds", "abort_on_fail needs the whole fleet in one process; leave it out, or run without shards")
		}
	}
	if p.Scenario.Bug != nil {
		src.mistake(p.Scenario.file.root().keyAt("bug"), "bug", "a bug is judged where the whole fleet is; run without shards")
	}
	for i := range p.Scenario.Timeline {
		step, path := &p.Scenario.Timeline[i], fmt.Sprintf("timeline[%d]", i)
		if step.When != nil {
			src.mistake(step.node.keyAt("when"), path+".when", "when it happens is known only where the whole fleet is; leave it out, give the step an at, or run without shards")
		}
		if step.Fault != nil && step.Fault.PerFleet {
			src.mistake(step.Fault.node.at("per"), path+".fault.per", "the exchanges of the fleet are counted where the whole fleet is; count per device, or run without shards")
		}
		if c := p.selectors[i]; (c.Most.Text != "" || step.Pace != (Pace{})) && c.varies != "" {
			src.mistake(step.node.at(step.Action, "of"), path+"."+step.Action, "a sample by %s, which changes, can be taken only where the whole fleet is; choose by what a device is, or run without shards", c.varies)
		}
	}
	if len(src.mistakes) > 0 {
		return src.sorted()
	}
	return nil
}

// apportion divides a group by its shares: largest remainder, ties to the
// earlier one.
func apportion(shares []Share, total int) []int {
	counts := make([]int, len(shares))
	rest := make([]float64, len(shares))
	left, sum := total, 0.0
	for _, s := range shares {
		sum += s.Percent // 99.99 for three times 33.33: parts of what was written
	}
	for i, s := range shares {
		if s.Percent == 0 {
			counts[i] = s.Count
			left = 0
			continue
		}
		exact := s.Percent / sum * float64(total)
		counts[i] = int(math.Floor(exact + 1e-9))
		rest[i] = exact - float64(counts[i])
		left -= counts[i]
	}
	for ; left > 0; left-- {
		best := 0
		for i := range rest {
			if rest[i] > rest[best]+1e-9 {
				best = i
			}
		}
		counts[best]++
		rest[best] = -1
	}
	return counts
}

// Provisioned is what [Until] takes beside the names of states.
const Provisioned = "provisioned"

// Until returns the expectation that every device has resynced successfully since
// the run began and, unless goal is [Provisioned], is in that state or further
// along. It is to hold within a time; 0 is until the end, and a scenario without a
// duration then goes on until it holds.
func Until(goal string, within time.Duration) (Expectation, error) {
	e := Expectation{
		Name: "all are provisioned", Quant: report.Quant{Form: "all"}, Expr: "resyncs.ok > 0",
		By: Instant{Plus: within, End: within == 0, Given: true},
	}
	if goal == Provisioned {
		return e, nil
	}
	state, err := fsm.ParseState(goal)
	if err != nil {
		return e, fmt.Errorf("%w; or %s: one successful resync each", err, Provisioned)
	}
	var quoted []string
	for _, s := range fsm.States() {
		if s >= state {
			quoted = append(quoted, strconv.Quote(s.String()))
		}
	}
	e.Name = "all reach " + state.String()
	e.Expr += " && state in [" + strings.Join(quoted, ", ") + "]"
	return e, nil
}
