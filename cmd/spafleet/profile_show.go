package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/profile"
)

// showFlags are what a person knows of the device that a file is for.
type showFlags struct {
	key, mac        string
	model, firmware string
	switches        switchFlags
	decoder         decoder
	json            bool
}

func profileShowCommand(s streams) *cobra.Command {
	f := &showFlags{}
	c := &cobra.Command{
		Use:   "show IN",
		Short: "Show what a profile file is and what it contains",
		Long: `Shows what a file is and opens it as a device does. If a device would refuse the
file, the exit code is 3, with the device's error text ($ERR) and the likely cause;
likewise if it would take only a part of the file.

--key is the key in the device's rule. --mac is the device's address, for a file
made for that device only. With --model, and --firmware, the limits of the model
apply; parameters that this firmware of the model does not have, and values that it
would not take, are listed with the reason. 'profile lint'
checks many files.

A file compiled by the vendor's spc cannot be read: its format is not public. If
you have a program that reads it, name it with --decoder. It gets the file on its
standard input, SPAFLEET_MAC, SPAFLEET_FAMILY and SPAFLEET_KEY in its environment,
and prints the source text.`,
		Example: `  spafleet profile show phone.xml --model SPA942
  spafleet profile show phone.cfg --key 0123abcd
  curl -s http://127.0.0.1:8080/spa2102.cfg |
      spafleet profile show - --json | jq .parameters`,
	}
	c.Flags().StringVar(&f.key, "key", "", "`KEY` in the device's rule")
	c.Flags().StringVar(&f.mac, "mac", "", "`MAC` address of the device")
	c.Flags().StringVar(&f.model, "model", "", "`MODEL` of the device")
	c.Flags().StringVar(&f.firmware, "firmware", "", "firmware `VERSION` of the device (default: the newest known)")
	f.switches.register(c.Flags())
	c.Flags().StringVar(&f.decoder.Program, "decoder", "", "`PROGRAM` that opens files compiled by the vendor's spc")
	c.Flags().BoolVar(&f.json, "json", false, "print one JSON object")
	c.Args = func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return fmt.Errorf("give one file; - is the standard input")
		}
		return nil
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		if f.model == "" && (f.firmware != "" || f.switches.given()) {
			return errNoModel
		}
		body, err := readInput(s, args[0])
		if err != nil {
			return err
		}
		r, err := f.report(c.Context(), args[0], body, c.Flags().Changed("key"))
		if err != nil {
			return err
		}
		return r.print(s.out, f.json)
	}
	return c
}

// A profileReport is a file for people and programs.
type profileReport struct {
	File        string              `json:"file"`
	Description profile.Description `json:"description"`
	Refused     *refusal            `json:"refused,omitempty"`
	Protection  []string            `json:"protection,omitempty"`
	Partly      string              `json:"partly,omitempty"` // which part counts, if not all of it does
	Rests       string              `json:"rests,omitempty"`  // the firmware switch that a refusal or Partly rests on
	Model       string              `json:"model,omitempty"`
	Firmware    string              `json:"firmware,omitempty"`
	DerivedFrom string              `json:"derived_from,omitempty"` // the model whose set this one's is derived from
	Parameters  []shownParam        `json:"parameters"`
	Truncated   int                 `json:"truncated,omitempty"` // values that were cut

	named bool // the firmware was given
}

// who returns the model, with its firmware where that was given.
func (r *profileReport) who() string {
	if r.named {
		return r.Model + " " + r.Firmware
	}
	return r.Model
}

// A refusal is why a device does not take a file.
type refusal struct {
	Err     string   `json:"err"` // the device's $ERR
	Hint    string   `json:"hint,omitempty"`
	Missing []string `json:"missing,omitempty"` // flags that might help
}

