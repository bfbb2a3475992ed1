package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"spafleet/device/measure"
	"spafleet/host"
	"spafleet/scenarios/accesslog"
	"spafleet/scenarios/fromlog"
)

// importFlags say what is made of logs.
type importFlags struct {
	out      string
	from, to string
	roots    []string
	json     bool
	options  fromlog.Options
}

func fleetImportCommand(s streams) *cobra.Command {
	f := &importFlags{}
	c := &cobra.Command{
		Use:   "import LOG...",
		Short: "Make a scenario of the logs of a provisioning server",
		Long: `Reads logs of provisioning servers and writes a scenario with the same devices: their
models and firmware, the names of their files, how often they ask, and how many are
behind one address. It runs as it stands, against the built-in server in simulated
time; put your own in the place of 'server:' to load that.

Logs are those of nginx and Apache in the combined or common format, and what
tftpd-hpa (with -v), atftpd and dnsmasq tell syslog. They may be mixed, and packed by
gzip; - is standard input. Several are read in the order of their first lines.

A device is known by its User-Agent, or by TFTP by the MAC address in the name of a
file; the model then is a guess. Comments in the scenario say what was seen and what
is guessed. No MAC address, serial number or client address gets into it, nor keys,
logins or what looks like one. --keep-macs keeps MAC addresses and serial numbers, in
a list beside the scenario.

--replay makes a scenario in which each device asks at the instants of the log, as in
last Tuesday's outage. They stand in a file beside it.`,
		Example: `  spafleet fleet import /var/log/nginx/access.log
  spafleet fleet import access.log.2.gz access.log.1 access.log --out fleet.yaml
  journalctl -u tftpd-hpa -o short-iso-precise | spafleet fleet import -
  spafleet fleet import access.log --replay --out tuesday.yaml \
      --from '2026-11-24 09:00' --to '2026-11-24 12:00'
  spafleet fleet import access.log --json | jq '.groups[] | {name, devices}'`,
	}
	c.Args = func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return errors.New("give the log of a provisioning server, such as /var/log/nginx/access.log, or - for standard input")
		}
		return nil
	}
	flags := c.Flags()
	flags.StringVar(&f.out, "out", "imported.yaml", "write the scenario to this `FILE`, which must not be there yet; - for stdout")
	flags.BoolVar(&f.options.Arrivals, "replay", false, "keep the instants at which each device began to ask")
	flags.BoolVar(&f.options.KeepIdentities, "keep-macs", false, "keep MAC addresses and serial numbers, in a list beside the scenario")
	flags.BoolVar(&f.options.HTTPS, "https", false, "the requests came by HTTPS, which a log does not tell")
	flags.StringVar(&f.from, "from", "", "leave out what is before this `TIME`, such as '2026-11-24 09:00', of this machine's time zone")
	flags.StringVar(&f.to, "to", "", "leave out what is at this `TIME` or after it")
	flags.StringArrayVar(&f.roots, "tftp-root", nil, "`DIR` that dnsmasq serves by TFTP, which it logs before each name; may be repeated (default: the usual ones)")
	flags.BoolVar(&f.json, "json", false, "print the summary as one JSON object")
	_ = c.MarkFlagDirname("tftp-root")
	c.RunE = func(c *cobra.Command, args []string) error { return f.run(s, args) }
	return c
}

// imported is the summary of an import, in the form of its JSON.
type imported struct {
	Scenario string  `json:"scenario"`
	DeviceAt string  `json:"device_list,omitempty"`
	Replay   string  `json:"replay,omitempty"`
	Logs     []oneIn `json:"logs"`
	fromlog.Summary
}

// oneIn is a log that was read.
type oneIn struct {
	Name       string   `json:"name"`
	Lines      int      `json:"lines"`
	Requests   int      `json:"requests"`
	Other      int      `json:"other"`
	TooLong    int      `json:"too_long"`
	Unreadable int      `json:"unreadable"`
	First      []badOne `json:"first_unreadable,omitempty"`
	Broken     string   `json:"broken,omitempty"` // why it could not be read to its end
}

type badOne struct {
	Line int    `json:"line"`
	Text string `json:"text"`
}

func (f *importFlags) run(s streams, logs []string) error {
	beside, err := f.files()
	if err != nil {
		return err
	}
	if f.options.From, err = parseMoment("from", f.from); err != nil {
		return err
	}
	if f.options.To, err = parseMoment("to", f.to); err != nil {
		return err
	}
	now := time.Now()
	logs, err = inOrder(logs, now)
	if err != nil {
		return err
	}
	sum := imported{Scenario: f.out}
	survey := fromlog.New(f.options)
	show := newReading(s.err, logs)
	for _, name := range logs {
		one, err := f.read(s.in, name, survey, now, show)
		if err != nil {
			show.line.end()
			return err
		}
		sum.Logs = append(sum.Logs, one)
	}
	show.line.end()
	result, err := survey.Scenario(beside.naming(logs))
	if err != nil {
		tellLogs(s.err, sum.Logs)
		return err
	}
	sum.Summary = result.Summary
	if err := f.write(s.out, result, beside, &sum); err != nil {
		return err
	}
	switch {
	case f.json && f.out != "-":
		return writeJSON(s.out, sum)
	case f.json:
		return writeJSON(s.err, sum)
	case f.out == "-":
		tellImport(s.err, &sum)
	default:
		tellImport(s.out, &sum)
	}
	return nil
}

