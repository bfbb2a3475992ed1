package fleet

import (
	"sync"
	"time"
)

// shortages are what this machine lacked for attempts.
type shortages struct {
	late func(ns int64) // hears of waits; nil: nothing does

	mu      sync.Mutex
	counts  map[string]int            // by what was missing: descriptors, ports
	waiting map[*attemptEnv]time.Time // attempts that wait for it, since when
}

// count counts that an attempt has to wait.
func (s *shortages) count(limit string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.counts == nil {
		s.counts = map[string]int{}
	}
	s.counts[limit]++
}

// wait notes that an attempt waits from now on, until over is called. The wait is
// lateness.
func (s *shortages) wait(e *attemptEnv) (over func()) {
	since := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting == nil {
		s.waiting = map[*attemptEnv]time.Time{}
	}
	s.waiting[e] = since
	return func() {
		s.mu.Lock()
		delete(s.waiting, e)
		s.mu.Unlock()
		if s.late != nil {
			s.late(int64(time.Since(since)))
		}
	}
}

// overdue tells how long attempts have waited that still do.
func (s *shortages) overdue(tell func(ns int64)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, since := range s.waiting {
		tell(int64(time.Since(since)))
	}
}
