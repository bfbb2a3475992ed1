package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"spafleet/host"
	"spafleet/scenarios"
	"spafleet/scenarios/run"
)

// openFiles opens the files that a run writes meanwhile, and returns how to close them.
func (rn *runner) openFiles(s *scenarios.Scenario) (finish func() error, err error) {
	finish, err = rn.eventsFile()
	if err != nil {
		return nil, err
	}
	closeAccess, err := rn.accessFile(s)
	if err != nil {
		return nil, errors.Join(err, finish())
	}
	finish = closing(finish, closeAccess)
	packets, closeCapture, err := rn.capture.open()
	if err != nil {
		return nil, errors.Join(err, finish())
	}
	rn.options.Capture = packets
	return closing(finish, closeCapture), nil
}

// eventsFile opens the file that takes the events, and returns how to close it.
// Where that is stdout, what else would be printed there goes to stderr.
func (rn *runner) eventsFile() (finish func() error, err error) {
	if rn.events == "" {
		return func() error { return nil }, nil
	}
	if rn.events == "-" {
		rn.options.Events, rn.out = rn.out, rn.err
		return func() error { return nil }, nil
	}
	file, err := os.Create(rn.events)
	if err != nil {
		return nil, fmt.Errorf("--events: %w", err)
	}
	rn.options.Events = file
	return func() error {
		if err := file.Close(); err != nil {
			return fmt.Errorf("write events to %s: %w", rn.events, err)
		}
		return nil
	}, nil
}

// printsMeanwhile reports whether a run writes to a terminal while it goes on, where a view
// cannot be.
func (rn *runner) printsMeanwhile() bool {
	w := rn.options.Events
	if w == nil {
		return false
	}
	_, terminal := host.Terminal(w)
	return terminal
}

// leaveNothing keeps the files of an earlier run.
func (rn *runner) leaveNothing() {
	rn.events, rn.access.name, rn.devices, rn.results, rn.bundles, rn.capture = "", "", "", delivery{}, bundles{}, captureFlags{}
	rn.options.Events, rn.options.Requests, rn.options.Devices = nil, nil, nil
}

// devicesFile makes ready the file that takes what became of each device. Where that is
// stdout, what else would be printed there goes to stderr.
func (rn *runner) devicesFile() error {
	switch rn.devices {
	case "":
		return nil
	case "-":
		if rn.events == "-" {
			return fmt.Errorf("--devices-out - and --events - both ask for the standard output: give one of them a file")
		}
		out := rn.out
		rn.out = rn.err
		rn.options.Devices = func(all iter.Seq[run.DeviceReport]) error { return writeLines(out, all) }
		return nil
	}
	if err := host.CheckWrite(rn.devices); err != nil {
		return fmt.Errorf("--devices-out: %w", err)
	}
	rn.options.Devices = func(all iter.Seq[run.DeviceReport]) error {
		_, err := host.WriteFrom(rn.devices, 0o644, func(w io.Writer) error { return writeLines(w, all) })
		return err
	}
	return nil
}

// writeLines writes values as JSON, each a line.
func writeLines[V any](w io.Writer, all iter.Seq[V]) error {
	to := json.NewEncoder(w)
	to.SetEscapeHTML(false)
	for v := range all {
		if err := to.Encode(v); err != nil {
			return err
		}
	}
	return nil
}
