package run

import (
	"fmt"

	"spafleet/resync/fetch"
	"spafleet/scenarios"
)

// refusals says in notes which contacts were refused while the scenario ran.
func refusals(g *fetch.Guard, flags scenarios.Flags) []string {
	var notes []string
	list, more := g.Refusals()
	for i, r := range list {
		if i == mostRefusalNotes {
			more += sumOf(list[i:])
			break
		}
		notes = append(notes, fmt.Sprintf("%d × %s%s", r.Count, &fetch.RefusedError{Host: r.Host, Addr: r.Addr, Reason: r.Reason}, remedy(&r, flags)))
	}
	if more > 0 {
		notes = append(notes, fmt.Sprintf("%d × contact with other hosts refused", more))
	}
	return notes
}

const mostRefusalNotes = 5

func sumOf(list []fetch.Refusal) (n int) {
	for _, r := range list {
		n += r.Count
	}
	return n
}

func remedy(r *fetch.Refusal, flags scenarios.Flags) string {
	switch r.Reason {
	case fetch.Public:
		return "; if you may test this server: " + flags.Public + " " + r.Host
	case fetch.Crowd:
		return "; if you run this server: " + flags.Operator
	case fetch.LinkLocal:
		return "; if that is meant, name the address in the scenario's target.hosts"
	}
	return ""
}
