package resync

import (
	"hash/maphash"
	"strings"
	"sync"

	"spafleet/device"
	"spafleet/device/profile"
	"spafleet/resync/rule"
)

// A Digest stands for a body together with the key of the rule that asked for it.
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
	Company    string   // of a customization file
}

// A Shelf keeps decoded files, so that devices which get the same body decode
// it once. Its zero value is ready; it is safe for concurrent use.
type Shelf struct {
	Max    int           // most bytes of bodies behind the readings kept; 0: 16 MiB
	Layers device.Layers // where the values end up

	once sync.Once
	seed maphash.Seed
	mu   sync.Mutex
	kept map[shelfKey]*Reading
	held int
}

type shelfKey struct {
	digest Digest
	row    *device.Row
	mac    device.MAC // of files that open for one device only
}

// Digest returns the digest of a body under the key of a rule's options. No key
// and an empty one differ: a plain file opens under the first only.
func (s *Shelf) Digest(body []byte, o rule.Options) Digest {
	s.once.Do(func() { s.seed = maphash.MakeSeed() })
	var h maphash.Hash
	h.SetSeed(s.seed)
	h.WriteString(o.Key)
	if o.HasKey {
		h.WriteByte(1)
	}
	h.WriteByte(0)
	h.Write(body)
	return Digest(h.Sum64() | 1)
}

// Read decodes a body for a device, or finds it decoded. The error is
// *profile.Error.
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
	file, err := profile.Decode(body, o)
	if err != nil {
		return nil, err
	}
	r = reading(u.Row.Factory, file)
	if r.Protection&profile.Targeted == 0 {
		key = shared
	}
	s.keep(key, r, len(body))
	return r, nil
}

// keep stores a reading. A full shelf is emptied: bodies that are worth keeping
// come again soon, those of one device each are not.
func (s *Shelf) keep(key shelfKey, r *Reading, size int) {
	limit := s.Max
	if limit == 0 {
		limit = 16 << 20
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil || s.held+size > limit {
		s.kept, s.held = map[shelfKey]*Reading{}, 0
	}
	if size <= limit {
		s.kept[key] = r
		s.held += size
	}
}

// reading finds the parameters of a file in a model's factory set.
func reading(f *device.Factory, file profile.File) *Reading {
	r := &Reading{Protection: file.Protection, Sets: make([]device.Set, 0, len(file.Params))}
	seen := map[string]bool{}
	for _, p := range file.Params {
		param, ok := f.Lookup(p.Name)
		if !ok {
			if p.Name == companyElement {
				r.Company = strings.TrimSpace(strings.Clone(p.Value))
			}
			if !seen[p.Name] {
				seen[p.Name] = true
				r.Unknown = append(r.Unknown, p.Name)
			}
			continue
		}
		r.Sets = append(r.Sets, device.Set{ID: param.ID, Value: p.Value, Has: p.Has, Access: p.Access})
	}
	return r
}
