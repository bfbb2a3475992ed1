package certs

import "sync"

// A memo makes values when they are first asked for, each by one of those who
// ask while the others wait, and keeps the latest. Those that could not be made
// are tried again. The zero value is ready.
type memo[K comparable, V any] struct {
	mu         sync.Mutex
	young, old map[K]*promise[V]
}

// A promise is a value that somebody makes.
type promise[V any] struct {
	once  sync.Once
	value V
	err   error
}

// get returns the value of a key. About keep values are kept, all of them for 0.
func (m *memo[K, V]) get(key K, keep int, compute func() (V, error)) (V, error) {
	p := m.promise(key, keep)
	p.once.Do(func() { p.value, p.err = compute() })
	if p.err != nil {
		m.forget(key, p)
	}
	return p.value, p.err
}

// promise finds the promise of a key. Two generations stand for the order of
// use: when the young are many, the old go.
func (m *memo[K, V]) promise(key K, keep int) *promise[V] {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p, ok := m.young[key]; ok {
		return p
	}
	if m.young == nil || keep > 0 && len(m.young) >= max(1, keep/2) {
		m.young, m.old = map[K]*promise[V]{}, m.young
	}
	p, ok := m.old[key]
	if !ok {
		p = &promise[V]{}
	}
	m.young[key] = p
	return p
}

func (m *memo[K, V]) forget(key K, p *promise[V]) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, generation := range []map[K]*promise[V]{m.young, m.old} {
		if generation[key] == p {
			delete(generation, key)
		}
	}
}
