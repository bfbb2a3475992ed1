package device

import (
	"encoding/binary"
	"iter"
	"slices"
	"strings"

	"spafleet/device/model"
	"spafleet/device/profile"
)

// A Set is one change to a parameter. Has false leaves the value alone (<X/>),
// a zero Access leaves the access alone.
type Set struct {
	ID     model.ID
	Has    bool
	Access profile.Access
	Value  string
}

// Params is all of a device's parameters: the factory's defaults, over them the
// values of a layer shared by devices with like profiles, over those what is the
// device's own. It is a value of 24 bytes that is replaced and never changed, so
// a page may read it while a resync runs. The zero Params holds nothing; start
// with [Reset] or [Layers.Preset].
type Params struct {
	base *Layer
	own  string // packed entries by ascending ID: what differs from base
}

// entry is one parameter that is not as the factory made it. Access is always
// the effective one, never zero.
type entry struct {
	id     model.ID
	access profile.Access
	value  string
}

// Get returns a value, "" where the model lacks the parameter.
func (p Params) Get(id model.ID) string {
	if e, ok := find(p.own, id); ok {
		return e.value
	}
	if p.base == nil {
		return ""
	}
	return p.base.get(id).value
}

// Lookup returns the value of a name and whether the model has it.
func (p Params) Lookup(name string) (value string, ok bool) {
	if p.base == nil {
		return "", false
	}
	param, ok := p.base.factory.Lookup(name)
	if !ok {
		return "", false
	}
	return p.Get(param.ID), true
}

// Access returns what the end user's login may do with a parameter.
func (p Params) Access(id model.ID) profile.Access {
	if e, ok := find(p.own, id); ok {
		return e.access
	}
	if p.base == nil {
		return 0
	}
	return p.base.get(id).access
}

// Factory returns the set these parameters belong to.
func (p Params) Factory() *model.Factory {
	if p.base == nil {
		return nil
	}
	return p.base.factory
}

// At returns the parameters as they are under another firmware of the model, whose
// factory set may have other defaults: what the device has from the factory follows,
// what it has stored stays.
func (p Params) At(l *Layers, f *model.Factory) Params {
	if p.base == nil || p.base.factory == f {
		return p
	}
	r := l.scratch()
	defer l.release(r)
	old := p.base.factory
	layer := l.layer(f, rebased(r.before[:0], p.base.entries, old, f))
	r.before = p.appendDiff(r.before[:0])
	r.after = rebased(r.after[:0], r.before, old, f)
	return l.pack(layer, p.own, r.after, r)
}

// rebased adds to out the entries that differ from one factory set, as they differ
// from another one.
func rebased(out, entries []entry, from, to *model.Factory) []entry {
	for _, e := range entries {
		old, now := factoryEntry(from, e.id), factoryEntry(to, e.id)
		if e.value == old.value {
			e.value = now.value
		}
		out = appendDiffering(to, out, e)
	}
	return out
}

// Differing yields the parameters that are not as the factory made them, by
// ascending ID.
func (p Params) Differing() iter.Seq2[model.ID, string] {
	return func(yield func(model.ID, string) bool) {
		for _, e := range p.diff() {
			if !yield(e.id, e.value) {
				return
			}
		}
	}
}

// Granted yields the parameters for which the end user's login has another access than
// from the factory, by ascending ID.
func (p Params) Granted() iter.Seq2[model.ID, profile.Access] {
	return func(yield func(model.ID, profile.Access) bool) {
		for _, e := range p.diff() {
			if e.access != factoryEntry(p.base.factory, e.id).access && !yield(e.id, e.access) {
				return
			}
		}
	}
}

// diff returns the entries that differ from the factory, by ascending ID.
func (p Params) diff() []entry {
	if p.base == nil {
		return nil
	}
	return p.appendDiff(make([]entry, 0, len(p.base.entries)+8))
}

func (p Params) appendDiff(out []entry) []entry {
	f := p.base.factory
	own := p.own
	var e entry
	for _, b := range p.base.entries {
		for own != "" && entryID(own) < b.id {
			e, own = unpack(own)
			out = appendDiffering(f, out, e)
		}
		if own != "" && entryID(own) == b.id {
			e, own = unpack(own)
			out = appendDiffering(f, out, e)
			continue
		}
		out = append(out, b)
	}
	for own != "" {
		e, own = unpack(own)
		out = appendDiffering(f, out, e)
	}
	return out
}

