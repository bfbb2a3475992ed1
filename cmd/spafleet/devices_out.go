package main

import (
	"encoding/json"
	"fmt"
	"io"
	"iter"

	"spafleet/host"
	"spafleet/scenarios/run"
)

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
