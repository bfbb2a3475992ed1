package run

import (
	"io"
	"iter"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"spafleet/device"
	"spafleet/fleet"
	"spafleet/prov"
	"spafleet/resync"
	"spafleet/resync/capture"
	"spafleet/resync/modelled"
	"spafleet/scenarios"
	"spafleet/scenarios/report"
	"spafleet/scenarios/tally"
)

// Options is how a scenario is run.
type Options struct {
	scenarios.Machine
	Run     string // names the run that all shards are of
	Attempt int    // how often this shard was tried before
	// StartAt is when the devices get power; the zero Time is at once, and so is
	// one that has passed.
	StartAt time.Time
	PinTFTP bool
	// Preflight has one device of each model and firmware resync before the fleet
	// starts, if the server is the user's own and nothing is resumed. What a device
	// and two others of its kind fail by ends the run: the error is a [*Refused].
	Preflight bool
	Compiled  resync.Compiled       // opens files of the vendor's compiler
	Registry  prometheus.Registerer // nil: no live metrics
	Capture   *capture.File         // keeps packets of chosen devices; nil: none. Virtual time has none
	Tell      func([]device.Event)  // receives all events, as fleet.Config.Tell; may be nil
	Events    io.Writer             // takes all events, each as a line of JSON; nil: none
	// Requests is told of each request that the built-in server has answered; may be nil.
	Requests func(prov.Line)
	// Devices is called once the fleet has ended, with what became of each device, in
	// the order of their numbers; may be nil. Its error is one of Run with a report.
	Devices func(iter.Seq[DeviceReport]) error
	// Reasons lets Tell have the events that say why devices do what they do, from
	// device.Decided on; Events always has them.
	Reasons bool
	// Listening is called once every socket of the run is open, before it waits
	// for StartAt; may be nil.
	Listening func(*Live)
	// Started is called once every device has the power that the scenario says at
	// its start, and hears commands; may be nil. Events come before it, steps after
	// it. A run that is interrupted before may not call it.
	Started func(*Live)
	// Decided is called when the scenario is judged. With Keep the fleet stays up
	// after it until the context ends.
	Decided func(*report.Report)
	Keep    bool
	// State is the file that the fleet is kept in, every minute of wall time and
	// at the end; "": none. If it is there, the fleet resumes from it. The
	// scenario itself begins again: its timeline, its expectations and its counts.
	State string
	// SaveEvery is another time than a minute between two snapshots.
	SaveEvery time.Duration
	// Saved is told each time that the fleet was saved; may be nil.
	Saved func(fleet.Snapshot)
	// Recorded answers in virtual time in the place of the servers, of a scenario that has
	// none; nil: nobody answers.
	Recorded modelled.Recorded
	Plan     string // goes into the report as it is

	cured bool // the scenario has a cure of its bug
}

// A Live is a scenario that runs.
type Live struct {
	Fleet   *fleet.Fleet
	Tally   *tally.Tally
	Server  *prov.Server // nil with a target, and in virtual time
	Notes   []string
	Virtual bool       // time is virtual
	DHCP    fleet.DHCP // the server that gives the devices their addresses; zero: none
	Resumed time.Time  // fleet time of the snapshot that the fleet resumed from; zero: it begins
	run     *run
}

// MachineLoad returns how busy this machine is so far.
func (l *Live) MachineLoad() report.MachineLoad { return l.run.monitor.look() }

// Beside reports whether all cores work at a fleet in virtual time at once: no device of
// it feels another, and nothing asks what they have done.
func (l *Live) Beside() bool { return l.run.beside() }

// Behind says what on this machine keeps attempts from starting in time, nil where they
// do.
func (l *Live) Behind() []string {
	load := l.MachineLoad()
	if load.LateP99 <= l.run.plan.Scenario.MaxLateness().Seconds() {
		return nil
	}
	var list []string
	for _, limit := range load.Reached() {
		list = append(list, load.Why(limit))
	}
	return list
}

// Scenario returns the name of the scenario, and how time passes; "" is as on the wall.
func (l *Live) Scenario() (name, clock string) {
	s := l.run.plan.Scenario
	if s.Clock.Mode == fleet.Real && s.Clock.Pace() == 1 {
		return s.Name, ""
	}
	return s.Name, s.Clock.String()
}

// Passed returns how much of the fleet's time has passed since the scenario began,
// and how long it lasts; 0 where that is not known, because it ends when decided or
// when it is interrupted.
func (l *Live) Passed() (passed, whole time.Duration) {
	s := l.run.timeline.plan.Scenario
	if !s.Brief {
		whole = s.Duration
	}
	return l.run.timeline.elapsed(), whole
}

// An Expected is how far an expectation is.
type Expected struct {
	Name    string
	Quant   report.Quant
	Held    int // devices that it holds for
	Devices int // that it is about
	By      time.Duration
	Decided bool
	OK      bool
	Shared  bool // a number of devices of a fleet of which this run has a shard: the merge decides
}

// Expected returns how far the expectations are, in the order of the scenario.
func (l *Live) Expected() []Expected { return expected(l.run.timeline) }

// Steps returns the named steps that have happened, in order.
func (l *Live) Steps() []string {
	l.run.judge.mu.Lock()
	defer l.run.judge.mu.Unlock()
	var names []string
	for _, h := range l.run.timeline.course.happened {
		names = append(names, h.name)
	}
	return names
}
