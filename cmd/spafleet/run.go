package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"spafleet/device/inventory"
	"spafleet/device/model"
	"spafleet/host"
	"spafleet/scenarios"
	"spafleet/scenarios/run"
)

// runFlags describe a fleet on the command line.
type runFlags struct {
	fleetFlags
	leaseFlags
	targetFlags
	rate        float64
	profileRule string
	goal        goalFlags
	sets        []string
	switches    switchFlags
	with        []string
	seed        uint64
	duration    time.Duration
	lateness    time.Duration
	decoder     decoder
	sidecars    []string
	addresses   netip.Prefix
	web         webFlags
	certs       certFlags
	caTable     string
	evidence    evidenceFlag
	shard       shardFlags
	safety      safetyFlags
	clock       clockFlags
	file        *scenarios.File // that the scenario was read from; nil: none
	listed      *inventory.List // of a bundle, in the place of --devices; nil: none
}

// targetFlags say how devices reach the servers under test.
type targetFlags struct {
	tftpClient string
	syslog     string
	balancer   balancerFlags
}

// fleetFlags say which devices there are.
type fleetFlags struct {
	model, firmware string // model may be a mix: see [readMix]
	count           int
	devices         string // file that lists them; "": none
	mac, serial     string // of one device
}

// safetyFlags say which servers devices may contact, and what is tried first.
type safetyFlags struct {
	public      []string
	nameServers []netip.AddrPort
	operator    bool
	commands    bool
	preflight   bool
}

