// Package state is the file that a fleet is kept in: who its devices are, and a
// record of each. [Open] reads a file and holds every byte of it against its
// checksums; [Saved.Load] hands on the records. A [Writer] writes one.
package state

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
	"spafleet/device/model"
	"spafleet/resync/unit"
)

// Saved is a fleet in a file. The file is sound: every byte of it has been held
// against its checksums. Who opened it closes it.
type Saved struct {
	// At is the fleet time of the snapshot.
	At time.Time
	// Devices is how many there are.
	Devices int
	// Extra is what the fleet's owner had kept beside it.
	Extra []byte

	name        string
	file        io.ReadSeekCloser
	fingerprint Fingerprint
}

// Open opens a state file. The error wraps fs.ErrNotExist where there is
// none, else it says why the file cannot be used.
func Open(name string) (*Saved, error) {
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
	return fmt.Errorf("state %s: %w; nothing of it was used: move it away to start from the beginning, or take a copy of it that is sound", s.name, err)
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
		case first != (kind == fingerprintSection):
			return errors.New("it is damaged: its sections are out of order")
		case kind == fingerprintSection:
			if err := json.Unmarshal(content, &s.fingerprint); err != nil {
				return fmt.Errorf("it is damaged: %w", err)
			}
			s.At, s.Devices = time.Unix(0, s.fingerprint.At), s.fingerprint.devices()
		case kind == extraSection:
			s.Extra = append(s.Extra, content...)
		case kind != deviceSection:
			return fmt.Errorf("it is damaged: no section is of kind %q", kind)
		}
		first = false
	}
}

// A Fingerprint is what makes a fleet the same one: who its devices are, and what
// of its configuration has gone into them.
type Fingerprint struct {
	At        int64        `json:"at"` // fleet time of the snapshot
	Seed      uint64       `json:"seed"`
	List      string       `json:"list,omitempty"` // digest of the list of the devices, if there is one
	Addresses string       `json:"addresses"`
	Shard     device.Shard `json:"shard"`
	Groups    []Group      `json:"groups"`
}

// A Group is what of a fleet's group is in its fingerprint.
type Group struct {
	Name     string            `json:"name"`
	Model    string            `json:"model"`
	Firmware string            `json:"firmware"`
	Count    int               `json:"count"`
	Off      bool              `json:"off,omitempty"`
	MAC      string            `json:"mac,omitempty"` // of its first device; "" in files of older versions
	Serial   string            `json:"serial,omitempty"`
	Scheme   int               `json:"scheme,omitempty"`   // of its MAC addresses and serial numbers, as device.Scheme has it; 0 in older files: 1
	Switches map[string]string `json:"switches,omitempty"` // those that were turned
	Presets  map[string]string `json:"presets,omitempty"`
}

// devices returns how many devices the file has.
func (f *Fingerprint) devices() int {
	n := 0
	for _, g := range f.Groups {
		n += g.Count
	}
	return f.Shard.Len(n)
}

// Differences says in what another fleet differs from the one of a file.
func (f *Fingerprint) differences(now *Fingerprint) []string {
	var list []string
	differ := func(what string, saved, now any) {
		if saved != now {
			list = append(list, fmt.Sprintf("%s is %v here and was %v", what, now, saved))
		}
	}
	differ("the seed", f.Seed, now.Seed)
	differ("the address prefix", f.Addresses, now.Addresses)
	differ("the shard", f.Shard.Index, now.Shard.Index)
	differ("the count of shards", f.Shard.Count, now.Shard.Count)
	differ("the number of groups", len(f.Groups), len(now.Groups))
	for i := range min(len(f.Groups), len(now.Groups)) {
		f.Groups[i].differences(&now.Groups[i], i, differ)
	}
	if len(list) == 0 && f.List != now.List {
		list = append(list, listDifference(f.List, now.List))
	}
	if len(list) == 0 { // else it is clear why the devices are others
		for i := range f.Groups {
			f.Groups[i].identity(&now.Groups[i], i, differ)
		}
	}
	return list
}

// listDifference says in what the lists of two fleets differ that are alike otherwise.
func listDifference(saved, now string) string {
	switch {
	case saved == "":
		return "the devices are those of a list or of ranges here and followed from the seed"
	case now == "":
		return "the devices follow from the seed here and were those of a list or of ranges"
	}
	return "the list of the devices, or a range, has changed: a MAC address, serial number, address or parameter, or their order"
}

