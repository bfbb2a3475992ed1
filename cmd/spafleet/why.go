package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/netip"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/scenarios"
	"spafleet/scenarios/report/why"
	"spafleet/scenarios/run"
	"spafleet/scenarios/tally"
)

func whyCommand(s streams) *cobra.Command {
	asJSON := false
	c := &cobra.Command{
		Use:   "why FILE [DEVICE]",
		Short: "Tell what one device did in a run, and why",
		Long: `Tells one device's story from the events that 'spafleet run --events FILE' wrote:
when and why it booted, which rule it followed and which condition held, what it
asked for, what came and what that changed, what was refused and why, and what it
waits for at the end. FILE may be - for the standard input, or a bundle of
'run --bundles', which has one device: DEVICE can be left out.

DEVICE is a MAC address in any spelling, a serial number, or the device's index.
Passwords, keys and the values of GPP_SA to GPP_SD are not shown. To see the story
at the end of a run: 'spafleet run --why DEVICE'.`,
		Example: `  spafleet run outage.yaml --events outage.jsonl
  spafleet why outage.jsonl 00:0e:08:f7:4f:91
  spafleet why outage.jsonl 17 --json
  spafleet why outage-seed-1-device-17.zip`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 && len(args) != 2 {
				return errors.New("give the file of 'run --events' and a device: its MAC address, serial number or index")
			}
			return nil
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return nil, cobra.ShellCompDirectiveDefault
		},
		RunE: func(_ *cobra.Command, args []string) error {
			d, err := readStory(s.in, args)
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(s.out, d.Steps())
			}
			return d.WriteText(s.out)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print the steps as a JSON array")
	return c
}

// readStory finds a device in a file of events, or that of a bundle; - is the standard
// input.
func readStory(in io.Reader, args []string) (*why.Device, error) {
	file, name := args[0], ""
	b, err := readBundle(file)
	switch {
	case err != nil:
		return nil, err
	case len(args) == 2:
		name = args[1]
	case b != nil:
		name = strconv.Itoa(int(b.About.Device.Index))
	default:
		return nil, errors.New("give a device too: its MAC address, serial number or index; only a bundle has one of its own")
	}
	r, err := why.NewReader(name)
	if err != nil {
		return nil, err
	}
	switch {
	case b != nil:
		in = bytes.NewReader(b.Events)
	case file == "-":
		file = "the standard input"
	default:
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	if err := r.Read(in); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	d, err := r.Device()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return d, nil
}

// A story follows one device of a run; the zero story follows none.
type story struct {
	name   string // as the user gave it
	reader *why.Reader
	log    *tally.EventLog
}

// follow lets the events of the device come to the story.
func (t *story) follow(s *scenarios.Scenario, o *run.Options) error {
	if t.name == "" {
		return nil
	}
	plan, err := scenarios.NewPlan(s)
	if err != nil {
		return err
	}
	u, err := why.Find(t.name, units(plan))
	if err != nil {
		return fmt.Errorf("--why: %w", err)
	}
	if !o.Shard.Has(u.Index) {
		return fmt.Errorf("--why: device %d is not of shard %d of %d", u.Index, o.Shard.Index, o.Shard.Count)
	}
	if t.reader, err = why.NewReader(t.name); err != nil {
		return err
	}
	t.log = tally.NewEventLog(t.reader, func(device.Index) model.MAC { return u.MAC })
	t.log.Unit = func(device.Index) device.Unit { return u }
	if s.HasSecrets() {
		t.log.Redact = s.Redact
	}
	o.Reasons = true
	before := o.Tell
	o.Tell = func(events []device.Event) {
		if before != nil {
			before(events)
		}
		for i := range events {
			if events[i].Dev == u.Index {
				t.log.Tell(events[i : i+1])
			}
		}
	}
	return nil
}

// units are the devices of a plan, as they leave the factory.
func units(plan *scenarios.Plan) iter.Seq[device.Unit] {
	s := plan.Scenario
	return func(yield func(device.Unit) bool) {
		for g := range plan.Groups {
			for n := range plan.Groups[g].Count {
				if !yield(plan.List.Unit(plan.Groups[g].Row, s.Seed, plan.Device(g, n), netip.Addr{})) {
					return
				}
			}
		}
	}
}

// write tells the story.
func (t *story) write(w io.Writer) error {
	if t.name == "" {
		return nil
	}
	if err := t.log.Flush(); err != nil {
		return err
	}
	d, err := t.reader.Device()
	if errors.Is(err, why.ErrEmpty) {
		fmt.Fprintf(w, "\nthe device %s has had no power\n", t.name)
		return nil
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(w)
	return d.WriteText(w)
}
