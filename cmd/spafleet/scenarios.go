package main

import (
	"errors"
	"io"

	"github.com/spf13/cobra"

	"spafleet/host"
	"spafleet/host/lines"
	"spafleet/scenarios"
)

func scenariosCommand(s streams) *cobra.Command {
	c := &cobra.Command{
		Use:   "scenarios",
		Short: "List, show, check and write scenario files",
		Long: `Scenarios are files that say which devices there are, what happens and what is
expected; 'run' runs them. Some come with the program: deployments, load, and bugs of
the field.`,
		Example: `  spafleet scenarios list
  spafleet scenarios list --bugs
  spafleet scenarios show retail
  spafleet scenarios new outage.yaml --model SPA942 --count 200
  spafleet scenarios validate outage.yaml`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(scenariosListCommand(s), scenariosShowCommand(s), scenariosValidateCommand(s), scenariosNewCommand(s), scenariosSchemaCommand(s))
	return c
}

func scenariosShowCommand(s streams) *cobra.Command {
	c := &cobra.Command{
		Use:   "show NAME",
		Short: "Print a scenario that comes with the program",
		Long:  `Prints the file of a scenario that comes with the program, to read or to change.`,
		Example: `  spafleet scenarios show demo
  spafleet scenarios show blackout > mine.yaml`,
		ValidArgsFunction: completeBuiltin,
	}
	c.Args = func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return errors.New("give the name of one scenario; 'spafleet scenarios list' shows all")
		}
		return nil
	}
	c.RunE = func(_ *cobra.Command, args []string) error {
		f, err := scenarios.BuiltinFile(args[0])
		if err != nil {
			return err
		}
		_, err = s.out.Write(f.Text)
		return err
	}
	return c
}

func scenariosSchemaCommand(s streams) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of scenario files, for editors",
		Long: `Prints the JSON Schema (draft 07) of scenario files. An editor with it completes keys,
words, models, firmware, switches and parameters, says what each means, and marks
mistakes. 'scenarios new' writes it beside a new file, whose first line names it:

  # yaml-language-server: $schema=` + schemaFile,
		Example: `  spafleet scenarios schema > ` + schemaFile + `
  spafleet scenarios schema | jq -r '.definitions.group.properties | keys[]'`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := s.out.Write(scenarios.Schema())
			return err
		},
	}
}

// builtinNames are the scenarios that come with the program, bugs last.
func builtinNames() []string { return append(scenarios.Names(), scenarios.BugNames()...) }

func completeBuiltin(_ *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return begun(builtinNames(), word), cobra.ShellCompDirectiveNoFileComp
}

// columns returns how wide what is written to w may be.
func columns(w io.Writer) int {
	if screen, is := host.Terminal(w); is {
		return screen.Columns
	}
	return lines.Width
}
