package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"spafleet/host"
	"spafleet/scenarios/doctor"
	"spafleet/scenarios/doctor/answer"
	"spafleet/scenarios/doctor/finding"
)

// doctorFlags say who asks, and where the answer goes.
type doctorFlags struct {
	asking        doctorDevices
	certs         certFlags
	safety        safetyFlags
	before, after string // servers or reports; "": one server is asked
	json          bool
	junit, html   string // files; "" for none
	limit         time.Duration
}

func doctorCommand(s streams) *cobra.Command {
	f := &doctorFlags{}
	c := &cobra.Command{
		Use:   "doctor URL|HOST",
		Short: "Ask a server which devices it would not provision, and why",
		Long: `Sends one device of each model and firmware to your server, and says which of them it
would not provision and why, with the setting of nginx, Apache or HAProxy that cures
it: TLS versions and suites, certificates, redirects, file names, compression, and
mistakes in the profiles. docs/doctor.md lists the checks.

URL is what Profile_Rule or a resync command has: macros such as $MA and $PN stand in
it, and --key and other options before it. What is left out is as on the device, so a
HOST alone is asked by TFTP for the factory's path.

Devices. Without --model and --devices these ask, each with its newest and its oldest
known firmware: ` + usualText() + `.
--model names others, as you like with a firmware behind the name. --devices takes one
of each model and firmware in a list, with its MAC address and certificate.

Certificates. Devices trust the test authorities of --certs, the built-in ones without
it, and those in the file of --trust. The makers' own authorities are not part of this
program: for a certificate that one of them signed, give --trust.

Two servers. --before A --after B says which devices a change strands and which it
cures. Each is a URL, a host, or a file that 'doctor --json' wrote.

A device makes three requests and changes nothing. It all ends after --timeout, and on
Ctrl-C; what was seen until then is shown, marked as incomplete.

Exit codes:
  0    nothing that was asked would break a device
  2    could not ask: arguments, file
  3    a device would not be provisioned; with --after: one that was before
  4    incomplete: not all could be asked, and nothing that was breaks a device
  5    the answer, or a file of it, could not be written
  130  interrupted`,
		Example: `  spafleet doctor 'https://prov.example.com/$MA.xml' --trust cisco.pem \
      --allow-public prov.example.com
  spafleet doctor 192.168.1.10
  spafleet doctor 'http://127.0.0.1:8080/$PN/$MA.cfg' --model SPA942,SPA504G
  spafleet doctor http://127.0.0.1:8080/phone.xml --model 'SPA504G 7.5.5'
  spafleet doctor 'https://prov.lan/$MA.xml' --devices phones.csv \
      --html doctor.html --junit doctor.xml
  spafleet doctor 'https://prov.lan/$MA.xml' --json > monday.json
  spafleet doctor --before monday.json --after 'https://new.lan/$MA.xml'`,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		},
	}
	flags := c.Flags()
	f.asking.register(flags)
	flags.StringVar(&f.before, "before", "", "the server before a change: a `URL`, a host, or a file of 'doctor --json'")
	flags.StringVar(&f.after, "after", "", "the server after it: a `URL`, a host, or a file")
	flags.BoolVar(&f.json, "json", false, "print one JSON object")
	flags.StringVar(&f.junit, "junit", "", "write the answer as JUnit XML to this `FILE`, for CI systems")
	flags.StringVar(&f.html, "html", "", "write the answer as a web page to this `FILE`")
	flags.Var(durationFlag{&f.limit}, "timeout", "end after this `TIME` (default 1m)")
	f.certs.registerTrust(flags)
	flags.Var(hostsFlag{&f.safety.public}, "allow-public", "let devices contact this public `HOST`, a name or an address; may be repeated")
	flags.Var(serversFlag{&f.safety.nameServers}, "dns", "name server, `ADDRESS` or ADDRESS:PORT; may be repeated (default: those of this machine)")
	c.Args = func(c *cobra.Command, args []string) error { return f.arguments(args) }
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return f.compare(c.Context(), s)
		}
		return f.ask(c.Context(), s, args[0])
	}
	return c
}

// arguments refuses what cannot be asked.
func (f *doctorFlags) arguments(args []string) error {
	two := f.before != "" || f.after != ""
	switch {
	case len(args) == 0 && !two:
		return errors.New("give the URL or the host of your server, such as 'http://127.0.0.1:8080/$MA.xml'")
	case len(args) > 1:
		return fmt.Errorf("doctor asks one server, and %q is a second one; for two: --before A --after B", args[1])
	case len(args) == 1 && args[0] == "":
		return errors.New("the URL is empty: give that of your server, such as 'http://127.0.0.1:8080/$MA.xml'")
	case len(args) == 1 && two:
		return fmt.Errorf("--before and --after name two servers, and %q is a third one: leave it out", args[0])
	case two && (f.before == "" || f.after == ""):
		return errors.New("--before and --after go together: one server or report each")
	case two && (f.html != "" || f.junit != ""):
		return errors.New("--html and --junit are for one server; --json shows what a change does")
	case f.before == "-" && f.after == "-", two && f.asking.devices == "-" && (f.before == "-" || f.after == "-"):
		return errors.New("standard input can be read once: give one of --before, --after and --devices as -, and files for the others")
	}
	return nil
}

