// Package report is the result of a run, and how it is written.
//
// A [Report] has the form of its JSON; [WriteText] writes it in words, [Merge]
// makes one of those of a fleet's shards. Its figures come from the totals of a
// tally: [Summarize].
package report

import (
	"slices"
	"time"

	"spafleet/scenarios/tally"
)

// Verdicts of a run, with their exit codes.
const (
	Passed      = "passed"      // 0: every expectation held
	Failed      = "failed"      // 3: one did not
	Invalid     = "invalid"     // 4: the machine running spafleet was too slow
	Interrupted = "interrupted" // 130
)

// Format is the version of a report's JSON. Within it a key never changes its
// meaning.
const Format = 2

var exits = map[string]int{Passed: 0, Failed: 3, Invalid: 4, Interrupted: 130}

// A Report is the result of a run, in the form of its JSON.
type Report struct {
	Format          int       `json:"format"`
	Name            string    `json:"name"`
	Verdict         string    `json:"verdict"`
	Exit            int       `json:"exit"`
	Seed            uint64    `json:"seed"`
	Clock           string    `json:"clock"`
	FleetStart      time.Time `json:"fleet_start"` // the fleet's date at the start
	Started         time.Time `json:"started"`
	DurationSeconds float64   `json:"duration_seconds"`
	WallSeconds     float64   `json:"wall_seconds"`
	Summary
	Unheard   int                 `json:"commands_without_power"` // commands that devices did not hear: they had no power, or had not started yet
	Timeline  []StepReport        `json:"timeline"`
	Expect    []ExpectationReport `json:"expect"`
	Generator Generator           `json:"generator"`
	Notes     []string            `json:"notes"`
	Source    Source              `json:"source"`
	Shard     *Shard              `json:"shard,omitempty"`     // of a shard's report: which one
	Mergeable *Mergeable          `json:"mergeable,omitempty"` // of a shard's report: what [Merge] adds up
	Shards    []Shard             `json:"shards,omitempty"`    // of a merged report: its shards
}

// Source says what was run.
type Source struct {
	SHA256 string `json:"sha256"`
}

// A StepReport says whether a step happened, and when.
type StepReport struct {
	Step      int       `json:"step"`
	Name      string    `json:"name"`
	Fired     bool      `json:"fired"`
	At        float64   `json:"at_seconds"`
	Devices   int       `json:"devices"`             // that it chose
	Exchanges int       `json:"exchanges,omitempty"` // that its fault affected
	Missing   []Failing `json:"missing,omitempty"`   // the first devices that kept it from happening
}

// An ExpectationReport says whether an expectation held.
type ExpectationReport struct {
	Name      string    `json:"name"`
	OK        bool      `json:"ok"`
	Shared    bool      `json:"shared,omitempty"` // a number of devices of the whole fleet: decided by the merge of the shards
	Devices   int       `json:"devices"`          // that it is about
	Held      int       `json:"held"`
	DecidedAt float64   `json:"decided_at_seconds"`
	First     []Failing `json:"first"` // the first devices that it failed for
}

// A Failing is a device that does not meet an expectation.
type Failing struct {
	MAC   string `json:"mac"`
	Index int    `json:"index"`
	Model string `json:"model"`
	Why   string `json:"why"`
}

// MostFailing is how many devices a report names for one expectation.
const MostFailing = 3

// A Generator says whether this machine kept up. If it did not, latencies and
// failures may be its own, and the run is invalid.
type Generator struct {
	Valid    bool         `json:"valid"`
	Lateness tally.Spread `json:"lateness_seconds"`
	Limit    float64      `json:"limit_seconds"`
	Most     int          `json:"outstanding_most"`
	Aborted  int          `json:"aborted"`
	Limits   []string     `json:"limits"` // that this machine reached: cpu, outstanding, descriptors, ports, addresses
	Reasons  []string     `json:"reasons"`
	Machine  MachineLoad  `json:"machine"`
}

// Judge sets the verdict and the exit code that follow from the rest of the
// report.
func (r *Report) Judge(interrupted bool) {
	r.Verdict = r.verdict(interrupted)
	r.Exit = exits[r.Verdict]
}

func (r *Report) verdict(interrupted bool) string {
	missed := func(s StepReport) bool { return !s.Fired }
	failed := func(e ExpectationReport) bool { return !e.OK && !e.Shared }
	switch {
	case interrupted:
		return Interrupted
	case !r.Generator.Valid:
		return Invalid
	case slices.ContainsFunc(r.Timeline, missed) || slices.ContainsFunc(r.Expect, failed):
		return Failed
	}
	return Passed
}
