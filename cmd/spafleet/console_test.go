package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"spafleet/bench/extproc"
)

// A tower is a command line that runs with a console.
type tower struct {
	url, token string
	out, err   *extproc.Output
	client     http.Client
	stop       func() int // interrupts it, and returns its exit code
}

var towerSaid = regexp.MustCompile(`(?m)^console at (https?://\S+/)(?:\?token=(\S+))?$`)

// watched runs a command line with a console until the fleet is at work.
func watched(t *testing.T, token string, args ...string) *tower {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	w, ended := &tower{out: &extproc.Output{}, err: &extproc.Output{}, token: token}, make(chan int, 1)
	go func() { ended <- execute(ctx, args, streams{strings.NewReader(""), w.out, w.err}) }()
	w.stop = func() int { cancel(); code := <-ended; ended <- code; return code }
	t.Cleanup(func() { w.stop() })
	w.client = http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	extproc.Must(t, extproc.Wait("the console", func() bool { return len(ended) > 0 || towerSaid.MatchString(w.err.String()) }))
	m := towerSaid.FindStringSubmatch(w.err.String())
	if m == nil {
		t.Fatalf("there is no console:\n%s", w.err)
	}
	w.url = m[1]
	if token == "" {
		w.token = m[2]
	} else if m[2] != "" {
		t.Errorf("the token is printed:\n%s", w.err)
	}
	extproc.Must(t, extproc.Wait("the fleet", func() bool { status, _ := w.ask(t, "GET", "api/v1/summary"); return status == 200 }))
	return w
}

// ask sends a request of the API, and returns what it answers.
func (w *tower) ask(t *testing.T, method, path string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, w.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+w.token)
	a, err := w.client.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	if err != nil {
		return 0, err.Error()
	}
	return a.StatusCode, string(text)
}

// The token is printed once, to the person who started the run, and stands in nothing that
// is kept.
func TestTheTokenIsPrintedOnceAndKeptNowhere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files := []string{filepath.Join(dir, "events"), filepath.Join(dir, "report.html"), filepath.Join(dir, "junit.xml"), filepath.Join(dir, "result.json")}
	w := watched(t, "", "run", "demo", "--json", "--console", "127.0.0.1:0", "--linger", "1h", "--events", files[0], "--html", files[1], "--junit", files[2], "--result", files[3])
	extproc.Must(t, extproc.Wait("the end of the run", func() bool {
		return strings.Contains(w.err.String(), "the run has ended; "+w.url+" answers for 1h more")
	}))
	if status, body := w.ask(t, "GET", "api/v1/devices/0"); status != 200 || !strings.Contains(body, `"state":"SEC-PRV-2"`) {
		t.Errorf("after the end: %d %s", status, body)
	}
	if status, body := w.ask(t, "POST", "api/v1/devices/0/resync"); status != 503 || !strings.Contains(body, "the fleet has ended") {
		t.Errorf("an order after the end: %d %s", status, body)
	}
	if _, errs, code := ctl(t, "fault", "delay=1s", "--all", "--url", w.url+"?token="+w.token); code != exitUsage || !strings.Contains(errs, "the fleet has ended") {
		t.Errorf("a fault after the end: exit %d: %s", code, errs)
	}
	if code := w.stop(); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	if strings.Contains(w.out.String(), "came from the console") {
		t.Error("nobody has steered it, and the report says so")
	}
	if status, _ := w.ask(t, "GET", "api/v1/summary"); status != 0 {
		t.Errorf("the console still answers: %d", status)
	}
	if n := strings.Count(w.err.String(), w.token); n != 1 || len(w.token) < 20 {
		t.Errorf("the token %q is printed %d times", w.token, n)
	}
	if strings.Contains(w.out.String(), w.token) {
		t.Error("the report has the token")
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil || bytes.Contains(text, []byte(w.token)) {
			t.Errorf("%s has the token, or: %v", name, err)
		}
	}
}

