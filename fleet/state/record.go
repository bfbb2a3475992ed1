package state

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"math/bits"
	"net/netip"
	"strings"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/profile"
	"spafleet/fsm"
	"spafleet/resync"
	"spafleet/resync/unit"
)

// Records are written one behind another as variable-length numbers. Names of
// parameters, texts that repeat and layers are written where they are first
// used, as 0 and their content, and take the next number, from 1. When there are
// mostNoted of a kind, the next one gets 1 again: so neither writer nor
// reader keeps more, whatever the fleet is like.
const mostNoted = 1 << 16

// times are the moments in a record.
func times(r *unit.Record) [4 + unit.RecordTimers]*int64 {
	list := [4 + unit.RecordTimers]*int64{&r.Booted, &r.Last, &r.Fired, &r.Upgrade.Last}
	for i := range r.Timers {
		list[4+i] = &r.Timers[i]
	}
	return list
}

// smallNumbers are the small numbers in a record, with the largest value of each.
func smallNumbers(r *unit.Record) [6]small {
	return [...]small{
		{(*uint8)(&r.Life.State), uint8(fsm.SecPrv2)}, {(*uint8)(&r.Cause), uint8(model.ByChange)}, {&r.Run, unit.RecordRun},
		{(*uint8)(&r.Reboot), uint8(model.ColdReboot)}, {(*uint8)(&r.Doing), uint8(device.UpdateCA)}, {(*uint8)(&r.Why), uint8(model.ByChange)},
	}
}

type small struct {
	value *uint8
	most  uint8
}

