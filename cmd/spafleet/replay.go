package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"spafleet/device"
	"spafleet/device/inventory"
	"spafleet/device/model"
	"spafleet/fleet"
	"spafleet/host"
	"spafleet/scenarios"
	"spafleet/scenarios/bundle"
	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
	"spafleet/scenarios/tally"
)

// readBundle reads a bundle, nil where the file is none.
func readBundle(name string) (*bundle.Bundle, error) {
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() || info.Size() > bundle.MostBytes {
		return nil, nil // whatever else it is
	}
	text, err := host.ReadFile(name, bundle.MostBytes)
	if err != nil || !bundle.IsBundle(text) {
		return nil, err
	}
	b, err := bundle.Read(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return b, nil
}

// A replay is the run of a bundle: in virtual time, without sockets, and of nothing but
// what the bundle holds.
type replay struct {
	*bundle.Bundle
	folder   string // of its own, with the bundle's files
	scenario *scenarios.Scenario
	options  run.Options
	whole    string // why all devices are run; "": the bundle's device is run alone
}

// newReplay gets a bundle ready. The error says why it cannot be replayed.
func newReplay(b *bundle.Bundle) (*replay, error) {
	if b.About.Refusal != "" {
		return nil, errors.New(b.About.Refusal)
	}
	folder, err := os.MkdirTemp("", "spafleet-bundle-*")
	if err != nil {
		return nil, err
	}
	r := &replay{Bundle: b, folder: folder}
	if err = r.unpack(); err == nil {
		if err = r.load(); err == nil {
			err = r.settle()
		}
	}
	if err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

func (r *replay) close() { _ = os.RemoveAll(r.folder) } // what is left there harms nobody

// listFile is the list of devices below the folder.
const listFile = "spafleet-devices.csv"

// switchesFile is the file of --switches among those of a bundle.
const switchesFile = "spafleet-switches.yaml"

// unpack writes the files that a scenario names. Their names lead nowhere else.
func (r *replay) unpack() error {
	root, err := os.OpenRoot(r.folder)
	if err != nil {
		return err
	}
	defer root.Close()
	for name, text := range r.Files {
		if dir := filepath.Dir(filepath.FromSlash(name)); dir != "." {
			if err := root.MkdirAll(dir, 0o700); err != nil {
				return err
			}
		}
		if err := root.WriteFile(filepath.FromSlash(name), text, 0o600); err != nil {
			return err
		}
	}
	if r.List != nil {
		return root.WriteFile(listFile, r.List, 0o600)
	}
	return nil
}

// load reads the scenario with the flags of the run.
func (r *replay) load() error {
	f := &runFlags{fleetFlags: fleetFlags{count: 1}}
	c := &cobra.Command{}
	f.register(c)
	registerWith(c.Flags(), f)
	for _, flag := range r.About.Flags {
		if !slices.Contains(replayed, flag.Name) {
			return fmt.Errorf("a bundle has no --%.50s", flag.Name)
		}
		if err := c.Flags().Set(flag.Name, flag.Value); err != nil {
			return fmt.Errorf("--%s: %w", flag.Name, err)
		}
	}
	if f.switches.file != "" {
		if f.switches.file != switchesFile || r.Files[switchesFile] == nil {
			return errors.New("a bundle names no other file of switches than its own")
		}
		f.switches.file = filepath.Join(r.folder, switchesFile)
	}
	var err error
	switch {
	case r.Scenario != nil:
		err = r.fromScenario(c, f)
	default:
		err = r.fromFlags(c, f)
	}
	r.options.Addresses = f.addresses
	return err
}

func (r *replay) fromScenario(c *cobra.Command, f *runFlags) (err error) {
	file := scenarios.File{Name: "scenario.yaml", Text: r.Scenario, Folder: r.folder, Sealed: true}
	with := f.with
	if r.List != nil {
		with = append(slices.Clone(with), "devices="+listFile)
	}
	if file.With, err = changes(with); err != nil {
		return err
	}
	r.scenario, err = f.load(c, file)
	return err
}

func (r *replay) fromFlags(c *cobra.Command, f *runFlags) (err error) {
	if r.List == nil {
		if r.scenario, err = f.fromFlags(strings.NewReader(""), c.Flags().Changed); err != nil {
			return err
		}
		return f.adjust(c, r.scenario)
	}
	list, err := inventory.Read(r.List, "devices.csv", "")
	if err != nil {
		return err
	}
	f.listed = list
	if r.scenario, err = f.fromFlags(strings.NewReader(""), c.Flags().Changed); err != nil {
		return err
	}
	return f.adjust(c, r.scenario)
}

// settle puts the scenario into virtual time, and takes out what reaches beyond the
// bundle.
func (r *replay) settle() error {
	s, a := r.scenario, &r.About
	if len(s.Devices.Certificates()) > 0 {
		return errors.New("its list of devices names files of certificates")
	}
	s.Name = a.Name
	s.Seed, s.Clock, s.Target, s.Thresholds = a.Seed, scenarios.Clock{Mode: fleet.Virtual, Start: a.Start}, nil, nil
	for i := range s.Fleet {
		s.Fleet[i].Cert = ""
	}
	for i := range s.Timeline {
		if step := &s.Timeline[i]; step.Action == "run" { // it is a moment, and nothing is executed
			step.Action, step.Run = "", nil
		}
	}
	for i := range s.Expect {
		s.Expect[i].Abort = false // it is run for as long as it was
	}
	if s.Bug != nil {
		s.Bug.Cures = nil
	}
	if a.Recorded {
		answers := bundle.NewAnswers(r.Bundle)
		s.Server, r.options.Recorded, r.options.Public = nil, answers, answers.Hosts()
	}
	r.options.Operator = true // nothing is sent
	last, brief := s.Duration, s.Brief
	s.Duration, s.Brief = time.Duration(math.Round(a.Duration*1e9)), false
	plan, err := scenarios.NewPlan(s)
	if err != nil {
		s.Duration, s.Brief = last, brief // a step would come after the end
		if plan, err = scenarios.NewPlan(s); err != nil {
			return err
		}
	}
	return r.choose(plan)
}

// mostReplayed bounds a fleet that is run as a whole for one device of it.
const mostReplayed = 100_000

// choose has the device run alone where the scenario allows that.
func (r *replay) choose(plan *scenarios.Plan) error {
	total, dev := 0, r.About.Device.Index
	for i := range plan.Groups {
		total += plan.Groups[i].Count
	}
	if int(dev) >= total {
		return fmt.Errorf("the scenario has %d devices, and the bundle is of device %d", total, dev)
	}
	alone := device.Only(dev, total)
	apart := alone
	apart.Alone = false // as if other machines ran the others
	err := plan.CheckShard(apart)
	if err == nil {
		r.options.Shard = alone
		return nil
	}
	if total > mostReplayed {
		return fmt.Errorf("the device cannot be run alone, and with %d devices the fleet is too large: %w", total, err)
	}
	var mistakes scenarios.Mistakes
	r.whole = "the scenario needs all of it"
	if errors.As(err, &mistakes) && len(mistakes) > 0 {
		r.whole, _, _ = strings.Cut(mistakes[0].Msg, ";")
	}
	return nil
}

// A replayed is what a replay came to, in the form of its JSON.
type replayedBundle struct {
	Device     bundle.Device  `json:"device"`
	Failure    bundle.Failure `json:"failure"`
	Showed     bool           `json:"failure_showed"` // again
	SameEvents bool           `json:"same_events"`    // to the byte
	Difference string         `json:"first_difference,omitempty"`
	Alone      bool           `json:"alone"` // the device was run without the others
	Exit       int            `json:"exit"`
	Report     *report.Report `json:"report"`
}

// ofReplay are the flags of 'run' that go with a bundle.
var ofReplay = []string{"json", "events", "devices-out", "html", "junit", "why", "help"}

// replay replays a bundle and says whether its failure showed.
func (rn *runner) replay(c *cobra.Command, b *bundle.Bundle) (err error) {
	c.Flags().Visit(func(f *pflag.Flag) {
		if !slices.Contains(ofReplay, f.Name) && err == nil {
			err = fmt.Errorf("--%s: a bundle says itself what is run; it goes with --%s", f.Name, strings.Join(ofReplay[:len(ofReplay)-1], ", --"))
		}
	})
	if err != nil {
		return err
	}
	r, err := newReplay(b)
	if err != nil {
		return fmt.Errorf("the bundle cannot be replayed: %w", err)
	}
	defer r.close()
	return rn.rerun(c.Context(), r)
}

// rerun runs a replay.
func (rn *runner) rerun(ctx context.Context, r *replay) error {
	a := &r.About
	flags := rn.options.Flags
	rn.options = r.options
	rn.options.Flags = flags
	var now traceOf
	rn.watch = func(l *run.Live) {
		now.log = tally.NewEventLog(&now, func(dev device.Index) model.MAC { return l.Fleet.MAC(dev) })
		now.log.Unit = l.Fleet.Unit
	}
	rn.heard = func(events []device.Event) {
		for i := range events {
			if events[i].Dev == a.Device.Index {
				now.log.Tell(events[i : i+1])
			}
		}
	}
	rn.show = func(*report.Report) {}
	result, err := rn.once(ctx, r.scenario)
	if err != nil {
		return err
	}
	if now.log != nil {
		_ = now.log.Flush() // into memory
	}
	out := r.judge(now.text, result)
	if rn.json {
		_ = writeJSON(rn.out, out) // a closed pipe is nobody's trouble
	} else {
		rn.printReplayed(r, out)
	}
	switch {
	case result.Verdict == report.Interrupted:
		return exitWith(exitInterrupted)
	case out.Exit != exitOK:
		return exitWith(out.Exit)
	}
	return nil
}

// A traceOf takes the events of a device, as far as a bundle would.
type traceOf struct {
	log  *tally.EventLog
	text []byte
}

func (t *traceOf) Write(p []byte) (int, error) {
	if len(t.text) < bundle.MostBytes {
		t.text = append(t.text, p...)
	}
	return len(p), nil
}

// judge compares what the device did with what it had done. A replay may go on for a
// moment longer.
func (r *replay) judge(now []byte, result *report.Report) *replayedBundle {
	a := &r.About
	before := bundle.WithoutCiphers(r.Events)
	now = bundle.WithoutCiphers(now)
	out := &replayedBundle{Device: a.Device, Failure: a.Failure, Alone: r.whole == "", Report: result}
	if len(r.Events) > 0 {
		out.SameEvents = bytes.HasPrefix(now, before)
	}
	if !out.SameEvents {
		out.Difference = bundle.Difference(before, now)
	}
	unmet := func(name string, first []report.Failing) bool {
		return slices.Contains(a.Failure.Unmet, name) && slices.ContainsFunc(first, func(f report.Failing) bool { return f.Index == int(a.Device.Index) })
	}
	for i := range result.Expect {
		out.Showed = out.Showed || !result.Expect[i].OK && unmet(result.Expect[i].Name, result.Expect[i].First)
	}
	for i := range result.Timeline {
		out.Showed = out.Showed || !result.Timeline[i].Fired && unmet("step "+result.Timeline[i].Name, result.Timeline[i].Missing)
	}
	if len(a.Failure.Unmet) == 0 {
		out.Showed = a.Failure.Last != "" && slices.Contains(bundle.Failures(now), a.Failure.Last)
	}
	if out.Showed = out.Showed || out.SameEvents; out.Showed {
		out.Exit = exitFailed
	}
	return out
}

// butCiphers says what was not compared.
func (r *replay) butCiphers() string {
	if len(bundle.WithoutCiphers(r.Events)) == len(r.Events) {
		return ""
	}
	return ", but for encrypted files, whose keys have stand-ins"
}

// printReplayed says in words what a replay came to.
func (rn *runner) printReplayed(r *replay, out *replayedBundle) {
	a, w := &r.About, rn.out
	fmt.Fprintf(w, "%s, seed %d: device %d of %d, %s %s, MAC %s\n", a.Name, a.Seed, a.Device.Index, a.Devices, a.Device.Model, a.Device.Firmware, a.Device.MAC)
	for _, line := range a.Failure.Lines() {
		fmt.Fprintf(w, "  %s\n", line)
	}
	if out.Alone {
		fmt.Fprint(w, "replayed in virtual time, without the other devices\n")
	} else {
		fmt.Fprintf(w, "replayed in virtual time, with the whole fleet: %s\n", r.whole)
	}
	for _, n := range a.Notes {
		fmt.Fprintf(w, "note: %s\n", n)
	}
	switch {
	case out.SameEvents:
		fmt.Fprintln(w, "its events are the same to the byte"+r.butCiphers())
	case a.Clock == "virtual" && !a.Recorded:
		fmt.Fprintf(w, "its events differ: %s\n", out.Difference)
	}
	if out.Showed {
		fmt.Fprintln(w, "the bundle's failure showed again")
	} else {
		fmt.Fprintln(w, "the bundle's failure did not show")
	}
}