// A shownParam has no value where the file only changes the access.
type shownParam struct {
	Name      string  `json:"name"`
	Access    string  `json:"access,omitempty"`
	Value     *string `json:"value,omitempty"`
	Unknown   bool    `json:"unknown,omitempty"`   // to the model, at least at this place
	Misplaced bool    `json:"misplaced,omitempty"` // the model has it inside <router-configuration>
	Takes     string  `json:"takes,omitempty"`     // of a value that the model does not take: what it would
	Reason    string  `json:"reason,omitempty"`    // of an unknown name: why the model does not have it
	Hint      string  `json:"hint,omitempty"`      // to a name that is near, a place, or a model that has it
}

func (f *showFlags) report(ctx context.Context, file string, body []byte, keyed bool) (*profileReport, error) {
	r := &profileReport{File: file, Description: profile.Describe(body), Parameters: []shownParam{}}
	// A person may look into what no device takes.
	o := profile.Options{Key: f.key, Keyed: keyed, MAC: plainMAC(f.mac), Explain: true, Limit: mostInput,
		Family: r.Description.Family, AcceptSource: r.Description.Format == profile.FormatSource}
	var row *model.Row
	if f.model != "" {
		var err error
		if row, err = f.row(); err != nil {
			return nil, err
		}
		r.Model, r.Firmware, r.named = row.Model.Name, row.Firmware.Version, f.firmware != ""
		if set := row.Model.Catalogue.Value; set != r.Model {
			r.DerivedFrom = set
		}
		o = withRow(o, row)
	}
	if f.decoder.Program != "" {
		o.External = f.decoder.forDevice(ctx, o)
	}
	opened, err := profile.Decode(body, o)
	var refused *profile.Error
	if errors.As(err, &refused) {
		r.Refused = &refusal{refused.Text, refused.Hint, f.missing(r.Description, keyed)}
		if row != nil {
			r.Rests = row.MistakeRestsOn(refused.Mistake, false)
		}
		return r, nil
	}
	r.Protection, r.Truncated, r.Partly = opened.Protection.Names(), opened.Truncated, opened.Partly
	if row != nil && r.Partly != "" {
		r.Rests = row.MistakeRestsOn(opened.Mistake, true)
	}
	for _, p := range opened.Params {
		r.Parameters = append(r.Parameters, newShownParam(p, row))
	}
	return r, err
}

// row returns the model that the file is for.
func (f *showFlags) row() (*model.Row, error) {
	return f.switches.row(f.model, f.firmware, nil)
}

// missing returns the flags that the file may need and that were not given.
func (f *showFlags) missing(d profile.Description, keyed bool) []string {
	var flags []string
	if d.Targeted && f.mac == "" {
		flags = append(flags, "--mac")
	}
	if d.KeyKind != "" && !keyed {
		flags = append(flags, "--key")
	}
	return flags
}

// withRow adds how a model reads files.
func withRow(o profile.Options, row *model.Row) profile.Options {
	with := row.Reading()
	with.Key, with.Keyed, with.MAC, with.Explain = o.Key, o.Keyed, o.MAC, o.Explain
	with.AcceptSource = with.AcceptSource || o.AcceptSource
	return with
}

func newShownParam(p profile.Param, row *model.Row) shownParam {
	shown := shownParam{Name: p.Name, Access: p.Access.String()}
	if p.Has {
		shown.Value = &p.Value
	}
	if row == nil {
		return shown
	}
	param, ok := row.Lookup(p.Name)
	if !ok {
		why := device.WhyLacks(row, p.Name)
		shown.Unknown, shown.Misplaced, shown.Reason, shown.Hint = true, why.Place != "", why.Reason, why.Hint
		return shown
	}
	if _, ok := param.Take(p.Value); p.Has && !ok {
		shown.Takes = param.Takes()
	}
	return shown
}

// print writes the report; a refused file is an exit code.
func (r *profileReport) print(w io.Writer, asJSON bool) error {
	if asJSON {
		if err := writeJSON(w, r); err != nil {
			return err
		}
	} else {
		r.write(w)
	}
	if r.Refused != nil || r.Partly != "" {
		return exitWith(exitFailed)
	}
	return nil
}

