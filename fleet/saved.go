package fleet

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"spafleet/device"
	"spafleet/fsm"
)

// Saved is a fleet in a file, as [Config.Save] left it there. It is sound: every
// byte of the file has been held against its checksums. [Config.Resume] makes a
// fleet go on from it. Whoever opened it closes it, after New.
type Saved struct {
	// At is the fleet time of the snapshot.
	At time.Time
	// Devices is how many there are.
	Devices int
	// Extra is what [Save.Extra] had kept.
	Extra []byte

	name     string
	file     io.ReadSeekCloser
	likeness likeness
}

// OpenSaved opens a state file. The error wraps fs.ErrNotExist where there is
// none, else it says why the file cannot be used.
func OpenSaved(name string) (*Saved, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open state: %w", err)
	}
	s, err := readSaved(name, file)
	if err != nil {
		file.Close()
	}
	return s, err
}

func readSaved(name string, file io.ReadSeekCloser) (*Saved, error) {
	s := &Saved{name: name, file: file}
	if err := s.verify(); err != nil {
		return nil, s.refused(err)
	}
	return s, nil
}

// Close closes the file.
func (s *Saved) Close() error { return s.file.Close() }

// refused adds which file it is and what can be done.
func (s *Saved) refused(err error) error {
	return fmt.Errorf("state %s: %w; nothing of it was used: move it away to begin anew, or take a copy of it that is sound", s.name, err)
}

// verify reads the whole file, and what in it is not devices.
func (s *Saved) verify() error {
	r, err := newSectionReader(s.file)
	if err != nil {
		return err
	}
	first := true
	for {
		kind, content, err := r.next(func(kind byte) bool { return kind != deviceSection })
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case first != (kind == likenessSection):
			return errors.New("it is damaged: its sections are out of order")
		case kind == likenessSection:
			if err := json.Unmarshal(content, &s.likeness); err != nil {
				return fmt.Errorf("it is damaged: %w", err)
			}
			s.At, s.Devices = time.Unix(0, s.likeness.At), s.likeness.devices()
		case kind == extraSection:
			s.Extra = append(s.Extra, content...)
		case kind != deviceSection:
			return fmt.Errorf("it is damaged: no section is of kind %q", kind)
		}
		first = false
	}
}

// A likeness is what makes a fleet the same one: who its devices are, and what
// of its configuration has gone into them.
type likeness struct {
	At        int64           `json:"at"` // fleet time of the snapshot
	Seed      uint64          `json:"seed"`
	Addresses string          `json:"addresses"`
	Shard     device.Shard    `json:"shard"`
	Groups    []groupLikeness `json:"groups"`
}

type groupLikeness struct {
	Name     string            `json:"name"`
	Model    string            `json:"model"`
	Firmware string            `json:"firmware"`
	Count    int               `json:"count"`
	Off      bool              `json:"off,omitempty"`
	Switches map[string]string `json:"switches,omitempty"` // those that were turned
	Presets  map[string]string `json:"presets,omitempty"`
}

// devices returns how many the file has.
func (l *likeness) devices() int {
	n := 0
	for _, g := range l.Groups {
		n += g.Count
	}
	return l.Shard.Len(n)
}

// likeness returns what this fleet is like.
func (f *Fleet) likeness() likeness {
	l := likeness{Seed: f.seed, Addresses: f.prefix.String(), Shard: device.Shard{Index: f.shard.Index, Count: max(f.shard.Count, 1)}}
	for i := range f.groups {
		g := &f.groups[i]
		gl := groupLikeness{Name: g.Name, Model: g.Row.Model.Name, Firmware: g.Row.Firmware.Version, Count: g.Count, Off: g.Off,
			Switches: map[string]string{}, Presets: map[string]string{}}
		for _, s := range g.Row.Switches {
			if s.Turned {
				gl.Switches[s.Name] = s.Value
			}
		}
		for _, s := range g.Presets {
			gl.Presets[s.ID.Name()] = s.Value
		}
		l.Groups = append(l.Groups, gl)
	}
	return l
}

// differences says in what another fleet differs from the one of a file.
func (l *likeness) differences(now *likeness) []string {
	var list []string
	differ := func(what string, saved, now any) {
		if saved != now {
			list = append(list, fmt.Sprintf("%s is %v here and was %v", what, now, saved))
		}
	}
	differ("the seed", l.Seed, now.Seed)
	differ("the address prefix", l.Addresses, now.Addresses)
	differ("the shard", l.Shard.Index, now.Shard.Index)
	differ("the count of shards", l.Shard.Count, now.Shard.Count)
	differ("the number of groups", len(l.Groups), len(now.Groups))
	for i := range min(len(l.Groups), len(now.Groups)) {
		a, b := &l.Groups[i], &now.Groups[i]
		group := fmt.Sprintf("of group %q, ", cmp.Or(b.Name, fmt.Sprint(i)))
		differ(group+"the name", a.Name, b.Name)
		differ(group+"the model", a.Model, b.Model)
		differ(group+"the firmware", a.Firmware, b.Firmware)
		differ(group+"the count", a.Count, b.Count)
		differ(group+"power from the start", !a.Off, !b.Off)
		for _, name := range namesOf(a.Switches, b.Switches) {
			differ(group+"switch "+name, cmp.Or(a.Switches[name], "not turned"), cmp.Or(b.Switches[name], "not turned"))
		}
		for _, name := range namesOf(a.Presets, b.Presets) {
			differ(group+"preset "+name, presetOf(a.Presets, name), presetOf(b.Presets, name))
		}
	}
	return list
}