// ask asks one server and writes what it found.
func (f *doctorFlags) ask(ctx context.Context, s streams, url string) error {
	forms := []struct {
		flag, path string
		write      func(io.Writer, *finding.Report) error
	}{{"--junit", f.junit, answer.WriteJUnit}, {"--html", f.html, answer.WritePage}}
	for _, form := range forms {
		if form.path == "" {
			continue
		}
		if err := host.CheckWrite(form.path); err != nil {
			return fmt.Errorf("%s: %w", form.flag, err)
		}
	}
	who, err := f.askers(s)
	if err != nil {
		return err
	}
	q, err := f.question(who, url)
	if err != nil {
		return err
	}
	r, err := examine(ctx, s, q)
	if err != nil {
		return err
	}
	exit := doctorExit(ctx, r)
	if f.json {
		err = answer.WriteJSON(s.out, r, exit)
	} else {
		err = answer.WriteText(s.out, r)
	}
	for _, form := range forms {
		if form.path != "" {
			err = errors.Join(err, writeAnswer(form.path, form.write, r))
		}
	}
	switch {
	case err != nil:
		return &notKept{err}
	case exit != exitOK:
		return exitWith(exit)
	}
	return nil
}

// writeAnswer writes a form of a report to a file, whole or not at all.
func writeAnswer(path string, write func(io.Writer, *finding.Report) error, r *finding.Report) error {
	var b bytes.Buffer
	if err := write(&b, r); err != nil {
		return err
	}
	return host.WriteFile(path, b.Bytes(), 0o644)
}

// doctorExit is the exit code of a report.
func doctorExit(ctx context.Context, r *finding.Report) int {
	switch verdict := answer.Verdict(r); {
	case ctx.Err() != nil:
		return exitInterrupted
	case verdict == answer.Breaks:
		return exitFailed
	case verdict == answer.Incomplete:
		return exitInvalid
	}
	return exitOK
}

// examine asks a server.
func examine(ctx context.Context, s streams, q doctor.Question) (*finding.Report, error) {
	progress := &statusLine{w: s.err}
	q.Told = func(done, all int) {
		progress.show(fmt.Sprintf("%d of %d devices have asked %s", done, all, oneLine(q.URL)))
	}
	r, err := doctor.Ask(ctx, q)
	progress.end()
	if err != nil {
		return nil, err
	}
	return r, refusedContact(q.Guard, r)
}

// A compared server is one of two: a report that was written before, or a question.
type compared struct {
	flag, name string
	report     *finding.Report
	question   doctor.Question
}

// compare says what a change from one server to another does.
func (f *doctorFlags) compare(ctx context.Context, s streams) error {
	two := [2]*compared{{flag: "--before", name: f.before}, {flag: "--after", name: f.after}}
	if err := f.prepare(s, two); err != nil { // before a server is asked for nothing
		return err
	}
	for _, one := range two {
		if one.report != nil {
			continue
		}
		var err error
		if one.report, err = examine(ctx, s, one.question); err != nil {
			return fmt.Errorf("%s: %w", one.flag, err)
		}
	}
	before, after := two[0].report, two[1].report
	c := answer.Compare(before, after)
	exit := exitOK
	switch {
	case ctx.Err() != nil:
		exit = exitInterrupted
	case len(c.Strands) > 0:
		exit = exitFailed
	case c.Devices == 0 || before.Incomplete != "" || after.Incomplete != "":
		exit = exitInvalid
	}
	var err error
	if f.json {
		err = c.WriteJSON(s.out, exit)
	} else {
		err = c.WriteText(s.out)
	}
	if err == nil && exit != exitOK {
		return exitWith(exit)
	}
	return err
}

// prepare reads the reports, and makes the questions of the servers. The same devices
// ask both.
func (f *doctorFlags) prepare(s streams, two [2]*compared) error {
	var who *askers
	for _, one := range two {
		var err error
		if isReport(one.name) {
			if one.report, err = savedReport(s, one.flag, one.name); err != nil {
				return err
			}
			continue
		}
		if who == nil {
			if who, err = f.askers(s); err != nil {
				return err
			}
		}
		if one.question, err = f.question(who, one.name); err != nil {
			return fmt.Errorf("%s: %w", one.flag, err)
		}
	}
	return nil
}

// savedReport returns the report in a file.
func savedReport(s streams, flag, name string) (*finding.Report, error) {
	text, err := readInput(s, name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	r, err := answer.Read(text)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", flag, name, err)
	}
	return r, nil
}