// counts are the larger numbers in a record.
func counts(r *unit.Record) [4]*uint32 {
	return [...]*uint32{&r.Count, &r.Draws, &r.Resyncs.OK, &r.Resyncs.Failed}
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

func (w *recordWriter) record(r *unit.Record) {
	w.uint(uint64(r.Dev))
	w.text(r.Firmware)
	w.uint(uint64(r.Flags))
	w.bool(r.Life.Proven)
	for _, s := range smallNumbers(r) {
		w.uint(uint64(*s.value))
	}
	for _, c := range counts(r) {
		w.uint(uint64(*c))
	}
	w.uint(uint64(r.Target))
	w.text(r.Upgrade.Err)
	w.uint(uint64(r.Upgrade.Retries))
	w.times(r)
	w.params(r.Params)
	w.optional(r)
}

// times writes which moments there are, and when.
func (w *recordWriter) times(r *unit.Record) {
	which := uint64(0)
	list := times(r)
	for i, t := range list {
		if *t != 0 {
			which |= 1 << i
		}
	}
	w.uint(which)
	for _, t := range list {
		if *t != 0 {
			w.b = binary.AppendVarint(w.b, *t-w.base)
		}
	}
}

// optional writes what few devices have.
func (w *recordWriter) optional(r *unit.Record) {
	which := uint64(0)
	for i, has := range []bool{len(r.Pending) > 0, r.Delayed != nil, r.Asked != nil, r.Custom != nil, r.Trusted != nil, r.Told != (device.Params{}), r.Reason != 0,
		len(r.Extras.Kept) > 0, len(r.Extras.Tried) > 0, len(r.Extras.Directory) > 0, len(r.Lines) > 0, r.Leased.IsValid()} {
		if has {
			which |= 1 << i
		}
	}
	w.uint(which)
	if len(r.Pending) > 0 {
		w.uint(uint64(len(r.Pending)))
		for i := range r.Pending {
			w.command(&r.Pending[i])
		}
	}
	if r.Delayed != nil {
		w.command(r.Delayed)
	}
	if r.Asked != nil {
		w.command(r.Asked)
	}
	if r.Custom != nil {
		w.text(r.Custom.Company)
		w.params(r.Custom.Defaults)
	}
	if r.Trusted != nil {
		w.text(r.Trusted.Rule)
		w.text(r.Trusted.PEM)
	}
	if r.Told != (device.Params{}) {
		w.params(r.Told)
	}
	if r.Reason != 0 {
		w.uint(uint64(r.Reason))
	}
	w.extras(&r.Extras)
	w.lines(r.Lines)
	if r.Leased.IsValid() {
		w.b = append(w.b, r.Leased.AsSlice()...)
	}
}

// extras writes what there is of files beside profile and image, and of the directory.
func (w *recordWriter) extras(e *unit.ExtraRecord) {
	if len(e.Kept) > 0 {
		w.uint(uint64(len(e.Kept)))
		for _, key := range e.Kept {
			w.uint(key)
		}
	}
	if len(e.Tried) > 0 {
		w.uint(uint64(len(e.Tried)))
		for _, t := range e.Tried {
			w.uint(t.Key)
			w.uint(uint64(t.Tries))
			w.b = binary.AppendVarint(w.b, t.Again)
		}
	}
	if len(e.Directory) > 0 {
		w.uint(uint64(len(e.Directory)))
		for _, entry := range e.Directory {
			w.string(entry)
		}
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
	known  *device.Layers
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

// head reads which device the next record is of, before its row is known.
func (r *recordReader) head() (dev device.Index, version string) {
	return device.Index(r.upTo(device.MaxDevices)), r.text()
}

// record reads the rest of a record.
func (r *recordReader) record(f *model.Factory) (rec unit.Record) {
	rec.Flags = uint16(r.upTo(1<<16 - 1))
	if rec.Flags&^unit.RecordFlags != 0 {
		r.fail(errRecord)
	}
	rec.Life.Proven = r.bool()
	for _, s := range smallNumbers(&rec) {
		*s.value = uint8(r.upTo(uint64(s.most)))
	}
	for _, c := range counts(&rec) {
		*c = uint32(r.upTo(1<<32 - 1))
	}
	rec.Target = resync.UpgradeTarget(r.uint())
	rec.Upgrade.Err = r.text()
	rec.Upgrade.Retries = int(r.upTo(1<<31 - 1))
	r.times(&rec)
	rec.Params = r.params(f)
	r.optional(&rec, f)
	return rec
}

func (r *recordReader) times(rec *unit.Record) {
	which := r.upTo(1<<(4+unit.RecordTimers) - 1)
	for i, t := range times(rec) {
		if which&(1<<i) != 0 {
			*t = r.base + r.int()
		}
	}
}

func (r *recordReader) optional(rec *unit.Record, f *model.Factory) {
	which := r.upTo(1<<12 - 1)
	for which != 0 && r.err == nil {
		bit := bits.TrailingZeros64(which)
		which &^= 1 << bit
		switch bit {
		case 0:
			for n := r.upTo(unit.RecordPending); n > 0 && r.err == nil; n-- {
				rec.Pending = append(rec.Pending, *r.command())
			}
		case 1:
			rec.Delayed = r.command()
		case 2:
			rec.Asked = r.command()
		case 3:
			rec.Custom = &unit.Custom{Company: r.text(), Defaults: r.params(f)}
		case 4:
			rec.Trusted = &resync.Authority{Rule: r.text(), PEM: r.text()}
		case 5:
			rec.Told = r.params(f)
		case 6:
			rec.Reason = device.Reason(r.upTo(uint64(device.ByAddress)))
		case 7:
			r.kept(rec)
		case 8:
			r.tried(rec)
		case 9:
			rec.Extras.Directory = r.directory()
		case 10:
			rec.Lines = r.lines()
		case 11:
			rec.Leased = r.address()
		}
	}
}

// kept reads which extra files a phone has.
func (r *recordReader) kept(rec *unit.Record) {
	for n := r.upTo(unit.RecordExtras); n > 0 && r.err == nil; n-- {
		rec.Extras.Kept = append(rec.Extras.Kept, r.uint())
	}
}

// tried reads which extra files a phone could not get.
func (r *recordReader) tried(rec *unit.Record) {
	for n := r.upTo(unit.RecordExtras); n > 0 && r.err == nil; n-- {
		rec.Extras.Tried = append(rec.Extras.Tried, unit.ExtraTry{Key: r.uint(), Tries: uint8(r.upTo(1<<8 - 1)), Again: r.int()})
	}
}

// address reads an IPv4 address.
func (r *recordReader) address() netip.Addr {
	if len(r.b) < 4 {
		r.fail(errRecord)
		return netip.Addr{}
	}
	addr := netip.AddrFrom4([4]byte(r.b))
	r.b = r.b[4:]
	return addr
}

// directory reads the entries of a personal directory.
func (r *recordReader) directory() device.Directory {
	entries := map[int]string{}
	for number, n := 1, r.upTo(device.DirectorySize); number <= int(n) && r.err == nil; number++ {
		entry := r.string()
		if len(entry) > device.MostEntry {
			r.fail(errRecord)
		}
		entries[number] = strings.Clone(entry)
	}
	return device.Directory(nil).With(entries)
}

// params reads parameters of a model.
func (r *recordReader) params(f *model.Factory) (p device.Params) {
	layer := known(r, &r.layers, func() *device.Layer {
		l, err := r.known.Layer(f, r.sets())
		if err != nil {
			r.fail(fmt.Errorf("a device of it cannot be: %w", err))
		}
		return l
	})
	own := r.sets()
	if r.err != nil {
		return p
	}
	if layer.Factory().Name != f.Name {
		r.fail(errors.New("it is damaged: devices of two models share their values"))
		return p
	}
	p, err := layer.Over(own)
	if err != nil {
		r.fail(fmt.Errorf("a device of it cannot be: %w", err))
	}
	return p.At(r.known, f) // in older files, devices of two firmwares may share a layer
}

func (r *recordReader) command() *device.Command {
	c := &device.Command{Order: device.Order(r.upTo(uint64(device.UpdateCA))), Cause: model.Cause(r.upTo(uint64(model.ByChange))), Argument: r.string()}
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
