package resync

import (
	"crypto/sha256"
	"hash/maphash"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/profile"
)

// A Digest stands for a body together with key and aliases of the rule that asked
// for it.
// Zero stands for none.
type Digest uint64

// A LastApplied says which body a device applied last, and how that was protected.
// While nothing else has changed the device, the same body is not decoded again.
type LastApplied struct {
	Digest     Digest
	Protection profile.Protection
}

// A ParsedProfile is what one model takes from a profile file. It is shared and must
// not be changed.
type ParsedProfile struct {
	Sets       []device.Set
	Protection profile.Protection
	Unknown    []string // names the model lacks, each once
	Rejected   []string // names of elements whose value was not taken, each once
	Company    string   // of a customization file
}

// A ProfileCache keeps decoded files, so that devices which get the same body decode
// it once. Its zero value is ready; it is safe for concurrent use.
type ProfileCache struct {
	Max    int           // most bytes of bodies behind the profiles kept; 0: 16 MiB
	Layers device.Layers // where the values end up
	// Compiled opens files of the vendor's compiler.
	Compiled Compiled

	once sync.Once
	seed maphash.Seed
	mu   sync.Mutex
	kept *simplelru.LRU[cacheKey, keptProfile] // nil until the first is kept
	held int                                   // bytes of bodies behind them
	seen [mostSeen]Digest                      // of bodies that were wanted once, each in the place that its number gives

	scratches sync.Pool // of *profile.Scratch
}

// A keptProfile is a profile and the length of the body that it came from.
type keptProfile struct {
	*ParsedProfile
	size int
}

// Compiled is what opens files of the vendor's compiler, which nothing here can.
// Either may be nil, and both may be called from several goroutines.
type Compiled struct {
	// Sidecar is asked first, for the source of the file with that SHA-256.
	Sidecar func(sum [sha256.Size]byte) (source string, ok bool)
	// Program opens a file for one device, whose Family, MAC and Key the options have.
	Program func(o profile.Options, body []byte) (source string, err error)
}

type cacheKey struct {
	digest Digest
	row    *model.Row
	mac    model.MAC // of files that open for one device only
}

// Digest returns the digest of a body under the key and the aliases of a rule. No
// key and an empty one differ: a plain file opens under the first only.
func (c *ProfileCache) Digest(body []byte, o profile.Options) Digest {
	c.once.Do(func() { c.seed = maphash.MakeSeed() })
	var h maphash.Hash
	h.SetSeed(c.seed)
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
func (c *ProfileCache) Read(u *device.Unit, body []byte, d Digest, o profile.Options) (*ParsedProfile, error) {
	key := cacheKey{digest: d, row: u.Row, mac: u.MAC}
	shared := cacheKey{digest: d, row: u.Row}
	if r := c.find(shared, key); r != nil {
		return r, nil
	}
	o.Sidecar = c.Compiled.Sidecar
	if c.Compiled.Program != nil {
		asked := o
		o.External = func(body []byte) (string, error) { return c.Compiled.Program(asked, body) }
	}
	scratch, _ := c.scratches.Get().(*profile.Scratch)
	if scratch == nil {
		scratch = new(profile.Scratch)
	}
	o.Keep, o.Scratch = true, scratch
	file, err := profile.Decode(body, o)
	if err != nil {
		return nil, err
	}
	r := parsed(u.Row, file)
	c.scratches.Put(scratch)
	if r.Protection&profile.Targeted == 0 && file.Opened != profile.ByExternal {
		key = shared
	}
	c.keep(key, r, len(body))
	return r, nil
}

// find returns what is kept under the first of the keys that has something, nil
// where none has.
func (c *ProfileCache) find(keys ...cacheKey) *ParsedProfile {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil {
		return nil
	}
	for _, key := range keys {
		if k, ok := c.kept.Get(key); ok {
			return k.ParsedProfile
		}
	}
	return nil
}

const (
	mostSeen = 1 << 12 // profiles that were wanted once and are remembered
	mostKept = 1 << 16 // profiles kept; their bodies' bytes are nearly always the tighter bound
)

// keep stores a profile that is wanted for the second time: a body of a device's
// own may never come again. Where there is no space, the profiles go that were
// wanted longest ago.
func (c *ProfileCache) keep(key cacheKey, r *ParsedProfile, size int) {
	limit := c.Max
	if limit == 0 {
		limit = 16 << 20
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if seen := &c.seen[key.digest>>1%mostSeen]; *seen != key.digest {
		*seen = key.digest
		return
	}
	if size > limit {
		return
	}
	if c.kept == nil {
		c.kept, _ = simplelru.NewLRU(mostKept, func(_ cacheKey, k keptProfile) { c.held -= k.size }) // it refuses no positive size
	}
	c.kept.Remove(key) // another goroutine may have decoded the same body meanwhile
	c.kept.Add(key, keptProfile{r, size})
	for c.held += size; c.held > limit; {
		c.kept.RemoveOldest()
	}
}

// parsed finds the parameters of a file in a model's factory set. An element
// whose value the parameter does not take is ignored, its access too, and the
// file is none the worse for it (provisioning.md §5.5: inferred).
func parsed(row *model.Row, file profile.File) *ParsedProfile {
	r := &ParsedProfile{Protection: file.Protection}
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
	var small [64]uint64 // spares most files an allocation
	order := small[:0]   // of what is taken: by number, then by place in the file
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
