package prov

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
)

// A Pair is the secrets of one device between two rotations: the key of its
// profile and the directory that the profile lies in.
type Pair struct {
	Generation uint32
	Key        string // 64 hexadecimal digits
	Dir        string // 32 hexadecimal digits
}

// A Rotation is the pairs that an answer may speak of.
type Rotation struct {
	Asked Pair // named in the request's path, else the current one: key and dir
	Next  Pair // that the device shall have from now on: next_key and next_dir
}

// Pairs gives every device its secret pairs. A pair is a pure function of seed,
// MAC address and generation; what is kept is one number for each device whose
// secrets were ever rotated. The zero value is ready, with seed 0. It is safe
// for concurrent use; set Seed before.
//
// The seed has 64 bits: these are secrets for tests.
type Pairs struct {
	Seed uint64

	mu      sync.RWMutex
	current map[string]uint32
	changes atomic.Uint32 // of current
}

// At returns a device's pair of one generation, the first being 0. The address
// is 12 hexadecimal digits; for "" the pair is empty.
func (p *Pairs) At(mac string, generation uint32) Pair {
	if mac == "" {
		return Pair{}
	}
	mac = strings.ToLower(mac)
	key, dir := p.secret("key", mac, generation), p.secret("dir", mac, generation)
	return Pair{generation, hex.EncodeToString(key[:]), hex.EncodeToString(dir[:16])}
}

func (p *Pairs) secret(purpose, mac string, generation uint32) [sha256.Size]byte {
	b := binary.BigEndian.AppendUint64(nil, p.Seed)
	b = binary.BigEndian.AppendUint32(b, generation)
	return sha256.Sum256(append(append(b, mac...), purpose...))
}

// Generation returns how often a device's secrets were rotated.
func (p *Pairs) Generation(mac string) uint32 {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.current[strings.ToLower(mac)]
}

// Rotations returns how often each device's secrets were rotated, by MAC address,
// of those that ever were.
func (p *Pairs) Rotations() map[string]uint32 {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return maps.Clone(p.current)
}

// Resume sets how often secrets were rotated, as Rotations returned it.
func (p *Pairs) Resume(rotations map[string]uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.current = maps.Clone(rotations)
	p.changes.Add(1)
}

// Rotate gives devices new secrets. The old ones remain honoured.
func (p *Pairs) Rotate(macs ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.changes.Add(1)
	if p.current == nil {
		p.current = map[string]uint32{}
	}
	for _, mac := range macs {
		p.current[strings.ToLower(mac)]++
	}
}
