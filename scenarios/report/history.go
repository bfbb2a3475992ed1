package report

import (
	"time"

	"spafleet/fsm"
	"spafleet/scenarios/tally"
)

// A History is the run over time, in at most 120 steps of equal length. Each list has
// a figure for each step.
type History struct {
	Start   time.Time            `json:"start"`        // fleet time of the first step
	Step    float64              `json:"step_seconds"` // length of a step, fleet time; 0: nothing has happened
	Started []int64              `json:"started"`      // resyncs that began
	OK      []int64              `json:"ok"`           // resyncs that succeeded
	Failed  []int64              `json:"failed"`       // resyncs that failed
	Retries []int64              `json:"retries"`      // of those that began: an error timer started them
	Reboots []int64              `json:"reboots"`      // boots, but for those that power caused
	States  map[string][]int64   `json:"states"`       // devices by lifecycle state, at the end of the step
	Phases  map[string][][]int64 `json:"phases"`       // transfers that succeeded, by phase; in each step by duration: below 0.5 ms, 1 ms, 2 ms and so on, the last above 8.2 s
}

// history returns the figures of totals.
func history(t *tally.History) History {
	h := History{Started: []int64{}, OK: []int64{}, Failed: []int64{}, Retries: []int64{}, Reboots: []int64{}, States: map[string][]int64{}, Phases: map[string][][]int64{}}
	if len(t.Steps) == 0 {
		return h
	}
	h.Start, h.Step = time.Unix(0, t.First*t.Step).UTC(), time.Duration(t.Step).Seconds()
	states := t.Initial
	for i := range t.Steps {
		m := &t.Steps[i]
		h.Started, h.OK, h.Failed = append(h.Started, m.Started), append(h.OK, m.OK), append(h.Failed, m.Failed)
		h.Retries, h.Reboots = append(h.Retries, m.Retries), append(h.Reboots, m.Reboots)
		for s, n := range m.Moves {
			states[s] += n
			name := fsm.State(s).String()
			h.States[name] = append(h.States[name], states[s])
		}
	}
	for i, name := range tally.PhaseNames() {
		if rows := phase(t.Steps, i); rows != nil {
			h.Phases[name] = rows
		}
	}
	return h
}

// phase returns the durations of a phase, nil where there are none.
func phase(steps []tally.Moment, phase int) [][]int64 {
	rows, some := make([][]int64, len(steps)), false
	for i := range steps {
		classes := &steps[i].Phases[phase]
		rows[i] = []int64{}
		for class, n := range classes {
			if n > 0 {
				some = true
				for len(rows[i]) < class {
					rows[i] = append(rows[i], 0)
				}
				rows[i] = append(rows[i], int64(n))
			}
		}
	}
	if !some {
		return nil
	}
	return rows
}
