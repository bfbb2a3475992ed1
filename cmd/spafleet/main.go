// Command spafleet is virtual Linksys, Sipura and Cisco SPA devices by the
// thousand, for people who run provisioning servers.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/spf13/cobra"

	"spafleet/fleet"
	"spafleet/host"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), ends()...)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	code := execute(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

// ends are the signals that end a command as Ctrl-C does. A hang-up is one unless
// the program was started to outlive it, as by nohup.
func ends() []os.Signal {
	list := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		list = append(list, syscall.SIGHUP)
	}
	return list
}

// streams are what a command reads and writes: results to out, progress and
// errors to err.
type streams struct {
	in  io.Reader
	out io.Writer
	err io.Writer
}

// Exit codes, beside those of a report.
const (
	exitOK     = 0
	exitError  = 1
	exitUsage  = 2 // could not run: arguments, file, socket
	exitFailed = 3
	// exitInvalid says that the machine running spafleet was too slow, exitInterrupted
	// that a person ended it.
	exitInvalid     = 4
	exitInterrupted = 130

	exitUnwritten = 5 // it ran, but what it leaves could not be written
)

// notKept is the end of a command that did its work, but could not write what it
// was to leave.
type notKept struct{ error }

func (e *notKept) Unwrap() error { return e.error }

// An output is where results go. It remembers what could not be written, which few
// commands look at.
type output struct {
	io.Writer
	terminal bool
	err      error
	mu       sync.Mutex
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.Writer.Write(p)
	switch {
	case o.terminal && errors.Is(err, syscall.EIO):
		return len(p), nil // it was closed, and nobody reads it
	case err != nil:
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.err == nil {
			o.err = err
		}
	}
	return n, err
}

// Fd returns the descriptor of a file, for who asks whether it is a terminal.
func (o *output) Fd() uintptr {
	if f, ok := o.Writer.(interface{ Fd() uintptr }); ok {
		return f.Fd()
	}
	return ^uintptr(0)
}

func (o *output) failed() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// exitWith is the end of a command that has said everything itself.
type exitWith int

func (e exitWith) Error() string { return fmt.Sprintf("exit %d", int(e)) }

// execute carries out a command line and returns the exit code.
func execute(ctx context.Context, args []string, s streams) int {
	out := &output{Writer: s.out}
	_, out.terminal = host.Terminal(s.out)
	s.out = out
	root := rootCommand(s)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var code exitWith
	switch lost := out.failed(); {
	case lost == nil && err == nil:
		return exitOK
	case lost == nil && errors.As(err, &code):
		return int(code)
	case lost == nil:
	case err == nil, errors.As(err, &code), errors.Is(err, lost): // that is said once
		err = &notKept{fmt.Errorf("write the output: %w", lost)}
	default:
		err = &notKept{errors.Join(err, fmt.Errorf("write the output: %w", lost))}
	}
	fmt.Fprintf(s.err, "spafleet: %s\n", explain(err))
	return exitOf(err)
}

// exitOf returns the exit code of an error.
func exitOf(err error) int {
	var broken *fleet.Broken
	var lost *notKept
	switch {
	case errors.As(err, &broken):
		return exitError
	case errors.As(err, &lost):
		return exitUnwritten
	}
	return exitUsage
}

func rootCommand(s streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "spafleet",
		Short: "Virtual SPA devices by the thousand, for people who run provisioning servers",
		Long: `Virtual Linksys, Sipura and Cisco SPA devices by the thousand.

Each device is provisioned as the real firmware is: it asks its server for
profiles by TFTP, HTTP or HTTPS, follows its profile rules, reboots, retries, and
goes from factory reset (MFG-RESET) to fully secured (SEC-PRV-2). Use it to
load-test a provisioning server, to reproduce bugs from the field, and in CI.

Exit codes:
  0    passed: all expectations were met; or finished: there were none
  1    internal error
  2    could not run: arguments, file, socket
  3    failed: an expectation was not met
  4    invalid: the machine running spafleet was too slow
  5    it ran, but could not write its output, result, events or state
  130  interrupted`,
		Example: `  spafleet demo
  spafleet run --model SPA2102 --count 1000 --tftp-server 127.0.0.1:6969
  spafleet device --model PAP2T
  spafleet models show SPA504G --firmware 7.5.5`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.Version = thisVersion().line()
	root.SetVersionTemplate("spafleet {{.Version}}\n")
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	root.SetUsageFunc(writeUsage)
	root.SetHelpFunc(writeHelp)
	root.SetFlagErrorFunc(flagError)
	root.PersistentPreRunE = func(c *cobra.Command, _ []string) error { return refuseEmpty(c) }
	root.AddCommand(commands(s)...)
	completeFlags(root)
	return root
}

// commands are all commands, one file each.
func commands(s streams) []*cobra.Command {
	return []*cobra.Command{demoCommand(s), runCommand(s), capacityCommand(s), doctorCommand(s), probeCommand(s), ctlCommand(s), deviceCommand(s), serveCommand(s), modelsCommand(s), profileCommand(s), ruleCommand(s), firmwareCommand(s), certsCommand(s), reportCommand(s), scenariosCommand(s), fleetCommand(s), whyCommand(s), versionCommand(s), manCommand()}
}

// noArgs refuses arguments, and names the command that may have been meant.
func noArgs(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, sub := range c.Commands() {
		names = append(names, sub.Name())
	}
	return fmt.Errorf("unexpected %q%s; see '%s -h'", args[0], nearest(args[0], names), c.CommandPath())
}

// emptyMeans are the flags to which an empty value says something: an empty rule, no
// name of a server, no listener, an empty pass phrase, a certificate without a CN.
var emptyMeans = []string{"cn", "profile-rule", "syslog", "tftp-server", "dhcp-server", "listen-web", "tftp", "http", "key"}

// refuseEmpty refuses a flag that was given without a value, which a script does by
// a variable that is not set.
func refuseEmpty(c *cobra.Command) (err error) {
	c.Flags().Visit(func(f *flag) {
		if f.Value.Type() == "string" && f.Value.String() == "" && !slices.Contains(emptyMeans, f.Name) && err == nil {
			err = fmt.Errorf("--%s is empty: give a value, or leave the flag out", f.Name)
		}
	})
	return err
}

// flagError adds a hint to a flag that does not exist.
func flagError(c *cobra.Command, err error) error {
	var names []string
	c.Flags().VisitAll(func(f *flag) { names = append(names, "--"+f.Name) })
	word := ""
	if _, after, ok := strings.Cut(err.Error(), "unknown flag: "); ok {
		word = nearest(after, names)
	}
	return fmt.Errorf("%w%s; see '%s -h'", err, word, c.CommandPath())
}
