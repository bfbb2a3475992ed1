package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"spafleet/device/measure"
	"spafleet/fsm"
	"spafleet/host"
	"spafleet/host/lines"
	"spafleet/scenarios/console"
	"spafleet/scenarios/report"
)

// urlVariable is the environment variable that says where a console is, and usualConsole
// where it is otherwise.
const (
	urlVariable  = "SPAFLEET_URL"
	usualConsole = "http://127.0.0.1:9000"
)

// ctlFlags say which run is asked.
type ctlFlags struct {
	streams
	url       string
	tokenFile string
	ca        string // file of the authorities that the console's certificate is of; "": the machine's
	json      bool
}

func ctlCommand(s streams) *cobra.Command {
	c := &cobra.Command{
		Use:   "ctl",
		Short: "Ask a run how it stands, and steer its devices",
		Long: `Asks a run that was started with --console how it stands, and orders its devices
about.

The run prints an address with a token. Give it as --url, quoted, or put the token
into the environment: ` + tokenVariable + `. ` + urlVariable + ` may have the address. A run can
be given its token too: 'spafleet run --console-token-file FILE'.

DEVICE is an index, a MAC address in any spelling or a serial number. An order is for
one device, for those that --mac, --serial, --address, --state and --model select
together, or with --all for each.

In virtual time devices hear nobody but the scenario: there ctl can ask, and order
nothing. docs/console.md describes the API that ctl uses.`,
		Example: `  spafleet run outage.yaml --console 127.0.0.1:9000
  export ` + tokenVariable + `=TOKEN
  spafleet ctl summary
  spafleet ctl devices --state SP-CUST
  spafleet ctl resync --model SPA942
  spafleet ctl fault status=503 --all`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(ctlSummaryCommand(s), ctlWatchCommand(s), ctlDevicesCommand(s), ctlDeviceCommand(s), ctlKeysCommand(s), ctlFaultCommand(s), ctlFaultsCommand(s), ctlEndFaultCommand(s))
	for _, a := range console.Actions() {
		c.AddCommand(ctlOrderCommand(s, a))
	}
	return c
}

func (f *ctlFlags) register(c *cobra.Command) {
	c.Flags().StringVar(&f.url, "url", "", "`URL` of the console, as the run printed it (default: that of the environment, "+urlVariable+", or "+usualConsole+")")
	c.Flags().StringVar(&f.tokenFile, "token-file", "", "take the token from this `FILE` (default: that of --url, or of the environment, "+tokenVariable+")")
	c.Flags().StringVar(&f.ca, "console-ca", "", "`FILE` of the authorities that the certificate of an https console is of (default: those of this machine)")
	c.Flags().BoolVar(&f.json, "json", false, "print the answer of the API")
}

// selectFlags say which devices are meant.
type selectFlags struct {
	console.Filter
	all bool
}

func (f *selectFlags) register(c *cobra.Command) {
	c.Flags().StringVar(&f.MAC, "mac", "", "devices whose `MAC` address begins so, in any spelling")
	c.Flags().StringVar(&f.Serial, "serial", "", "devices whose serial `NUMBER` begins so")
	c.Flags().StringVar(&f.Address, "address", "", "devices at this `ADDRESS`, or of a prefix such as 127.64.1.0/24")
	c.Flags().StringVar(&f.State, "state", "", "devices in this `STATE` of the lifecycle")
	c.Flags().StringVar(&f.Model, "model", "", "devices of this `MODEL`")
	_ = c.RegisterFlagCompletionFunc("state", func(_ *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
		return begun(fsm.StateNames(), word), cobra.ShellCompDirectiveNoFileComp
	})
}

// A caller asks a console.
type caller struct {
	base, token string
	client      *http.Client
}

// caller reads the flags.
func (f *ctlFlags) caller() (*caller, error) {
	at := cmp.Or(f.url, os.Getenv(urlVariable), usualConsole)
	u, err := url.Parse(at)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("--url %q is not the URL of a console, such as %s", at, usualConsole)
	}
	token := u.Query().Get("token")
	switch {
	case f.tokenFile != "":
		if token, err = readToken(f.tokenFile); err != nil {
			return nil, fmt.Errorf("--token-file: %w", err)
		}
	case token == "":
		token = os.Getenv(tokenVariable)
	}
	if token == "" {
		return nil, fmt.Errorf("there is no token: give the URL that the run printed as --url, a file as --token-file, or set %s", tokenVariable)
	}
	transport := &http.Transport{Proxy: nil, DisableKeepAlives: true}
	if f.ca != "" {
		pool := x509.NewCertPool()
		text, err := host.ReadFile(f.ca, mostPEM)
		if err != nil {
			return nil, fmt.Errorf("--console-ca: %w", err)
		}
		if !pool.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("--console-ca: %s has no certificate", f.ca)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // the token goes nowhere else
	return &caller{u.Scheme + "://" + u.Host, token, &http.Client{Transport: transport, CheckRedirect: stay, Timeout: time.Minute}}, nil
}

// mostAnswer is how many bytes of an answer are read.
const mostAnswer = 16 << 20

// errGone says that no console answers.
var errGone = errors.New("no console answers there")

// ask sends a request, with a body where there is one, and returns what the API answers.
func (c *caller) ask(ctx context.Context, method, path string, body any) ([]byte, error) {
	var text bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&text).Encode(body); err != nil {
			return nil, err
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, c.base+"/api/v1/"+path, &text)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	a, err := c.client.Do(r)
	var not *url.Error
	var stranger *tls.CertificateVerificationError
	switch {
	case errors.As(err, &stranger):
		return nil, fmt.Errorf("%s: %w; give the authorities of its certificate by --console-ca", c.base, stranger)
	case errors.As(err, &not):
		return nil, fmt.Errorf("%w: %s: %w; start a run with --console, or give its --url", errGone, c.base, not.Err)
	case err != nil:
		return nil, err
	}
	defer a.Body.Close()
	answer, err := host.ReadAll(a.Body, "the answer of "+c.base, mostAnswer)
	if err != nil {
		return nil, err
	}
	if a.StatusCode == http.StatusOK {
		return answer, nil
	}
	var why struct{ Error string }
	if json.Unmarshal(answer, &why) != nil || why.Error == "" {
		return nil, fmt.Errorf("%s is no console: it answers %s", c.base, a.Status)
	}
	if a.StatusCode == http.StatusUnauthorized {
		return nil, fmt.Errorf("%s: %s; give the URL that it printed as --url, or the token by --token-file or %s", c.base, why.Error, tokenVariable)
	}
	return nil, errors.New(why.Error)
}