func runCommand(s streams) *cobra.Command {
	rn := newRunner(s)
	f := &runFlags{fleetFlags: fleetFlags{count: 1}}
	plan, again := false, &repeatFlags{}
	c := &cobra.Command{
		Use:   "run [FILE|NAME]",
		Short: "Run a fleet against your server, or a scenario file",
		Long: `Runs a fleet of one model against your provisioning server, or a scenario: a
file, or one that comes with the program (demo, retail).

Your own devices. --devices FILE runs the devices that a file of comma-separated
values lists, with their MAC addresses. Its first line names the columns: mac,
model, and as you like serial, firmware, group, address, profile_rule,
certificate and key (files), param:NAME for any parameter, and note. A device's own
values go before those of --set.

Server. Give --tftp-server (the server that DHCP option 66 names), --lease (other
options) or --profile-rule. Without either, a built-in server answers with the demo's files.

End. --until provisioned ends the run when every device has resynced
successfully; --until STATE also asks for that state. With --timeout, missing it
is exit code 3; in a clock that jumps, without --timeout, it is missed after a day
without a step. Without --until and --duration the run goes on until Ctrl-C.

Verdict. A run without expectations is finished, whatever happened. --fail-on
failures=1%,unknown-params makes more than 1 % of failed resyncs, or a parameter
that the devices do not have, exit code 3.

Validity. Requests that start late measure this machine and not your server. If
the 99th percentile of lateness is above --max-lateness, the run is marked invalid
(exit code 4), unless it failed by what lateness cannot cause.

Resuming. --state FILE keeps parameters, states, timers and firmware of all
devices. The next run of the same fleet resumes from it, after Ctrl-C and kill -9
alike; at most a minute is lost. Counts, timeline and expectations start from
zero. One run at a time uses a file.

Many machines. Each runs the same command with its own --shard-index, and 'spafleet
report merge' adds up what --result or --result-url left. Device d belongs to
shard d mod count; it is the same device whatever the count.

Repeating. --repeat N runs it N times, with the seeds SEED, SEED+1 and so on.
--until-failure stops at the first run that fails. Either says which seeds failed:
--seed replays one of them.

Bundles. --bundles DIR writes the first devices that failed, each as one file to
send: scenario, seed, what the device did, the report, and no secrets. 'run FILE'
replays one in simulated time and says whether the failure showed again (exit code
3) or not (0). It contacts nobody and reads no other file, so a stranger may have made it.

Preflight. With more than 1,000 devices and a server of yours, one device of each
model and firmware resyncs first. If it fails, two others of its kind are tried;
if all fail in the same way, nothing is started (exit code 3). --preflight does
so for smaller fleets, --preflight=false never.

Safety. Devices contact loopback and private addresses only, whatever a profile,
a redirect or DNS says. --allow-public adds a public host. More than 1,000 devices
contact servers on other machines, name servers included, only with
--i-operate-this-server. Never run this against a server that is not yours.`,
		Example: `  # 1000 devices for 30 seconds against a TFTP server
  spafleet run --model SPA2102 --firmware 5.2.10 --count 1000 \
      --tftp-server 127.0.0.1:6969 --duration 30s

  # until all 200 have taken a profile; exit code 3 after 2 minutes
  spafleet run --model SPA942 --count 200 --until provisioned --timeout 2m \
      --profile-rule 'http://127.0.0.1:8080/$MA.xml'

  # three quarters SPA2102, 50 resyncs a second at most
  spafleet run --model SPA2102=75%,PAP2T --count 1000 --rate 50/s \
      --tftp-server 127.0.0.1:6969 --duration 1m

  # the devices of a list, until all have taken a profile
  spafleet run --devices phones.csv --until provisioned --timeout 2m \
      --profile-rule 'http://127.0.0.1:8080/$MA.xml'

  # Prometheus scrapes the run, and for a minute more its last figures
  spafleet run outage.yaml --metrics 127.0.0.1:9100 --linger 1m

  # what would a million devices take? nothing is started
  spafleet run --model SPA2102 --count 1M --plan

  # a simulated day against the built-in server, and one against yours
  spafleet run --model SPA2102 --count 1000 --virtual 24h --events day.jsonl
  spafleet run --model SPA942 --count 200 --tftp-server 127.0.0.1:6969 \
      --clock mixed --duration 24h

  # what did one device do, and why?
  spafleet run --model SPA942 --count 200 --virtual 2h --why 17

  # addresses and servers come from your DHCP server; as root
  spafleet run --model SPA942 --count 200 --dhcp relay:127.0.0.1 \
      --addresses 127.65.0.0/16 --duration 1m

  # a fleet that can be stopped and resumed
  spafleet run --model SPA504G --count 10k --tftp-server 127.0.0.1:6969 \
      --state fleet.state

  # a scenario from a program, and its events to another
  generate | spafleet run - --events - | jq 'select(.kind == "resync_failed")'

  # look at it in a browser, and steer it: the address is printed
  spafleet run outage.yaml --console 127.0.0.1:9000

  # a page with pictures, and what a CI system reads
  spafleet run outage.yaml --html outage.html --junit outage.xml

  # which seed makes it fail? at most a thousand are tried
  spafleet run outage.yaml --repeat 1000 --until-failure

  # the devices that fail, each as a file that another person can replay
  spafleet run outage.yaml --bundles failed
  spafleet run failed/outage-seed-1-device-17.zip

  # a public server of yours
  spafleet run --model SPA942 --count 5000 --i-operate-this-server \
      --profile-rule 'https://prov.example.com/$MA' \
      --allow-public prov.example.com

  # a scenario file; and one eighth of it, on one machine of eight
  spafleet run outage.yaml --speed 60
  spafleet run outage.yaml --shard-index 2 --shard-count 8 \
      --start-at 2026-11-22T18:00:00Z --result 2.json`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: completeScenarios,
	}
	f.register(c)
	f.shard.register(c)
	again.register(c)
	rn.bundles.register(c)
	registerWith(c.Flags(), f)
	rn.metrics.register(c)
	rn.console.register(c)
	c.Flags().StringVar(&rn.events, "events", "", "write every event to this `FILE` (- for stdout; the report then goes to stderr), one line of JSON each")
	c.Flags().StringVar(&rn.access.name, "access-log", "", aboutAccessLog)
	rn.capture.register(c.Flags())
	c.Flags().StringVar(&rn.devices, "devices-out", "", "write what became of each device to this `FILE` (- for stdout; the report then goes to stderr), one line of JSON each")
	c.Flags().StringVar(&rn.story.name, "why", "", "at the end tell what this `DEVICE` did and why: its MAC address, serial number or index; see 'spafleet why -h'")
	c.Flags().StringVar(&rn.options.State, "state", "", "resume the fleet in this `FILE` if it exists; save the fleet in it every minute and at the end")
	c.Flags().Var(durationFlag{&rn.options.SaveEvery}, "state-every", "how often --state saves the fleet (default 1m)")
	c.Flags().BoolVar(&rn.json, "json", false, "print one JSON object")
	rn.plain.register(c.Flags())
	c.Flags().StringVar(&rn.results.junit, "junit", "", "write the report as JUnit XML to this `FILE`, for CI systems")
	c.Flags().StringVar(&rn.results.html, "html", "", "write the report as a web page with pictures to this `FILE`")
	c.Flags().BoolVar(&plan, "plan", false, "print what the run would take and what would not fit; start nothing")
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 1 {
			switch b, err := readBundle(args[0]); {
			case err != nil:
				return err
			case b != nil:
				return rn.replay(c, b)
			}
		}
		if err := errors.Join(rn.metrics.check(rn.console.addr), rn.console.check()); err != nil {
			return err
		}
		if c.Flags().Changed("state-every") && rn.options.State == "" {
			return fmt.Errorf("--state-every needs --state: the file to keep the fleet in")
		}
		scenario, err := f.scenario(c, args)
		if err != nil {
			return err
		}
		if err := f.machine(c.Context(), &rn.options); err != nil {
			return err
		}
		if err := f.shard.apply(c, &rn.options); err != nil {
			return err
		}
		rn.results.file, rn.results.url, rn.results.out = f.shard.result, f.shard.url, rn.out
		rn.options.Preflight = f.safety.preflight || !c.Flags().Changed("preflight") && devices(scenario) > preflightFrom
		rn.hello = func(w io.Writer, l *run.Live) {
			_, _ = io.WriteString(w, aboutText(scenario.Redact(scenario.About))) // to a closed pipe it does not matter
			runHello(w, l)
		}
		if err := rn.bundles.check(c, f); err != nil {
			return err
		}
		switch {
		case again.given(c):
			return again.run(c, rn, scenario)
		case plan:
			return printPlan(s, scenario, rn)
		}
		return rn.run(c.Context(), scenario)
	}
	return c
}