// A console changes nothing of a run that nobody steers.
func TestAConsoleChangesNothing(t *testing.T) {
	t.Parallel()
	var events [2][]byte
	for i, more := range [][]string{nil, {"--console", "127.0.0.1:0"}} {
		file := filepath.Join(t.TempDir(), "events")
		args := append([]string{"run", "--model", "PAP2T", "--count", "20", "--virtual", "12h", "--events", file}, more...)
		if code := execute(t.Context(), args, streams{strings.NewReader(""), io.Discard, io.Discard}); code != exitOK {
			t.Fatalf("exit code %d", code)
		}
		var err error
		if events[i], err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	if len(events[0]) < 10_000 || !bytes.Equal(events[0], events[1]) {
		t.Errorf("%d bytes of events without a console, %d with one", len(events[0]), len(events[1]))
	}
}

// The report of a run that was steered says so: its seed does not repeat that.
func TestTheReportSaysThatARunWasSteered(t *testing.T) {
	t.Parallel()
	w := watched(t, "", "run", "--model", "PAP2T", "--count", "3", "--duration", "1h", "--console", "127.0.0.1:0")
	for _, path := range []string{"api/v1/devices/0/reboot", "api/v1/devices/1/power-off"} {
		if status, body := w.ask(t, "POST", path); status != 200 && status != 409 {
			t.Errorf("%d %s", status, body)
		}
	}
	if code := w.stop(); code != exitInterrupted || !strings.Contains(w.out.String(), "came from the console, and not from the scenario") {
		t.Errorf("exit code %d:\n%s", code, w.out)
	}
}

// In virtual time the console shows the run, and orders nothing.
func TestInVirtualTimeTheConsoleIsToLookAt(t *testing.T) {
	t.Parallel()
	w := watched(t, "", "run", "--model", "PAP2T", "--count", "3", "--virtual", "30m", "--console", "127.0.0.1:0", "--linger", "1h")
	if status, body := w.ask(t, "POST", "api/v1/devices/0/reboot"); status != 409 || !strings.Contains(body, "--clock real") {
		t.Errorf("%d %s", status, body)
	}
	if status, body := w.ask(t, "GET", "api/v1/devices"); status != 200 || strings.Count(body, `"index"`) != 3 {
		t.Errorf("%d %s", status, body)
	}
}

// The token of a file or of the environment is taken, and not printed.
func TestATokenMayBeGiven(t *testing.T) {
	const token = "0123456789abcdef-of-a-test"
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	watched(t, token, "demo", "--keep", "--console", "127.0.0.1:0", "--console-token-file", file)
	t.Setenv(tokenVariable, token)
	watched(t, token, "demo", "--keep", "--console", "127.0.0.1:0")
}

// Other machines reach a console by TLS.
func TestAConsoleSpeaksTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, args := range [][]string{{"certs", "init", "--dir", dir}, {"certs", "server", "--dir", dir, "--ca", "public", "--cn", "fleet.test", "--sha256", "--out", filepath.Join(dir, "own")}} {
		var errs bytes.Buffer
		if code := execute(t.Context(), args, streams{strings.NewReader(""), io.Discard, &errs}); code != exitOK {
			t.Fatalf("%v: %s", args, errs.String())
		}
	}
	w := watched(t, "", "demo", "--keep", "--console", "0.0.0.0:0", "--console-tls", dir+"/own.crt,"+dir+"/own.key")
	if !strings.HasPrefix(w.url, "https://") {
		t.Errorf("it is at %s", w.url)
	}
}

func TestAConsoleThatCannotBeIsRefusedBeforeTheRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open, empty, short := filepath.Join(dir, "open"), filepath.Join(dir, "empty"), filepath.Join(dir, "short")
	for name, text := range map[string]string{open: "0123456789abcdef0123", empty: "\n", short: "0123"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(open, 0o640); err != nil {
		t.Fatal(err)
	}
	for line, says := range map[string]string{
		"--console 0.0.0.0:0":    "give --console-tls CERT,KEY, or --console-insecure",
		"--console 127.0.0.1":    "an address is host:port",
		"--console-insecure":     "--console-insecure needs --console",
		"--console-tls a,b":      "--console-tls needs --console",
		"--console-token-file x": "--console-token-file needs --console",
		"--linger 1m":            "--linger needs --metrics or --console",
		"--console 127.0.0.1:0 --console-token-file " + open:       "can be read by others (mode 0640): chmod 600",
		"--console 127.0.0.1:0 --console-token-file " + empty:      "is empty",
		"--console 127.0.0.1:0 --console-token-file " + short:      "at least 16",
		"--console 127.0.0.1:0 --console-token-file /none":         "no such file",
		"--console 127.0.0.1:0 --console-tls cert.pem":             "is not CERT,KEY",
		"--console 127.0.0.1:0 --console-tls " + open + "," + open: "--console-tls: ",
		"--console 127.0.0.1:0 --repeat 2":                         "--console does not go with --repeat",
	} {
		var errs bytes.Buffer
		args := append([]string{"run", "demo"}, strings.Fields(line)...)
		if code := execute(t.Context(), args, streams{strings.NewReader(""), io.Discard, &errs}); code != exitUsage || !strings.Contains(errs.String(), says) {
			t.Errorf("%s: exit %d, no %q in\n%s", line, code, says, errs.String())
		}
	}
}
