package harness

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// A loop survives one bad connection in a hundred, and ends with the error of a server
// that is not there.
func TestLoopSurvivesOneBadTurn(t *testing.T) {
	bad := errors.New("unexpected EOF")
	for _, tt := range []struct {
		name  string
		fails func(n int) bool
		want  error
		least int
	}{
		{"none fails", func(int) bool { return false }, nil, 1000},
		{"the first fails", func(n int) bool { return n == 1 }, nil, 999},
		{"one in 150 fails", func(n int) bool { return n%150 == 0 }, nil, 990},
		{"one in 20 fails", func(n int) bool { return n%20 == 0 }, bad, 19},
		{"all fail", func(int) bool { return true }, bad, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			r, err := Loop(t.Context(), 2, 5*time.Second, func(n int) error {
				time.Sleep(10 * time.Millisecond)
				if tt.fails(n) {
					return bad
				}
				return nil
			})
			if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) || r.Count < tt.least || r.Count > 1000 {
				t.Errorf("%s: %d, %v", tt.name, r.Count, err)
			}
		})
	}
}