func registerWith(flags *pflag.FlagSet, f *runFlags) {
	flags.StringArrayVar(&f.with, "with", nil, "change a field of the scenario, `PATH=VALUE`, such as fleet.town.count=500; null removes it; may be repeated")
}

func (f *runFlags) register(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.model, "model", "", "`MODEL`, such as SPA2102, or a mix: SPA2102,PAP2T or SPA2102=75%,PAP2T=25%; 'spafleet models list' shows all")
	flags.StringVar(&f.firmware, "firmware", "", "firmware `VERSION` (default: the newest known)")
	flags.Var(countFlag{&f.count}, "count", "how many devices: 200, 10k, 1M")
	flags.StringVar(&f.devices, "devices", "", "`FILE` of comma-separated values that lists the devices, in the place of --model and --count; - for standard input")
	flags.Var(rateFlag{&f.rate}, "rate", "start at most this many resyncs per second, a `RATE` such as 50/s (default: no limit)")
	f.leaseFlags.register(flags)
	f.balancer.register(flags)
	flags.Var(dhcpFlag{&f.dhcp}, "dhcp", "ask a DHCP server for the devices' addresses: `relay:HOST[:PORT] or client:INTERFACE`; see docs/dhcp.md")
	flags.StringVar(&f.tftpClient, "tftp-client", "own", "`CLIENT` that transfers: own, or pin (the pin/tftp library, for comparison)")
	flags.StringVar(&f.profileRule, "profile-rule", "", "set Profile_Rule to this `RULE`")
	flags.StringArrayVar(&f.sets, "set", nil, "set a parameter before the start, `NAME=VALUE`; it survives a factory reset; may be repeated")
	f.switches.register(flags)
	f.evidence.register(flags)
	flags.StringVar(&f.decoder.Program, "decoder", "", "`PROGRAM` that opens files compiled by the vendor's spc; see 'spafleet profile show -h'")
	flags.StringArrayVar(&f.sidecars, "sidecar", nil, "source text of a file compiled by the vendor's spc, `COMPILED=SOURCE`; may be repeated")
	flags.StringVar(&f.syslog, "syslog", "", "set Syslog_Server to this `HOST` or HOST:PORT")
	flags.Uint64Var(&f.seed, "seed", 1, "`NUMBER` that MAC addresses, serial numbers, keys and all random choices follow from")
	flags.Var(durationFlag{&f.duration}, "duration", "end after this `TIME`, such as 30s")
	f.goal.register(flags)
	flags.Var(durationFlag{&f.lateness}, "max-lateness", "mark the run invalid if the 99th percentile of lateness is above this `TIME` (default 100ms)")
	flags.Var(prefixFlag{&f.addresses}, "addresses", "`PREFIX` of the devices' own addresses (default 127.64.0.0/10)")
	flags.StringVar(&f.caTable, "ca-table", "", "which `LIST` of trusted authorities the devices have: field or documented")
	flags.Var(hostsFlag{&f.safety.public}, "allow-public", "let devices contact this public `HOST`, a name or an address; may be repeated")
	flags.Var(serversFlag{&f.safety.nameServers}, "dns", "name server for devices that neither a lease nor Primary_DNS tells one, `ADDRESS` or ADDRESS:PORT; may be repeated (default: those of this machine)")
	flags.BoolVar(&f.safety.preflight, "preflight", false, "first have one device of each model and firmware resync, and start nothing if its kind is refused (default: with more than 1,000 devices)")
	flags.BoolVar(&f.safety.operator, "i-operate-this-server", false, "let more than 1,000 devices contact servers on other machines")
	flags.BoolVar(&f.safety.commands, "allow-commands", false, "let steps with run execute their commands on this machine")
	f.clock.register(flags)
	f.certs.registerDevices(flags)
	f.web.register(flags, "")
	f.web.sip.register(flags)
}

