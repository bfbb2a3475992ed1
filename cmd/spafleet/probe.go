package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"spafleet/certs"
	"spafleet/device/measure"
	"spafleet/device/model"
	"spafleet/device/observed"
	"spafleet/host"
	"spafleet/resync/fetch"
	"spafleet/scenarios/probe"
	probepage "spafleet/scenarios/probe/page"
	"spafleet/scenarios/probe/settings"
)

// probeFlags say which phone is asked, and what.
type probeFlags struct {
	listen, phone, mac string
	name               string
	port               int
	only, experiments  []string
	minutes            float64
	pace, patience     time.Duration
	out, html, restore string
	login              string // file
	certs              certFlags
	allowPublic        bool
	yes, back          bool
	list, json         bool
}

func probeCommand(s streams) *cobra.Command {
	f := &probeFlags{}
	c := &cobra.Command{
		Use:   "probe",
		Short: "Ask a real phone what its firmware does",
		Long: `Is the provisioning server of one real phone or ATA for a while, takes it through
experiments, and writes down what its firmware does: the value of each switch that
the emulated devices have (see 'spafleet models show MODEL'), how often it was asked,
and the times and bytes that show it. 'run --switches FILE' then behaves as the phone
does. docs/probe.md says step by step how to do it.

The phone restarts at the beginning and at the end, and for some experiments. It gets
no firmware, no factory reset, no password and no other address. At the end, and on
Ctrl-C, it gets its own settings back: those that its web pages show, or those of
--restore. Until then they are also in a file beside --out, OUT.restore.

Exit codes:
  0    done; the phone has its settings again
  2    could not begin: arguments, socket, settings that cannot be read
  3    the phone did not take its settings back: see OUT.restore
  4    incomplete: the phone stayed away, or not all was asked
  5    what was found could not be written
  130  interrupted; the phone has its settings again`,
		Example: `  spafleet probe --listen 192.168.1.10
  spafleet probe --listen 192.168.1.10 --phone 192.168.1.77 --out spa942.yaml
  spafleet probe --listen 192.168.1.10 --only tftp,http --minutes 20
  spafleet probe --listen 192.168.1.10 --restore own.xml --html spa942.html
  spafleet probe --listen 192.168.1.10 --restore-only \
      --restore spa942.yaml.restore
  spafleet probe --list
  spafleet probe --list --json | jq '.groups[].experiments[].name'`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if f.list {
				return listExperiments(s.out, f.json)
			}
			if f.json {
				return errors.New("--json is for --list; what a phone did is written to the file of --out")
			}
			return f.run(c.Context(), s)
		},
	}
	f.register(c)
	return c
}

func (f *probeFlags) register(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.listen, "listen", "", "`ADDRESS` of this machine by which the phone reaches it")
	flags.IntVar(&f.port, "port", 0, "`PORT` of HTTP and TFTP (default: free ones)")
	flags.StringVar(&f.phone, "phone", "", "`ADDRESS` or ADDRESS:PORT of the phone's web server: the first resync is ordered there; without it you order it by your browser")
	flags.StringVar(&f.name, "name", "", "`HOST` that the phone's name server finds at --listen: with --certs it shows whether names in certificates are looked up")
	flags.StringVar(&f.mac, "device", "", "`MAC` address of the phone (default: the first that comes)")
	flags.StringSliceVar(&f.only, "only", nil, "`GROUPS` of experiments, as --list names them (default: all)")
	flags.StringSliceVar(&f.experiments, "experiment", nil, "single experiments, by their `NAMES` in --list")
	flags.Float64Var(&f.minutes, "minutes", 0, "leave out what would take longer than this `NUMBER` of minutes in all (default: no limit)")
	flags.Var(durationFlag{&f.pace}, "pace", "the phone comes each `TIME` (default 5s)")
	flags.Var(durationFlag{&f.patience}, "patience", "the phone may stay away for this `TIME` (default 3m)")
	flags.StringVar(&f.out, "out", "", "write what was found to this `FILE` (default: MODEL-FIRMWARE.yaml)")
	flags.StringVar(&f.html, "html", "", "write it as a web page to this `FILE` too")
	flags.StringVar(&f.restore, "restore", "", "`FILE` with the phone's settings: a profile, its export, or its advanced page as the browser saved it")
	flags.BoolVar(&f.back, "restore-only", false, "ask nothing, and give the phone the settings of --restore")
	flags.StringVar(&f.login, "login", "", "`FILE` with USER:PASSWORD of the phone's web pages")
	f.certs.register(flags)
	flags.BoolVar(&f.allowPublic, "allow-public", false, "listen on a public address")
	flags.BoolVar(&f.yes, "yes", false, "answer all questions with yes; nobody unplugs the phone")
	flags.BoolVar(&f.json, "json", false, "with --list: print one JSON object")
	flags.BoolVar(&f.list, "list", false, "list the experiments, and the switches that none can see")
}

