package certs

import (
	"math"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// A onceCache computes values when they are first asked for and keeps those used
// last. A value is computed once: others who ask for it meanwhile wait. A
// computation that failed is tried again. The zero value is ready.
type onceCache[K comparable, V any] struct {
	mu   sync.Mutex
	kept *simplelru.LRU[K, *promise[V]] // nil until the first is kept
}

// A promise is a value that one goroutine computes.
type promise[V any] struct {
	once  sync.Once
	value V
	err   error
}

// get returns the value of a key. At most keep values are kept, all of them for
// 0; the first call decides.
func (c *onceCache[K, V]) get(key K, keep int, compute func() (V, error)) (V, error) {
	p := c.promise(key, keep)
	p.once.Do(func() { p.value, p.err = compute() })
	if p.err != nil {
		c.forget(key, p)
	}
	return p.value, p.err
}

func (c *onceCache[K, V]) promise(key K, keep int) *promise[V] {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil {
		c.kept, _ = simplelru.NewLRU[K, *promise[V]](positiveOr(keep, math.MaxInt), nil) // it refuses no positive size
	}
	p, ok := c.kept.Get(key)
	if !ok {
		p = &promise[V]{}
		c.kept.Add(key, p)
	}
	return p
}

func (c *onceCache[K, V]) forget(key K, p *promise[V]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if latest, ok := c.kept.Peek(key); ok && latest == p {
		c.kept.Remove(key)
	}
}
