package trust

import (
	"bytes"
	"crypto/rsa"
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// A verdictCache keeps verdicts, so that the chain that a whole fleet sees is judged
// once. Chains are compared byte by byte: their hash only finds them. The chains
// used last are kept. The zero verdictCache is ready, and may be used by many
// goroutines.
type verdictCache struct {
	mu   sync.Mutex
	kept *simplelru.LRU[verdictKey, *judgedChain] // nil until the first is kept
}

const (
	mostChains = 2048
	mostBytes  = 8 << 10 // of a chain that is kept
)

type verdictKey struct {
	store *store
	sum   uint64
}

// A judgedChain has a verdict for each stretch of time that was asked for. The
// stretches end where a certificate of the chain begins or ends, so they are few.
type judgedChain struct {
	chain    [][]byte
	verdicts []verdict
}

var verdictSeed = maphash.MakeSeed()

func keyOf(s *store, chain [][]byte) verdictKey {
	var h maphash.Hash
	h.SetSeed(verdictSeed)
	for _, der := range chain {
		h.Write(der)
	}
	return verdictKey{s, h.Sum64()}
}

// judge returns the verdict of a store, from the cache where it is there.
func (m *verdictCache) judge(s *store, chain [][]byte, now time.Time) (*rsa.PublicKey, int) {
	v := m.verdict(s, chain, now)
	return v.key, v.number
}

func (m *verdictCache) verdict(s *store, chain [][]byte, now time.Time) verdict {
	k := keyOf(s, chain)
	v, ok := m.recall(k, chain, now.Unix())
	if !ok {
		v = s.verify(chain, now)
		m.keep(k, chain, v)
	}
	return v
}

// recall returns the verdict on a chain at a second, false where there is none.
func (m *verdictCache) recall(k verdictKey, chain [][]byte, second int64) (verdict, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.find(k, chain)
	if r == nil {
		return verdict{}, false
	}
	for _, v := range r.verdicts {
		if v.from <= second && second < v.to {
			return v, true
		}
	}
	return verdict{}, false
}

// find returns a judged chain, nil where it is not kept. The lock is held.
func (m *verdictCache) find(k verdictKey, chain [][]byte) *judgedChain {
	if m.kept == nil {
		return nil
	}
	if r, ok := m.kept.Get(k); ok && sameChain(r.chain, chain) {
		return r
	}
	return nil
}

// keep remembers a verdict. The chain is copied; a long one is not kept.
func (m *verdictCache) keep(k verdictKey, chain [][]byte, v verdict) {
	size := 0
	for _, der := range chain {
		size += len(der)
	}
	if size > mostBytes {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.find(k, chain); r != nil {
		r.add(v)
		return
	}
	if m.kept == nil {
		m.kept, _ = simplelru.NewLRU[verdictKey, *judgedChain](mostChains, nil) // it refuses no positive size
	}
	m.kept.Add(k, &judgedChain{cloneChain(chain), []verdict{v}})
}

// add takes a verdict that no other goroutine has added meanwhile.
func (r *judgedChain) add(v verdict) {
	for _, w := range r.verdicts {
		if w.from == v.from {
			return
		}
	}
	r.verdicts = append(r.verdicts, v)
}

func cloneChain(chain [][]byte) [][]byte {
	out := make([][]byte, len(chain))
	for i, der := range chain {
		out[i] = bytes.Clone(der)
	}
	return out
}

func sameChain(a, b [][]byte) bool { return slices.EqualFunc(a, b, bytes.Equal) }
