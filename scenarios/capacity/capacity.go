// Package capacity finds how many resyncs a second a server holds.
//
// A fleet is provisioned once, gently, and kept in a state file. Each trial resumes
// from it, has its devices resync at one rate for a while, and asks whether the
// server kept up. The rate doubles until one does not hold, then the space between
// is halved.
package capacity

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"spafleet/fleet"
	"spafleet/scenarios"
	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
)

// Options say what is tried. Zero values are the defaults.
type Options struct {
	From    float64       // first rate, resyncs a second; 0: 10
	Most    float64       // highest rate that is tried; 0: 2,000
	Each    time.Duration // length of a trial, fleet time; 0: 10 s
	Limits  []report.Threshold
	Run     run.Options
	Folder  string             // an existing folder for the fleet's state
	Began   func(rate float64) // is called before each trial; nil: nothing is
	Tried   func(Trial)        // and after it
	Warming func(devices int)  // is called before the fleet is provisioned
}

// DefaultLimits are what a trial must keep: the answers come, and soon.
func DefaultLimits() []report.Threshold {
	var list []report.Threshold
	for _, t := range [][2]string{{"resync_duration", "p(95)<1s"}, {"resync_failed", "rate<1%"}} {
		limit, err := report.ParseThreshold(t[0], t[1])
		if err != nil {
			panic(err) // of the source
		}
		list = append(list, limit)
	}
	return list
}

// A Trial is what happened at one rate.
type Trial struct {
	Rate    float64  `json:"rate"` // resyncs a second that were asked for
	Held    bool     `json:"held"`
	Machine bool     `json:"machine"` // this machine was too slow, so it says nothing of the server
	Started int64    `json:"started"`
	OK      int64    `json:"ok"`
	Failed  int64    `json:"failed"`
	Behind  float64  `json:"behind"` // how much faster resyncs began than ended, a second
	Median  float64  `json:"median_seconds"`
	P95     float64  `json:"p95_seconds"`
	P99     float64  `json:"p99_seconds"`
	Why     []string `json:"why"` // it did not hold
}

// A Result is what a search found.
type Result struct {
	Holds   float64  `json:"holds"`  // the highest rate that held; 0: none did
	Breaks  float64  `json:"breaks"` // the lowest that did not; 0: every one held
	Limit   string   `json:"limit"`  // what bounds it: server, machine, or max_rate
	Limits  []string `json:"limits"` // that a trial must keep
	Devices int      `json:"devices"`
	Trials  []Trial  `json:"trials"` // by rate
}

// What bounds a capacity.
const (
	ByServer  = "server"
	ByMachine = "machine"
	ByMost    = "max_rate"
)

// precise is how near the highest rate that held and the lowest that did not come.
const precise = 1.05

// Find searches the rate that the server of a scenario holds. Of the scenario count
// its fleet and its server; where its only group has one device, as many are taken as
// the rates need. An error is one of the scenario or of this machine, or that the
// fleet could not be provisioned even without load.
func Find(ctx context.Context, base *scenarios.Scenario, o Options) (*Result, error) {
	o.defaults()
	s := &search{base: base, options: o, state: filepath.Join(o.Folder, "fleet.state")}
	s.prepare()
	if err := s.provision(ctx); err != nil {
		return nil, err
	}
	r := &Result{Devices: s.devices()}
	for _, l := range o.Limits {
		r.Limits = append(r.Limits, l.Metric+" "+l.Limit)
	}
	for rate := o.From; r.Breaks == 0; rate = min(2*rate, o.Most) {
		if err := s.step(ctx, r, rate); err != nil {
			return nil, err
		}
		if rate >= o.Most {
			break
		}
	}
	for r.Breaks > 0 && r.Holds > 0 && r.Breaks/r.Holds > precise {
		if err := s.step(ctx, r, (r.Holds+r.Breaks)/2); err != nil {
			return nil, err
		}
	}
	r.conclude()
	return r, nil
}

func (o *Options) defaults() {
	if o.From == 0 {
		o.From = 10
	}
	if o.Most == 0 {
		o.Most = 2000
	}
	o.From = min(o.From, o.Most)
	if o.Each == 0 {
		o.Each = 10 * time.Second
	}
	if o.Limits == nil {
		o.Limits = DefaultLimits()
	}
}

// conclude says what bounds the capacity: what ended the lowest trial that did not
// hold.
func (r *Result) conclude() {
	slices.SortFunc(r.Trials, func(a, b Trial) int {
		switch {
		case a.Rate < b.Rate:
			return -1
		case a.Rate > b.Rate:
			return 1
		}
		return 0
	})
	r.Limit = ByMost
	for _, t := range r.Trials {
		if !t.Held {
			r.Limit = ByServer
			if t.Machine {
				r.Limit = ByMachine
			}
			return
		}
	}
}

// A search is under way.
type search struct {
	base    *scenarios.Scenario
	options Options
	state   string // file of the provisioned fleet
}

// step tries a rate and notes whether it held.
func (s *search) step(ctx context.Context, r *Result, rate float64) error {
	if s.options.Began != nil {
		s.options.Began(rate)
	}
	t, err := s.try(ctx, rate)
	if err != nil {
		return err
	}
	r.Trials = append(r.Trials, t)
	if t.Held {
		r.Holds = rate
	} else {
		r.Breaks = rate
	}
	if s.options.Tried != nil {
		s.options.Tried(t)
	}
	return nil
}

// apart is how long a device rests at least between two resyncs at the highest rate:
// longer than a resync that still holds.
const apart = 2 * time.Second

