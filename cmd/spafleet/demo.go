package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"spafleet/certs"
	"spafleet/scenarios"
	"spafleet/scenarios/run"
)

func demoCommand(s streams) *cobra.Command {
	rn := newRunner(s)
	var count int
	var models string
	var seed uint64
	var switches switchFlags
	var evidence evidenceFlag
	var https bool
	secure := certFlags{pool: 64, keep: certs.Kept}
	web := webFlags{}
	c := &cobra.Command{
		Use:   "demo",
		Short: "Watch devices provision themselves against the built-in server",
		Long: `Starts a provisioning server (TFTP and HTTP) on loopback and devices of three
families, and shows each device provision itself from factory reset (MFG-RESET)
to fully secured (SEC-PRV-2), then change its key once:

  MFG-RESET   asks the TFTP server of option 66 for its factory profile,
              /spa2102.cfg, /init.cfg or /spa942.cfg
  SP-CUST     has taken it; asks for a file addressed to its MAC address, which
              brings a key and a secret directory
  SEC-PRV-1   has a key; asks for an encrypted file in that directory
  SEC-PRV-2   has applied it; every profile is now encrypted

Everything goes over real sockets. The scenario is scenarios/demo.yaml. It sets
Resync_Random_Delay to 0: real devices wait up to 40 s before their first
request. Its devices reboot in no time (switches boot_time, reboot_time and
flash_time): real ones need 6 to 90 s. The exit code is 0 only if every device took every step in order.

--https shows a retail activation (scenarios/retail.yaml): the customer opens a
link with a PIN, one resync over HTTPS brings the permanent URL, and there the
server checks each device's client certificate. Each authority has a port of its
own, because the families trust different authorities.`,
		Example: `  spafleet demo
  spafleet demo --devices 200 --models SPA2102,PAP2T,SPA504G
  spafleet demo --https
  spafleet demo --json | jq .verdict
  spafleet demo --keep --console 127.0.0.1:9000`,
		Args: noArgs,
	}
	c.Flags().Var(countFlag{&count}, "devices", "`NUMBER` of devices (default 20)")
	c.Flags().StringVar(&models, "models", "", "`MODELS` of the fleet: SPA2102,PAP2T in equal shares, or SPA2102=75%,PAP2T=25%")
	c.Flags().Uint64Var(&seed, "seed", 1, "`NUMBER` that MAC addresses and serial numbers follow from")
	switches.register(c.Flags())
	evidence.register(c.Flags())
	c.Flags().BoolVar(&https, "https", false, "show a retail activation over HTTPS instead")
	secure.register(c.Flags())
	c.Flags().BoolVar(&rn.options.Keep, "keep", false, "keep running at the end; the devices' web servers answer")
	c.Flags().BoolVar(&rn.json, "json", false, "print one JSON object")
	rn.plain.register(c.Flags())
	web.register(c.Flags(), "")
	rn.console.register(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := rn.console.check(); err != nil {
			return err
		}
		name := "demo"
		if https {
			name = "retail"
		}
		scenario, err := demoScenario(name, count, models)
		if err != nil {
			return err
		}
		scenario.Seed = seed
		turned, err := switches.said()
		if err != nil {
			return err
		}
		for name, value := range turned {
			scenario.Fleet[0].Turn(name, value)
		}
		if err := switches.observe(scenario, turned); err != nil {
			return err
		}
		evidence.apply(scenario)
		if rn.options.Keep && !c.Flags().Changed("listen-web") {
			web.port = "0"
		}
		if rn.options.Web, err = web.web(); err != nil {
			return err
		}
		if err := secure.apply(&rn.options); err != nil {
			return err
		}
		rn.hello = demoHello
		return rn.run(c.Context(), scenario)
	}
	return c
}

// demoScenario is a scenario of one group with the fleet that was asked for.
func demoScenario(name string, count int, models string) (*scenarios.Scenario, error) {
	scenario, err := scenarios.Builtin(name)
	if err != nil {
		return nil, err
	}
	group := &scenario.Fleet[0]
	if count > 0 {
		group.Count = count
	}
	if models == "" {
		return scenario, nil
	}
	if group.Mix, err = readMix(models); err != nil {
		return nil, fmt.Errorf("--models: %w", err)
	}
	return scenario, nil
}

func demoHello(w io.Writer, l *run.Live) {
	fmt.Fprintf(w, "built-in server: tftp %s, http %s\n%d devices from %s\n", l.Server.TFTP(), l.Server.HTTP(), l.Fleet.Len(), firstAddress(l))
	for i, at := range l.Server.HTTPSAt() {
		fmt.Fprintf(w, "https %s, certificate by %s\n", at, l.Server.HTTPS[i].Name)
	}
	fmt.Fprintln(w, "Resync_Random_Delay is 0 here; real devices wait up to 40 s at first")
	fmt.Fprintln(w, "Reboots take no time here; real devices need 6 s (ATAs) to 90 s (SPA1xx)")
	if url := l.Fleet.WebURL(0); url != "" {
		fmt.Fprintf(w, "web server of the first device: %s\n", url)
	}
	fmt.Fprintln(w)
}

func firstAddress(l *run.Live) string {
	v, _ := l.Fleet.View(l.Fleet.Shard().At(0))
	return v.Unit.IP.String()
}
