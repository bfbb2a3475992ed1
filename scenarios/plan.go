package scenarios

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/expr-lang/expr/vm"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/fleet"
	"spafleet/resync"
	"spafleet/scenarios/report"
)

// A plan is a story that was checked against everything that exists: models,
// parameters, groups, steps and expressions.
type plan struct {
	story    *Story
	reader   *reader
	groups   []fleet.Group
	makes    []report.Make
	firsts   []int // the first device of each make
	kinds    map[string]bool
	programs map[*Claim]*vm.Program
	chosen   []selector // by step
	steps    map[string]int
}

// newPlan checks a story that is complete. Mistakes of a story that came from a
// file name their lines; those of one made by a program name their keys.
func newPlan(s *Story) (*plan, error) {
	r := &reader{name: cmpOr(s.Name, "story")}
	if s.file != nil {
		r.name, r.src = s.file.name, s.file.src
	}
	p := check(s, r)
	p.ends()
	if len(r.mistakes) > 0 {
		return nil, r.sorted()
	}
	return p, nil
}

// check notes what is wrong in a story with its reader.
func check(s *Story, r *reader) *plan {
	p := &plan{story: s, reader: r, kinds: map[string]bool{}, programs: map[*Claim]*vm.Program{}, steps: map[string]int{}}
	for i := range s.Fleet {
		p.group(&s.Fleet[i])
	}
	if n := p.devices(); n > device.MaxDevices {
		r.mistake(s.file.root().at("fleet"), "fleet", "%d devices; a fleet has at most %d", n, device.MaxDevices)
	}
	p.files()
	p.secure()
	p.timeline()
	for i := range s.Expect {
		p.claim(&s.Expect[i], fmt.Sprintf("expect[%d]", i))
	}
	if n := len(p.programs); n > mostClaims {
		r.mistake(s.file.root().at("expect"), "expect", "%d claims; a story has at most %d", n, mostClaims)
	}
	return p
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// group makes the fleet's groups of a story's group: one for each make, one
// after the other.
func (p *plan) group(g *Group) {
	path := "fleet." + g.Name
	shares := g.Mix
	if len(shares) == 0 {
		if g.Model == "" && g.node != nil {
			return // the reader has said so
		}
		shares = []Share{{Model: g.Model, Firmware: g.Firmware, Count: g.Count}}
	}
	counts := apportion(shares, g.Count)
	for i, share := range shares {
		row, err := model.NewRow(share.Model, share.Firmware, g.Switches)
		if err != nil {
			n, key := makeNode(g, share)
			p.reader.mistake(n, path+key, "%s", err)
			continue
		}
		fg := fleet.Group{Name: g.Name, Row: row, Count: counts[i], Off: g.Off, RCURL: g.RC, Presets: p.presets(row, g.Set, path+".set")}
		if !g.NoLease {
			fg.Lease = resync.Lease{TFTPServer: cmpOr(g.TFTPServer, p.targetTFTP())}
		}
		p.firsts = append(p.firsts, p.devices())
		p.groups = append(p.groups, fg)
		p.makes = append(p.makes, report.Make{Model: row.Model.Name, Firmware: row.Firmware.Version, Devices: counts[i]})
	}
}

// makeNode returns where what makes no row is written.
func makeNode(g *Group, s Share) (*node, string) {
	if _, err := model.NewRow(s.Model, s.Firmware, nil); err == nil {
		return g.node.at("switches"), ".switches"
	}
	if s.at != nil {
		return s.at, ".mix"
	}
	if _, err := model.FindModel(s.Model); err != nil {
		return g.node.at("model"), ".model"
	}
	return g.node.at("firmware"), ".firmware"
}

func (p *plan) targetTFTP() string {
	if p.story.Target == nil {
		return ""
	}
	return p.story.Target.TFTP
}

func (p *plan) devices() int {
	n := 0
	for _, g := range p.groups {
		n += g.Count
	}
	return n
}

// makeOf returns the make of a device.
func (p *plan) makeOf(dev device.Index) int {
	i, found := slices.BinarySearch(p.firsts, int(dev))
	for found && i+1 < len(p.firsts) && p.firsts[i+1] == int(dev) {
		i++ // makes without devices begin where the next does
	}
	if !found {
		i--
	}
	return i
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

// presets finds the parameters that a group sets.
func (p *plan) presets(row *model.Row, list []Preset, path string) []device.Set {
	var sets []device.Set
	for _, preset := range list {
		param, ok := row.Lookup(preset.Name)
		if !ok {
			p.reader.mistake(preset.at.at(), path, "unknown device parameter %q%s", preset.Name, nearestParam(row, preset.Name))
			continue
		}
		p.text(preset.Value, preset.value.at(), path+"."+preset.Name, false)
		value := preset.Value
		if !strings.Contains(value, "${") {
			if value, ok = param.Take(value); !ok {
				p.reader.mistake(preset.value.at(), path+"."+preset.Name, "%q is no value that a %s takes for %s (%s)", preset.Value, row.Model.Name, preset.Name, param.Type)
				continue
			}
		}
		sets = append(sets, device.Set{ID: param.ID, Value: value, Has: true})
	}
	return sets
}

func nearestParam(row *model.Row, name string) string {
	return model.DidYouMean(name, row.ParameterNames())
}

func (p *plan) timeline() {
	for i := range p.story.Timeline {
		s := &p.story.Timeline[i]
		if s.Name == "" {
			continue
		}
		if _, twice := p.steps[s.Name]; twice {
			p.reader.mistake(s.node.at("name"), fmt.Sprintf("timeline[%d].name", i), "step %q is already named in step %d", s.Name, p.steps[s.Name])
			continue
		}
		p.steps[s.Name] = i
	}
	p.chosen = make([]selector, len(p.story.Timeline))
	for i := range p.story.Timeline {
		p.step(i)
	}
}

func (p *plan) step(i int) {
	s := &p.story.Timeline[i]
	path := fmt.Sprintf("timeline[%d]", i)
	p.instant(s.At, path+".at")
	p.instant(s.By, path+".by")
	if s.When != nil {
		p.claim(s.When, path+".when")
	}
	if s.Action == "" {
		return
	}
	path += "." + s.Action
	if s.Action == "clear" {
		p.clearing(i, path)
		return
	}
	var err error
	if p.chosen[i], err = p.selector(s.Of); err != nil {
		p.reader.mistake(s.node.at(s.Action, "of"), path, "%s", err)
	}
	if s.Fault != nil {
		p.fault(i, path)
	}
	p.text(s.URL, s.node.at(s.Action, "url"), path+".url", true)
	for _, set := range s.Set {
		if _, ok := model.LookupID(set.Name); !ok {
			p.reader.mistake(set.at.at(), path, "no model has a parameter %q", set.Name)
		}
		p.text(set.Value, set.value.at(), path+"."+set.Name, true)
	}
}

// instant checks that a moment's step exists.
func (p *plan) instant(i Instant, path string) {
	if i.Step == "" {
		return
	}
	if _, ok := p.steps[i.Step]; !ok {
		var names []string
		for n := range p.steps {
			names = append(names, n)
		}
		p.reader.mistake(i.at.at(), path, "no step is named %q%s", i.Step, model.DidYouMean(i.Step, names))
	}
}

func (p *plan) claim(c *Claim, path string) {
	var env any = world{}
	if c.Quant == "always" || c.Quant == "never" {
		env = witness{}
	}
	if c.Quant == "" || c.Expr == "" && c.node != nil && (c.at == c.node || c.at.kind != scalar) {
		return // the reader has said so
	}
	program, err := p.compile(c.Expr, env)
	if strings.TrimSpace(c.Expr) == "" {
		err = errors.New("an expression is missing")
	}
	if err != nil {
		key := c.Quant
		if slices.Contains(quantified, key) {
			key = "where"
		}
		p.reader.mistake(c.at.at(), path+"."+key, "%s", err)
	}
	p.programs[c] = program
	p.claimOf(c, path)
	p.instant(c.By, path+".by")
	p.instant(c.At, path+".at")
	p.instant(c.From, path+".from")
}

// claimOf checks whom a claim speaks of.
func (p *plan) claimOf(c *Claim, path string) {
	_, err := p.groupNames(c.Of)
	if q, _, sample := strings.Cut(c.Of, " of "); sample {
		if _, wrong := parseQuantity(q); wrong == nil {
			err = errors.New("a quantity picks a sample; here name a group, or use at_least")
		}
	}
	if err != nil {
		p.reader.mistake(c.node.at("of"), path+".of", "%s", err)
	}
}

// compile compiles a condition of a device.
func (p *plan) compile(code string, env any) (*vm.Program, error) {
	return compile(code, language{env: env, asBool: true, kinds: p.kinds, groups: p.groupsKnown()})
}

func (p *plan) groupsKnown() []string {
	var names []string
	for _, g := range p.story.Fleet {
		names = append(names, g.Name)
	}
	return names
}

// places are what ${…} can stand for in this story.
func (p *plan) places() map[string]string {
	if p.story.Server == nil {
		return nil
	}
	places := map[string]string{"server.name": "", "server.tftp": "", "server.http": ""}
	for i, key := range p.story.Server.secureKeys() {
		places[key] = ""
		if i == 0 {
			places["server.https"] = ""
		}
	}
	return places
}

// text checks the ${…} and {{ }} of a value. Not all values are expanded for
// each device.
func (p *plan) text(text string, n *node, path string, each bool) {
	filled, err := placeholders(text, p.places())
	if err == nil && !each && strings.Contains(filled, "{{") {
		err = errors.New("{{ }} is not in the presets of this spafleet yet; use a step's set, or a file")
	}
	if err == nil && each {
		_, err = parseTemplate(filled, p.kinds)
	}
	if err != nil {
		p.reader.mistake(n, path, "%s", err)
	}
}

// files checks the texts of what the server has.
func (p *plan) files() {
	s := p.story.Server
	if s == nil {
		return
	}
	for _, path := range slices.Sorted(maps.Keys(s.Files)) {
		e := s.Files[path]
		n, key := s.node.at(path), join("server.files", path)
		p.text(path, s.node.keyAt(path), key, true)
		p.text(e.Body, n.at("body"), key, true)
		p.text(e.Key, n.at("key"), key+".key", true)
		p.text(e.Location, n.at("location"), key+".location", true)
	}
}

// secret returns 64 hexadecimal digits from seed, device and word.
func secret(seed uint64, mac, word string) string {
	sum := sha256.Sum256([]byte(strconv.FormatUint(seed, 10) + "\x00" + mac + "\x00" + word))
	return hex.EncodeToString(sum[:])
}

// limit returns the lateness above which a run is invalid.
func (s *Story) limit() time.Duration {
	if s.Lateness > 0 {
		return s.Lateness
	}
	return 100 * time.Millisecond
}

// expected reports whether anything is claimed of a run.
func (s *Story) expected() bool {
	return len(s.Expect) > 0 || slices.ContainsFunc(s.Timeline, func(s Step) bool { return s.When != nil })
}

// watches reports whether the judge keeps facts of each device, for a claim, a
// step or a template of the server.
func (p *plan) watches() bool {
	return p.story.expected() || len(p.story.Timeline) > 0 || p.story.Server != nil
}

// UntilState returns the claim that every device is in a state or further
// along, within a time; 0 is until the end, and a story without a duration then
// goes on until it holds.
func UntilState(states []string, within time.Duration) Claim {
	quoted := make([]string, len(states))
	for i, s := range states {
		quoted[i] = strconv.Quote(s)
	}
	return Claim{
		Name: "all reach " + states[0], Quant: "all", Expr: "state in [" + strings.Join(quoted, ", ") + "]",
		By: Instant{Plus: within, End: within == 0, Given: true},
	}
}