// prepare makes the fleet large enough, and its devices quick: boots and random
// delays would spread what a trial wants at a moment.
func (s *search) prepare() {
	groups := slices.Clone(s.base.Fleet)
	if len(groups) == 1 && groups[0].Count <= 1 {
		groups[0].Count = int(s.options.Most*apart.Seconds()) + 1
	}
	for i := range groups {
		g := &groups[i]
		switches := map[string]string{}
		for _, name := range []string{"boot_time", "reboot_time", "flash_time"} {
			switches[name] = "0s"
		}
		for name, value := range g.Switches {
			switches[name] = value
		}
		g.Switches, g.Off = switches, true
		g.Set = append(slices.Clone(g.Set), scenarios.Preset{Name: "Resync_Random_Delay", Value: "0"})
	}
	copied := *s.base
	copied.Fleet = groups
	s.base = &copied
}

func (s *search) devices() (n int) {
	for i := range s.base.Fleet {
		n += s.base.Fleet[i].Count
	}
	return n
}

// scenario returns the fleet and server with another timeline.
func (s *search) scenario(name string, d time.Duration, steps ...scenarios.Step) *scenarios.Scenario {
	b := s.base
	return &scenarios.Scenario{Name: name, Seed: b.Seed, Clock: b.Clock, Lateness: b.Lateness, Fleet: b.Fleet, Server: b.Server, Target: b.Target, Duration: d, Timeline: steps}
}

const (
	gently      = 8                // attempts at once while the fleet is provisioned
	gentleRate  = 20.0             // devices a second where time jumps, and admission has no say
	provisioned = 30 * time.Minute // the longest that it may take
	first       = 2 * time.Minute  // of which a server that has no device provisioned has this
	rest        = 5 * time.Second  // for resyncs after the reboot that a profile causes
)

// provision gives every device its first profiles and keeps the fleet.
func (s *search) provision(ctx context.Context) error {
	if s.options.Warming != nil {
		s.options.Warming(s.devices())
	}
	all := scenarios.Expectation{Name: "all synced", Quant: report.Quant{Form: "all"}, Expr: "synced"}
	scenario := s.scenario("provisioning", provisioned+rest, scenarios.Step{Name: "settled", When: &all, By: scenarios.Instant{Plus: provisioned, Given: true}})
	scenario.Expect = []scenarios.Expectation{
		{Name: "all still synced", Quant: all.Quant, Expr: all.Expr, At: scenarios.Instant{Step: "settled", Plus: rest, Given: true}},
		{Name: "one synced soon", Quant: report.Quant{Form: "at_least", Limit: report.Quantity{N: 1}}, Expr: all.Expr, By: scenarios.Instant{Plus: first, Given: true}, Abort: true},
	}
	scenario.Brief, scenario.Most, scenario.Lateness = true, gently, time.Hour
	on := scenarios.Step{Action: "power_on", Of: "all"}
	if scenario.Clock.Mode == fleet.Virtual {
		on.Pace = scenarios.Pace{From: gentleRate, To: gentleRate}
	}
	scenario.Timeline = append([]scenarios.Step{on}, scenario.Timeline...)
	o := s.options.Run
	o.State = s.state
	r, err := run.Run(ctx, scenario, o)
	switch {
	case err != nil:
		return err
	case r.Verdict == report.Interrupted:
		return context.Canceled
	case r.Provisioned == 0 && r.Verdict != report.Passed:
		return fmt.Errorf("none of %d devices could be provisioned in %s, without any load%s", r.Devices, report.Seconds(r.DurationSeconds), example(r))
	case r.Verdict != report.Passed:
		return fmt.Errorf("only %d of %d devices could be provisioned, without any load%s", r.Provisioned, r.Devices, example(r))
	}
	return nil
}

// example is the first cause of failures.
func example(r *report.Report) string {
	if len(r.Findings.Errors) == 0 {
		return ""
	}
	f := &r.Findings.Errors[0]
	text := ": " + report.Describe(f)
	if f.Example.URL != "" {
		text += ", such as " + f.Example.URL
	}
	return text
}

// after is how long a trial goes on when the last resync has begun.
const after = 3 * time.Second

// try has the devices resync at a rate.
func (s *search) try(ctx context.Context, rate float64) (Trial, error) {
	state, err := s.copyState()
	if err != nil {
		return Trial{}, err
	}
	o := s.options.Run
	o.State = state
	scenario := s.scenario(fmt.Sprintf("%.4g resyncs a second", rate), s.options.Each+after, s.load(rate)...)
	scenario.Thresholds = s.options.Limits
	r, err := run.Run(ctx, scenario, o)
	if err != nil {
		return Trial{}, err
	}
	if r.Verdict == report.Interrupted {
		return Trial{}, context.Canceled
	}
	return judge(r, rate, s.options.Each), nil
}

// load has all devices resync at a rate, in turn, for the time of a trial.
func (s *search) load(rate float64) []scenarios.Step {
	var steps []scenarios.Step
	whole := time.Duration(float64(s.devices()) / rate * float64(time.Second))
	for at := time.Duration(0); at < s.options.Each; at += whole {
		of := "all"
		if left := s.options.Each - at; left < whole {
			of = fmt.Sprintf("%d of all", max(1, int(rate*left.Seconds())))
		}
		steps = append(steps, scenarios.Step{Action: "resync", Of: of, At: scenarios.Instant{Plus: at, Given: true}, Pace: scenarios.Pace{From: rate, To: rate}})
	}
	return steps
}

// copyState returns a copy of the provisioned fleet: a trial changes its file.
func (s *search) copyState() (string, error) {
	text, err := os.ReadFile(s.state)
	if err != nil {
		return "", err
	}
	path := filepath.Join(s.options.Folder, "trial.state")
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	return path, os.WriteFile(path, text, 0o600)
}