// hostNameLetters are those of a name in a URL.
const hostNameLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-."

// run asks the phone and writes what was found.
func (f *probeFlags) run(ctx context.Context, s streams) error {
	q, err := f.question()
	if err != nil {
		return err
	}
	k := &keeper{out: f.out}
	q.Person = newDesk(s, f.yes)
	q.Keep = k.keep
	for _, name := range []string{f.out, f.html} {
		if name == "" {
			continue
		}
		if err := host.CheckWrite(name); err != nil {
			return err
		}
	}
	found, asked := probe.Ask(ctx, q)
	return f.conclude(ctx, s, k, found, asked)
}

// conclude writes the last state and says how it ended.
func (f *probeFlags) conclude(ctx context.Context, s streams, k *keeper, found *observed.File, asked error) error {
	if errors.Is(asked, probe.ErrNotRestored) {
		fmt.Fprintf(s.err, "spafleet: %v\n", asked)
		if k.back {
			fmt.Fprintf(s.err, "spafleet: they are in %s: once the phone answers again, run probe with the same --listen and --phone, and --restore-only --restore %s\n", k.restoreFile(), k.restoreFile())
		}
		return exitWith(exitFailed)
	}
	k.restored()
	if len(found.Findings) > 0 {
		if f.html != "" {
			if err := writePage(f.html, found); err != nil {
				return &notKept{err}
			}
		}
		fmt.Fprint(s.out, probeSummary(found, k.out, f.html))
	}
	switch {
	case ctx.Err() != nil:
		return exitWith(exitInterrupted)
	case asked != nil && len(found.Findings) > 0:
		fmt.Fprintf(s.err, "spafleet: %v\n", asked)
		return exitWith(exitInvalid)
	}
	if f.back && asked == nil {
		fmt.Fprintf(s.out, "%s is no longer needed\n", f.restore)
	}
	return asked
}

func writePage(name string, found *observed.File) error {
	var b bytes.Buffer
	if err := probepage.Write(&b, found, probe.QuestionOf); err != nil {
		return err
	}
	return host.WriteFile(name, b.Bytes(), 0o644)
}

// probeSummary says what came of it, where it is and what can be done with it.
func probeSummary(found *observed.File, out, html string) string {
	settled := len(found.Switches())
	text := fmt.Sprintf("%s settled, %d not: %s\n", measure.Counted(settled, "switch"), len(found.Findings)-settled, out)
	if html != "" {
		text += "as a page: " + html + "\n"
	}
	return text + "next:      spafleet models diff " + out + "\n" +
		"to help:   send it in an issue: CONTRIBUTING.md, Bring a phone\n"
}

// question reads the flags.
func (f *probeFlags) question() (q probe.Question, err error) {
	at, err := f.address()
	if err != nil {
		return q, err
	}
	q = probe.Question{Port: uint16(f.port), Only: f.only, Names: f.experiments, Limit: time.Duration(f.minutes * float64(time.Minute)), Pace: f.pace, Patience: f.patience, RestoreOnly: f.back}
	if err := probe.CheckNames(f.only, f.experiments); err != nil {
		return q, err
	}
	if f.pace != 0 && f.pace < time.Second {
		return q, fmt.Errorf("--pace %s: a phone counts whole seconds", measure.Format(f.pace))
	}
	if q.Name = f.name; strings.Trim(f.name, hostNameLetters) != "" {
		return q, fmt.Errorf("--name %q is no host name", f.name)
	}
	sockets := probe.Sockets{At: at}
	if f.phone != "" {
		if q.Phone, err = phoneAddress(f.phone); err != nil {
			return q, err
		}
		sockets.WebPort = q.Phone.Port()
	}
	q.Network = sockets
	if f.mac != "" {
		if q.MAC, err = model.ParseMAC(f.mac); err != nil {
			return q, fmt.Errorf("--device: %w", err)
		}
	}
	if q.PKI, err = f.certs.pki(); err != nil {
		return q, err
	}
	if _, err := q.PKI.Authority(certs.Sipura1); err != nil { // else it would show in the middle of an experiment
		return q, fmt.Errorf("--certs: %w", err)
	}
	return q, f.files(&q)
}

