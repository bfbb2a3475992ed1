package run

import (
	"context"
	"fmt"
	"slices"
	"time"

	"spafleet/host"
	"spafleet/scenarios/report"
	"spafleet/scenarios/tally"
)

// addShard adds to a report what its merge needs.
func (r *run) addShard(result *report.Report) {
	s := r.options.Shard
	result.Shard = &report.Shard{Run: r.options.Run, Index: s.Index, Count: s.Count, Attempt: r.options.Attempt, Devices: r.fleet.Total()}
	result.MakeMergeable(r.tally.Totals())
	result.Summary = report.Summarize(result.Mergeable.Totals) // of the same moment
	r.judge.mu.Lock()
	defer r.judge.mu.Unlock()
	for _, e := range r.timeline.expect {
		f := r.judge.found(e)
		result.Mergeable.Add(e.Quant, f.holding, f.failing)
	}
}

// ownMakes returns the makes with those of their devices that belong to this
// process.
func (r *run) ownMakes() []tally.Make {
	makes := slices.Clone(r.plan.Makes)
	for i := range makes {
		makes[i].Devices = r.plan.Share(i, r.options.Shard)
	}
	return makes
}

// awaitStart waits until all shards are to begin.
func (r *run) awaitStart(ctx context.Context) {
	at := r.options.StartAt
	if at.IsZero() {
		return
	}
	wait := time.Until(at)
	if wait < -time.Second {
		r.notes = append(r.notes, fmt.Sprintf("it was to start at %s, and started %s later", at.Format(time.RFC3339), (-wait).Round(time.Second)))
	}
	_ = host.Sleep(ctx, wait) // the run finds out itself that ctx has ended
}
