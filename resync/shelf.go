package resync

import (
	"crypto/sha256"
	"hash/maphash"
	"slices"
	"strings"
	"sync"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/profile"
)

// A Digest stands for a body together with key and aliases of the rule that asked
// for it.
// Zero stands for none.
type Digest uint64

// A Receipt says which body was applied last, and how it came protected. While
// nothing else has changed the device, the same body again is not even decoded.
type Receipt struct {
	Digest     Digest
	Protection profile.Protection
}

// A Reading is a profile file as one model takes it. It is shared and must not
// be changed.
type Reading struct {
	Sets       []device.Set
	Protection profile.Protection
	Unknown    []string // names the model lacks, each once
	Rejected   []string // names of elements whose value was not taken, each once
	Company    string   // of a customization file
}

// A Shelf keeps decoded files, so that devices which get the same body decode
// it once. Its zero value is ready; it is safe for concurrent use.
type Shelf struct {
	Max    int           // most bytes of bodies behind the readings kept; 0: 16 MiB
	Layers device.Layers // where the values end up
	// Compiled opens files of the vendor's compiler.
	Compiled Compiled

	once sync.Once
	seed maphash.Seed
	mu   sync.Mutex
	kept map[shelfKey]*Reading
	held int
	seen [mostSeen]Digest // of bodies that were wanted once, each in the place that its number gives

	rooms sync.Pool // of *profile.Room
}

// Compiled is what opens files of the vendor's compiler, which nothing here can.
// Either may be nil, and both may be called from several goroutines.
type Compiled struct {
	// Sidecar is asked first, for the source of the file with that SHA-256.
	Sidecar func(sum [sha256.Size]byte) (source string, ok bool)
	// Program opens a file for one device, whose Family, MAC and Key the options have.
	Program func(o profile.Options, body []byte) (source string, err error)
}

type shelfKey struct {
	digest Digest
	row    *model.Row
	mac    model.MAC // of files that open for one device only
}

// Digest returns the digest of a body under the key and the aliases of a rule. No
// key and an empty one differ: a plain file opens under the first only.
func (s *Shelf) Digest(body []byte, o profile.Options) Digest {
	s.once.Do(func() { s.seed = maphash.MakeSeed() })
	var h maphash.Hash
	h.SetSeed(s.seed)
	h.WriteString(o.Key)
	if o.Keyed {
		h.WriteByte(1)
	}
	h.WriteByte(0)
	h.WriteString(o.Aliases)
	h.WriteByte(0)
	h.Write(body)
	return Digest(h.Sum64() | 1)
}

// Read decodes a body for a device, or finds it decoded. The body must not be
// changed afterwards. The error is *profile.Error.
func (s *Shelf) Read(u *device.Unit, body []byte, d Digest, o profile.Options) (*Reading, error) {
	key := shelfKey{digest: d, row: u.Row, mac: u.MAC}
	shared := shelfKey{digest: d, row: u.Row}
	s.mu.Lock()
	r := s.kept[shared]
	if r == nil {
		r = s.kept[key]
	}
	s.mu.Unlock()
	if r != nil {
		return r, nil
	}
	o.Sidecar = s.Compiled.Sidecar
	if s.Compiled.Program != nil {
		asked := o
		o.External = func(body []byte) (string, error) { return s.Compiled.Program(asked, body) }
	}
	room, _ := s.rooms.Get().(*profile.Room)
	if room == nil {
		room = new(profile.Room)
	}
	o.Keep, o.Room = true, room
	file, err := profile.Decode(body, o)
	if err != nil {
		return nil, err
	}
	r = reading(u.Row, file)
	s.rooms.Put(room)
	if r.Protection&profile.Targeted == 0 && file.Opened != profile.ByExternal {
		key = shared
	}
	s.keep(key, r, len(body))
	return r, nil
}

// mostSeen bounds what is remembered of readings that are not kept.
const mostSeen = 1 << 12

// keep stores a reading that is wanted for the second time: a body of a device's
// own may never be again. A full shelf is emptied: bodies that are worth keeping
// come again soon.
func (s *Shelf) keep(key shelfKey, r *Reading, size int) {
	limit := s.Max
	if limit == 0 {
		limit = 16 << 20
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if seen := &s.seen[key.digest>>1%mostSeen]; *seen != key.digest {
		*seen = key.digest
		return
	}
	if s.kept == nil || s.held+size > limit {
		s.kept, s.held = map[shelfKey]*Reading{}, 0
	}
	if size <= limit {
		s.kept[key] = r
		s.held += size
	}
}

// reading finds the parameters of a file in a model's factory set. An element
// whose value the parameter does not take is ignored, its access too, and the
// file is none the worse for it (provisioning.md §5.5: inferred).
func reading(row *model.Row, file profile.File) *Reading {
	r := &Reading{Protection: file.Protection}
	var seen map[string]bool // made when there is a name to remember
	once := func(list *[]string, name string) {
		if seen == nil {
			seen = map[string]bool{}
		}
		if !seen[name] {
			seen[name] = true
			*list = append(*list, name)
		}
	}
	var room [64]uint64
	order := room[:0] // of what is taken: by number, then by place in the file
	names := row.Names()
	for i := range file.Params {
		p := &file.Params[i]
		param, ok := names.Lookup(p.Name)
		if !ok {
			if p.Name == companyElement {
				r.Company = strings.TrimSpace(strings.Clone(p.Value))
			}
			once(&r.Unknown, p.Name)
			continue
		}
		if p.Access == 0 && row.Behaviour.FactoryAccess {
			p.Access = param.Access
		}
		if p.Has {
			if p.Value, ok = param.Take(p.Value); !ok {
				once(&r.Rejected, p.Name)
				continue
			}
		}
		order = append(order, uint64(param.ID)<<32|uint64(i))
	}
	slices.Sort(order)
	r.Sets = make([]device.Set, len(order))
	for i, o := range order {
		p := &file.Params[uint32(o)]
		r.Sets[i] = device.Set{ID: model.ID(o >> 32), Value: p.Value, Has: p.Has, Access: p.Access}
	}
	return r
}
