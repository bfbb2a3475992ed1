package prov

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"iter"
	"slices"

	"spafleet/resync/body"
	"spafleet/resync/path"
)

// A route is a served path with what is served there.
type route struct {
	*pattern
	entry Entry
	fixed []byte   // the answer, where it is the same for every request
	sum   body.Sum // of fixed; 0: it is sent each time
	// stable is whether the answer follows from path, device and generations: see
	// [Options].Stable.
	stable bool
}

// A finder knows what is served.
type finder interface {
	// find yields the routes that match a path, the best first.
	find(at int64, t target) iter.Seq2[*route, reading]
}

// A table is routes in memory.
type table struct {
	plain    map[string]*route // by path
	patterns []*route          // those with slots, best first
}

// newTable returns the routes of the entries.
func newTable(files map[string]Entry, o *Options) (*table, error) {
	t := &table{plain: map[string]*route{}}
	for text, entry := range files {
		r, err := newRoute(text, entry, o)
		if err != nil {
			return nil, err
		}
		t.add(r)
	}
	slices.SortFunc(t.patterns, byPrecedence)
	return t, nil
}

// CheckEntry returns what [NewCore] would refuse about an entry at a path. The
// error says no path: the caller knows it.
func CheckEntry(text string, entry Entry, o *Options) error {
	_, err := newRoute(text, entry, o)
	var m *entryError
	if errors.As(err, &m) {
		return m.err
	}
	return err
}

// MayServe reports whether the path of one of the entries fits the path that some
// device asks for. The answer may still be a failure: what stands for {{ }} is not looked
// at, nor is what the entry says.
func MayServe(files map[string]Entry, request string) bool {
	for text := range files {
		if p, err := parsePattern(text); err == nil {
			if _, ok := p.read(parseTarget(request)); ok {
				return true
			}
		}
	}
	return false
}

// An entryError is a mistake in what is served at a path.
type entryError struct {
	path string
	err  error
}

func (e *entryError) Error() string { return fmt.Sprintf("serve %s: %s", e.path, e.err) }
func (e *entryError) Unwrap() error { return e.err }

func newRoute(text string, entry Entry, o *Options) (*route, error) {
	p, err := parsePattern(text)
	if err != nil {
		return nil, err
	}
	r := &route{pattern: p, entry: entry, stable: entry.isStable(o)}
	if err = entry.check(p, o); err == nil {
		r.fixed, err = entry.prepare(text)
	}
	if r.fixed != nil && !bytes.HasPrefix(r.fixed, mark) {
		r.sum = body.SumOf(r.fixed)
	}
	if err != nil {
		return nil, &entryError{text, err}
	}
	return r, nil
}

func (t *table) add(r *route) {
	if len(r.Slots) == 0 {
		t.plain[r.Plain] = r
	} else {
		t.patterns = append(t.patterns, r)
	}
}

func (t *table) find(_ int64, tg target) iter.Seq2[*route, reading] {
	var plain []*route
	if tg.asks {
		plain = appendRoute(plain, t.plain[tg.whole()])
	}
	if r := t.plain[tg.path]; r != nil && !r.Query {
		plain = append(plain, r)
	}
	return inOrder(plain, t.patterns, tg)
}

func appendRoute(routes []*route, r *route) []*route {
	if r == nil {
		return routes
	}
	return append(routes, r)
}

// inOrder yields plain routes and those of the patterns that match, best first.
// Both come sorted; at equal weight the plain one is better.
func inOrder(plain, patterns []*route, t target) iter.Seq2[*route, reading] {
	return func(yield func(*route, reading) bool) {
		left := plain
		for _, p := range patterns {
			for ; len(left) > 0 && left[0].Weight >= p.Weight; left = left[1:] {
				if !yield(left[0], reading{}) {
					return
				}
			}
			if r, ok := p.read(t); ok && !yield(p, r) {
				return
			}
		}
		for _, r := range left {
			if !yield(r, reading{}) {
				return
			}
		}
	}
}

// byPrecedence orders routes: more bytes that stand for themselves, then the
// more telling macros, then by text, so that the order is total.
func byPrecedence(a, b *route) int {
	return cmp.Or(
		cmp.Compare(b.Weight, a.Weight),
		slices.Compare(a.ranks(), b.ranks()),
		cmp.Compare(a.Text, b.Text),
	)
}

// ranks returns how telling each slot is, 0 the most. An expression has one
// value for a device, as its MAC address has.
func (p *pattern) ranks() []int {
	ranks := make([]int, len(p.Slots))
	for i, s := range p.Slots {
		ranks[i] = max(path.Rank(s.Macro), 0)
	}
	return ranks
}