// tell asks for a value, and prints it as it came or by a function.
func tell[T any](ctx context.Context, f *ctlFlags, method, path string, body any, show func(io.Writer, *T)) error {
	c, err := f.caller()
	if err != nil {
		return err
	}
	text, err := c.ask(ctx, method, path, body)
	if err != nil {
		return err
	}
	var v T
	if err := json.Unmarshal(text, &v); err != nil {
		return fmt.Errorf("%s is another version of the console: %w", c.base, err)
	}
	if f.json {
		return writeJSON(f.out, json.RawMessage(text))
	}
	show(f.out, &v)
	return nil
}

func ctlSummaryCommand(s streams) *cobra.Command {
	f := &ctlFlags{streams: s}
	c := &cobra.Command{
		Use:   "summary",
		Short: "Print how the fleet stands",
		Example: `  spafleet ctl summary
  spafleet ctl summary --json | jq .states`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return tell(c.Context(), f, "GET", "summary", nil, printSummary)
		},
	}
	f.register(c)
	return c
}

func printSummary(w io.Writer, sum *console.Summary) {
	fmt.Fprintf(w, "%s: %s, %d provisioned, %d without an answer\n", oneLine(sum.Scenario), measure.Counted(sum.Devices, "device"), sum.Provisioned, sum.Unanswered)
	fmt.Fprintf(w, "  %s\n", strings.Join(states(sum), ", "))
	fmt.Fprintf(w, "  resyncs %d ok, %d failed, %.1f a second lately, %s now\n", sum.Resyncs.OK, sum.Resyncs.Failed, sum.Rate, measure.Counted(sum.Running, "attempt"))
	fmt.Fprintf(w, "  this machine: CPU %.0f%%, attempts %.3fs late (p99)\n", 100*sum.CPU, sum.Late)
	for _, e := range sum.Expectations {
		mark := "…"
		switch {
		case e.OK:
			mark = "✓"
		case e.Decided:
			mark = "✗"
		}
		fmt.Fprintf(w, "  %s %s: %d of %s\n", mark, oneLine(e.Name), e.Held, measure.Counted(e.Devices, "device"))
	}
	if len(sum.Phases) > 0 {
		rows := [][]string{{"phase", "count", "median", "p95", "p99"}}
		for _, f := range sum.Phases {
			rows = append(rows, []string{f.Name, fmt.Sprint(f.Count), report.Seconds(f.Med), report.Seconds(f.P95), report.Seconds(f.P99)})
		}
		writeTable(w, "  ", rows)
	}
	for _, e := range sum.Errors {
		fmt.Fprintf(w, "  %7d × %s: %s\n", e.Count, oneLine(strings.TrimSpace(e.What+" "+e.Result)), oneLine(e.Err))
	}
}

