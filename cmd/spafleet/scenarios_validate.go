package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"spafleet/device/measure"
	"spafleet/scenarios"
)

func scenariosValidateCommand(s streams) *cobra.Command {
	asJSON := false
	var with []string
	c := &cobra.Command{
		Use:   "validate FILE...",
		Short: "Check scenario files without running them",
		Long: `Reads scenario files as 'run' does and checks all that it checks before the start, and
prints every mistake with its line. A FILE may also be - for standard input, or the
name of a scenario that comes with the program. Nothing is started, and no server is
asked.

Exit codes:
  0  there is no mistake; what is only worth a warning does not count
  2  a file could not be read
  3  there is a mistake`,
		Example: `  spafleet scenarios validate outage.yaml
  spafleet scenarios validate *.yaml --json | jq -r '.[].mistakes[].message'
  generate | spafleet scenarios validate -
  spafleet scenarios validate outage.yaml --with params.password=sesame-7`,
		ValidArgsFunction: func(_ *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
			return begun(builtinNames(), word), cobra.ShellCompDirectiveDefault
		},
	}
	c.Flags().StringArrayVar(&with, "with", nil, "change a field of the scenarios first, `PATH=VALUE`; see 'spafleet run -h'; may be repeated")
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON array")
	c.Args = func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return errors.New("give scenario files; - is the standard input")
		}
		return nil
	}
	c.RunE = func(_ *cobra.Command, args []string) error {
		var all []validation
		code := exitOK
		for _, name := range args {
			v, err := validate(s.in, name, with)
			switch {
			case err != nil:
				fmt.Fprintf(s.err, "spafleet: %s\n", explain(err))
				code = exitUsage
				continue
			case !v.OK && code == exitOK:
				code = exitFailed
			}
			all = append(all, *v)
		}
		if asJSON {
			if err := writeJSON(s.out, append([]validation{}, all...)); err != nil {
				return err
			}
		} else {
			for i := range all {
				all[i].write(s.out)
			}
		}
		if code != exitOK {
			return exitWith(code)
		}
		return nil
	}
	return c
}

// A validation is what is wrong in a scenario file.
type validation struct {
	File     string    `json:"file"`
	OK       bool      `json:"ok"`
	Name     string    `json:"name,omitempty"`
	Devices  int       `json:"devices"`
	Mistakes []mistake `json:"mistakes"`
	Warnings []string  `json:"warnings"`

	text string // of the mistakes
	does string // what there is, in words
}

// A mistake is one in a scenario file. Line and column are 0 where it is in none, but in
// what changes it.
type mistake struct {
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Path    string `json:"path"`
	Message string `json:"message"`
}

// validate reads and plans a scenario. The error says why it could not be read.
func validate(in io.Reader, name string, with []string) (*validation, error) {
	file, err := open(in, name)
	if err != nil {
		return nil, err
	}
	if err := outside(&file, with); err != nil {
		return nil, err
	}
	v := &validation{File: file.Name, Mistakes: []mistake{}, Warnings: []string{}}
	scenario, err := file.Load()
	if err == nil {
		_, err = scenarios.NewPlan(scenario)
	}
	var wrong scenarios.Mistakes
	switch {
	case errors.As(err, &wrong):
		v.text = explain(err)
		for _, m := range wrong {
			v.Mistakes = append(v.Mistakes, mistake{m.Line, m.Col, m.Path, m.Msg})
		}
		return v, nil
	case err != nil:
		return nil, fmt.Errorf("%s: %w", file.Name, err)
	}
	v.OK, v.Name, v.Devices = true, scenario.Name, devices(scenario)
	v.Warnings = append(v.Warnings, scenario.Warnings...)
	if !scenario.HasExpectations() {
		v.Warnings = append(v.Warnings, "nothing is expected, so this scenario cannot fail")
	}
	v.does = strings.Join([]string{
		measure.Counted(v.Devices, "device"), measure.Counted(len(scenario.Timeline), "step"),
		measure.Counted(len(scenario.Expect), "expectation"), measure.Counted(len(scenario.Thresholds), "threshold"),
	}, ", ")
	return v, nil
}

// write prints a validation in words.
func (v *validation) write(w io.Writer) {
	if !v.OK {
		fmt.Fprintln(w, v.text)
		return
	}
	fmt.Fprintf(w, "%s: ok: %s\n", v.File, v.does)
	for _, warning := range v.Warnings {
		fmt.Fprintf(w, "%s: warning: %s\n", v.File, warning)
	}
}