// machine sets what is the machine's, and the user's word.
func (f *runFlags) machine(ctx context.Context, o *run.Options) (err error) {
	o.Addresses, o.PinTFTP, o.Public, o.Operator = f.addresses, f.tftpClient == "pin", f.safety.public, f.safety.operator
	o.Commands = f.safety.commands
	o.NameServers, o.DHCP = f.safety.nameServers, f.dhcp
	if o.Web, err = f.web.web(); err != nil {
		return err
	}
	o.SIP.Register, o.SIP.Port = f.web.sip.on, f.web.sip.port
	if err := f.certs.apply(o); err != nil {
		return err
	}
	o.Compiled, err = f.compiled(ctx)
	return err
}

// scenario reads the scenario that was named, or makes one of the flags.
func (f *runFlags) scenario(c *cobra.Command, args []string) (*scenarios.Scenario, error) {
	if f.tftpClient != "own" && f.tftpClient != "pin" {
		return nil, fmt.Errorf("--tftp-client %q is neither own nor pin", f.tftpClient)
	}
	if len(args) == 1 {
		return f.fromFile(c, args[0])
	}
	if len(f.with) > 0 {
		return nil, fmt.Errorf("--with changes a scenario file, and none is given")
	}
	scenario, err := f.fromFlags(c.InOrStdin(), c.Flags().Changed)
	if err != nil {
		return nil, err
	}
	scenario.Seed = f.seed
	return scenario, f.adjust(c, scenario)
}

