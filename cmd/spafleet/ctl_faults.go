package main

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"spafleet/device/measure"
	"spafleet/scenarios/console"
)

func ctlFaultCommand(s streams) *cobra.Command {
	f, of := &ctlFlags{streams: s}, &selectFlags{}
	one := ""
	c := &cobra.Command{
		Use:   "fault KEY=VALUE...",
		Short: "Disturb what passes between devices and servers",
		Long: `Begins a fault, as a step of a scenario does, and prints its number: it stays until
'spafleet ctl end-fault NUMBER' or the end of the run. The keys are those of a fault
in docs/scenario.md, without of. What the built-in server does wrong needs that
server; a server of yours can be given faults of the network.`,
		Example: `  spafleet ctl fault status=503 match=http --all
  spafleet ctl fault delay=2s --model SPA942
  spafleet ctl fault lose=20% 'match=tftp /$MA.cfg' --device 17`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("what is to go wrong? Give it as a scenario does, such as status=503 or delay=2s")
			}
			return nil
		},
	}
	f.register(c)
	of.register(c)
	c.Flags().StringVar(&one, "device", "", "this `DEVICE`: an index, a MAC address or a serial number")
	c.Flags().BoolVar(&of.all, "all", false, "each device of the run")
	c.RunE = func(c *cobra.Command, args []string) error {
		keys := map[string]string{}
		for _, arg := range args {
			key, value, ok := strings.Cut(arg, "=")
			if !ok {
				return fmt.Errorf("%q is not KEY=VALUE, such as status=503", arg)
			}
			keys[key] = value
		}
		path, err := of.path(one, "fault")
		if err != nil {
			return err
		}
		return tell(c.Context(), f, "POST", path, console.OrderedFault{Selection: console.Selection{Filter: of.Filter, All: of.all}, Keys: keys}, func(w io.Writer, up *console.Fault) {
			fmt.Fprintf(w, "fault %d: %s\n", up.Number, measure.Counted(up.Devices, "device"))
		})
	}
	return c
}

// path returns where an order goes: to one device, or to a selection.
func (f *selectFlags) path(one, action string) (string, error) {
	chosen := f.Filter != console.Filter{}
	switch {
	case one != "" && (chosen || f.all), chosen && f.all:
		return "", errors.New("give one device, a selection, or --all: one of the three")
	case one != "":
		return "devices/" + url.PathEscape(one) + "/" + action, nil
	case !chosen && !f.all:
		return "", errors.New("which devices? Give one by its index, MAC address or serial number, or --mac, --serial, --address, --state, --model, or --all")
	}
	return "selection/" + action, nil
}

func ctlFaultsCommand(s streams) *cobra.Command {
	f := &ctlFlags{streams: s}
	c := &cobra.Command{
		Use:     "faults",
		Short:   "List the faults that were begun by the console",
		Example: `  spafleet ctl faults`,
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return tell(c.Context(), f, "GET", "faults", nil, func(w io.Writer, up *console.Faults) {
				if len(up.Faults) == 0 {
					fmt.Fprintln(w, "there is no fault")
				}
				for i := range up.Faults {
					printFault(w, &up.Faults[i])
				}
			})
		},
	}
	f.register(c)
	return c
}

func printFault(w io.Writer, f *console.Fault) {
	fmt.Fprintf(w, "%d  %s: %s, %s disturbed\n", f.Number, oneLine(f.Words()), measure.Counted(f.Devices, "device"), measure.Counted(f.Affected, "exchange"))
}

func ctlEndFaultCommand(s streams) *cobra.Command {
	f := &ctlFlags{streams: s}
	c := &cobra.Command{
		Use:     "end-fault NUMBER",
		Short:   "End a fault",
		Example: `  spafleet ctl end-fault 1`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("give the number of one fault; 'spafleet ctl faults' lists them")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			return tell(c.Context(), f, "DELETE", "faults/"+url.PathEscape(args[0]), nil, printFault)
		},
	}
	f.register(c)
	return c
}