// states are how many devices are in each state of the lifecycle.
func states(sum *console.Summary) (list []string) {
	for _, name := range fsm.StateNames() {
		list = append(list, fmt.Sprintf("%s %d", name, sum.States[name]))
	}
	return list
}

func ctlWatchCommand(s streams) *cobra.Command {
	f := &ctlFlags{streams: s}
	c := &cobra.Command{
		Use:   "watch",
		Short: "Print a line a second until the run ends",
		Example: `  spafleet ctl watch
  spafleet ctl watch --json | jq -c .resyncs`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return f.watch(c.Context()) },
	}
	f.register(c)
	return c
}

// watch prints how the fleet stands each second, until nobody answers any more.
func (f *ctlFlags) watch(ctx context.Context) error {
	c, err := f.caller()
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		text, err := c.ask(ctx, "GET", "summary", nil)
		switch {
		case ctx.Err() != nil, n > 0 && errors.Is(err, errGone):
			return nil
		case err != nil:
			return err
		}
		var sum console.Summary
		if err := json.Unmarshal(text, &sum); err != nil {
			return fmt.Errorf("%s is another version of the console: %w", c.base, err)
		}
		if f.json {
			_, err = f.out.Write(text)
		} else {
			_, err = fmt.Fprintf(f.out, "%s  %s, resyncs %d ok %d failed\n", sum.Now.Format(time.TimeOnly), strings.Join(states(&sum), " "), sum.Resyncs.OK, sum.Resyncs.Failed)
		}
		if err != nil || host.Sleep(ctx, time.Second) != nil {
			return err
		}
	}
}

func ctlDevicesCommand(s streams) *cobra.Command {
	f, of := &ctlFlags{streams: s}, &selectFlags{}
	from, limit := 0, 0
	c := &cobra.Command{
		Use:   "devices",
		Short: "List devices",
		Example: `  spafleet ctl devices
  spafleet ctl devices --state MFG-RESET --model SPA942 --limit 500
  spafleet ctl devices --mac 000e08 --json | jq -r '.devices[].serial'`,
		Args: noArgs,
	}
	f.register(c)
	of.register(c)
	c.Flags().IntVar(&from, "from", 0, "begin with this `NUMBER`, which the list before has named")
	c.Flags().IntVar(&limit, "limit", 50, fmt.Sprintf("list so many, a `NUMBER` up to %d", console.MostOfPage))
	c.RunE = func(c *cobra.Command, _ []string) error {
		q := of.Query()
		q.Set("from", fmt.Sprint(from))
		q.Set("limit", fmt.Sprint(limit))
		return tell(c.Context(), f, "GET", "devices?"+q.Encode(), nil, printDevices)
	}
	return c
}

func printDevices(w io.Writer, p *console.Page) {
	if len(p.Devices) == 0 {
		fmt.Fprintln(w, "no device is so")
		return
	}
	rows := [][]string{{"index", "MAC", "model", "state", "power", "address", "resyncs"}}
	for i := range p.Devices {
		d := &p.Devices[i]
		resyncs := fmt.Sprintf("%d ok", d.Resyncs.OK)
		if d.Resyncs.Failed > 0 {
			resyncs += fmt.Sprintf(", %d failed", d.Resyncs.Failed)
		}
		rows = append(rows, []string{fmt.Sprint(d.Index), d.MAC, d.Model, d.State, d.Power, d.Address, resyncs})
	}
	writeTable(w, "", rows)
	if p.Next != nil {
		fmt.Fprintf(w, "more: --from %d\n", *p.Next)
	}
}

// oneOf takes the name of a device, or none.
func oneOf(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) > 1 {
			return fmt.Errorf("%s takes one device: its index, MAC address or serial number; for more there are --mac, --serial, --address, --state, --model and --all", what)
		}
		return nil
	}
}

func ctlDeviceCommand(s streams) *cobra.Command {
	f := &ctlFlags{streams: s}
	c := &cobra.Command{
		Use:   "device DEVICE",
		Short: "Print what one device is and did last",
		Example: `  spafleet ctl device 17
  spafleet ctl device 00:0e:08:f7:4f:91 --json | jq .parameters`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("give one device: its index, MAC address or serial number")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			return tell(c.Context(), f, "GET", "devices/"+url.PathEscape(args[0]), nil, printDevice)
		},
	}
	f.register(c)
	return c
}

