package certs

// Held returns how many certificates a holder keeps.
func (h *Holder) Held() int {
	if h.made.kept == nil {
		return 0
	}
	return h.made.kept.Len()
}

// NewKey makes the key of a seed and a label.
var NewKey = newKey
