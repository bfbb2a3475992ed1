package certs

// Held returns how many certificates a holder keeps.
func (h *Holder) Held() int { return h.made.held() }

// held returns how many values are kept.
func (m *memo[K, V]) held() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := len(m.young)
	for key := range m.old {
		if _, both := m.young[key]; !both {
			n++
		}
	}
	return n
}

// NewKey makes the key of a seed and a label.
var NewKey = newKey
