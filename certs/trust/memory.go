package trust

import (
	"bytes"
	"crypto/rsa"
	"hash/maphash"
	"sync"
	"time"
)

// A verdictCache keeps verdicts, so that the chain that a whole fleet sees is judged
// once. Chains are compared byte by byte: their hash only finds them. It holds two
// generations; when the younger is full, the elder is forgotten. The zero verdictCache
// is ready, and may be used by many goroutines.
type verdictCache struct {
	mu           sync.RWMutex
	young, elder map[verdictKey]*judgedChain
	bytes        int // of the young one's chains
}

const mostBytes = 2 << 20 // of chains in a generation

// oneChain is what a judged chain takes beside its bytes, about.
const oneChain = 512

type verdictKey struct {
	store *store
	sum   uint64
}

// A judgedChain has a verdict for each stretch of time that was asked for:
// no more than its certificates have first and last seconds, and one.
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
	k := keyOf(s, chain)
	v, ok := m.recall(k, chain, now.Unix())
	if !ok {
		v = s.verify(chain, now)
		m.keep(k, chain, v)
	}
	return v.key, v.number
}

// recall returns the verdict on a chain at a second, false where there is none.
func (m *verdictCache) recall(k verdictKey, chain [][]byte, second int64) (verdict, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	r := m.young[k]
	if r == nil {
		r = m.elder[k]
	}
	if r == nil || !sameChain(r.chain, chain) {
		return verdict{}, false
	}
	for _, v := range r.verdicts {
		if v.from <= second && second < v.to {
			return v, true
		}
	}
	return verdict{}, false
}

// keep remembers a verdict. The chain is copied.
func (m *verdictCache) keep(k verdictKey, chain [][]byte, v verdict) {
	size := oneChain
	for _, der := range chain {
		size += len(der)
	}
	if size > mostBytes {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if old := m.young[k]; old != nil && sameChain(old.chain, chain) {
		old.add(v)
		return
	}
	if m.young == nil || m.bytes+size > mostBytes {
		m.young, m.elder, m.bytes = map[verdictKey]*judgedChain{}, m.young, 0
	}
	m.young[k] = &judgedChain{cloneChain(chain), []verdict{v}}
	m.bytes += size
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

func sameChain(a, b [][]byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}
