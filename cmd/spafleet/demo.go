package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"spafleet/certs"
	"spafleet/device/model"
	"spafleet/scenarios"
)

func demoCommand(s streams) *cobra.Command {
	st := &stage{streams: s}
	var count int
	var models string
	var seed uint64
	var switches []string
	var https bool
	secure := certFlags{pool: 64, keep: certs.Kept}
	web := webFlags{}
	c := &cobra.Command{
		Use:   "demo",
		Short: "Watch devices walk from the factory to SEC-PRV-2 against the embedded server",
		Long: `Starts a provisioning server (TFTP and HTTP) on loopback and devices of three
families, and shows how each finds its way by its own factory rule:

  MFG-RESET   asks the TFTP server of its lease for /spa2102.cfg, /init.cfg, /spa942.cfg
  SP-CUST     gets a file addressed to its MAC, with a key and a secret directory
  SEC-PRV-1   asks for an encrypted file in that directory
  SEC-PRV-2   stays in step by encrypted files; its key and directory change once

Everything goes over real sockets. The story is scenarios/demo.yaml; it presets
Resync_Random_Delay to 0, which real units have at up to 40 s. The exit code is
0 only if every device went the whole way in order.

With --https it is a retail activation, scenarios/retail.yaml: the customer opens a
link with his PIN, one resync over HTTPS brings the permanent URL, and there the
server looks at the client certificate of each device, until all are in SEC-PRV-2.
There is a port for each authority, because the families trust different ones.`,
		Example: `  spafleet demo
  spafleet demo --devices 200 --models SPA2102,PAP2T,SPA504G
  spafleet demo --https
  spafleet demo --json | jq .verdict
  spafleet demo --keep`,
		Args: noArgs,
	}
	c.Flags().Var(countFlag{&count}, "devices", "how many devices (20)")
	c.Flags().StringVar(&models, "models", "", "models in equal shares, such as SPA2102,PAP2T")
	c.Flags().Uint64Var(&seed, "seed", 1, "who the devices are: same seed, same MAC addresses and serial numbers")
	c.Flags().StringArrayVar(&switches, "switch", nil, "turn a switch of the firmware, NAME=VALUE; 'spafleet models show' lists them")
	c.Flags().BoolVar(&https, "https", false, "activate by HTTPS with client certificates instead")
	secure.register(c.Flags())
	c.Flags().BoolVar(&st.options.Keep, "keep", false, "stay up afterwards, with the devices' web servers reachable")
	c.Flags().BoolVar(&st.json, "json", false, "print one JSON object")
	web.register(c.Flags(), "")
	c.RunE = func(c *cobra.Command, _ []string) error {
		name := "demo"
		if https {
			name = "retail"
		}
		story, err := demoStory(name, count, models)
		if err != nil {
			return err
		}
		story.Seed = seed
		turned, err := model.ParseAssignments(switches)
		if err != nil {
			return fmt.Errorf("--switch: %w", err)
		}
		for name, value := range turned {
			story.Fleet[0].Turn(name, value)
		}
		if st.options.Keep && !c.Flags().Changed("listen-web") {
			web.port = "0"
		}
		if st.options.Web, err = web.web(); err != nil {
			return err
		}
		if err := secure.apply(&st.options); err != nil {
			return err
		}
		st.hello = demoHello
		return st.play(c.Context(), story)
	}
	return c
}

// demoStory is a story of one group with the fleet that was asked for.
func demoStory(name string, count int, models string) (*scenarios.Story, error) {
	story, err := scenarios.Builtin(name)
	if err != nil {
		return nil, err
	}
	group := &story.Fleet[0]
	if count > 0 {
		group.Count = count
	}
	if models == "" {
		return story, nil
	}
	group.Mix = nil
	names := strings.Split(models, ",")
	for _, name := range names {
		m, err := model.FindModel(strings.TrimSpace(name))
		if err != nil {
			return nil, fmt.Errorf("--models: %w", err)
		}
		group.Mix = append(group.Mix, scenarios.Share{Model: m.Name, Percent: 100 / float64(len(names))})
	}
	return story, nil
}

func demoHello(w io.Writer, l *scenarios.Live) {
	fmt.Fprintf(w, "embedded server: tftp %s, http %s · %d devices from %s on\n", l.Server.TFTP(), l.Server.HTTP(), l.Fleet.Len(), firstAddress(l))
	for i, at := range l.Server.HTTPSAt() {
		fmt.Fprintf(w, "https %s with a certificate of %s\n", at, l.Server.HTTPS[i].Name)
	}
	fmt.Fprintln(w, "preset: Resync_Random_Delay=0 (real units wait up to 40 s before their first contact)")
	if url := l.Fleet.WebURL(0); url != "" {
		fmt.Fprintf(w, "web server of the first device: %s\n", url)
	}
	fmt.Fprintln(w)
}

func firstAddress(l *scenarios.Live) string {
	v, _ := l.Fleet.View(l.Fleet.Shard().At(0))
	return v.Unit.IP.String()
}
