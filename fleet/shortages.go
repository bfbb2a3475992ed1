package fleet

import (
	"sync"
	"time"
)

// shortages are what this machine lacked for attempts.
type shortages struct {
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

// wait notes that an attempt waits from now on, until over is called, which
// returns how long it was.
func (s *shortages) wait(e *attemptEnv) (over func() time.Duration) {
	since := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting == nil {
		s.waiting = map[*attemptEnv]time.Time{}
	}
	s.waiting[e] = since
	return func() time.Duration {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.waiting, e)
		return time.Since(since)
	}
}

// waits returns how long attempts have waited that still do.
func (s *shortages) waits() map[*attemptEnv]time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	waits := map[*attemptEnv]time.Duration{}
	for e, since := range s.waiting {
		waits[e] = time.Since(since)
	}
	return waits
}