// parseMoment reads a time of a flag; none is the zero Time.
func parseMoment(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, form := range []string{time.RFC3339, "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(form, text, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("--%s %q is not a time such as '2026-11-24 09:00' or 2026-11-24T09:00:00Z", flag, text)
}

// outFiles are the scenario and what stands beside it.
type outFiles struct{ scenario, devices, arrivals string }

// files returns the files that are written, none of which may be there.
func (f *importFlags) files() (o outFiles, err error) {
	o.scenario = f.out
	if f.out == "-" {
		if f.options.Arrivals || f.options.KeepIdentities {
			return o, errors.New("--replay and --keep-macs write a file beside the scenario: give --out a name")
		}
		return o, nil
	}
	if filepath.Ext(f.out) == "" {
		o.scenario += ".yaml"
	}
	stem := strings.TrimSuffix(o.scenario, filepath.Ext(o.scenario))
	list := []string{o.scenario}
	if f.options.KeepIdentities {
		o.devices = stem + ".devices.csv"
		list = append(list, o.devices)
	}
	if f.options.Arrivals {
		o.arrivals = stem + ".arrivals.csv"
		list = append(list, o.arrivals)
	}
	for _, name := range list {
		if _, err := os.Lstat(name); err == nil {
			return o, fmt.Errorf("%s is there already: give --out another name, or remove it", name)
		}
		if err := host.CheckWrite(name); err != nil {
			return o, fmt.Errorf("--out: %w", err)
		}
	}
	f.out = o.scenario
	return o, nil
}

// naming returns what the scenario calls itself and the files beside it.
func (o *outFiles) naming(logs []string) fromlog.Naming {
	n := fromlog.Naming{Name: "imported", Source: "1 log", Devices: o.devices, Arrivals: filepath.Base(o.arrivals)}
	if len(logs) > 1 {
		n.Source = fmt.Sprintf("%d logs", len(logs))
	}
	if o.scenario == "-" {
		return n
	}
	n.Name = strings.TrimSuffix(filepath.Base(o.scenario), filepath.Ext(o.scenario))
	return n
}

// write writes the files, the scenario last: it names the others.
func (f *importFlags) write(w io.Writer, r *fromlog.Result, o outFiles, sum *imported) error {
	if o.scenario == "-" {
		_, err := w.Write(r.Text)
		return err
	}
	for _, file := range []struct {
		name string
		text []byte
	}{{o.devices, r.Devices}, {o.arrivals, r.Arrivals}, {o.scenario, r.Text}} {
		if file.name == "" {
			continue
		}
		if err := host.CreateFile(file.name, file.text, 0o666); errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s is there already: give --out another name, or remove it", file.name)
		} else if err != nil {
			return &notKept{err}
		}
	}
	sum.Scenario, sum.DeviceAt, sum.Replay = o.scenario, o.devices, o.arrivals
	return nil
}

// read reads one log. What breaks it off is no error: what was read counts.
func (f *importFlags) read(stdin io.Reader, name string, survey *fromlog.Survey, now time.Time, show *reading) (oneIn, error) {
	one := oneIn{Name: name}
	in := stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return one, err
		}
		defer file.Close()
		in = file
	}
	log, err := accesslog.NewReader(show.of(in), accesslog.Options{Now: now, Roots: f.roots})
	if err != nil {
		return one, fmt.Errorf("%s: %w", name, err)
	}
	for e := (accesslog.Entry{}); log.Next(&e); {
		if err := survey.Add(&e); err != nil {
			return one, fmt.Errorf("%s, line %d: %w", name, log.Counts.Lines, err)
		}
		show.at(&log.Counts)
	}
	show.ended(&log.Counts)
	c := &log.Counts
	one.Lines, one.Requests, one.Other, one.TooLong, one.Unreadable = c.Lines, c.Requests, c.Other, c.Long, c.Bad
	for _, bad := range c.First {
		one.First = append(one.First, badOne(bad))
	}
	if err := log.Err(); err != nil {
		one.Broken = err.Error()
		if c.Lines == 0 {
			return one, fmt.Errorf("%s: %w", name, err)
		}
	}
	return one, nil
}

