package resync

import (
	"context"
	"crypto/sha256"
	"errors"
	"hash/maphash"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/profile"
	"spafleet/resync/body"
	"spafleet/resync/image"
)

// A Digest stands for a body together with key and aliases of the rule that asked
// for it: the body's sum with what [sealed] adds. Zero stands for none.
type Digest uint64

// A LastApplied says which body a device applied last, and how that was protected.
// While nothing else has changed the device, the same body is not decoded again.
type LastApplied struct {
	Digest     Digest
	Protection profile.Protection
}

// has returns the sum of that body, if a rule with the same key and aliases would find
// nothing new in it; zero for none.
func (l LastApplied) has(o profile.Options) body.Sum {
	if l.Digest == 0 || l.Protection&profile.Targeted != 0 {
		return 0
	}
	return body.Sum(l.Digest ^ sealed(o))
}

// A ParsedProfile is what one model takes from a profile file. It is shared and must
// not be changed.
type ParsedProfile struct {
	Sets       []device.Set
	Protection profile.Protection
	Secrets    int      // passwords, keys and other credentials in it, if they are counted
	Unknown    []string // names the model lacks, each once
	Rejected   []string // names of elements whose value was not taken, each once
	Refused    []string // the beginnings of those values
	Company    string   // of a customization file

	// What of the file counts, if not all of it does, and the switch that decides
	// about it; see profile.File.
	Partly, Mistake string
}

// A ProfileCache keeps decoded files, so that devices which get the same body decode
// it once. Its zero value is ready; it is safe for concurrent use.
type ProfileCache struct {
	Max    int           // most bytes of bodies behind the profiles kept; 0: 16 MiB
	Layers device.Layers // where the values end up
	// Compiled opens files of the vendor's compiler.
	Compiled Compiled
	// Secrets has the passwords, keys and other credentials of each file counted.
	Secrets bool

	once  sync.Once
	cores chan struct{} // one for each body that is decoded now
	mu    sync.Mutex
	kept  *simplelru.LRU[cacheKey, keptProfile] // nil until the first is kept
	held  int                                   // bytes of bodies behind them
	seen  [mostSeen]Digest                      // of bodies that were wanted once, each in the place that its number gives

	scratches sync.Pool // of *profile.Scratch
	images    image.Sums
}

// A keptProfile is a profile, or why a body is none, and the bytes that it holds.
type keptProfile struct {
	*ParsedProfile
	err  error
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
func (c *ProfileCache) Digest(file []byte, o profile.Options) Digest {
	return max(Digest(body.SumOf(file))^sealed(o), 1)
}

var sealSeed = maphash.MakeSeed()

// sealed stands for the key and the aliases of a rule.
func sealed(o profile.Options) Digest {
	var h maphash.Hash
	h.SetSeed(sealSeed)
	h.WriteString(o.Key)
	if o.Keyed {
		h.WriteByte(1)
	}
	h.WriteByte(0)
	h.WriteString(o.Aliases)
	return Digest(h.Sum64())
}

func (c *ProfileCache) open() {
	c.cores = make(chan struct{}, runtime.GOMAXPROCS(0))
}

// Read decodes a body for a device, or finds it decoded. As many are decoded at
// once as there are cores; the others wait. With o.Keep the body must not be changed
// afterwards. The error is *profile.Error, or that of a context that ended while
// it waited.
func (c *ProfileCache) Read(ctx context.Context, u *device.Unit, body []byte, d Digest, o profile.Options) (*ParsedProfile, error) {
	own, shared := cacheKey{digest: d, row: u.Row, mac: u.MAC}, cacheKey{digest: d, row: u.Row}
	if k, ok := c.find(shared, own); ok {
		return k.ParsedProfile, k.err
	}
	c.once.Do(c.open)
	select {
	case c.cores <- struct{}{}:
		defer func() { <-c.cores }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if k, ok := c.find(shared, own); ok { // by now
		return k.ParsedProfile, k.err
	}
	r, alike, err := c.decode(u, body, o)
	key := own
	if alike {
		key = shared
	}
	if err != nil {
		c.keep(key, keptProfile{err: err, size: refusalBytes})
		return nil, err
	}
	c.keep(key, keptProfile{ParsedProfile: r, size: len(body)})
	return r, nil
}

// refusalBytes is what a body counts for that cannot be used: it is not kept.
const refusalBytes = 512

// decode decodes a body for a device, and reports whether it says the same to each
// of the device's model.
func (c *ProfileCache) decode(u *device.Unit, body []byte, o profile.Options) (r *ParsedProfile, alike bool, err error) {
	o.Sidecar = c.Compiled.Sidecar
	if c.Compiled.Program != nil {
		asked := o
		o.External = func(body []byte) (string, error) { return c.Compiled.Program(asked, body) }
	}
	scratch, _ := c.scratches.Get().(*profile.Scratch)
	if scratch == nil {
		scratch = new(profile.Scratch)
	}
	o.Scratch = scratch
	defer c.scratches.Put(scratch)
	file, err := profile.Decode(body, o)
	if err != nil {
		var pe *profile.Error
		return nil, errors.As(err, &pe) && !pe.Own, err
	}
	r = parsed(u.Row, file)
	if c.Secrets {
		r.Secrets = secretsIn(u.Row, r.Sets)
	}
	return r, r.Protection&profile.Targeted == 0 && file.Opened != profile.ByExternal, nil
}

// find returns what is kept under the first of the keys that has something.
func (c *ProfileCache) find(keys ...cacheKey) (k keptProfile, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil {
		return k, false
	}
	for _, key := range keys {
		if k, ok = c.kept.Get(key); ok {
			return k, true
		}
	}
	return k, false
}

const (
	mostSeen = 1 << 12 // profiles that were wanted once and are remembered
	mostKept = 1 << 16 // profiles kept; their bodies' bytes are nearly always the tighter bound
)

// keep stores what is wanted for the second time: a body of a device's own may
// never come again. Where there is no space, the profiles go that were
// wanted longest ago.
func (c *ProfileCache) keep(key cacheKey, k keptProfile) {
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
	if k.size > limit {
		return
	}
	if c.kept == nil {
		c.kept, _ = simplelru.NewLRU(mostKept, func(_ cacheKey, k keptProfile) { c.held -= k.size }) // it refuses no positive size
	}
	c.kept.Remove(key) // another goroutine may have decoded the same body meanwhile
	c.kept.Add(key, k)
	for c.held += k.size; c.held > limit; {
		c.kept.RemoveOldest()
	}
}

// mostRefused is how many bytes of a value that was not taken are kept.
const mostRefused = 60

// parsed finds the parameters of a file in a model's factory set. An element
// whose value the parameter does not take is ignored, its access too, and the
// file is none the worse for it (provisioning.md §5.5: inferred).
func parsed(row *model.Row, file profile.File) *ParsedProfile {
	r := &ParsedProfile{Protection: file.Protection, Partly: file.Partly, Mistake: file.Mistake}
	var seen map[string]bool // made when there is a name to remember
	once := func(list *[]string, name string) bool {
		if seen == nil {
			seen = map[string]bool{}
		}
		if seen[name] {
			return false
		}
		seen[name] = true
		*list = append(*list, name)
		return true
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
			once(&r.Unknown, clipped(p.Name))
			continue
		}
		if p.Access == 0 && row.Behaviour.FactoryAccess {
			p.Access = param.Access
		}
		if p.Has {
			value := p.Value
			if p.Value, ok = param.Take(value); !ok {
				if once(&r.Rejected, clipped(p.Name)) {
					r.Refused = append(r.Refused, strings.Clone(value[:min(len(value), mostRefused)]))
				}
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
