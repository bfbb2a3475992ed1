package scenarios

import (
	"time"

	"spafleet/scenarios/report"
)

// Verdicts of a run, with their exit codes.
const (
	Passed      = "passed"      // 0: everything claimed held
	Failed      = "failed"      // 3: a claim did not
	Invalid     = "invalid"     // 4: this machine was too slow to say
	Interrupted = "interrupted" // 130
)

var exits = map[string]int{Passed: 0, Failed: 3, Invalid: 4, Interrupted: 130}

// A Report is what a run came to, in the form of its JSON. Keys never change
// their meaning within a format.
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
	report.Summary
	Timeline  []StepReport  `json:"timeline"`
	Expect    []ClaimReport `json:"expect"`
	Generator Generator     `json:"generator"`
	Notes     []string      `json:"notes"`
	Source    Source        `json:"source"`
	Shard     *Shard        `json:"shard,omitempty"`  // which part of a run this is, where it is one
	Parts     *Parts        `json:"parts,omitempty"`  // of a shard: what adds up
	Shards    []Shard       `json:"shards,omitempty"` // of a merged report: what it was made of
}

// Source says what was run.
type Source struct {
	SHA256 string `json:"sha256"`
}

// A StepReport says whether a step happened, and when.
type StepReport struct {
	Step    int     `json:"step"`
	Name    string  `json:"name"`
	Fired   bool    `json:"fired"`
	At      float64 `json:"at_seconds"`
	Devices int     `json:"devices"` // that it chose
	// Exchanges is in how many a fault has changed something.
	Exchanges int    `json:"exchanges,omitempty"`
	Missing   []Lack `json:"missing,omitempty"`
}

// A ClaimReport says whether a claim held.
type ClaimReport struct {
	Name      string  `json:"name"`
	OK        bool    `json:"ok"`
	Shared    bool    `json:"shared,omitempty"` // a quantity of the whole fleet: the merge of the shards decides
	Devices   int     `json:"devices"`          // that it speaks of
	Held      int     `json:"held"`
	DecidedAt float64 `json:"decided_at_seconds"`
	First     []Lack  `json:"first"` // the first few that it failed for
}

// A Lack is a device that does not do what was claimed.
type Lack struct {
	MAC   string `json:"mac"`
	Index int    `json:"index"`
	Model string `json:"model"`
	Why   string `json:"why"`
}

// A Generator says how well this machine kept up. A run is invalid where it did
// not: then latencies and failures may be ours.
type Generator struct {
	Valid    bool          `json:"valid"`
	Lateness report.Spread `json:"lateness_seconds"`
	Limit    float64       `json:"limit_seconds"`
	Most     int           `json:"outstanding_most"`
	Aborted  int           `json:"aborted"`
	Limits   []string      `json:"limits"` // that were hit where it did not: cpu, outstanding, descriptors, ports, addresses
	Reasons  []string      `json:"reasons"`
	Health   Health        `json:"health"`
}
