package fleet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"math/bits"
	"net/netip"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/profile"
	"spafleet/fsm"
	"spafleet/resync"
)

// A record is all that a fleet knows of one device, as a state file has it.
type record struct {
	dev     device.Index
	unit    unit // without what belongs to a run: act, due, receipt, row; and without past
	past    past
	version string // its firmware
	pending []device.Command
	delayed *device.Command
	asked   *device.Command
	custom  *custom
	trusted *resync.Authority
	told    *device.Params
}

// Records are written one behind another as variable-length numbers. Names of
// parameters, texts that repeat and layers are written where they are first
// used, as 0 and their content, and take the next number, from 1. When there are
// mostNoted of a kind, the next one begins anew with 1: so neither writer nor
// reader keeps more, whatever the fleet is like.
const mostNoted = 1 << 16

// times are the moments in a record.
func (r *record) times() [4 + numTimers]*int64 {
	u := &r.unit
	a := &u.agenda
	return [...]*int64{&u.booted, &u.last, &r.past.fired, &r.past.upgrade.Last, &a[resyncTimer], &a[triggerTimer], &a[upgradeTimer], &a[forcedTimer]}
}

// bytes are the small numbers in a record, with the largest value of each.
func (r *record) bytes() [6]small {
	u := &r.unit
	return [...]small{
		{(*uint8)(&u.life.State), uint8(fsm.SecPrv2)}, {(*uint8)(&u.cause), uint8(model.ByRC)}, {&u.run, 250},
		{(*uint8)(&u.reboot), uint8(model.ColdReboot)}, {(*uint8)(&u.doing), uint8(device.Customize)}, {(*uint8)(&u.why), uint8(model.ByRC)},
	}
}

type small struct {
	value *uint8
	most  uint8
}

// counts are the larger numbers in a record.
func (r *record) counts() [4]*uint32 {
	return [...]*uint32{&r.unit.n, &r.unit.draws, &r.unit.ok, &r.unit.failed}
}

// A recordWriter packs records.
type recordWriter struct {
	b      []byte
	base   int64 // times are written as their distance from it
	names  map[model.ID]uint64
	texts  map[string]uint64
	layers map[*device.Layer]uint64
}

func newRecordWriter(base int64) *recordWriter {
	return &recordWriter{base: base, names: map[model.ID]uint64{}, texts: map[string]uint64{}, layers: map[*device.Layer]uint64{}}
}

func (w *recordWriter) uint(v uint64) { w.b = binary.AppendUvarint(w.b, v) }

func (w *recordWriter) bool(v bool) {
	if v {
		w.uint(1)
		return
	}
	w.uint(0)
}

func (w *recordWriter) string(s string) {
	w.uint(uint64(len(s)))
	w.b = append(w.b, s...)
}

// noted writes a thing's number, and reports whether its content must follow.
func noted[K comparable](w *recordWriter, known map[K]uint64, k K) (first bool) {
	n, ok := known[k]
	if ok {
		w.uint(n)
		return false
	}
	if len(known) == mostNoted {
		clear(known)
	}
	known[k] = uint64(len(known) + 1)
	w.uint(0)
	return true
}

func (w *recordWriter) text(s string) {
	if noted(w, w.texts, s) {
		w.string(s)
	}
}

func (w *recordWriter) record(r *record) {
	u := &r.unit
	w.uint(uint64(r.dev))
	w.text(r.version)
	w.uint(uint64(u.flags &^ queued))
	w.bool(u.life.Proven)
	for _, s := range r.bytes() {
		w.uint(uint64(*s.value))
	}
	for _, c := range r.counts() {
		w.uint(uint64(*c))
	}
	w.uint(uint64(r.past.wish))
	w.text(r.past.upgrade.Err)
	w.uint(uint64(r.past.upgrade.Retries))
	w.times(r)
	w.params(u.params)
	w.rarities(r)
}

