package scenarios

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/expr-lang/expr/vm"

	"spafleet/device"
	"spafleet/device/fleet"
	"spafleet/device/result"
	"spafleet/resync"
)

// A plan is a story that was checked against everything that exists: models,
// parameters, groups, steps and expressions.
type plan struct {
	story    *Story
	reader   *reader
	groups   []fleet.Group
	makes    []result.Make
	firsts   []int // the first device of each make
	kinds    map[string]bool
	programs map[*Claim]*vm.Program
	chosen   []selector // by step
	steps    map[string]int
}

// newPlan checks a story. Mistakes of a story that came from a file name their
// lines; those of one made by a program name their keys.
func newPlan(s *Story, r *reader) (*plan, error) {
	if r == nil {
		r = &reader{name: cmpOr(s.Name, "story")}
	}
	p := &plan{story: s, reader: r, kinds: map[string]bool{}, programs: map[*Claim]*vm.Program{}, steps: map[string]int{}}
	for i := range s.Fleet {
		p.group(&s.Fleet[i])
	}
	p.timeline()
	for i := range s.Expect {
		p.claim(&s.Expect[i], fmt.Sprintf("expect[%d]", i))
	}
	if n := len(p.programs); n > mostClaims {
		r.mistake(&node{line: 1, col: 1}, "expect", "%d claims; a story has at most %d", n, mostClaims)
	}
	if len(r.mistakes) > 0 {
		return nil, r.mistakes
	}
	return p, nil
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

var noPlace = &node{}

func orNoPlace(n *node) *node {
	if n == nil {
		return noPlace
	}
	return n
}

// group makes the fleet's groups of a story's group: one for each make, in
// interleaved order where it has a mix.
func (p *plan) group(g *Group) {
	path := "fleet." + g.Name
	shares := g.Mix
	if shares == nil {
		shares = []Share{{Model: g.Model, Firmware: g.Firmware, Count: g.Count, at: g.at}}
	}
	counts := apportion(shares, g.Count)
	for i, share := range shares {
		row, err := device.NewRow(share.Model, share.Firmware, g.Switches)
		if err != nil {
			p.reader.mistake(orNoPlace(share.at), path, "%s", err)
			continue
		}
		fg := fleet.Group{Name: g.Name, Row: row, Count: counts[i], Off: g.Off, RCURL: g.RC, Presets: p.presets(row, g.Set, path+".set")}
		if !g.NoLease {
			fg.Lease = resync.Lease{TFTPServer: cmpOr(g.TFTPServer, p.targetTFTP())}
		}
		p.firsts = append(p.firsts, p.devices())
		p.groups = append(p.groups, fg)
		p.makes = append(p.makes, result.Make{Model: row.Model.Name, Firmware: row.Firmware.Version, Devices: counts[i]})
	}
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
	left := total
	for i, s := range shares {
		if s.Percent == 0 {
			counts[i] = s.Count
			left = 0
			continue
		}
		exact := s.Percent * float64(total) / 100
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
func (p *plan) presets(row *device.Row, list []Preset, path string) []device.Set {
	var sets []device.Set
	for _, preset := range list {
		param, ok := row.Factory.Lookup(preset.Name)
		if !ok {
			p.reader.mistake(orNoPlace(preset.at), path, "unknown device parameter %q%s", preset.Name, nearestParam(row.Factory, preset.Name))
			continue
		}
		sets = append(sets, device.Set{ID: param.ID, Value: preset.Value, Has: true})
	}
	return sets
}

func nearestParam(f *device.Factory, name string) string {
	names := make([]string, len(f.Params))
	for i, p := range f.Params {
		names[i] = p.Name
	}
	return device.DidYouMean(name, names)
}

func (p *plan) timeline() {
	for i := range p.story.Timeline {
		s := &p.story.Timeline[i]
		if s.Name == "" {
			continue
		}
		if _, twice := p.steps[s.Name]; twice {
			p.reader.mistake(orNoPlace(s.node), fmt.Sprintf("timeline[%d]", i), "step %q is already named", s.Name)
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
	var err error
	if p.chosen[i], err = p.selector(s.Of); err != nil {
		p.reader.mistake(orNoPlace(s.node), path+"."+s.Action, "%s", err)
	}
	for _, set := range s.Set {
		if _, ok := device.LookupID(set.Name); !ok {
			p.reader.mistake(orNoPlace(set.at), path+".set", "no model has a parameter %q", set.Name)
		}
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
		p.reader.mistake(orNoPlace(i.at), path, "no step is named %q%s", i.Step, device.DidYouMean(i.Step, names))
	}
}

func (p *plan) claim(c *Claim, path string) {
	var env any = world{}
	if c.Quant == "always" || c.Quant == "never" {
		env = witness{}
	}
	program, err := compile(c.Expr, env, true, p.kinds)
	if err != nil {
		p.reader.mistake(orNoPlace(c.at), path+"."+c.Quant, "%s", err)
	}
	p.programs[c] = program
	if _, err := p.groupNames(c.Of); err != nil {
		p.reader.mistake(orNoPlace(c.at), path+".of", "%s", err)
	}
	for _, i := range []Instant{c.By, c.At, c.From} {
		p.instant(i, path)
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

// UntilState returns the claim that every device is in a state or further
// along, within a time; 0 sets no limit.
func UntilState(states []string, within time.Duration) Claim {
	quoted := make([]string, len(states))
	for i, s := range states {
		quoted[i] = strconv.Quote(s)
	}
	return Claim{
		Name: "all reach " + states[0], Quant: "all", Expr: "state in [" + strings.Join(quoted, ", ") + "]",
		By: Instant{Plus: within, Given: within > 0},
	}
}