func appendDiffering(f *model.Factory, out []entry, e entry) []entry {
	if e == factoryEntry(f, e.id) {
		return out
	}
	return append(out, e)
}

// factoryEntry returns the factory's own value of a parameter it has.
func factoryEntry(f *model.Factory, id model.ID) entry {
	p, ok := f.Param(id)
	if !ok {
		return entry{id: id}
	}
	return entry{id, p.Access, p.Default}
}

// With returns the parameters after the changes, and which values changed, by
// ascending ID. A parameter that the model lacks is passed over; of several
// changes to one parameter the last counts. Values are kept by reference until
// the result is packed, then copied.
func (p Params) With(l *Layers, sets []Set) (Params, []model.ID) {
	if len(sets) == 0 || p.base == nil {
		return p, nil
	}
	if !slices.IsSortedFunc(sets, bySetID) {
		sets = slices.Clone(sets)
		slices.SortStableFunc(sets, bySetID)
	}
	r := l.scratch()
	defer l.release(r)
	r.before = p.appendDiff(r.before[:0])
	m := merge{factory: p.base.factory, before: r.before, after: r.after[:0]}
	for len(sets) > 0 {
		n := 1
		for n < len(sets) && sets[n].ID == sets[0].ID {
			n++
		}
		m.change(sets[:n])
		sets = sets[n:]
	}
	r.after = append(m.after, m.before...)
	if !m.touched {
		return p, nil
	}
	return l.pack(p.base, p.own, r.after, r), m.changed
}

// A merge works changes, by ascending ID, into the entries that differ from the
// factory.
type merge struct {
	factory *model.Factory
	before  []entry // what is left of the old entries
	after   []entry
	changed []model.ID // parameters that have another value now
	touched bool       // some value or access is another one now
}

// change makes all changes to one parameter.
func (m *merge) change(sets []Set) {
	id := sets[0].ID
	if _, ok := m.factory.Param(id); !ok {
		return
	}
	for len(m.before) > 0 && m.before[0].id < id {
		m.after, m.before = append(m.after, m.before[0]), m.before[1:]
	}
	old := factoryEntry(m.factory, id)
	if len(m.before) > 0 && m.before[0].id == id {
		old, m.before = m.before[0], m.before[1:]
	}
	e := old
	for _, s := range sets {
		if s.Has {
			e.value = s.Value
		}
		if s.Access != 0 {
			e.access = s.Access
		}
	}
	if e.value != old.value {
		m.changed = append(m.changed, id)
	}
	m.touched = m.touched || e != old
	m.after = appendDiffering(m.factory, m.after, e)
}

func bySetID(a, b Set) int { return int(a.ID) - int(b.ID) }

// pack writes entries one behind another: number, access, length, value.
func pack(entries []entry) string {
	n := 0
	for _, e := range entries {
		n += packedSize(e)
	}
	var b strings.Builder
	b.Grow(n)
	var length [binary.MaxVarintLen64]byte
	for _, e := range entries {
		b.WriteByte(byte(e.id))
		b.WriteByte(byte(e.id >> 8))
		b.WriteByte(byte(e.access))
		b.Write(length[:binary.PutUvarint(length[:], uint64(len(e.value)))])
		b.WriteString(e.value)
	}
	return b.String()
}

func packedSize(e entry) int {
	n := len(e.value)
	size := 4 + n
	for n >= 0x80 {
		n >>= 7
		size++
	}
	return size
}

func entryID(own string) model.ID { return model.ID(own[0]) | model.ID(own[1])<<8 }

// unpack splits the first entry off a packed string. The value shares it.
func unpack(own string) (entry, string) {
	n, at := 0, 3
	for shift := 0; ; shift += 7 {
		b := own[at]
		at++
		n |= int(b&0x7f) << shift
		if b < 0x80 {
			break
		}
	}
	return entry{entryID(own), profile.Access(own[2]), own[at : at+n]}, own[at+n:]
}

// find returns the entry of a number in a packed string.
func find(own string, id model.ID) (entry, bool) {
	for own != "" && entryID(own) <= id {
		e, rest := unpack(own)
		if e.id == id {
			return e, true
		}
		own = rest
	}
	return entry{}, false
}

// Bool reads a boolean parameter by name. A model that lacks the parameter, or
// a value that is neither on nor off, gives fallback.
func (p Params) Bool(name string, fallback bool) bool {
	v, _ := p.Lookup(name)
	if on, ok := model.ParseBool(strings.TrimSpace(v)); ok {
		return on
	}
	return fallback
}
