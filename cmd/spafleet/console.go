package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"spafleet/device"
	"spafleet/host"
	"spafleet/scenarios"
	"spafleet/scenarios/console"
	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
)

// consoleFlags say where a run can be looked at and steered.
type consoleFlags struct {
	addr      string // "": nowhere
	insecure  bool   // off loopback without TLS
	certs     string // CERT,KEY
	tokenFile string
}

// tokenVariable is the environment variable that has a console's token.
const tokenVariable = "SPAFLEET_TOKEN"

func (f *consoleFlags) register(c *cobra.Command) {
	c.Flags().StringVar(&f.addr, "console", "", "show the run to browsers and to 'spafleet ctl' at this `HOST:PORT`, port 0 for a free one; its address is printed")
	c.Flags().StringVar(&f.certs, "console-tls", "", "serve --console by HTTPS with these two files, `CERT,KEY`")
	c.Flags().BoolVar(&f.insecure, "console-insecure", false, "let other machines reach --console without TLS, though the token can be read on the way")
	c.Flags().StringVar(&f.tokenFile, "console-token-file", "", "take the token of --console from this `FILE`, which nobody else may read (default: that of the environment, "+tokenVariable+", or a new one)")
}

// check refuses what needs a console where there is none.
func (f *consoleFlags) check() error {
	for name, given := range map[string]bool{"tls": f.certs != "", "insecure": f.insecure, "token-file": f.tokenFile != ""} {
		if given && f.addr == "" {
			return fmt.Errorf("--console-%s needs --console HOST:PORT", name)
		}
	}
	return nil
}

// options reads what the flags name. Made says that the token is a new one.
func (f *consoleFlags) options() (o console.Options, made bool, err error) {
	o = console.Options{Addr: f.addr, Remote: f.insecure, Token: os.Getenv(tokenVariable)}
	if f.tokenFile != "" {
		if o.Token, err = readToken(f.tokenFile); err != nil {
			return o, false, fmt.Errorf("--console-token-file: %w", err)
		}
	}
	if f.certs != "" {
		cert, key, ok := strings.Cut(f.certs, ",")
		if !ok {
			return o, false, fmt.Errorf("--console-tls %q is not CERT,KEY: two files, with a comma between", f.certs)
		}
		pair, err := readPair(cert, key)
		if err != nil {
			return o, false, fmt.Errorf("--console-tls: %w", err)
		}
		o.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	}
	return o, o.Token == "", nil
}

// mostPEM is how many bytes a file with a certificate or its key may have.
const mostPEM = 1 << 20

// readPair reads a certificate and its key.
func readPair(cert, key string) (tls.Certificate, error) {
	chain, err := host.ReadFile(cert, mostPEM)
	if err != nil {
		return tls.Certificate{}, err
	}
	secret, err := host.ReadFile(key, mostPEM)
	if err != nil {
		return tls.Certificate{}, err
	}
	pair, err := tls.X509KeyPair(chain, secret)
	if err != nil {
		return pair, fmt.Errorf("%s and %s: %w", cert, key, err)
	}
	return pair, nil
}

// mostToken is how many bytes a file with a token may have.
const mostToken = 4 << 10

// readToken reads a token from a file that others cannot read.
func readToken(name string) (string, error) {
	if i, err := os.Stat(name); err == nil && runtime.GOOS != "windows" && i.Mode().IsRegular() && i.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("%s can be read by others (mode %04o): chmod 600 %s", name, i.Mode().Perm(), name)
	}
	text, err := host.ReadFile(name, mostToken)
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(text))
	if token == "" {
		return "", fmt.Errorf("%s is empty: write a token there, such as that of 'openssl rand -hex 16'", name)
	}
	return token, nil
}

// A runConsole is the console of a command while it works.
type runConsole struct {
	*console.Server // nil: there is none
	recorder        *console.Recorder
}

// open opens the console, and has it see the run.
func (f *consoleFlags) open(s *scenarios.Scenario, o *run.Options, log io.Writer) (*runConsole, error) {
	if f.addr == "" {
		return &runConsole{}, nil
	}
	options, made, err := f.options()
	if err != nil {
		return nil, err
	}
	options.Tell = func(line string) { fmt.Fprintf(log, "spafleet: %s\n", line) }
	server, err := console.Open(options)
	switch {
	case errors.Is(err, console.ErrRemote):
		return nil, fmt.Errorf("--console %w; give --console-tls CERT,KEY, or --console-insecure", err)
	case err != nil:
		return nil, fmt.Errorf("--console: %w", err)
	}
	w := &runConsole{server, &console.Recorder{}}
	if s.HasSecrets() {
		w.recorder.Redact = s.Redact
	}
	w.follow(o)
	at := server.URL() + "/"
	if made { // nowhere else: who reads a log later has no token
		at += "?token=" + url.QueryEscape(server.Token())
	}
	fmt.Fprintf(log, "console at %s\n", at)
	return w, nil
}

// follow has a console see what a run tells.
func (w *runConsole) follow(o *run.Options) {
	tell, started, decided := o.Tell, o.Started, o.Decided
	o.Tell = func(events []device.Event) {
		if tell != nil {
			tell(events)
		}
		w.recorder.Tell(events)
	}
	o.Started = func(l *run.Live) {
		w.Show(console.Of(l, w.recorder))
		started(l)
	}
	o.Decided = func(r *report.Report) {
		w.Judged(r.Verdict)
		decided(r)
	}
}

// ended says that the run is over, and returns where the console still answers; "": there
// is none.
func (w *runConsole) ended() string {
	if w.Server == nil {
		return ""
	}
	w.End()
	return w.URL() + "/"
}

// close closes the console.
func (w *runConsole) close() {
	if w.Server != nil {
		_ = w.Close() // of sockets, at the end
	}
}
