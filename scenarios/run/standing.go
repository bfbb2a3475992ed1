package run

import (
	"fmt"

	"spafleet/scenarios/tally"
)

// expected returns how far the expectations are, in the order of the scenario.
func expected(t *timeline) []Expected {
	t.judge.mu.Lock()
	defer t.judge.mu.Unlock()
	var list []Expected
	for _, e := range t.expect {
		x := Expected{Name: e.Name, Quant: e.Quant, Held: e.count, Devices: e.devices, Decided: e.decided, OK: e.ok, Shared: e.shared}
		if e.Quant.EachEvent() && !e.watching { // nothing has broken it
			x.Held = x.Devices
		}
		if e.By.Given && !e.By.End && e.By.Step == "" {
			x.By = e.By.Plus
		}
		list = append(list, x)
	}
	return list
}

// standings is expected for metrics, which show no secrets and need names that differ.
func standings(r *run) (list []tally.Standing) {
	seen := map[string]int{}
	for _, e := range expected(r.timeline) {
		s := tally.Standing{Name: r.plan.Scenario.Redact(e.Name), Holds: e.OK, Decided: e.Decided, Held: e.Held, Devices: e.Devices, Shared: e.Shared}
		if !e.Decided {
			s.Holds = e.Quant.Holds(e.Held, e.Devices)
		}
		if seen[s.Name]++; seen[s.Name] > 1 {
			s.Name = fmt.Sprintf("%s (%d)", s.Name, seen[s.Name])
		}
		list = append(list, s)
	}
	return list
}

// showMetrics shows the run's figures where the options say so.
func showMetrics(r *run) error {
	registry := r.options.Registry
	if registry == nil {
		return nil
	}
	if err := r.tally.Register(registry, r.fleet); err != nil {
		return err
	}
	return registry.Register(tally.Expectations(func() []tally.Standing { return standings(r) }))
}
