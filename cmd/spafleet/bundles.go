package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"spafleet/device"
	"spafleet/device/inventory"
	"spafleet/device/model"
	"spafleet/device/observed"
	"spafleet/host"
	"spafleet/scenarios"
	"spafleet/scenarios/bundle"
	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
)

// bundles write failed devices of a run, each as one file.
type bundles struct {
	folder string // "": none are written
	most   int

	flags    *pflag.FlagSet // of the command line
	file     *scenarios.File
	list     string // file that lists the devices; "": there is none
	switches string // file of --switches; "": there is none
	scenario *scenarios.Scenario
	spool    *bundle.Spool
	live     *run.Live
}

// mostBundles is how many one run may write.
const mostBundles = 20

func (b *bundles) register(c *cobra.Command) {
	c.Flags().StringVar(&b.folder, "bundles", "", "write the first devices that failed to the folder `DIR`, each as one file to send, without secrets; 'spafleet run' replays it")
	c.Flags().IntVar(&b.most, "most-bundles", 3, "how many devices --bundles writes, a `NUMBER` up to 20")
}

// check refuses what a bundle cannot hold.
func (b *bundles) check(c *cobra.Command, f *runFlags) error {
	b.flags = c.Flags()
	switch {
	case b.folder == "" && c.Flags().Changed("most-bundles"):
		return errors.New("--most-bundles needs --bundles DIR")
	case b.folder == "":
		return nil
	case b.most < 1 || b.most > mostBundles:
		return fmt.Errorf("--most-bundles %d: give a number from 1 to %d", b.most, mostBundles)
	case f.devices == "-":
		return errors.New("--bundles: the list of devices is read from the standard input, and a bundle holds it: give --devices a file")
	}
	if err := os.MkdirAll(b.folder, 0o777); err != nil {
		return fmt.Errorf("--bundles: %w", err)
	}
	if err := host.CheckWrite(filepath.Join(b.folder, "bundle.zip")); err != nil {
		return fmt.Errorf("--bundles: %w", err)
	}
	b.file, b.list, b.switches = f.file, f.devices, f.switches.file
	if b.list == "" && b.file != nil {
		b.list = bundle.ListOf(b.file.Text)
		for _, change := range b.file.With {
			if change.Path == "devices" {
				b.list = change.Value
			}
		}
		if strings.Contains(b.list, "\n") {
			b.list = "" // it is the list
		}
	}
	return nil
}

// follow keeps the events of a run.
func (b *bundles) follow(s *scenarios.Scenario, o *run.Options) (err error) {
	if b.folder == "" {
		return nil
	}
	b.scenario = s
	b.spool, err = bundle.NewSpool(func(dev device.Index) model.MAC { return b.live.Fleet.MAC(dev) }, func(dev device.Index) device.Unit { return b.live.Fleet.Unit(dev) })
	if err != nil {
		return fmt.Errorf("--bundles: %w", err)
	}
	tell, listening := o.Tell, o.Listening
	o.Reasons = true
	o.Listening = func(l *run.Live) {
		b.live = l
		if s.Server == nil {
			b.spool.View = l.Fleet.View
		}
		listening(l)
	}
	o.Tell = func(events []device.Event) {
		if tell != nil {
			tell(events)
		}
		b.spool.Tell(events)
	}
	return nil
}

// end writes the bundles of a run that has ended, and forgets its events. Alone says that
// it is the only run of a command.
func (b *bundles) end(say io.Writer, r *report.Report, alone bool) error {
	if b.spool == nil {
		if b.flags != nil && alone && r != nil && r.Verdict == report.Failed && len(failedDevices(r, 1)) > 0 {
			fmt.Fprintln(say, "to send a device that failed as one file: the same command with --bundles DIR; 'spafleet run' replays it")
		}
		return nil
	}
	defer func() { b.spool = nil }()
	var errs []error
	if r != nil {
		written := 0
		for _, f := range failedDevices(r, b.most) {
			name := filepath.Join(b.folder, fmt.Sprintf("%s-seed-%d-device-%d.zip", notOfNames.ReplaceAllString(r.Name, "-"), r.Seed, f.index))
			if err := b.write(name, r, f); err != nil {
				errs = append(errs, fmt.Errorf("bundle of device %d: %w", f.index, err))
				continue
			}
			written++
			fmt.Fprintf(say, "device %d is in %s; 'spafleet run %s' replays it\n", f.index, name, name)
		}
		if written == 0 && errs == nil && alone {
			fmt.Fprintln(say, "no device failed, so --bundles has written none")
		}
	}
	return errors.Join(append(errs, b.spool.Close())...)
}

var notOfNames = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// A failedDevice is one that a report names.
type failedDevice struct {
	index int
	bundle.Failure
}