func (g *Group) called(number int) string {
	return fmt.Sprintf("of group %q, ", cmp.Or(g.Name, fmt.Sprint(number)))
}

func (g *Group) differences(now *Group, number int, differ func(what string, saved, now any)) {
	group := now.called(number)
	differ(group+"the name", g.Name, now.Name)
	differ(group+"the model", g.Model, now.Model)
	differ(group+"the firmware", g.Firmware, now.Firmware)
	differ(group+"the count", g.Count, now.Count)
	differ(group+"power from the start", !g.Off, !now.Off)
	for _, name := range namesOf(g.Switches, now.Switches) {
		differ(group+"switch "+name, cmp.Or(g.Switches[name], "not turned"), cmp.Or(now.Switches[name], "not turned"))
	}
	for _, name := range namesOf(g.Presets, now.Presets) {
		differ(group+"preset "+name, presetOf(g.Presets, name), presetOf(now.Presets, name))
	}
}

// identity says whether the devices are others: a version of the program that
// gives a model other MAC addresses or serial numbers must not go on with them.
func (g *Group) identity(now *Group, number int, differ func(what string, saved, now any)) {
	group := now.called(number)
	if cmp.Or(g.Scheme, 1) != cmp.Or(now.Scheme, 1) {
		differ(group+"the way in which devices get their MAC addresses", schemeWords(g.Scheme), schemeWords(now.Scheme))
		return
	}
	if g.MAC != "" {
		differ(group+"the MAC address of the first device", g.MAC, now.MAC)
	}
	if g.Serial != "" {
		differ(group+"the serial number of the first device", g.Serial, now.Serial)
	}
}

// schemeWords says what a scheme of identities is.
func schemeWords(scheme int) string {
	if words, ok := map[int]string{0: "one prefix for all of a model", 1: "one prefix for all of a model", 2: "several prefixes for a model"}[scheme]; ok {
		return words
	}
	return fmt.Sprintf("number %d, of another version of spafleet", scheme)
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

// Check refuses a file that is of another fleet.
func (s *Saved) Check(now *Fingerprint) error {
	diff := s.fingerprint.differences(now)
	if len(diff) == 0 {
		return nil
	}
	if n := len(diff) - mostDifferences; n > 0 {
		diff = append(diff[:mostDifferences], fmt.Sprintf("%d more", n))
	}
	return fmt.Errorf("state %s is of another fleet: %s; describe the same fleet, or give this one a state file of its own", s.name, strings.Join(diff, "; "))
}

// A Loader takes the devices of a file.
type Loader struct {
	Layers *device.Layers // of the fleet's parameters
	Len    int            // how many devices there must be
	// Place returns the place of a device among them and the parameters of its
	// model, false where it is not of this fleet.
	Place func(device.Index) (place int, f *model.Factory, ok bool)
	Take  func(*unit.Record)
}

// Load hands the devices on. After an error some of them have been handed on.
func (s *Saved) Load(l Loader) error {
	if err := s.load(&l); err != nil {
		return s.refused(err)
	}
	return nil
}

func (s *Saved) load(l *Loader) error {
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	sections, err := newSectionReader(s.file)
	if err != nil {
		return err
	}
	records := &recordReader{base: s.fingerprint.At, known: l.Layers}
	seen, count := make([]bool, l.Len), 0
	for {
		_, content, err := sections.next(func(kind byte) bool { return kind == deviceSection })
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		for records.b = content; len(records.b) > 0; count++ {
			if err := l.device(records, seen); err != nil {
				return err
			}
		}
	}
	if count != l.Len {
		return fmt.Errorf("it is damaged: it has %d of %d devices", count, l.Len)
	}
	return nil
}

// device reads one device.
func (l *Loader) device(r *recordReader, seen []bool) error {
	dev, firmware := r.head()
	if r.err != nil {
		return r.err
	}
	place, factory, ok := l.Place(dev)
	if !ok || seen[place] {
		return fmt.Errorf("it is damaged: device %d is there twice, or not of this fleet", dev)
	}
	seen[place] = true
	rec := r.record(factory.At(firmware))
	if r.err != nil {
		return r.err
	}
	rec.Dev, rec.Firmware = dev, firmware
	l.Take(&rec)
	return nil
}

// Name returns the name of the file.
func (s *Saved) Name() string { return s.name }