func (r *profileReport) write(w io.Writer) {
	var b strings.Builder
	d := r.Description
	if r.Refused != nil {
		d.Hint = "" // the refusal has one
	}
	fmt.Fprintf(&b, "%s: %s\n", r.File, d)
	if r.Refused != nil {
		r.writeRefusal(&b)
	} else {
		r.writeParams(&b)
	}
	io.WriteString(w, b.String())
}

func (r *profileReport) writeRefusal(b *strings.Builder) {
	who := "a device"
	if r.Model != "" {
		who = "the " + r.who()
	}
	fmt.Fprintf(b, "%s refuses it: $ERR is %q\n", who, r.Refused.Err)
	if r.Refused.Hint != "" {
		fmt.Fprintf(b, "hint: %s\n", r.Refused.Hint)
	}
	r.writeRests(b)
	if len(r.Refused.Missing) > 0 {
		fmt.Fprintf(b, "not given: %s\n", strings.Join(r.Refused.Missing, ", "))
	}
}

// writeRests says which switch a refusal, or a part that is taken, rests on.
func (r *profileReport) writeRests(b *strings.Builder) {
	if r.Rests != "" {
		fmt.Fprintf(b, "certainty: %s\n", r.Rests)
	}
}

func (r *profileReport) writeParams(b *strings.Builder) {
	if r.Partly != "" {
		fmt.Fprintf(b, "only a part of it is taken: %s\n", r.Partly)
		r.writeRests(b)
	}
	fmt.Fprintf(b, "protection: %s\nparameters: %d\n", strings.Join(r.Protection, ", "), len(r.Parameters))
	if r.Truncated > 0 {
		fmt.Fprintf(b, "values cut off at their maximum length: %d\n", r.Truncated)
	}
	if len(r.Parameters) == 0 {
		return
	}
	b.WriteByte('\n')
	rows := [][]string{{"NAME", "ACCESS", "VALUE"}}
	for _, p := range r.Parameters {
		rows = append(rows, []string{p.Name, orDash(p.Access), valueText(p.Value)})
	}
	writeTable(b, "", rows)
	r.writeUnknown(b)
}

func (r *profileReport) writeUnknown(b *strings.Builder) {
	var rows, bad, misplaced [][]string
	for _, p := range r.Parameters {
		switch why := (model.Lack{Reason: p.Reason, Hint: p.Hint}); {
		case p.Misplaced:
			misplaced = append(misplaced, []string{p.Name, p.Hint})
		case p.Unknown:
			rows = append(rows, []string{p.Name, why.String()})
		}
		if p.Takes != "" {
			bad = append(bad, []string{p.Name, "takes " + p.Takes})
		}
	}
	if len(bad) > 0 {
		fmt.Fprintf(b, "\nthe %s does not accept these values and keeps the old ones:\n", r.who())
		writeTable(b, "  ", bad)
	}
	if len(misplaced) > 0 {
		fmt.Fprintf(b, "\nthe %s has these parameters at another place and ignores them here:\n", r.who())
		writeTable(b, "  ", misplaced)
	}
	switch {
	case len(rows) > 0:
		fmt.Fprintf(b, "\nthe %s does not have these parameters and ignores them:\n", r.who())
		writeTable(b, "  ", rows)
	case r.Model != "" && len(misplaced) == 0:
		fmt.Fprintf(b, "\nthe %s has all these parameters\n", r.who())
	}
	if r.DerivedFrom != "" && len(rows)+len(bad) > 0 {
		fmt.Fprintf(b, "\nThe parameters of the %s are derived from those of the %s (inferred): a real one may have others.\n", r.Model, r.DerivedFrom)
	}
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// valueText tells an empty value from none.
func valueText(value *string) string {
	switch {
	case value == nil:
		return "(unchanged)"
	case *value == "":
		return `""`
	}
	return oneLine(*value)
}