// failedDevices returns the first devices that a report names: those that did not meet
// what was expected, then an example of each cause of failures.
func failedDevices(r *report.Report, most int) []failedDevice {
	var list []failedDevice
	if r.Verdict == report.Passed {
		return nil
	}
	note := func(index int, unmet, why string) {
		at := slices.IndexFunc(list, func(f failedDevice) bool { return f.index == index })
		if at < 0 && len(list) == most {
			return
		}
		if at < 0 {
			at = len(list)
			list = append(list, failedDevice{index, bundle.Failure{Unmet: []string{}, Why: why}})
		}
		if unmet != "" {
			list[at].Unmet = append(list[at].Unmet, unmet)
		}
	}
	for i := range r.Expect {
		if e := &r.Expect[i]; !e.OK && !e.Shared {
			for _, f := range e.First {
				note(f.Index, e.Name, f.Why)
			}
		}
	}
	for i := range r.Timeline {
		if s := &r.Timeline[i]; !s.Fired {
			for _, f := range s.Missing {
				note(f.Index, "step "+s.Name, f.Why)
			}
		}
	}
	for i := range r.Findings.Errors {
		e := &r.Findings.Errors[i]
		note(e.Example.Index, "", report.Describe(e))
	}
	return list
}

// write writes the bundle of a device.
func (b *bundles) write(name string, r *report.Report, f failedDevice) error {
	bu, vault, err := b.bundle(r, f)
	if err != nil {
		return err
	}
	_, err = host.WriteFrom(name, 0o644, func(w io.Writer) error { return bu.Write(w, vault) })
	return err
}

// bundle gathers what the bundle of a device holds, without secrets.
func (b *bundles) bundle(r *report.Report, f failedDevice) (*bundle.Bundle, *bundle.Vault, error) {
	dev := device.Index(f.index)
	trace, set, cut, err := b.spool.Device(dev)
	if err != nil {
		return nil, nil, err
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, nil, err
	}
	u, s, v := b.live.Fleet.Unit(dev), b.scenario, &bundle.Vault{}
	bu := &bundle.Bundle{Events: trace, Report: text, Files: map[string][]byte{}}
	bu.About = bundle.About{
		Format: bundle.Format, Program: thisVersion().Version, Name: r.Name, Seed: r.Seed, Clock: r.Clock, Start: r.FleetStart, Duration: r.DurationSeconds,
		Devices: b.live.Fleet.Total(), Failure: f.Failure, Recorded: s.Server == nil, Notes: []string{},
		Device: bundle.Device{Index: dev, MAC: u.MAC.String(), Serial: u.Serial, Group: b.live.Fleet.Group(dev).Name, Model: u.Row.Model.Name, Firmware: u.Row.Firmware.Version},
	}
	if all := bundle.Failures(trace); len(all) > 0 {
		bu.About.Failure.Last = all[len(all)-1]
	}
	b.recall(bu, cut)
	if err := b.files(bu, v); err != nil {
		return nil, nil, err
	}
	if bu.About.Recorded {
		bu.About.Params = lastParams(b.live, dev)
		for name, value := range bu.About.Params {
			set = append(set, [2]string{name, value})
		}
	}
	for range 2 { // the first time tells which parameters rules take keys from
		b.secrets(bu, v)
		for _, p := range set {
			v.Value(p[0], p[1], "the device's parameters")
		}
		v.JSON(trace, "the device's events")
		v.JSON(text, "the report")
	}
	if err := bu.Hide(v); err != nil {
		return nil, nil, err
	}
	if bu.About.Refusal == "" {
		if replay, err := newReplay(bu); err != nil {
			bu.About.Refusal = v.Hide(err.Error())
		} else {
			replay.close()
		}
	}
	return bu, v, nil
}

// lastParams are what a device is set to, and its factory did not.
func lastParams(l *run.Live, dev device.Index) map[string]string {
	params := map[string]string{}
	view, _ := l.Fleet.View(dev)
	for id, value := range view.Params.Differing() {
		if p, known := view.Params.Factory().Param(id); known {
			params[p.Name] = value
		}
	}
	return params
}

// recall notes the flags that a replay needs, and says what it lacks.
func (b *bundles) recall(bu *bundle.Bundle, cut bool) {
	a := &bu.About
	note := func(text string) { a.Notes = append(a.Notes, text) }
	b.flags.Visit(func(f *pflag.Flag) {
		switch {
		case f.Name == "switches":
			a.Flags = append(a.Flags, bundle.Flag{Name: f.Name, Value: switchesFile})
		case slices.Contains(replayed, f.Name):
			values := []string{f.Value.String()}
			if several, is := f.Value.(pflag.SliceValue); is {
				values = several.GetSlice()
			}
			for _, value := range values {
				a.Flags = append(a.Flags, bundle.Flag{Name: f.Name, Value: value})
			}
		case notReplayed[f.Name] != "":
			note("--" + f.Name + ": " + notReplayed[f.Name])
		}
	})
	for _, p := range b.scenario.Params {
		if p.From == "environment" {
			a.Flags = append(a.Flags, bundle.Flag{Name: "with", Value: "params." + p.Name + "=" + p.Value})
		}
	}
	if a.Recorded {
		note("The servers are not in the bundle. In a replay the device gets what they answered to it, in the same order: the same statuses and failures. The files that they sent are not kept: a profile has what the device was set to at the end, images and other files are not found.")
	}
	if a.Clock != "virtual" {
		note("The run was not in virtual time, so a replay has other times: it can show the same failure, not the same events.")
	}
	if t := b.scenario.Target; t != nil && (t.Certs != "" || t.Trust != "") {
		note("The target's certificates are not in the bundle.")
	}
	if slices.ContainsFunc(b.scenario.Fleet, func(g scenarios.Group) bool { return g.Cert != "" }) || len(b.scenario.Devices.Certificates()) > 0 {
		note("The devices' own certificates are not in the bundle: in a replay they have those of the test authorities.")
	}
	if cut {
		note("The device did more than a bundle holds: its events are the beginning only.")
	}
	if !b.live.Resumed.IsZero() {
		a.Refusal = "the fleet was resumed from a state file, which is not in the bundle"
	}
}