// adjust sets what the flags change in any scenario.
func (f *runFlags) adjust(c *cobra.Command, scenario *scenarios.Scenario) error {
	if list := scenario.Devices; list.HasAddresses() && c.Flags().Changed("addresses") {
		return fmt.Errorf("--addresses: the devices have the addresses that %s lists", list.Name())
	}
	for i := range scenario.Fleet {
		if g := &scenario.Fleet[i]; g.Addresses.IsValid() && c.Flags().Changed("addresses") {
			return fmt.Errorf("--addresses: the scenario says where its devices live; change it by --with fleet.%s.addresses=PREFIX", g.Name)
		}
	}
	if f.caTable != "" {
		for i := range scenario.Fleet {
			g := &scenario.Fleet[i]
			if err := checkSwitches(g, map[string]string{"ca_table": f.caTable}); err != nil {
				return fmt.Errorf("--ca-table: %w", err)
			}
			g.Turn("ca_table", f.caTable)
		}
	}
	if err := f.observe(scenario); err != nil {
		return err
	}
	f.evidence.apply(scenario)
	if c.Flags().Changed("seed") {
		scenario.Seed = f.seed
	}
	if f.rate > 0 {
		scenario.Rate = f.rate
	}
	if f.lateness > 0 {
		scenario.Lateness = f.lateness
	}
	if f.duration > 0 {
		scenario.Duration = f.duration
	}
	if err := f.clock.apply(c, scenario); err != nil {
		return err
	}
	if err := f.web.sip.apply(scenario); err != nil {
		return err
	}
	if err := f.balancer.apply(scenario); err != nil {
		return err
	}
	return f.goal.apply(scenario)
}

// observe turns the switches of the file of --switches, under those of other flags.
func (f *runFlags) observe(scenario *scenarios.Scenario) error {
	given, err := f.switches.said()
	if err != nil {
		return err
	}
	if f.caTable != "" {
		given["ca_table"] = f.caTable
	}
	return f.switches.observe(scenario, given)
}

// fromFile reads a file, or a scenario of the program by its name.
func (f *runFlags) fromFile(c *cobra.Command, name string) (*scenarios.Scenario, error) {
	for _, flag := range []string{"model", "firmware", "count", "devices", "tftp-server", "lease", "profile-rule"} {
		if c.Flags().Changed(flag) {
			return nil, fmt.Errorf("--%s describes a fleet, but %s describes its own", flag, name)
		}
	}
	file, err := open(c.InOrStdin(), name)
	if err != nil {
		return nil, err
	}
	if err := outside(&file, f.with); err != nil {
		return nil, err
	}
	f.file = &file
	return f.load(c, file)
}

// load reads a file with what the flags change in it.
func (f *runFlags) load(c *cobra.Command, file scenarios.File) (*scenarios.Scenario, error) {
	sets, err := f.presets(c.Flags().Changed)
	if err != nil {
		return nil, err
	}
	turned, err := f.switches.said()
	if err != nil {
		return nil, err
	}
	file.Adjust = func(s *scenarios.Scenario) error {
		if err := preset(s, sets, turned); err != nil {
			return err
		}
		return f.adjust(c, s)
	}
	return file.Load()
}

// outside lets --with and the environment change a file.
func outside(file *scenarios.File, with []string) error {
	file.Environment = os.Environ()
	if seed, ok := os.LookupEnv("SPAFLEET_SEED"); ok {
		file.With = append(file.With, scenarios.Change{Path: "seed", Value: seed, Given: "SPAFLEET_SEED"})
	}
	list, err := changes(with)
	file.With = append(file.With, list...)
	return err
}

// changes reads what --with says.
func changes(with []string) ([]scenarios.Change, error) {
	var list []scenarios.Change
	for _, text := range with {
		change, err := scenarios.ParseChange(text, "--with")
		if err != nil {
			return nil, fmt.Errorf("--with: %w", err)
		}
		list = append(list, change)
	}
	return list, nil
}