// times writes which moments there are, and when.
func (w *recordWriter) times(r *record) {
	which := uint64(0)
	times := r.times()
	for i, t := range times {
		if *t != 0 {
			which |= 1 << i
		}
	}
	w.uint(which)
	for _, t := range times {
		if *t != 0 {
			w.b = binary.AppendVarint(w.b, *t-w.base)
		}
	}
}

// rarities writes what few devices have.
func (w *recordWriter) rarities(r *record) {
	which := uint64(0)
	for i, has := range []bool{len(r.pending) > 0, r.delayed != nil, r.asked != nil, r.custom != nil, r.trusted != nil, r.told != nil} {
		if has {
			which |= 1 << i
		}
	}
	w.uint(which)
	if len(r.pending) > 0 {
		w.uint(uint64(len(r.pending)))
		for i := range r.pending {
			w.command(&r.pending[i])
		}
	}
	if r.delayed != nil {
		w.command(r.delayed)
	}
	if r.asked != nil {
		w.command(r.asked)
	}
	if r.custom != nil {
		w.text(r.custom.company)
		w.params(r.custom.defaults)
	}
	if r.trusted != nil {
		w.text(r.trusted.Rule)
		w.text(r.trusted.PEM)
	}
	if r.told != nil {
		w.params(*r.told)
	}
}

func (w *recordWriter) params(p device.Params) {
	l := p.Layer()
	if noted(w, w.layers, l) {
		w.sets(l.Values())
	}
	w.sets(p.Own())
}

func (w *recordWriter) command(c *device.Command) {
	w.uint(uint64(c.Order))
	w.uint(uint64(c.Cause))
	w.string(c.Argument)
	w.string(string(c.Requester.AsSlice()))
	w.sets(func(yield func(device.Set) bool) {
		for _, s := range c.Sets {
			if !yield(s) {
				return
			}
		}
	})
}

func (w *recordWriter) sets(sets iter.Seq[device.Set]) {
	n := uint64(0)
	for range sets {
		n++
	}
	w.uint(n)
	for s := range sets {
		if noted(w, w.names, s.ID) {
			w.string(s.ID.Name())
		}
		w.uint(uint64(s.Access))
		w.bool(s.Has)
		w.string(s.Value)
	}
}

// A recordReader unpacks records. It checks everything: whatever the bytes are,
// it returns records that a fleet can live with, or an error.
type recordReader struct {
	b      []byte
	base   int64
	err    error // the first mistake; what is read after it is nothing
	names  []model.ID
	texts  []string
	layers []*device.Layer
	shelf  *device.Layers
}

var errRecord = errors.New("it is damaged: a record of a device cannot be read")

func (r *recordReader) fail(err error) {
	if r.err == nil {
		r.err = err
		r.b = nil
	}
}

func (r *recordReader) uint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail(errRecord)
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *recordReader) int() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail(errRecord)
		return 0
	}
	r.b = r.b[n:]
	return v
}

// upTo reads a number that is at most most.
func (r *recordReader) upTo(most uint64) uint64 {
	v := r.uint()
	if v > most {
		r.fail(errRecord)
		return 0
	}
	return v
}

func (r *recordReader) bool() bool { return r.upTo(1) == 1 }

func (r *recordReader) string() string {
	n := r.uint()
	if n > uint64(len(r.b)) {
		r.fail(errRecord)
	}
	if r.err != nil {
		return ""
	}
	s := string(r.b[:n])
	r.b = r.b[n:]
	return s
}

// known reads the number of a thing that was noted, or reads it and notes it.
func known[T any](r *recordReader, list *[]T, first func() T) (t T) {
	n := r.upTo(uint64(len(*list)))
	switch {
	case r.err != nil:
		return t
	case n > 0:
		return (*list)[n-1]
	}
	if t = first(); r.err != nil {
		return t
	}
	if len(*list) == mostNoted {
		clear(*list)
		*list = (*list)[:0]
	}
	*list = append(*list, t)
	return t
}

func (r *recordReader) text() string { return known(r, &r.texts, r.string) }

