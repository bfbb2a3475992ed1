package device

import (
	"hash/maphash"
	"math/bits"
	"runtime"
	"slices"
	"sync"
	"weak"

	"spafleet/device/model"
)

// A Layer is values that many devices share. It is immutable, and is freed when no
// device uses it any more.
type Layer struct {
	factory *model.Factory
	entries []entry // by ascending ID, what differs from the factory
	number  uint32  // among those of its factory set that its [Layers] made; 0: the bare one
}

func (l *Layer) get(id model.ID) entry {
	i, ok := slices.BinarySearchFunc(l.entries, id, func(e entry, id model.ID) int { return int(e.id) - int(id) })
	if ok {
		return l.entries[i]
	}
	return factoryEntry(l.factory, id)
}

// recentLayers is how many layers of a factory set a new body is tried against
// before it founds a layer of its own: devices of one provider have bodies that
// differ in a few values (measured: four suffice where a fleet mixes a bootstrap
// file, a common file, a per-device file and a rotation of it).
const recentLayers = 4

// Layers finds the shared layer for a device's values, or makes one. Its zero value
// is ready; it is safe for concurrent use. It keeps a few layers of each factory
// set; the others last as long as a device uses them.
type Layers struct {
	mu     sync.Mutex
	recent map[*model.Factory][]*Layer
	begun  map[*model.Factory]*founded
	seed   maphash.Seed
	known  map[uint64]weak.Pointer[Layer]
	free   sync.Pool // of *scratch
}

// A scratch is memory for working out one change; it is used again for the next one.
type scratch struct{ before, after, best, other, kept, shared []entry }

func (l *Layers) scratch() *scratch {
	if r, ok := l.free.Get().(*scratch); ok {
		return r
	}
	return &scratch{}
}

// release gives a scratch back, without what it points to.
func (l *Layers) release(r *scratch) {
	for _, list := range [...][]entry{r.before, r.after, r.best, r.other, r.kept, r.shared} {
		clear(list)
	}
	l.free.Put(r)
}

// Reset returns the parameters as the factory made them.
func Reset(f *model.Factory) Params { return Params{base: bareLayer(f)} }

// bareLayers has the layer without entries of each factory set, which stay as
// long as the program runs.
var bareLayers sync.Map // *Factory to *Layer

func bareLayer(f *model.Factory) *Layer {
	if l, ok := bareLayers.Load(f); ok {
		return l.(*Layer)
	}
	l, _ := bareLayers.LoadOrStore(f, &Layer{factory: f})
	return l.(*Layer)
}

// Preset returns a factory's parameters with a tester's changes, in a layer that
// all devices with this preset share. It is what a factory reset returns to.
func (l *Layers) Preset(f *model.Factory, sets []Set) Params {
	p, _ := Reset(f).With(l, sets)
	l.mu.Lock()
	defer l.mu.Unlock()
	return Params{base: l.intern(f, p.diff())}
}

// pack finds a layer for a device whose values differ from the factory by diff.
// The layer it has now is tried first, so that a small change stays small. Values that
// it had of its own and keeps, such as those of a list of devices, are nobody else's:
// they found no layer, and where they are the smaller part, ask for none.
func (l *Layers) pack(now *Layer, own string, diff []entry, r *scratch) Params {
	l.mu.Lock()
	defer l.mu.Unlock()
	full := size(diff)
	r.best = difference(r.best[:0], now, diff)
	best, least := now, size(r.best)
	for _, layer := range l.recent[now.factory] {
		if layer == now {
			continue
		}
		r.other = difference(r.other[:0], layer, diff)
		if n := size(r.other); n < least {
			best, least = layer, n
			r.best, r.other = r.other, r.best
		}
	}
	r.split(own, diff)
	kept := size(r.kept)
	if least <= smallOwn || kept <= full/2 && least-kept <= (full-kept)/2 || least <= middleOwn && !l.begun[now.factory].pays() {
		if best != now && least <= full/2 {
			l.begun[now.factory].had(best)
		}
		return Params{base: best, own: repack(own, r.best)}
	}
	return Params{base: l.found(now.factory, r.shared), own: repack(own, r.kept)}
}

// repack packs entries. Where they are what is packed already, it stays: that may be a
// part of something that stays anyway, such as a list of devices.
func repack(own string, entries []entry) string {
	if packed := pack(entries); packed != own {
		return packed
	}
	return own
}

