package main

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/rule"
	"spafleet/device/rulecheck"
	"spafleet/resync"
)

func ruleCommand(s streams) *cobra.Command {
	c := &cobra.Command{
		Use:   "rule",
		Short: "Evaluate and check profile rules",
		Long: `Evaluates a Profile_Rule as a device does, or explains the mistake in it. No socket
is opened.`,
		Example: `  spafleet rule eval '/spa$PSN.cfg' --tftp-server 10.0.0.5
  spafleet rule check '("$A" ne "x" http://s/x'`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(ruleEvalCommand(s), ruleCheckCommand(s))
	return c
}

// ruleFlags say for which device and moment a rule is evaluated.
type ruleFlags struct {
	leaseFlags
	model, firmware, mac, serial, ip string
	sets, envs                       []string
	switches                         switchFlags
	json                             bool
}

func (f *ruleFlags) register(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.model, "model", "SPA2102", "`MODEL` of the device")
	flags.StringVar(&f.firmware, "firmware", "", "firmware `VERSION` (default: the newest known)")
	flags.StringVar(&f.mac, "mac", "", "`MAC` address, 12 hexadecimal digits")
	flags.StringVar(&f.serial, "serial", "", "serial `NUMBER`")
	flags.StringVar(&f.ip, "ip", "192.168.1.100", "the device's own `ADDRESS`, $IP")
	f.leaseFlags.register(flags)
	flags.StringVar(&f.tftpServer, "dhcp-server", "", "the same as --tftp-server, `HOST` or HOST:PORT")
	flags.StringArrayVar(&f.sets, "set", nil, "set a parameter, `NAME=VALUE`; may be repeated")
	flags.StringArrayVar(&f.envs, "env", nil, "set a macro, `NAME=VALUE`, such as REGTMR1=301 or CCERT=Installed; may be repeated")
	f.switches.register(flags)
	flags.BoolVar(&f.json, "json", false, "print one JSON object")
}

func ruleEvalCommand(s streams) *cobra.Command {
	f := &ruleFlags{}
	c := &cobra.Command{
		Use:   "eval RULE",
		Short: "Show what a device would ask its server for",
		Long: `Evaluates a Profile_Rule as a device of this model and firmware does, and prints
the request that the device would send. No socket is opened. If the device would
fail on the rule, the exit code is 3.`,
		Example: `  spafleet rule eval '/spa$PSN.cfg' --tftp-server 10.0.0.5
  spafleet rule eval '/spa$PSN.cfg' --model SPA504G --lease 160=http://h/p
  spafleet rule eval '[--key $A] http://prov.example.com/$B/$MA.cfg' \
      --mac 000e08012345 --set GPP_A=secret --set GPP_B=dir --json
  spafleet rule eval --env REGTMR1=301 \
      '($REGTMR1 eq 0)? http://p.example.com/has | http://p.example.com/lost'`,
		Args: oneRule,
	}
	f.register(c)
	c.RunE = func(_ *cobra.Command, args []string) error {
		in, situation, err := f.input()
		if err != nil {
			return err
		}
		if text := in.Unit.Row.Assumption(); text != "" {
			fmt.Fprintln(s.err, text)
		}
		env := device.Env{Unit: &in.Unit, Params: in.Params, Situation: &situation}
		return printEvaluation(s, resync.Evaluate(in, situation, args[0]), rulecheck.Rule(env, args[0]), f.json)
	}
	return c
}

func oneRule(c *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("give one rule, in quotes; see '%s -h'", c.CommandPath())
	}
	return nil
}

// input makes the device that the flags describe.
func (f *ruleFlags) input() (resync.Input, device.Situation, error) {
	in, situation := resync.Input{Profiles: &resync.ProfileCache{}}, device.Situation{}
	row, err := f.switches.row(f.model, f.firmware, nil)
	if err != nil {
		return in, situation, err
	}
	addr, err := netip.ParseAddr(f.ip)
	if err != nil {
		return in, situation, fmt.Errorf("--ip %q is not an address", f.ip)
	}
	in.Unit = device.NewUnit(row, 1, 0, addr)
	in.Unit.CCERT = "Installed"
	if err := f.identify(&in.Unit); err != nil {
		return in, situation, err
	}
	if f.tftpServer != "" {
		if err := option66(f.tftpServer); err != nil {
			return in, situation, err
		}
	}
	var options map[uint8]string
	if options, in.Lease.NextServer, err = f.leaseFlags.options(); err != nil {
		return in, situation, err
	}
	in.Lease.TFTPServer = f.tftpServer
	for option, text := range options {
		_ = in.Lease.Set(option, text) // the flag has looked
	}
	if in.Params, err = f.params(row); err != nil {
		return in, situation, err
	}
	err = f.moment(&in.Unit, &situation)
	return in, situation, err
}

