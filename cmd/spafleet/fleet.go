package main

import (
	"github.com/spf13/cobra"
)

func fleetCommand(s streams) *cobra.Command {
	c := &cobra.Command{
		Use:   "fleet",
		Short: "Make a scenario of a fleet that exists",
		Long:  `Makes a scenario of a fleet that exists, from what its provisioning server has logged.`,
		Example: `  spafleet fleet import /var/log/nginx/access.log
  spafleet run imported.yaml`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(fleetImportCommand(s))
	return c
}