// split divides the entries of diff into those that are among a device's own and the
// others.
func (r *scratch) split(own string, diff []entry) {
	r.kept, r.shared = r.kept[:0], r.shared[:0]
	for _, e := range diff {
		for own != "" && entryID(own) < e.id {
			_, own = unpack(own)
		}
		if own != "" && entryID(own) == e.id {
			if before, _ := unpack(own); before == e {
				r.kept = append(r.kept, e)
				continue
			}
		}
		r.shared = append(r.shared, e)
	}
}

// smallOwn is a size below which a layer would cost more than it saves. Up to
// middleOwn it costs more where no second device has it.
const smallOwn, middleOwn = 64, 512

// founded counts the layers of a factory set: where devices have profiles of their own,
// few of the last ones were shared. Of nil nothing is known.
type founded struct {
	made   uint32
	shared uint64 // of the last 64, by number: a second device has had it
	asked  int
}

// pays reports whether a further layer may pay: an eighth of the last ones did, or it is
// time to try again.
func (f *founded) pays() bool {
	if f == nil || f.made < 64 {
		return true
	}
	f.asked++
	return bits.OnesCount64(f.shared) >= 8 || f.asked%64 == 0
}

// add returns the number of a layer that is made.
func (f *founded) add() uint32 {
	f.made++
	f.shared &^= 1 << (f.made % 64)
	return f.made
}

// had notes that a second device has a layer.
func (f *founded) had(l *Layer) {
	if f != nil && l.number > 0 && f.made-l.number < 64 {
		f.shared |= 1 << (l.number % 64)
	}
}

func size(entries []entry) int {
	n := 0
	for _, e := range entries {
		n += packedSize(e)
	}
	return n
}

// difference adds to own what must be packed over a layer to give diff: entries
// that the layer lacks or has otherwise, and factory values where it has more.
func difference(own []entry, l *Layer, diff []entry) []entry {
	base := l.entries
	for _, e := range diff {
		for len(base) > 0 && base[0].id < e.id {
			own, base = append(own, factoryEntry(l.factory, base[0].id)), base[1:]
		}
		if len(base) > 0 && base[0].id == e.id {
			if base[0] != e {
				own = append(own, e)
			}
			base = base[1:]
			continue
		}
		own = append(own, e)
	}
	for _, e := range base {
		own = append(own, factoryEntry(l.factory, e.id))
	}
	return own
}

// found makes a layer of diff and remembers it as the factory's latest.
func (l *Layers) found(f *model.Factory, diff []entry) *Layer {
	layer := l.intern(f, diff)
	if l.recent == nil {
		l.recent = map[*model.Factory][]*Layer{}
	}
	ring := slices.DeleteFunc(l.recent[f], func(k *Layer) bool { return k == layer })
	ring = slices.Insert(ring, 0, layer)
	l.recent[f] = ring[:min(len(ring), recentLayers)]
	return layer
}

// intern returns the one layer with these entries.
func (l *Layers) intern(f *model.Factory, diff []entry) *Layer {
	if l.known == nil {
		l.known = map[uint64]weak.Pointer[Layer]{}
		l.seed = maphash.MakeSeed()
	}
	sum := l.hash(f, diff)
	if k := l.known[sum].Value(); k != nil && k.factory == f && slices.Equal(k.entries, diff) {
		l.begun[f].had(k)
		return k
	}
	if l.begun == nil {
		l.begun = map[*model.Factory]*founded{}
	}
	if l.begun[f] == nil {
		l.begun[f] = &founded{}
	}
	layer := &Layer{factory: f, entries: own(diff), number: l.begun[f].add()}
	l.known[sum] = weak.Make(layer)
	runtime.AddCleanup(layer, l.forget, sum)
	return layer
}

// forget drops the entry of a layer that was collected, unless a new one with
// the same content has taken its place.
func (l *Layers) forget(sum uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known[sum].Value() == nil {
		delete(l.known, sum)
	}
}

func (l *Layers) hash(f *model.Factory, diff []entry) uint64 {
	var h maphash.Hash
	h.SetSeed(l.seed)
	maphash.WriteComparable(&h, f)
	for _, e := range diff {
		maphash.WriteComparable(&h, e)
	}
	return h.Sum64()
}

// own copies entries so that a layer does not keep a whole profile body alive.
func own(diff []entry) []entry {
	entries := make([]entry, len(diff))
	packed := pack(diff)
	for i := range entries {
		entries[i], packed = unpack(packed)
	}
	return entries
}
