package prov

import (
	"slices"
	"sync"
)

// An Upload is a body that a device sent, such as the report of a Report_Rule.
type Upload struct {
	At     int64 // fleet time
	Asker  Asker
	Scheme string
	Method string
	Path   string // as requested
	Body   []byte
}

// uploads keeps the latest bodies and counts all.
type uploads struct {
	max int

	mu    sync.Mutex
	kept  []Upload // oldest first
	held  int
	count int
}

// perUpload is what an upload costs beside its body, so that empty ones are
// bounded too.
const perUpload = 256

func (u *uploads) take(up Upload) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.count++
	u.kept = append(u.kept, up)
	u.held += len(up.Body) + perUpload
	drop := 0
	for u.held > u.max && drop < len(u.kept) {
		u.held -= len(u.kept[drop].Body) + perUpload
		drop++
	}
	u.kept = slices.Delete(u.kept, 0, drop)
}
