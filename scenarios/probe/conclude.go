package probe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"spafleet/device/observed"
)

// conclude compares the trials of an experiment. A value is settled where each trial gave
// it; those that were disturbed, or failed, do not count.
func conclude(x *experiment, trials []*trial) result {
	r := result{experiment: x}
	for _, t := range trials {
		r.facts = append(r.facts, t.facts...)
	}
	calm := slices.DeleteFunc(slices.Clone(trials), func(t *trial) bool { return t.disturbed != "" || t.failed != nil })
	for _, name := range x.settles {
		r.findings = append(r.findings, finding(x, name, calm, trials))
	}
	return r
}

// finding is what the trials say of one switch.
func finding(x *experiment, name string, calm, trials []*trial) observed.Finding {
	f := observed.Finding{Switch: name, Experiment: x.name, Asked: len(trials)}
	if len(calm) == 0 {
		f.Why = why(trials)
		return f
	}
	first := calm[0].values[name]
	agreed := 0
	for _, t := range calm {
		if slices.Equal(t.values[name], first) {
			agreed++
		}
	}
	switch {
	case agreed < len(calm):
		var seen []string
		for _, t := range calm {
			seen = append(seen, strings.Join(t.values[name], " or "))
		}
		f.Why = "it varied: " + strings.Join(seen, ", then ")
	case len(calm) < x.repeats():
		f.Why = why(trials)
	case len(first) == 0:
		f.Why = "what the phone did fits no value"
	case len(first) > 1:
		f.OneOf, f.Why = first, "the experiment cannot tell these apart"
	default:
		f.Value, f.Agreed = first[0], agreed
	}
	return f
}

// why says what spoilt the trials.
func why(trials []*trial) string {
	for _, t := range slices.Backward(trials) {
		switch {
		case errors.Is(t.failed, context.Canceled):
			return "it was interrupted"
		case t.failed != nil:
			return t.failed.Error()
		case t.disturbed != "":
			return t.disturbed
		}
	}
	return fmt.Sprintf("it was tried %d times", len(trials))
}
