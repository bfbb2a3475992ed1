package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"spafleet/device/model"
)

func modelsCommand(s streams) *cobra.Command {
	c := &cobra.Command{
		Use:   "models",
		Short: "Show the emulated models, their firmware, and the evidence",
		Long: `Shows what is emulated. Each fact has its evidence:

  documented  a document of the maker says so
  field       seen in a dump, a capture, a log or a repository
  image       read in a published firmware image, sure for that version alone
  inferred    our conclusion, not proven`,
		Example: `  spafleet models list
  spafleet models show SPA2102 --firmware 5.2.10
  spafleet models guess 'Linksys/SPA942-6.1.5(a)'
  spafleet models diff spa942.yaml`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(modelsListCommand(s), modelsShowCommand(s), modelsGuessCommand(s), modelsDiffCommand(s))
	return c
}

func modelsListCommand(s streams) *cobra.Command {
	asJSON := false
	c := &cobra.Command{
		Use:   "list",
		Short: "List all models",
		Long: `Lists all models with their newest known firmware and the path that a factory-new
device asks its TFTP server for.`,
		Example: `  spafleet models list
  spafleet models list --json | jq -r '.[] | select(.lines > 2) | .model'`,
		Args: noArgs,
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON array")
	c.RunE = func(*cobra.Command, []string) error {
		reports, err := allModels()
		if err != nil {
			return err
		}
		if asJSON {
			return writeJSON(s.out, reports)
		}
		writeModels(s.out, reports)
		return nil
	}
	return c
}

func modelsShowCommand(s streams) *cobra.Command {
	asJSON, firmware := false, ""
	var evidence evidenceFlag
	c := &cobra.Command{
		Use:   "show NAME",
		Short: "Show all facts of a model",
		Long: `Shows all facts of a model at one firmware with their evidence: its HTTPS client,
what an example device looks like to a server, and its switches. A switch is a
behaviour that is not certain, or that differs between firmware versions; --switch
NAME=VALUE of 'run' changes it. --evidence field shows the values that hold without
what was read in firmware images.`,
		Example: `  spafleet models show SPA2102
  spafleet models show SPA504G --firmware 7.5.5
  spafleet models show PAP2T --json | jq '.switches[].name'`,
		ValidArgsFunction: completeModels,
	}
	c.Flags().StringVar(&firmware, "firmware", "", "firmware `VERSION` (default: the newest known)")
	evidence.register(c.Flags())
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	c.Args = func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return fmt.Errorf("give the name of one model, such as SPA2102; 'spafleet models list' shows all")
		}
		return nil
	}
	c.RunE = func(_ *cobra.Command, args []string) error {
		row, err := model.NewRow(args[0], firmware, evidence.turned())
		if err != nil {
			return err
		}
		if asJSON {
			return writeJSON(s.out, newModelReport(row))
		}
		writeModel(s.out, newModelReport(row))
		return nil
	}
	return c
}
