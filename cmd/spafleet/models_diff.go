package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"spafleet/device/measure"
	"spafleet/device/model"
	"spafleet/device/observed"
	"spafleet/host/lines"
)

func modelsDiffCommand(s streams) *cobra.Command {
	asJSON := false
	c := &cobra.Command{
		Use:   "diff FILE",
		Short: "Set what a real phone was observed to do against the tables",
		Long: `Sets a file of what a real phone was observed to do against the switches that the
tables give its model and firmware, and says of each switch in the file:

  differs      our value and how it is known, what the phone has in its place,
               and how often it was asked and did so. It may be one of several
               values of which ours is none
  not settled  why, and which values are left
  agrees       the phone did what the tables say

The exit code is 0 whatever it finds. FILE - is the standard input.
'run --switches FILE' runs devices with what the phone did.`,
		Example: `  spafleet models diff spa942.yaml
  spafleet models diff spa942.yaml --json |
      jq '.switches[] | select(.verdict == "differs")'`,
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	c.Args = func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return fmt.Errorf("give one file of what a phone was observed to do; - is the standard input")
		}
		return nil
	}
	c.RunE = func(_ *cobra.Command, args []string) error {
		d, err := readDiff(s, args[0])
		if err != nil {
			return err
		}
		if asJSON {
			return writeJSON(s.out, d)
		}
		_, err = io.WriteString(s.out, d.text())
		return err
	}
	return c
}

// A modelDiff is a file of a phone against the tables, in the form of its JSON.
type modelDiff struct {
	Model    string       `json:"model"`
	Firmware string       `json:"firmware"`
	Date     string       `json:"date"`
	Took     float64      `json:"took_seconds"`
	Switches []switchDiff `json:"switches"` // in the order of the table
	Agree    int          `json:"agree"`
	Differ   int          `json:"differ"`
	Open     int          `json:"not_settled"`
	NotTried int          `json:"not_in_the_file"`
}

// A switchDiff is a switch of a phone against that of the table.
type switchDiff struct {
	Name       string         `json:"name"`
	Verdict    string         `json:"verdict"` // agrees, differs, not settled
	Ours       string         `json:"ours"`
	Evidence   model.Evidence `json:"evidence"` // of ours
	Seen       string         `json:"seen,omitempty"`
	OneOf      []string       `json:"one_of,omitempty"` // where Seen is not known
	Experiment string         `json:"experiment"`
	Asked      int            `json:"asked"`
	Agreed     int            `json:"agreed"`
	Why        string         `json:"why,omitempty"`
}

const (
	agrees     = "agrees"
	differs    = "differs"
	notSettled = "not settled"
)

func readDiff(s streams, name string) (*modelDiff, error) {
	text, err := readInput(s, name)
	if err != nil {
		return nil, err
	}
	f, err := observed.Read(text, name)
	if err != nil {
		return nil, err
	}
	row, err := model.NewRow(f.Model, f.Firmware, nil)
	if err != nil {
		return nil, err
	}
	return newModelDiff(f, row), nil
}

// chosenSwitches are those of the table that no phone has: the tester's.
const chosenSwitches = 1

func newModelDiff(f *observed.File, row *model.Row) *modelDiff {
	d := &modelDiff{Model: f.Model, Firmware: f.Firmware, Date: f.Date.Format(time.DateOnly), Took: f.Took.Seconds(), Switches: []switchDiff{}}
	for i := range f.Findings {
		one := newSwitchDiff(&f.Findings[i], row.Switch(f.Findings[i].Switch))
		d.Switches = append(d.Switches, one)
		switch one.Verdict {
		case agrees:
			d.Agree++
		case differs:
			d.Differ++
		default:
			d.Open++
		}
	}
	d.NotTried = len(row.Switches) - chosenSwitches - len(d.Switches)
	return d
}

func newSwitchDiff(f *observed.Finding, ours model.Setting) switchDiff {
	d := switchDiff{Name: f.Switch, Verdict: notSettled, Ours: ours.Value, Evidence: ours.Evidence, Seen: f.Value, OneOf: f.OneOf,
		Experiment: f.Experiment, Asked: f.Asked, Agreed: f.Agreed, Why: f.Why}
	left := f.OneOf
	if f.Settled() {
		left = []string{f.Value}
	}
	switch is := slices.ContainsFunc(left, func(v string) bool { return observed.Same(v, ours.Value) }); {
	case is && f.Settled():
		d.Verdict = agrees
	case !is && len(left) > 0:
		d.Verdict = differs
	}
	return d
}

// text is the diff for a terminal.
func (d *modelDiff) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, firmware %s, observed on %s\n", d.Model, d.Firmware, d.Date)
	for _, verdict := range []string{differs, notSettled, agrees} {
		title := "\n" + verdict + "\n"
		for i := range d.Switches {
			one := &d.Switches[i]
			if one.Verdict != verdict {
				continue
			}
			b.WriteString(title)
			title = ""
			b.WriteString(lines.Hang(fmt.Sprintf("  %-*s  ", d.widest(), one.Name), strings.Repeat(" ", d.widest()+4), one.text()))
		}
	}
	fmt.Fprintf(&b, "\n%s: %d differ, %d not settled, %d agree; %d more are not in the file\n",
		measure.Counted(len(d.Switches), "switch"), d.Differ, d.Open, d.Agree, d.NotTried)
	return b.String()
}

// widest is the length of the longest name.
func (d *modelDiff) widest() (n int) {
	for i := range d.Switches {
		n = max(n, len(d.Switches[i].Name))
	}
	return n
}

// text is what is known of a switch.
func (d *switchDiff) text() string {
	ours := fmt.Sprintf("ours %s (%s)", d.Ours, d.Evidence)
	times := fmt.Sprintf("%d of %s (%s)", d.Agreed, measure.Counted(d.Asked, "time"), oneLine(d.Experiment))
	switch {
	case d.Verdict == agrees:
		return fmt.Sprintf("%s, %s", ours, times)
	case d.Seen != "":
		return fmt.Sprintf("%s, the phone %s, %s", ours, d.Seen, times)
	case len(d.OneOf) > 0:
		ours += ", the phone " + strings.Join(d.OneOf, " or ")
	}
	return fmt.Sprintf("%s: %s (%s)", ours, oneLine(d.Why), oneLine(d.Experiment))
}