// preset sets parameters and turns switches in every group.
func preset(s *scenarios.Scenario, sets []scenarios.Preset, turned map[string]string) error {
	for i := range s.Fleet {
		g := &s.Fleet[i]
		if err := checkSwitches(g, turned); err != nil {
			return fmt.Errorf("--switch: %w", err)
		}
		g.Set = append(g.Set, sets...)
		switches := maps.Clone(turned)
		for name, value := range g.Switches {
			if _, ok := switches[name]; !ok {
				switches[name] = value
			}
		}
		g.Switches = switches
	}
	return nil
}

// isYAML reports whether a name is that of a file. Those of the program's scenarios may
// have dots too.
func isYAML(name string) bool { return slices.Contains([]string{".yaml", ".yml"}, filepath.Ext(name)) }

// open reads the file of a scenario or, for -, standard input; or finds the one of the
// program that has the name.
func open(in io.Reader, name string) (scenarios.File, error) {
	if name == "-" {
		src, err := host.ReadAll(in, "standard input", scenarios.MostBytes)
		return scenarios.File{Name: "stdin", Text: src}, err
	}
	src, err := host.ReadFile(name, scenarios.MostBytes)
	if os.IsNotExist(err) && filepath.Base(name) == name && !isYAML(name) {
		return scenarios.BuiltinFile(name)
	}
	return scenarios.File{Name: name, Text: src, Folder: filepath.Dir(name)}, err
}

// fromFlags makes the scenario of the flags. An empty value is a value: changed tells
// it from a flag that was not given.
func (f *runFlags) fromFlags(in io.Reader, changed func(flag string) bool) (*scenarios.Scenario, error) {
	scenario := &scenarios.Scenario{Name: "run"}
	err := f.fleet(scenario, in, changed)
	if err != nil {
		return nil, err
	}
	turned, err := f.switches.said()
	if err != nil {
		return nil, err
	}
	sets, err := f.presets(changed)
	if err != nil {
		return nil, err
	}
	for i := range scenario.Fleet {
		g := &scenario.Fleet[i]
		if err := checkSwitches(g, turned); err != nil {
			return nil, fmt.Errorf("--switch: %w", err)
		}
		g.TFTPServer, g.Set, g.Switches = f.tftpServer, sets, maps.Clone(turned)
		if g.Options, g.NextServer, err = f.leaseFlags.options(); err != nil {
			return nil, err
		}
		g.NoLease = f.tftpServer == "" && g.OtherServer()
	}
	if f.tftpServer != "" {
		return scenario, option66(f.tftpServer)
	}
	if !scenario.Fleet[0].OtherServer() && !changed("dhcp") && !changed("profile-rule") && !changed("tftp-server") && !scenario.Devices.Sets("Profile_Rule") {
		demo, err := scenarios.Builtin("demo")
		if err != nil {
			return nil, err
		}
		scenario.Server = demo.Server
	}
	return scenario, nil
}

// fleet sets which devices a scenario has: those of a list, or of models.
func (f *runFlags) fleet(s *scenarios.Scenario, in io.Reader, changed func(flag string) bool) error {
	if f.listed != nil {
		s.List(f.listed)
		return nil
	}
	if f.devices == "" {
		if f.model == "" {
			return fmt.Errorf("run: give --model, such as --model SPA2102, --devices, or a scenario file")
		}
		if f.mac != "" || f.serial != "" {
			return f.one(s)
		}
		group := scenarios.Group{Name: inventory.DefaultGroup, Count: f.count}
		err := f.models(&group)
		s.Fleet = []scenarios.Group{group}
		return err
	}
	for _, flag := range []string{"model", "firmware", "count"} {
		if changed(flag) {
			return fmt.Errorf("--%s describes a fleet, but %s lists its own", flag, f.devices)
		}
	}
	list, err := readDevices(in, f.devices)
	if err == nil {
		s.List(list)
	}
	return err
}