func (f *ruleFlags) identify(u *device.Unit) error {
	if f.serial != "" {
		u.Serial = f.serial
	}
	if f.mac == "" {
		return nil
	}
	mac, err := model.ParseMAC(f.mac)
	if err != nil {
		return fmt.Errorf("--mac: %w", err)
	}
	u.MAC = mac
	return nil
}

func (f *ruleFlags) params(row *model.Row) (device.Params, error) {
	list, err := presets(f.sets)
	if err != nil {
		return device.Params{}, err
	}
	var sets []device.Set
	for _, preset := range list {
		p, ok := row.Lookup(preset.Name)
		if !ok {
			return device.Params{}, fmt.Errorf("--set %s: %s has no such parameter: %s", preset.Name, row.Model.Name, device.WhyLacks(row, preset.Name))
		}
		sets = append(sets, device.Set{ID: p.ID, Value: preset.Value, Has: true})
	}
	var layers device.Layers
	return layers.Preset(row.Factory, sets), nil
}

// moment reads the macros of --env.
func (f *ruleFlags) moment(u *device.Unit, s *device.Situation) error {
	numbers := map[string]*int{"PRVST": &s.PRVST, "PRVTMR": &s.PRVTMR, "UPGTMR": &s.UPGTMR, "UPGST": &s.UPGST,
		"REGTMR1": &s.REGTMR[0], "REGTMR2": &s.REGTMR[1]}
	texts := map[string]*string{"CCERT": &u.CCERT, "UPGERR": &s.UPGERR}
	for _, e := range f.envs {
		name, value, ok := strings.Cut(e, "=")
		switch {
		case !ok:
			return fmt.Errorf("--env %q is not NAME=VALUE", e)
		case numbers[name] != nil:
			n, err := strconv.Atoi(value)
			if err != nil {
				return fmt.Errorf("--env %s: %q is not a whole number", name, value)
			}
			*numbers[name] = n
		case texts[name] != nil:
			*texts[name] = value
		default:
			return fmt.Errorf("--env: %q is not a macro that can be set; these can: PRVST PRVTMR UPGTMR UPGST UPGERR REGTMR1 REGTMR2 CCERT", name)
		}
	}
	return nil
}

// evaluated is the JSON of rule eval.
type evaluated struct {
	Request     *askedFor      `json:"request"`
	Alternative int            `json:"alternative"`
	Why         string         `json:"why"`
	Assignments []assignedPair `json:"assignments"`
	Skipped     bool           `json:"skipped"`
	Error       string         `json:"error"`
	Hint        string         `json:"hint,omitempty"`

	Warnings []rulecheck.Finding `json:"warnings,omitempty"`
}

type askedFor struct {
	Scheme string `json:"scheme"`
	Host   string `json:"host"`
	Port   int    `json:"port"`
	Path   string `json:"path"`
	Method string `json:"method"`
	Body   string `json:"body"`
	Key    string `json:"key"`
	UID    string `json:"uid,omitempty"` // of --uid and --pwd
	PWD    string `json:"pwd,omitempty"`
}

type assignedPair struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func printEvaluation(s streams, e resync.Evaluation, odd []rulecheck.Finding, asJSON bool) error {
	d := e.Decision
	out := evaluated{Alternative: d.Alternative, Why: d.Why, Assignments: []assignedPair{}, Skipped: e.Err == "" && d.Skipped(), Error: e.Err, Warnings: odd}
	for _, a := range d.Assignments {
		out.Assignments = append(out.Assignments, assignedPair{a.Name, a.Value})
	}
	if e.Method != "" {
		out.Request = &askedFor{e.Scheme, e.Host, int(e.Port), e.Path, e.Method, e.Body, d.Options.Key, d.Options.UID, d.Options.PWD}
	}
	if e.Syntax != nil {
		out.Hint = e.Syntax.Hint
	} else if e.Err != "" && d.HasURL && d.URL.Host == "" {
		out.Hint = "the rule names no server, and neither does an option of DHCP that the device heeds: nothing is sent, and what a device calls that is not known (switch no_server_err); give --tftp-server or --lease"
	}
	if asJSON {
		if err := writeJSON(s.out, out); err != nil {
			return err
		}
	} else {
		evaluationText(s, &out, e.Syntax)
		printWarnings(s, odd)
	}
	if e.Err != "" {
		return exitWith(exitFailed)
	}
	return nil
}

