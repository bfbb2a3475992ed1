package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"spafleet/device"
	"spafleet/fleet"
	"spafleet/host"
	"spafleet/scenarios"
	"spafleet/scenarios/forecast"
	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
)

// A runner runs one scenario for a command: it shows progress, serves metrics, and
// prints the report.
type runner struct {
	streams
	screen  *screen // the error stream
	plain   progressFlag
	json    bool
	metrics metricsFlags
	console consoleFlags
	events  string // file that takes the events, "" for none
	access  accessLog
	capture captureFlags
	devices string // file that takes what became of each device, "" for none
	story   story  // of one device
	hello   func(io.Writer, *run.Live)
	title   string               // of the progress; "": the scenario's name
	again   bool                 // hello and notes have been said
	show    func(*report.Report) // in the place of printing the report; may be nil
	bundles bundles
	watch   func(*run.Live)      // is told of a run before its events; may be nil
	heard   func([]device.Event) // hears them; may be nil
	options run.Options
	results delivery
}

// newRunner returns a runner whose texts name the flags of the commands.
func newRunner(s streams) *runner {
	rn := &runner{streams: s, screen: &screen{w: s.err}}
	rn.err = rn.screen
	rn.options.Now = time.Now()
	rn.options.Flags = scenarios.Flags{
		Public: "--allow-public", Operator: "--i-operate-this-server", Commands: "--allow-commands", Addresses: "--addresses", Count: "--count", Set: "--set",
	}
	return rn
}

// run runs a scenario. The error is an exit code, or says why it could not
// run.
func (rn *runner) run(ctx context.Context, s *scenarios.Scenario) error {
	result, err := rn.once(ctx, s)
	if err == nil && result.Exit != exitOK {
		return exitWith(result.Exit)
	}
	return err
}

// once runs a scenario and writes what it leaves. The error says why it could not run,
// or of one that ran, what could not be written.
func (rn *runner) once(ctx context.Context, s *scenarios.Scenario) (*report.Report, error) {
	if err := rn.results.check(); err != nil {
		return nil, err
	}
	if rn.results.plans() {
		f, err := forecast.Of(s, rn.options.Machine)
		if err != nil {
			return nil, err
		}
		rn.options.Plan = planText(f)
	}
	rn.options.Tell, rn.options.Reasons = rn.heard, rn.heard != nil
	if err := rn.story.follow(s, &rn.options); err != nil {
		return nil, err
	}
	defer host.TuneGC()()
	registry, stopMetrics, err := rn.metrics.serve(rn.err)
	if err != nil {
		return nil, err
	}
	defer stopMetrics()
	rn.options.Registry = registry
	if err := rn.devicesFile(); err != nil {
		return nil, err
	}
	closeFiles, err := rn.openFiles(s)
	if err != nil {
		return nil, err
	}
	progress := newProgress(rn.screen, s)
	progress.plain = rn.plain.lines || rn.printsMeanwhile()
	progress.finite = progress.finite && !rn.options.Keep
	if rn.title != "" {
		progress.name = rn.title
	}
	rn.listen(progress)
	if err := rn.bundles.follow(s, &rn.options); err != nil {
		return nil, errors.Join(err, closeFiles())
	}
	tower, err := rn.console.open(s, &rn.options, rn.err)
	if err != nil {
		return nil, errors.Join(err, closeFiles())
	}
	defer tower.close()
	result, err := run.Run(ctx, s, rn.options)
	answers := tower.ended()
	err = errors.Join(err, closeFiles(), rn.bundles.end(rn.err, result, rn.show == nil))
	var refused *run.Refused
	if errors.As(err, &refused) {
		return nil, rn.refused(refused)
	}
	if result == nil {
		progress.end()
		return nil, err
	}
	if told := rn.tell(); told != nil {
		err = errors.Join(err, told)
	}
	if undelivered := rn.results.send(ctx, result); undelivered != nil {
		err = errors.Join(err, fmt.Errorf("the result was not delivered: %w", undelivered))
	}
	if err != nil {
		return nil, &notKept{err}
	}
	rn.metrics.stay(ctx, rn.err, answers)
	return result, nil
}

// listen has a run tell how it stands.
func (rn *runner) listen(progress *progress) {
	rn.options.Saved = rn.saved
	rn.options.Listening = func(l *run.Live) {
		if rn.watch != nil {
			rn.watch(l)
		}
		for _, n := range l.Notes {
			if !rn.again {
				fmt.Fprintf(rn.err, "note: %s\n", n)
			}
		}
		if !l.Resumed.IsZero() {
			fmt.Fprintf(rn.err, "resumed from %s: %d devices as of %s\n", rn.options.State, l.Fleet.Len(), l.Resumed.UTC().Format(time.RFC3339))
		}
		if at := rn.options.StartAt; !at.IsZero() {
			fmt.Fprintf(rn.err, "the devices are powered on at %s\n", at.Format(time.RFC3339))
		}
	}
	rn.options.Started = func(l *run.Live) {
		if rn.hello != nil && !rn.again {
			rn.hello(rn.err, l)
		}
		progress.start(l)
	}
	rn.options.Decided = func(r *report.Report) {
		progress.end()
		if rn.show != nil {
			rn.show(r)
			return
		}
		rn.print(r)
		if rn.options.Keep && r.Verdict != report.Interrupted {
			fmt.Fprintln(rn.err, "\nrunning until Ctrl-C")
		}
	}
}

// tell tells the device's story, beside what is for a program.
func (rn *runner) tell() error {
	if rn.json {
		return rn.story.write(rn.err)
	}
	return rn.story.write(rn.out)
}

// refused tells why the fleet was not started.
func (rn *runner) refused(e *run.Refused) error {
	fmt.Fprintf(rn.err, "spafleet: %s\n--preflight=false starts the fleet all the same\n", e)
	if rn.json {
		if err := writeJSON(rn.out, map[string]any{"verdict": "failed", "exit": exitFailed, "preflight": e.Kinds}); err != nil {
			return err
		}
	}
	return exitWith(exitFailed)
}

// saved tells of a fleet that could not be saved: the run goes on.
func (rn *runner) saved(s fleet.Snapshot) {
	if s.Err != nil {
		fmt.Fprintf(rn.err, "spafleet: %s\n", s.Err)
	}
}

func (rn *runner) print(r *report.Report) {
	if rn.json {
		_ = writeJSON(rn.out, r) // a closed pipe is nobody's trouble
		return
	}
	r.WriteText(rn.out)
}