// head reads whom the next record is about, before the row of its device is
// known.
func (r *recordReader) head() (dev device.Index, version string) {
	return device.Index(r.upTo(device.MaxDevices)), r.text()
}

// record reads the rest of a record.
func (r *recordReader) record(f *model.Factory) (rec record) {
	u := &rec.unit
	u.flags = flags(r.upTo(uint64(lastFlag<<1 - 1)))
	u.life.Proven = r.bool()
	for _, s := range rec.bytes() {
		*s.value = uint8(r.upTo(uint64(s.most)))
	}
	for _, c := range rec.counts() {
		*c = uint32(r.upTo(1<<32 - 1))
	}
	rec.past.wish = resync.UpgradeTarget(r.uint())
	rec.past.upgrade.Err = r.text()
	rec.past.upgrade.Retries = int(r.upTo(1<<31 - 1))
	r.times(&rec)
	u.params = r.params(f)
	r.rarities(&rec, f)
	if u.flags&queued != 0 {
		r.fail(errRecord)
	}
	return rec
}

func (r *recordReader) times(rec *record) {
	which := r.upTo(1<<(4+numTimers) - 1)
	for i, t := range rec.times() {
		if which&(1<<i) != 0 {
			*t = r.base + r.int()
		}
	}
}

func (r *recordReader) rarities(rec *record, f *model.Factory) {
	which := r.upTo(1<<6 - 1)
	for which != 0 && r.err == nil {
		bit := bits.TrailingZeros64(which)
		which &^= 1 << bit
		switch bit {
		case 0:
			for n := r.upTo(8 * mostPending); n > 0 && r.err == nil; n-- {
				rec.pending = append(rec.pending, *r.command())
			}
		case 1:
			rec.delayed = r.command()
		case 2:
			rec.asked = r.command()
		case 3:
			rec.custom = &custom{company: r.text(), defaults: r.params(f)}
		case 4:
			rec.trusted = &resync.Authority{Rule: r.text(), PEM: r.text()}
		case 5:
			p := r.params(f)
			rec.told = &p
		}
	}
}

// params reads parameters of a model.
func (r *recordReader) params(f *model.Factory) (p device.Params) {
	layer := known(r, &r.layers, func() *device.Layer {
		l, err := r.shelf.Layer(f, r.sets())
		if err != nil {
			r.fail(fmt.Errorf("a device of it cannot be: %w", err))
		}
		return l
	})
	own := r.sets()
	if r.err != nil {
		return p
	}
	if layer.Factory() != f {
		r.fail(errors.New("it is damaged: devices of two models share their values"))
		return p
	}
	p, err := layer.Over(own)
	if err != nil {
		r.fail(fmt.Errorf("a device of it cannot be: %w", err))
	}
	return p
}

func (r *recordReader) command() *device.Command {
	c := &device.Command{Order: device.Order(r.upTo(uint64(device.Customize))), Cause: model.Cause(r.upTo(uint64(model.ByRC))), Argument: r.string()}
	if b := r.string(); b != "" {
		addr, ok := netip.AddrFromSlice([]byte(b))
		if !ok {
			r.fail(errRecord)
		}
		c.Requester = addr
	}
	if c.Sets = r.sets(); len(c.Sets) == 0 {
		c.Sets = nil
	}
	return c
}

// leastSet is the fewest bytes that a set takes.
const leastSet = 4

func (r *recordReader) sets() []device.Set {
	n := r.upTo(uint64(len(r.b) / leastSet))
	sets := make([]device.Set, 0, n)
	for ; n > 0 && r.err == nil; n-- {
		id := known(r, &r.names, r.name)
		s := device.Set{ID: id, Access: profile.Access(r.upTo(uint64(profile.ReadWrite))), Has: r.bool(), Value: r.string()}
		sets = append(sets, s)
	}
	return sets
}

func (r *recordReader) name() model.ID {
	name := r.string()
	id, ok := model.LookupID(name)
	if !ok && r.err == nil {
		r.fail(fmt.Errorf("this version of spafleet does not know its parameter %q", name))
	}
	return id
}
