// Package report is the result of a run, and how it is written.
//
// A [Report] has the form of its JSON; [WriteText] writes it in words, [Merge]
// makes one of those of a fleet's shards. Its figures come from the totals of a
// tally: [Summarize].
package report

import (
	"fmt"
	"slices"
	"time"

	"spafleet/scenarios/tally"
)

// Verdicts of a run, with their exit codes.
const (
	Passed      = "passed"      // 0: every expectation held
	Finished    = "finished"    // 0: the run ended, and nothing was expected of it
	Failed      = "failed"      // 3: one did not
	Invalid     = "invalid"     // 4: the machine running spafleet was too slow
	Interrupted = "interrupted" // 130
)

// Format is the version of a report's JSON. Within it a key never changes its
// meaning.
const Format = 2

var exits = map[string]int{Passed: 0, Finished: 0, Failed: 3, Invalid: 4, Interrupted: 130}

// A Report is the result of a run, in the form of its JSON.
type Report struct {
	Format          int       `json:"format"`          // the version of this form
	Name            string    `json:"name"`            // of the scenario
	About           string    `json:"about,omitempty"` // what it is about
	Verdict         string    `json:"verdict"`         // passed, finished, failed, invalid or interrupted
	Exit            int       `json:"exit"`            // code of the program
	Worked          string    `json:"worked"`          // yes, no, unclear or not_asked: the verdict but for how well it was measured
	Seed            uint64    `json:"seed"`
	Clock           string    `json:"clock"`            // real, virtual, mixed or a speed such as 60x
	FleetStart      time.Time `json:"fleet_start"`      // the fleet's date at the start
	Started         time.Time `json:"started"`          // by the clock of this machine
	DurationSeconds float64   `json:"duration_seconds"` // by the clock of the fleet
	WallSeconds     float64   `json:"wall_seconds"`     // by the clock of this machine
	Summary
	Unheard    int                 `json:"commands_without_power"` // commands that devices did not hear: they had no power, or had not started yet
	Timeline   []StepReport        `json:"timeline"`
	Expect     []ExpectationReport `json:"expect"`
	Thresholds []ThresholdReport   `json:"thresholds"`
	Bug        *BugReport          `json:"bug,omitempty"` // of a scenario about a bug
	Generator  Generator           `json:"generator"`
	Notes      []string            `json:"notes"` // what a reader should know
	Source     Source              `json:"source"`
	Plan       string              `json:"plan,omitempty"`      // what --plan printed before the run, where the result is kept
	Shard      *Shard              `json:"shard,omitempty"`     // of a shard's report: which one
	Mergeable  *Mergeable          `json:"mergeable,omitempty"` // of a shard's report: what merging adds up
	Shards     []Shard             `json:"shards,omitempty"`    // of a merged report: its shards
}

// Source says what was run.
type Source struct {
	SHA256 string `json:"sha256"` // of the scenario file
	// List is the digest of the list of the devices, or of the ranges of their groups, if there is any: two files that say
	// the same have the same one.
	List   string             `json:"devices_sha256,omitempty"`
	Params map[string]Setting `json:"params,omitempty"` // the scenario's parameters; the value of a secret is ***
	With   []string           `json:"with,omitempty"`   // what changed the file from outside, as PATH=VALUE
	Files  map[string]string  `json:"files,omitempty"`  // SHA-256 of the files that from names, by path
}

// A Setting is a value of a scenario, and what set it.
type Setting struct {
	Value string `json:"value"`
	From  string `json:"from"` // flag, environment or file
}

// A StepReport says whether a step happened, and when.
type StepReport struct {
	Step      int       `json:"step"`
	Name      string    `json:"name"`
	Action    string    `json:"action,omitempty"` // what it did; absent where it only names a moment
	Fired     bool      `json:"fired"`
	Awaited   bool      `json:"awaited,omitempty"` // it waited for a when: that it happened was expected
	At        float64   `json:"at_seconds"`
	Times     int       `json:"times,omitempty"`     // of a step that repeats: how often it happened; at_seconds is the first time
	Surely    bool      `json:"surely,omitempty"`    // it did not happen, and not because this machine was late
	Devices   int       `json:"devices"`             // that it chose
	Exchanges int       `json:"exchanges,omitempty"` // that its fault affected
	Idle      bool      `json:"idle,omitempty"`      // it chose no device, or its fault affected no exchange; of a shard: in its part
	Error     string    `json:"error,omitempty"`     // of a step that happened and failed: how its command ended
	Missing   []Failing `json:"missing,omitempty"`   // the first devices that kept it from happening
}