func printDevice(w io.Writer, d *console.Detail) {
	moment := func(at *time.Time) string {
		if at == nil {
			return "none"
		}
		return at.Format(time.RFC3339)
	}
	web := d.Web
	if web == "" {
		web = "does not answer"
	}
	writeTable(w, "", [][]string{
		{"device", fmt.Sprintf("%d, %s %s", d.Index, d.Model, d.Firmware)}, {"MAC", d.MAC}, {"serial", d.Serial}, {"address", d.Address}, {"state", d.State}, {"power", d.Power},
		{"resyncs", fmt.Sprintf("%d ok, %d failed; next %s", d.Resyncs.OK, d.Resyncs.Failed, moment(d.Due))}, {"certificate", d.Certificate}, {"web", web},
	})
	if len(d.Parameters) > 0 {
		fmt.Fprintln(w, "\nparameters other than the default")
		var rows [][]string
		for _, p := range d.Parameters {
			rows = append(rows, []string{"  " + p.Name, p.Origin, oneLine(p.Value)})
		}
		writeColumns(w, lines.Width, rows)
	}
	if len(d.Did) > 0 {
		fmt.Fprintln(w, "\nwhat it did last")
		var rows [][]string
		for _, e := range d.Did {
			rows = append(rows, []string{"  " + e.At.Format(time.TimeOnly), oneLine(e.Text)})
		}
		writeColumns(w, lines.Width, rows)
	}
}

func ctlKeysCommand(s streams) *cobra.Command {
	f, of := &ctlFlags{streams: s}, &selectFlags{}
	c := &cobra.Command{
		Use:   "keys [DEVICE] KEYS",
		Short: "Press keys at a device's keypad and print what its menu says",
		Long: `Takes the handset of one device off and presses keys: digits, * and #. Prints what
its voice menu says; docs/ivr.md has the menu. What was saved there takes effect when
the call ends: 'spafleet ctl on-hook DEVICE'. At the devices of a selection a caller
presses the keys and hangs up; how many had a menu that answers is printed.`,
		Example: `  spafleet ctl keys 17 '****110#'
  spafleet ctl on-hook 17
  spafleet ctl keys '****732668#' --model SPA2102`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 && len(args) != 2 {
				return errors.New("give a device and keys, such as 17 '****110#', or keys and a selection")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			keys := args[len(args)-1]
			path, err := of.path(strings.Join(args[:len(args)-1], ""), "keys")
			if err != nil {
				return err
			}
			if len(args) == 1 {
				body := console.DialAll{Selection: console.Selection{Filter: of.Filter, All: of.all}, Dial: console.Dial{Keys: keys}}
				return tell(c.Context(), f, "POST", path, body, func(w io.Writer, o *console.Ordered) {
					fmt.Fprintf(w, "keys: %s\n", measure.Counted(o.Devices, "device"))
				})
			}
			return tell(c.Context(), f, "POST", path, console.Dial{Keys: keys}, func(w io.Writer, h *console.Heard) {
				for _, said := range h.Said {
					fmt.Fprintf(w, "says: %s\n", oneLine(said))
				}
			})
		},
	}
	f.register(c)
	of.register(c)
	c.Flags().BoolVar(&of.all, "all", false, "each device of the run")
	return c
}

// ctlOrderCommand is the command of an action.
func ctlOrderCommand(s streams, a console.Action) *cobra.Command {
	f, of := &ctlFlags{streams: s}, &selectFlags{}
	c := &cobra.Command{
		Use:   a.Name + " [DEVICE]",
		Short: a.Label + ": one device, a selection or --all",
		Long: a.About + `. Give one device, which is waited for until it has heard
that, or a selection, which is not: devices without power do not hear it.`,
		Example: fmt.Sprintf("  spafleet ctl %[1]s 17\n  spafleet ctl %[1]s --state SP-CUST --model SPA942\n  spafleet ctl %[1]s --all", a.Name),
		Args:    oneOf(a.Name),
	}
	f.register(c)
	of.register(c)
	c.Flags().BoolVar(&of.all, "all", false, "each device of the run")
	c.RunE = func(c *cobra.Command, args []string) error {
		show := func(w io.Writer, o *console.Ordered) {
			fmt.Fprintf(w, "%s: %s\n", a.Name, measure.Counted(o.Devices, "device"))
		}
		path, err := of.path(strings.Join(args, ""), a.Name)
		if err != nil {
			return err
		}
		var body any // none for one device
		if len(args) == 0 {
			body = console.Selection{Filter: of.Filter, All: of.all}
		}
		return tell(c.Context(), f, "POST", path, body, show)
	}
	return c
}
