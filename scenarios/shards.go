package scenarios

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"

	"spafleet/device"
	"spafleet/host"
	"spafleet/scenarios/report"
)

// A Shard says which part of a run a report is of. Run, Index and Attempt are
// its key.
type Shard struct {
	Run     string `json:"run"`
	Index   int    `json:"index"`
	Count   int    `json:"count"`
	Attempt int    `json:"attempt"`
	Devices int    `json:"devices_total"` // of the whole fleet
}

// String names a shard in messages.
func (s *Shard) String() string {
	return fmt.Sprintf("shard %d of %d, attempt %d", s.Index, s.Count, s.Attempt)
}

// Parts is what of a shard's report adds up with that of the others.
type Parts struct {
	Totals *report.Totals `json:"totals"`
	Claims []ClaimPart    `json:"claims"` // as in Report.Expect
}

// A ClaimPart is what decides a claim together with the parts of the other
// shards. Holds and Lacks are the first few devices of both sides.
type ClaimPart struct {
	Quant   string  `json:"quant"`
	Limit   float64 `json:"limit,omitempty"`
	Percent bool    `json:"percent,omitempty"`
	Holds   []Lack  `json:"holds,omitempty"`
	Lacks   []Lack  `json:"lacks,omitempty"`
}

// addShard adds to a report what its merge needs.
func (p *play) addShard(r *Report) {
	s := p.options.Shard
	r.Shard = &Shard{Run: p.options.Run, Index: s.Index, Count: s.Count, Attempt: p.options.Attempt, Devices: p.fleet.Total()}
	r.Parts = &Parts{Totals: p.tally.Totals(), Claims: []ClaimPart{}}
	r.Summary = r.Parts.Totals.Summary() // of the same moment
	p.judge.mu.Lock()
	defer p.judge.mu.Unlock()
	for _, t := range p.expect {
		c := ClaimPart{Quant: t.claim.Quant, Limit: t.claim.Limit.n, Percent: t.claim.Limit.percent}
		if slices.Contains(quantified, c.Quant) {
			c.Holds = p.judge.first(t, mostLacks, func(held bool) bool { return held })
			c.Lacks = p.judge.first(t, mostLacks, func(held bool) bool { return !held })
		}
		r.Parts.Claims = append(r.Parts.Claims, c)
	}
}

// ownMakes returns the makes with those of their devices that belong to this
// process.
func (p *play) ownMakes() []report.Make {
	makes := slices.Clone(p.makes)
	for i := range makes {
		makes[i].Devices = p.options.Shard.Between(p.firsts[i], p.firsts[i]+makes[i].Devices)
	}
	return makes
}

// inShards refuses what needs the whole fleet in one process.
func (p *plan) inShards(s device.Shard) error {
	if err := s.Check(); err != nil || s.Whole() {
		return err
	}
	if srv := p.story.Server; srv != nil && srv.Workers > 0 {
		p.reader.mistake(p.story.file.root().at("server", "workers"), "server.workers", "devices that wait for each other's answers need the whole fleet in one process; leave workers out, or run without shards")
	}
	for i := range p.story.Timeline {
		step, path := &p.story.Timeline[i], fmt.Sprintf("timeline[%d]", i)
		if step.When != nil {
			p.reader.mistake(step.node.keyAt("when"), path+".when", "when it happens is known only where the whole fleet is; leave it out, give the step an at, or run without shards")
		}
		if step.Fault != nil && step.Fault.PerFleet {
			p.reader.mistake(step.Fault.node.at("per"), path+".fault.per", "the exchanges of the fleet are counted where the whole fleet is; count per device, or run without shards")
		}
		if c := p.chosen[i]; (c.most.text != "" || step.Pace != (Pace{})) && c.varies != "" {
			p.reader.mistake(step.node.at(step.Action, "of"), path+"."+step.Action, "a sample by %s, which changes, can be taken only where the whole fleet is; choose by what a device is, or run without shards", c.varies)
		}
	}
	if len(p.reader.mistakes) > 0 {
		return p.reader.sorted()
	}
	return nil
}

// fixed are the names in an expression whose values no run changes, and that
// follow from who a device is.
var fixed = []string{"index", "group", "model", "family", "mac", "serial", "address", "secret", "duration"}

// varies returns the first name in a condition whose value a run may change,
// "" where there is none.
func varies(code string) string {
	tree, err := parser.Parse(code)
	if err != nil {
		return "" // its compiler says so
	}
	v := &variable{}
	ast.Walk(&tree.Node, v)
	return v.name
}

type variable struct{ name string }

// Visit implements ast.Visitor.
func (v *variable) Visit(n *ast.Node) {
	if id, ok := (*n).(*ast.IdentifierNode); ok && v.name == "" && !slices.Contains(fixed, id.Value) {
		v.name = id.Value
	}
}

// awaitStart waits until all shards are to begin.
func (p *play) awaitStart(ctx context.Context) {
	at := p.options.StartAt
	if at.IsZero() {
		return
	}
	wait := time.Until(at)
	if wait < -time.Second {
		p.notes = append(p.notes, fmt.Sprintf("it was to start at %s, and started %s later", at.Format(time.RFC3339), (-wait).Round(time.Second)))
	}
	_ = host.Sleep(ctx, wait) // the run finds out itself that ctx has ended
}