// inOrder returns logs in the order of their first requests: a shell lists access.log
// before access.log.1, which is older.
func inOrder(logs []string, now time.Time) ([]string, error) {
	first := map[string]int64{}
	for _, name := range logs {
		if name == "-" {
			if len(logs) > 1 {
				return nil, errors.New("- is standard input, and goes with no other log")
			}
			return logs, nil
		}
		file, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("%w; give the log of a provisioning server", err)
		}
		if info, err := file.Stat(); err == nil && info.IsDir() {
			file.Close()
			return nil, fmt.Errorf("%s is a folder; give the logs in it, such as %s", name, filepath.Join(name, "access.log"))
		} else if err == nil && !info.Mode().IsRegular() {
			file.Close()
			continue // a pipe can be read once
		}
		if log, err := accesslog.NewReader(file, accesslog.Options{Now: now}); err == nil {
			if e := (accesslog.Entry{}); log.Next(&e) {
				first[name] = e.At
			}
		}
		file.Close()
	}
	logs = slices.Clone(logs)
	slices.SortStableFunc(logs, func(a, b string) int { return cmp.Compare(first[a], first[b]) })
	return logs, nil
}

// tellImport says what was imported, for a person.
func tellImport(w io.Writer, sum *imported) {
	var b strings.Builder
	where := sum.Scenario
	if where == "-" {
		where = "the scenario"
	}
	fmt.Fprintf(&b, "%s: %s at %s, from %s, %s to %s\n\n", where, measure.Counted(sum.Devices, "device"), measure.Counted(sum.Addresses, "address"),
		measure.Counted(sum.Requests.Requests, "request"), sum.Requests.First.UTC().Format("2006-01-02 15:04:05"), sum.Requests.Last.UTC().Format("2006-01-02 15:04:05 MST"))
	rows := [][]string{{"GROUP", "DEVICES", "EVERY", "MODELS", "FILES"}}
	for _, g := range sum.Groups {
		rows = append(rows, []string{g.Name, fmt.Sprint(g.Devices), every(&g), modelsOf(g.Models), strings.Join(g.Files, " ")})
	}
	writeTable(&b, "  ", rows)
	if sum.Addresses < sum.Devices {
		var list []string
		for _, n := range slices.Sorted(maps.Keys(sum.NAT)) {
			list = append(list, fmt.Sprintf("%d × %d", sum.NAT[n], n))
		}
		fmt.Fprintf(&b, "\n  addresses × devices behind each: %s\n", strings.Join(list, ", "))
	}
	b.WriteByte('\n')
	if left := sum.Requests.LeftOut(); left != "" {
		fmt.Fprintf(&b, "left out: %s\n", left)
	}
	for _, g := range sum.Guesses {
		fmt.Fprintf(&b, "guessed: %s\n", oneLine(g))
	}
	tellLogs(&b, sum.Logs)
	if sum.Replay != "" {
		fmt.Fprintf(&b, "%s has the instants of %s\n", sum.Replay, measure.Counted(sum.Arrivals, "arrival"))
	}
	if sum.DeviceAt != "" {
		fmt.Fprintf(&b, "%s has the MAC addresses of real devices\n", sum.DeviceAt)
	}
	if sum.Scenario != "-" {
		fmt.Fprintf(&b, "run it: spafleet run %s\n", sum.Scenario)
	}
	_, _ = io.WriteString(w, b.String()) // to a closed pipe it does not matter
}

// every says how often the devices of a group ask.
func every(g *fromlog.Group) string {
	switch {
	case g.Interval == 0:
		return "-"
	case g.Jitter > 0:
		return measure.Format(time.Duration(g.Interval)*time.Second) + " + " + measure.Format(time.Duration(g.Jitter)*time.Second)
	}
	return measure.Format(time.Duration(g.Interval) * time.Second)
}

// mostImported is how many models of a group a line names.
const mostImported = 4

func modelsOf(of map[string]int) string {
	names := slices.SortedFunc(maps.Keys(of), func(a, b string) int { return cmp.Or(cmp.Compare(of[b], of[a]), cmp.Compare(a, b)) })
	var list []string
	for _, name := range names[:min(len(names), mostImported)] {
		list = append(list, fmt.Sprintf("%s: %d", name, of[name]))
	}
	if n := len(names) - mostImported; n > 0 {
		list = append(list, fmt.Sprintf("%d more", n))
	}
	return strings.Join(list, ", ")
}

// tellLogs says of logs what could not be read.
func tellLogs(w io.Writer, logs []oneIn) {
	for _, l := range logs {
		if l.Broken != "" {
			fmt.Fprintf(w, "%s could be read up to line %d: %s\n", l.Name, l.Lines, oneLine(l.Broken))
		}
		if l.Unreadable+l.TooLong == 0 {
			continue
		}
		fmt.Fprintf(w, "%s: %d of %d lines are in no format that is read, %d longer than 64 KB; the first:\n", l.Name, l.Unreadable, l.Lines, l.TooLong)
		for _, bad := range l.First {
			fmt.Fprintf(w, "  line %d: %s\n", bad.Line, bad.Text)
		}
	}
}
