package probe

import (
	"maps"
	"slices"
)

// A doubt is something that firmware is not known to do in one way: a line of an
// experiment's table.
type doubt struct {
	name  string // of the switch; "": it is a fact alone
	what  string // the fact, in words
	text  string // that the phone is given
	means map[string]string
}

// resolve gives the phone each doubt's text by saw, which says what the phone did with it, and
// notes that in words. A switch that several doubts are about is settled where they agree.
func resolve(t *trial, list []doubt, saw func(t *trial, text string) string, words func(sight string) string) {
	values := map[string][]string{}
	for _, d := range list {
		sight := saw(t, d.text)
		if t.failed != nil {
			return
		}
		t.fact(d.what, "%s", words(sight))
		values[d.name] = append(values[d.name], d.means[sight])
	}
	delete(values, "")
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if v := slices.Compact(values[name]); len(v) == 1 && v[0] != "" {
			t.settle(name, v[0])
		}
	}
}

// asSeen are words that need no others.
func asSeen(sight string) string { return sight }

// endOf says how the resync ended in which the phone made the last of some requests, as its
// next visit home has it; "" where that does not say.
func endOf(t *trial, asked []request) string {
	if len(asked) == 0 {
		return ""
	}
	next, _ := t.nextHome(asked[len(asked)-1])
	return endings[next.cause()]
}

// endings are how a resync ended, by $PRVST of the next.
var endings = map[string]string{"1": "the resync went well", "2": "the resync failed"}

// lastEnded says how the resync ended before the last visit home.
func lastEnded(t *trial) string {
	for _, q := range slices.Backward(t.s.server.since(0)) {
		if q.place == "home" {
			return endings[q.cause()]
		}
	}
	return ""
}