// Remark says that a step happened to nobody, "" where it did something. A shard does
// not know.
func (r *Report) Remark(s StepReport) string {
	switch {
	case !s.Idle || r.Shard != nil && r.Shard.Count > 1:
		return ""
	case s.Action == "fault" && s.Devices > 0:
		return "it changed no exchange that ended"
	}
	return "it met no device"
}

// Asked reports whether something was expected of a step: that what it waited for
// came, or that its command succeeded.
func (s StepReport) Asked() bool { return s.Awaited || s.Action == "run" }

// OK reports whether a step happened and did what it is for.
func (s StepReport) OK() bool { return s.Fired && s.Error == "" }

// An ExpectationReport says whether an expectation held.
type ExpectationReport struct {
	Name      string    `json:"name"`
	OK        bool      `json:"ok"`
	Shared    bool      `json:"shared,omitempty"` // a number of devices of the whole fleet: decided by the merge of the shards
	Devices   int       `json:"devices"`          // that it is about
	Held      int       `json:"held"`
	Surely    bool      `json:"surely,omitempty"`    // it failed, and not because this machine was late
	Waits     string    `json:"waits_for,omitempty"` // the step that its time begins with, which did not happen
	DecidedAt float64   `json:"decided_at_seconds"`
	First     []Failing `json:"first"` // the first devices that it failed for
}

// Measured says for how many devices an expectation held, or why for none.
func (e ExpectationReport) Measured() string {
	if e.Waits != "" {
		return fmt.Sprintf("step %s, from which it counts, did not happen", e.Waits)
	}
	return fmt.Sprintf("%d of %d devices", e.Held, e.Devices)
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

// Whether a run worked, apart from how well it was measured.
const (
	worked   = "yes"       // everything expected held
	didNot   = "no"        // something did not, and lateness of this machine is no excuse
	unclear  = "unclear"   // something did not, perhaps because this machine was late
	notAsked = "not_asked" // nothing was expected
)

// Judge sets the verdict and the exit code that follow from the rest of the
// report. Two questions decide: did it work, and was it measured well? What
// lateness cannot cause decides first.
func (r *Report) Judge(interrupted bool) {
	r.Worked = r.worked()
	r.Verdict = r.verdict(interrupted)
	r.Exit = exits[r.Verdict]
}

func (r *Report) verdict(interrupted bool) string {
	switch {
	case interrupted:
		return Interrupted
	case r.Worked == didNot:
		return Failed
	case !r.Generator.Valid:
		return Invalid
	case r.Worked == notAsked:
		return Finished
	}
	return Passed
}

func (r *Report) worked() string {
	var sure, unsure int
	count := func(failed, surely bool) {
		switch {
		case failed && (surely || r.Generator.Valid):
			sure++
		case failed:
			unsure++
		}
	}
	for i := range r.Timeline {
		s := &r.Timeline[i]
		count(!s.OK(), s.Surely || s.Error != "")
	}
	for i := range r.Expect {
		e := &r.Expect[i]
		count(!e.OK && !e.Shared, e.Surely)
	}
	for i := range r.Thresholds {
		t := &r.Thresholds[i]
		count(!t.OK && !t.Shared, t.Surely)
	}
	if r.Bug != nil {
		count(!r.Bug.OK, false)
	}
	switch {
	case sure > 0:
		return didNot
	case unsure > 0:
		return unclear
	case !r.expects():
		return notAsked
	}
	return worked
}

// expects reports whether anything was expected of the run.
func (r *Report) expects() bool {
	asked := func(t ThresholdReport) bool { return !t.OnlyFails }
	return len(r.Expect) > 0 || r.Bug != nil || slices.ContainsFunc(r.Thresholds, asked) || slices.ContainsFunc(r.Timeline, StepReport.Asked)
}