// files reads the files that the flags name.
func (f *probeFlags) files(q *probe.Question) error {
	if f.back && f.restore == "" {
		return errors.New("--restore-only needs the settings: give --restore FILE")
	}
	if f.restore != "" {
		text, err := host.ReadFile(f.restore, mostInput)
		if err != nil {
			return fmt.Errorf("--restore: %w", err)
		}
		if q.Restore, err = settings.FromFile(string(text)); err != nil {
			return fmt.Errorf("--restore %s: %w", f.restore, err)
		}
	}
	if f.login != "" {
		text, err := host.ReadFile(f.login, 4096)
		if err != nil {
			return fmt.Errorf("--login: %w", err)
		}
		user, password, ok := strings.Cut(strings.TrimRight(string(text), "\r\n"), ":")
		if !ok {
			return fmt.Errorf("--login %s: the file has no USER:PASSWORD in its first line", f.login)
		}
		q.User, q.Password = user, password
	}
	return nil
}

// address reads --listen. A public address is refused: a server there would be found by
// others.
func (f *probeFlags) address() (at netip.Addr, err error) {
	if f.listen == "" {
		return at, errors.New("give --listen ADDRESS: the address of this machine by which the phone reaches it")
	}
	if at, err = netip.ParseAddr(f.listen); err != nil || !at.Is4() || at.IsUnspecified() {
		return at, fmt.Errorf("--listen %q is no IPv4 address of this machine, such as 192.168.1.10", f.listen)
	}
	if !fetch.IsPrivate(at) && !fetch.IsLoopback(at) && !f.allowPublic {
		return at, fmt.Errorf("--listen %s is a public address: others would find the probe there; if that is meant, give --allow-public", at)
	}
	if f.port < 0 || f.port > 65535 {
		return at, fmt.Errorf("--port %d: ports end at 65535", f.port)
	}
	return at, nil
}

func phoneAddress(text string) (netip.AddrPort, error) {
	if addr, err := netip.ParseAddr(text); err == nil && addr.Is4() {
		return netip.AddrPortFrom(addr, 80), nil
	}
	at, err := netip.ParseAddrPort(text)
	if err != nil || !at.Addr().Is4() {
		return at, fmt.Errorf("--phone %q is no address of a phone, such as 192.168.1.77", text)
	}
	return at, nil
}

// A keeper writes what was found, and how the phone gets its settings back.
type keeper struct {
	out  string // "": named after the phone
	back bool   // there is a file of settings
}

// keep writes both files, each whole or not at all.
func (k *keeper) keep(f *observed.File, back string) error {
	if k.out == "" {
		k.out = strings.ToLower(fmt.Sprintf("%s-%s.yaml", f.Model, strings.NewReplacer("(", "", ")", "").Replace(f.Firmware)))
	}
	if _, err := os.Stat(k.restoreFile()); err == nil && !k.back {
		return fmt.Errorf("%s is there already: it has the settings of a phone that did not get them back; give them by --restore-only --restore %s, and delete it", k.restoreFile(), k.restoreFile())
	}
	k.back = true
	if err := host.WriteFile(k.restoreFile(), []byte(back), 0o600); err != nil {
		return err
	}
	if len(f.Findings) == 0 {
		return nil
	}
	_, err := host.WriteFrom(k.out, 0o644, func(w io.Writer) error { return f.Write(w, observed.Secrets{}) })
	return err
}

func (k *keeper) restoreFile() string { return k.out + ".restore" }

// restored drops the settings of a phone that has them again.
func (k *keeper) restored() {
	if k.back {
		_ = os.Remove(k.restoreFile()) // it says no more than the phone
	}
}
