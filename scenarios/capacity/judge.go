package capacity

import (
	"fmt"
	"time"

	"spafleet/scenarios/report"
)

// A server that falls behind by more than this share of the rate does not hold it,
// however short the trial was.
const mostBehind = 0.02

// fewOpen is how many resyncs more under way say nothing: one late answer is no trend.
const fewOpen = 5

// fewest is the share of the rate that must have begun; else devices were busy, and
// the trial was of a lower rate.
const fewest = 0.95

// judge says whether the server kept up with a rate.
func judge(r *report.Report, rate float64, each time.Duration) Trial {
	t := Trial{Rate: rate, OK: r.Resyncs.OK, Failed: r.Resyncs.Failed, Why: []string{}}
	for _, n := range r.History.Started {
		t.Started += n
	}
	for _, m := range r.Metrics["resync_duration"] {
		t.Median, t.P95, t.P99 = m.Med, m.P95, m.P99
	}
	t.Behind = behind(&r.History, each)
	if !r.Generator.Valid {
		t.Machine = true
		t.Why = append(t.Why, r.Generator.Reasons...)
		return t
	}
	because := func(format string, args ...any) { t.Why = append(t.Why, fmt.Sprintf(format, args...)) }
	for i := range r.Thresholds {
		if l := &r.Thresholds[i]; !l.OK {
			because("%s %s: %s", l.Metric, l.Threshold, l.Measured())
		}
	}
	if t.Behind > mostBehind*rate && t.Behind*each.Seconds()/2 > fewOpen {
		because("the server fell behind by %.3g resyncs a second", t.Behind)
	}
	if want := fewest * rate * each.Seconds(); len(t.Why) == 0 && float64(t.Started) < want {
		because("only %d resyncs began, of %.0f: the devices were still busy with the ones before", t.Started, rate*each.Seconds())
	}
	t.Held = len(t.Why) == 0
	return t
}

// behind returns by how many a second the resyncs under way grew in the second half
// of a trial.
func behind(h *report.History, each time.Duration) float64 {
	if h.Step == 0 {
		return 0
	}
	end := min(int(each.Seconds()/h.Step), len(h.Started)) - 1
	from := end / 2
	if end-from < 2 {
		return 0
	}
	open, sum := make([]float64, end+1), int64(0)
	for i := range open {
		sum += h.Started[i] - h.OK[i] - h.Failed[i]
		open[i] = float64(sum)
	}
	// The slope of the line through all of these points, which one late answer does
	// not move.
	n, meanX, meanY := float64(end-from+1), float64(from+end)/2, 0.0
	for _, y := range open[from:] {
		meanY += y / n
	}
	var above, below float64
	for i := from; i <= end; i++ {
		above += (float64(i) - meanX) * (open[i] - meanY)
		below += (float64(i) - meanX) * (float64(i) - meanX)
	}
	return above / below / h.Step
}
