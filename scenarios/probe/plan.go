package probe

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"spafleet/device/measure"
	"spafleet/device/observed"
)

// A result is what an experiment came to.
type result struct {
	experiment *experiment
	findings   []observed.Finding
	facts      []observed.Fact
}

// plan chooses the experiments, shows them and asks the person.
func (s *session) plan(ctx context.Context) ([]*experiment, error) {
	list := s.choose()
	if len(list) == 0 {
		return nil, fmt.Errorf("no experiment is left for a %s with firmware %s", s.phone.row.Model.Name, s.phone.row.Firmware.Version)
	}
	var sum time.Duration
	restarts := 2 // to come home, and at the end
	count := map[string]int{}
	for _, x := range list {
		sum += x.length(s.q.Pace)
		restarts += x.restarts * x.repeats()
		count[x.group]++
	}
	var parts []string
	for _, g := range groups {
		if n := count[g.name]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", g.name, n))
		}
	}
	s.say("%s in about %s: %s", measure.Counted(len(list), "experiment"), roughly(sum), strings.Join(parts, ", "))
	if !s.q.Person.Agree(ctx, fmt.Sprintf("For that time the phone has another Profile_Rule and other timers. It restarts about %s. Nobody can rely on it meanwhile. Go on?", measure.Counted(restarts, "time"))) {
		return nil, ErrDeclined
	}
	return list, nil
}

// choose returns the experiments that were asked for and that the firmware can be asked, in
// the order of the table, with what they rest on. Where the time is limited the shortest are
// taken first, so that there are some of each group.
func (s *session) choose() (list []*experiment) {
	table := all()
	rank := map[string]int{}
	for i, x := range table {
		rank[x.name] = i
	}
	wanted := slices.DeleteFunc(slices.Clone(table), func(x *experiment) bool { return !s.q.wants(x) || s.phone.lacks(x) != "" })
	if s.q.Limit > 0 {
		slices.SortStableFunc(wanted, func(a, b *experiment) int { return cmp.Compare(a.length(s.q.Pace), b.length(s.q.Pace)) })
	}
	var sum time.Duration
	for _, x := range wanted {
		more := s.phone.withBases(x, list)
		var length time.Duration
		for _, one := range more {
			length += one.length(s.q.Pace)
		}
		if s.q.Limit == 0 || sum+length <= s.q.Limit {
			sum += length
			list = append(list, more...)
		}
	}
	slices.SortFunc(list, func(a, b *experiment) int { return rank[a.name] - rank[b.name] })
	return list
}

// wants reports whether an experiment was asked for.
func (q *Question) wants(x *experiment) bool {
	if q.Names != nil {
		return slices.Contains(q.Names, x.name)
	}
	return q.Only == nil || slices.Contains(q.Only, x.group)
}

// work does the experiments.
func (s *session) work(ctx context.Context) error {
	left := newRemainder(s.chosen, s.q.Pace)
	for i, x := range s.chosen {
		if text := left.say(i); text != "" {
			s.say("%s", text)
		}
		s.say("%d of %d: %s", i+1, len(s.chosen), x.question)
		r := s.do(ctx, x)
		s.results = append(s.results, r)
		for _, f := range r.findings {
			s.say("   %s", told(f))
		}
		if err := s.keep(); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if s.gone {
			return fmt.Errorf("the phone has not come back within %s: what was learnt until then is kept", measure.Format(s.q.Patience))
		}
	}
	return nil
}

// told is a finding in words.
func told(f observed.Finding) string {
	switch {
	case f.Value != "":
		return f.Switch + " is " + f.Value
	case f.OneOf != nil:
		return f.Switch + " is " + strings.Join(f.OneOf, " or ")
	}
	return f.Switch + " stays open: " + f.Why
}

// do does one experiment as often as its row says, and once more where the phone was
// disturbed.
func (s *session) do(ctx context.Context, x *experiment) result {
	var trials []*trial
	for extra := 0; len(trials) < x.repeats()+extra && ctx.Err() == nil && !s.gone; {
		t := s.try(ctx, x)
		if t.disturbed != "" && extra == 0 {
			extra = 1
		}
		trials = append(trials, t)
	}
	s.reset()
	return conclude(x, trials)
}

// try does an experiment once.
func (s *session) try(ctx context.Context, x *experiment) *trial {
	s.reset()
	s.count++
	t := &trial{ctx: ctx, s: s, experiment: x, place: fmt.Sprintf("x%d", s.count), letters: s.phone.letters(),
		routes: map[string]route{}, values: map[string][]string{}}
	rest(ctx, s)
	s.server.forget()
	s.mu.Lock()
	s.trial, s.mixed = t, false
	s.mu.Unlock()
	defer func() {
		for _, f := range slices.Backward(t.cleanup) {
			f()
		}
	}()
	x.run(t)
	t.check()
	s.restless = t.boots
	return t
}

// rest waits until a phone that had to restart has its usual settings again, which may
// restart it once more.
func rest(ctx context.Context, s *session) {
	if !s.restless {
		return
	}
	s.restless = false
	s.mu.Lock()
	gen := s.gen
	s.mu.Unlock()
	homes := 0
	s.server.until(ctx, s.server.mark(), s.q.Patience, func(list []request) bool {
		homes = 0
		for _, q := range list {
			if q.place == "home" && q.gen >= gen {
				homes++
			}
		}
		return homes >= 2
	})
}