func evaluationText(s streams, e *evaluated, syntax *rule.SyntaxError) {
	if syntax != nil {
		printSyntax(s, syntax)
		return
	}
	if e.Error != "" {
		fmt.Fprintf(s.out, "fails: %s\n", e.Error)
		if e.Hint != "" {
			fmt.Fprintf(s.out, "hint: %s\n", e.Hint)
		}
		return
	}
	if e.Skipped {
		fmt.Fprintf(s.out, "the rule asks for nothing, which counts as success: %s\n", e.Why)
		return
	}
	fmt.Fprintln(s.out, e.Why)
	for _, a := range e.Assignments {
		fmt.Fprintf(s.out, "sets %s = %q\n", a.Name, a.Value)
	}
	if r := e.Request; r != nil {
		fmt.Fprintf(s.out, "%s %s://%s:%d%s\n", r.Method, r.Scheme, r.Host, r.Port, r.Path)
		if r.Key != "" {
			fmt.Fprintf(s.out, "key %s\n", r.Key)
		}
		if r.UID+r.PWD != "" {
			fmt.Fprintf(s.out, "user %s, password %s\n", r.UID, r.PWD)
		}
		if r.Body != "" {
			fmt.Fprintf(s.out, "body %q\n", r.Body)
		}
	}
}

func ruleCheckCommand(s streams) *cobra.Command {
	f := &ruleFlags{}
	c := &cobra.Command{
		Use:   "check RULE",
		Short: "Explain the first mistake in a rule, and warn of what is odd",
		Long: `Reads a rule as a device of this model and firmware does, including alternatives
whose condition is false, and marks and explains the first mistake. If there is
one, the exit code is 3.

It warns of what is no mistake but can hardly be meant: a comparison that is never
true, an alternative that is never reached, an unknown macro, an empty key, an
option that this firmware does not use. Each warning says how it is known.`,
		Example: `  spafleet rule check '($SWVER lt 5.2.5)? http://s/a.bin | http://s/b.bin'
  spafleet rule check '("$A" ne "x" http://s/x'`,
		Args: oneRule,
	}
	f.register(c)
	c.RunE = func(_ *cobra.Command, args []string) error {
		in, situation, err := f.input()
		if err != nil {
			return err
		}
		if text := in.Unit.Row.Assumption(); text != "" {
			fmt.Fprintln(s.err, text)
		}
		env := device.Env{Unit: &in.Unit, Params: in.Params, Situation: &situation}
		return checkRule(s, env, args[0], f.json)
	}
	return c
}

// checked is the JSON of rule check.
type checked struct {
	OK           bool                `json:"ok"`
	Model        string              `json:"model"`
	Firmware     string              `json:"firmware"`
	Alternatives int                 `json:"alternatives"`
	Error        string              `json:"error,omitempty"`
	Hint         string              `json:"hint,omitempty"`
	Column       *int                `json:"column,omitempty"`
	Text         string              `json:"text,omitempty"`
	Warnings     []rulecheck.Finding `json:"warnings,omitempty"`
}

func checkRule(s streams, env device.Env, text string, asJSON bool) error {
	row := env.Unit.Row
	all, err := rule.Alternatives(text, env, row.Dialect())
	syntax, _ := err.(*rule.SyntaxError) //nolint:errorlint // the package promises this type
	out := checked{OK: err == nil, Model: row.Model.Name, Firmware: row.Firmware.Version, Alternatives: len(all), Warnings: rulecheck.Rule(env, text)}
	switch {
	case asJSON:
		if syntax != nil {
			out.Error, out.Hint, out.Column, out.Text = syntax.Msg, syntax.Hint, &syntax.Column, syntax.Text
		}
		if err := writeJSON(s.out, out); err != nil {
			return err
		}
	case syntax != nil:
		fmt.Fprintf(s.out, "%s %s cannot read it\n", out.Model, out.Firmware)
		printSyntax(s, syntax)
	default:
		fmt.Fprintf(s.out, "%s %s reads it without a mistake; alternatives: %d\n", out.Model, out.Firmware, len(all))
		printWarnings(s, out.Warnings)
	}
	if err != nil {
		return exitWith(exitFailed)
	}
	return nil
}

func printWarnings(s streams, list []rulecheck.Finding) {
	for _, f := range list {
		fmt.Fprintf(s.out, "warning: %s\n", f)
	}
}

// printSyntax shows a mistake with its place marked.
func printSyntax(s streams, e *rule.SyntaxError) {
	line := strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, e.Text)
	at := min(max(e.Column, 0), len(line))
	fmt.Fprintf(s.out, "%s\n%s^\n%s\n", line, strings.Repeat(" ", len([]rune(line[:at]))), e.Msg)
	if e.Hint != "" {
		fmt.Fprintf(s.out, "hint: %s\n", e.Hint)
	}
}