// readDevices reads the list of devices that a file, or for - standard input, has.
func readDevices(in io.Reader, name string) (*inventory.List, error) {
	if name != "-" {
		return inventory.ReadFile(name)
	}
	src, err := host.ReadAll(in, "standard input", inventory.MostBytes)
	if err != nil {
		return nil, err
	}
	return inventory.Read(src, "stdin", "")
}

// models sets the model of a group, or the models of a mix.
func (f *fleetFlags) models(g *scenarios.Group) error {
	if !strings.ContainsAny(f.model, ",=") {
		row, err := model.NewRow(f.model, f.firmware, nil)
		if err == nil {
			g.Model, g.Firmware = row.Model.Name, row.Firmware.Version
		}
		return err
	}
	if f.firmware != "" {
		return fmt.Errorf("--firmware is for one model; in a mix write it behind the model: --model 'SPA2102 5.2.10=75%%,PAP2T=25%%'")
	}
	var err error
	if g.Mix, err = readMix(f.model); err != nil {
		return fmt.Errorf("--model: %w", err)
	}
	return nil
}

// presets gathers what --profile-rule, --syslog and --set say.
func (f *runFlags) presets(changed func(flag string) bool) ([]scenarios.Preset, error) {
	list, err := presets(f.sets)
	if err != nil {
		return nil, err
	}
	if changed("profile-rule") {
		list = append(list, scenarios.Preset{Name: "Profile_Rule", Value: f.profileRule, Given: "--profile-rule"})
	}
	if f.syslog != "" {
		if err := hostPort("syslog", f.syslog); err != nil {
			return nil, err
		}
	}
	if changed("syslog") {
		list = append(list, scenarios.Preset{Name: "Syslog_Server", Value: f.syslog, Given: "--syslog"})
	}
	return list, nil
}

// checkSwitches finds switches that a group's models do not have.
func checkSwitches(g *scenarios.Group, turned map[string]string) error {
	for _, s := range g.Shares() {
		if _, err := model.NewRow(s.Model, s.Firmware, nil); err != nil {
			continue // the plan names the line
		}
		if _, err := model.NewRow(s.Model, s.Firmware, turned); err != nil {
			return err
		}
	}
	return nil
}

// preflightFrom is how many devices have a preflight by default if there are more.
const preflightFrom = 1000

// manyVirtual is from how many devices on a run in virtual time says that one core works
// at it.
const manyVirtual = 1000

func devices(s *scenarios.Scenario) (n int) {
	for i := range s.Fleet {
		n += s.Fleet[i].Count
	}
	return n
}

func runHello(w io.Writer, l *run.Live) {
	first := l.Fleet.Shard().At(0)
	from := "from " + firstAddress(l)
	if l.DHCP.On() {
		from = "with addresses of the DHCP server (" + l.DHCP.String() + ")"
	}
	fmt.Fprintf(w, "%d devices %s, up to %d requests at once", l.Fleet.Len(), from, l.Fleet.Outstanding())
	if b := l.Fleet.Budget(); !l.Virtual {
		fmt.Fprintf(w, "; open-file limit %d", b.Files)
	}
	fmt.Fprintln(w)
	if s := l.Fleet.Shard(); !s.Whole() {
		fmt.Fprintf(w, "shard %d of %d of a fleet of %d devices\n", s.Index, s.Count, l.Fleet.Total())
	}
	if l.Virtual {
		fmt.Fprintf(w, "simulated time starts at %s; the built-in server answers without sockets\n", time.Unix(0, l.Fleet.Now()).UTC().Format(time.RFC3339))
		if l.Fleet.Len() >= manyVirtual && !l.Beside() {
			fmt.Fprintln(w, "one core works at it: several do where only --duration ends the run, and no device feels another")
		}
	}
	if l.Server != nil {
		fmt.Fprintf(w, "built-in server: tftp %s, http %s\n", l.Server.TFTP(), l.Server.HTTP())
	}
	if url := l.Fleet.WebURL(first); url != "" {
		fmt.Fprintf(w, "web server of the first device: %s\n", url)
	}
}