func presetOf(m map[string]string, name string) string {
	if v, ok := m[name]; ok {
		return fmt.Sprintf("%q", v)
	}
	return "not set"
}

func namesOf(a, b map[string]string) []string {
	all := maps.Clone(a)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}

// mostDifferences is how many differences an error names.
const mostDifferences = 4

// resume takes the devices of a file into a fleet that was just built. After an
// error the fleet is of no use.
func (f *Fleet) resume(s *Saved) error {
	now := f.likeness()
	if diff := s.likeness.differences(&now); len(diff) > 0 {
		if n := len(diff) - mostDifferences; n > 0 {
			diff = append(diff[:mostDifferences], fmt.Sprintf("%d more", n))
		}
		return fmt.Errorf("state %s is of another fleet: %s; describe the same fleet, or give this one a state file of its own", s.name, strings.Join(diff, "; "))
	}
	if err := f.load(s); err != nil {
		return s.refused(err)
	}
	f.resumed = s.likeness.At
	return nil
}

// load reads the devices.
func (f *Fleet) load(s *Saved) error {
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	sections, err := newSectionReader(s.file)
	if err != nil {
		return err
	}
	records := &recordReader{base: s.likeness.At, shelf: &f.shelf.Layers}
	seen, count := make([]bool, f.Len()), 0
	for {
		_, content, err := sections.next(func(kind byte) bool { return kind == deviceSection })
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		for records.b = content; len(records.b) > 0; count++ {
			if err := f.loadDevice(records, seen); err != nil {
				return err
			}
		}
	}
	if count != f.Len() {
		return fmt.Errorf("it is damaged: it has %d of %d devices", count, f.Len())
	}
	return nil
}

// loadDevice reads one device and puts it into its loop.
func (f *Fleet) loadDevice(r *recordReader, seen []bool) error {
	dev, version := r.head()
	if r.err != nil {
		return r.err
	}
	if !f.has(dev) || seen[f.shard.Place(dev)] {
		return fmt.Errorf("it is damaged: device %d is there twice, or not of this fleet", dev)
	}
	seen[f.shard.Place(dev)] = true
	l := f.loop(dev)
	u := l.unit(dev)
	rec := r.record(f.groups[u.group].Row.Factory)
	if r.err != nil {
		return r.err
	}
	rec.dev, rec.version = dev, version
	l.restore(&rec)
	return nil
}

// goesOn returns the fleet's date when it goes on. The wall's time has passed
// meanwhile; any other begins where it stood.
func (s *Saved) goesOn(c *Config, now time.Time) time.Time {
	if c.Clock == Real && c.Start.IsZero() && now.After(s.At) {
		return now
	}
	return s.At
}

// restore puts a device into a loop that does not run yet.
func (l *loop) restore(r *record) {
	was := l.unit(r.dev)
	row := was.group
	if l.f.row(row).Firmware.Version != r.version {
		row = l.f.rowAt(row, r.version)
	}
	u := r.unit
	u.act, u.group, u.row = idle, was.group, row
	if r.past != (past{}) {
		*u.remember() = r.past
	}
	*was = u
	if r.pending != nil {
		l.pending[r.dev] = r.pending
	}
	if r.delayed != nil {
		l.delayed[r.dev] = *r.delayed
	}
	if r.asked != nil {
		l.asked[r.dev] = *r.asked
	}
	if r.custom != nil {
		l.custom[r.dev] = *r.custom
	}
	if r.trusted != nil {
		l.trusted[r.dev] = r.trusted
	}
	if r.told != nil {
		l.told[r.dev] = *r.told
	}
}

// carryOn lets the devices of a file go on: they have kept their power while the
// program was away, and nobody has heard of them.
func (l *loop) carryOn() {
	now := l.clock.Now()
	for i := range l.units {
		l.mu.Lock()
		l.carryOnDevice(l.index(i), &l.units[i], now)
		l.mu.Unlock()
		if len(l.out) > 4096 {
			l.tell()
		}
	}
}

func (l *loop) carryOnDevice(dev device.Index, u *unit, now int64) {
	if !u.has(powered|preset) && !l.f.groups[u.group].Off { // the snapshot came before its power
		l.powerOn(dev, u, now)
		l.boot(dev, u, device.ByPower, now)
		return
	}
	for t, at := range u.agenda {
		u.agenda[t] = carriedOn(at, l.f.resumed, now)
	}
	l.schedule(dev, u)
	if u.doing == 0 {
		return
	}
	c := device.Command{Order: u.doing, Cause: u.why}
	if asked, ok := l.asked[dev]; ok {
		c = asked
	}
	l.done(dev, u)
	if l.mayStart(u, c.Order) { // before what waited for its end
		l.carryOut(dev, u, c, now)
		return
	}
	l.wait(dev, u, c, now)
}

// carriedOn returns when a timer runs out after the fleet was away. One whose
// time has not come is left alone. One whose time came meanwhile runs out as
// long after the return as it would have after the snapshot: so what was missed
// comes as it was spread, not all at once.
func carriedOn(at, saved, now int64) int64 {
	if at == 0 || at >= now {
		return at
	}
	return now + max(at-saved, 0)
}

// State returns where in its life a device of this process stands. It is for
// those who count devices before the fleet runs; see [Fleet.View].
func (f *Fleet) State(dev device.Index) fsm.State {
	l := f.loop(dev)
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.unit(dev).life.State
}

// Resumed returns the fleet time of the snapshot that the fleet goes on from,
// false where it began anew.
func (f *Fleet) Resumed() (at time.Time, ok bool) { return time.Unix(0, f.resumed), f.resumed != 0 }