// replayed are the flags that say what is run.
var replayed = []string{"model", "firmware", "count", "with", "set", "switch", "evidence", "profile-rule", "tftp-server", "lease", "syslog", "rate", "duration", "until", "timeout", "fail-on",
	"max-lateness", "addresses", "ca-table", "switches"}

// notReplayed are those whose effect is not in a bundle.
var notReplayed = map[string]string{
	"certs": "the folder is not in the bundle, and the test authorities of spafleet stand in for it", "trust": "the file is not in the bundle", "client-certs": "the certificates are not in the bundle",
	"decoder": "the program is not in the bundle, and compiled files are not opened", "sidecar": "the files are not in the bundle, and compiled files are not opened",
	"console":        "what came by it is not repeated in a replay",
	"allow-commands": "a replay executes no commands of steps",
	"dhcp":           "no DHCP server is asked in a replay, and the devices have the addresses of --addresses",
	"listen-web":     "nobody can look at the devices' web servers in a replay", "sip": "nobody answers a REGISTER in a replay", "sip-port": "there are no sockets in a replay", "tftp-client": "a replay has spafleet's own",
}

// mostBodies bounds the files of a bundle together.
const mostBodies = 24 << 20

// files adds the scenario and the files that belong to it.
func (b *bundles) files(bu *bundle.Bundle, v *bundle.Vault) (err error) {
	if b.list != "" {
		text, err := host.ReadFile(b.list, inventory.MostBytes)
		if err != nil {
			return err
		}
		if bu.List, err = v.List(text); err != nil {
			return err
		}
	}
	if b.switches != "" {
		if bu.Files[switchesFile], err = host.ReadFile(b.switches, observed.MostBytes); err != nil {
			return err
		}
	}
	if b.file == nil {
		return nil
	}
	bu.Scenario = b.file.Text
	left := mostBodies
	for name := range b.scenario.Files {
		text, err := belowFolder(b.file.Folder, name)
		if err != nil {
			return err
		}
		if left -= len(text); left < 0 {
			bu.About.Refusal = fmt.Sprintf("the files of the scenario have more than %d bytes together and are not all in the bundle", mostBodies)
			break
		}
		bu.Files[name] = text
	}
	return nil
}

// belowFolder reads a file that a scenario has read before.
func belowFolder(folder, name string) ([]byte, error) {
	if !fs.ValidPath(name) {
		return nil, fmt.Errorf("%q is not below the scenario's folder", name)
	}
	return host.ReadFile(filepath.Join(folder, filepath.FromSlash(name)), mostInput*4)
}

// secrets finds what is secret in the run.
func (b *bundles) secrets(bu *bundle.Bundle, v *bundle.Vault) {
	s := b.scenario
	for _, p := range s.Params {
		if p.Secret {
			v.Add(p.Value, "params."+p.Name)
		}
		v.Text(p.Value, "params."+p.Name)
	}
	v.Scenario(bu.Scenario)
	for name, text := range bu.Files {
		v.Text(string(text), "the file "+name)
	}
	for _, f := range bu.About.Flags {
		name, value, ok := strings.Cut(f.Value, "=")
		if !ok || f.Name != "set" && f.Name != "with" {
			v.Text(f.Value, "--"+f.Name)
			continue
		}
		if slices.ContainsFunc(s.Params, func(p scenarios.Param) bool { return p.Secret && name == "params."+p.Name }) {
			v.Add(value, name) // also one that a later flag replaces
		}
		v.Value(name[strings.LastIndexAny(name, ".")+1:], value, "--"+f.Name+" "+name)
		v.Scenario([]byte(value))
	}
	for i := range s.Fleet {
		for _, p := range s.Fleet[i].Set {
			v.Value(p.Name, p.Value, "fleet")
		}
	}
	for i := range s.Timeline {
		step := &s.Timeline[i]
		for _, p := range step.Set {
			v.Value(p.Name, p.Value, "timeline")
		}
		v.Value("password", step.Visit.Password, "timeline")
		for _, text := range []string{step.URL, step.Visit.Path, step.Visit.Post} {
			v.Text(text, "timeline")
		}
	}
	if s.Server == nil {
		return
	}
	for _, e := range s.Server.Files {
		v.Value("key", e.Key, "server.files")
		v.Text(e.Body, "server.files")
	}
	if a := s.Server.Auth; a != nil {
		v.Value("password", a.Password, "server.auth")
	}
}
