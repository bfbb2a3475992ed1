package main

import (
	"bytes"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"spafleet/bench/extproc"
	"spafleet/scenarios/console"
)

// The commands of ctl read the same files, each with its arguments.
func init() {
	for _, c := range ctlCommand(streams{}).Commands() {
		line := c.Name()
		if strings.Contains(c.Use, "DEVICE") {
			line += " 1"
		}
		if strings.Contains(c.Use, "KEYS") || strings.Contains(c.Use, "NUMBER") {
			line += " 1"
		}
		if strings.Contains(c.Use, "VALUE") {
			line += " delay=1s --all"
		}
		inputs["ctl "+c.Name()+" --token-file"] = "ctl " + line + " --token-file ENDLESS"
		inputs["ctl "+c.Name()+" --console-ca"] = "ctl " + line + " --url https://127.0.0.1:1/?token=x --console-ca ENDLESS"
		if strings.Contains(c.Use, "DEVICE") {
			notRead["ctl "+c.Name()+" DEVICE"] = "a device"
		}
	}
	notRead["ctl keys KEYS"], notRead["ctl fault KEY"], notRead["ctl fault VALUE"], notRead["ctl end-fault NUMBER"] = "keys of a telephone", "words", "words", "of a fault"
}

// ctl runs a command of ctl, and returns what it printed and its exit code.
func ctl(t *testing.T, args ...string) (out, errs string, code int) {
	t.Helper()
	var o, e bytes.Buffer
	code = execute(t.Context(), append([]string{"ctl"}, args...), streams{strings.NewReader(""), &o, &e})
	return o.String(), e.String(), code
}

func TestCtlAsksAndSteersARun(t *testing.T) {
	t.Parallel()
	w := watched(t, "", "demo", "--keep", "--devices", "6", "--console", "127.0.0.1:0")
	at := w.url + "?token=" + w.token
	extproc.Must(t, extproc.Wait("the end of the demo", func() bool { return strings.Contains(w.err.String(), "running until Ctrl-C") }))
	for _, tt := range []struct {
		args string
		says []string
	}{
		{"summary", []string{"demo: 6 devices", "MFG-RESET ", "resyncs ", "✓", "this machine: CPU "}},
		{"devices", []string{"index  MAC", "127.64.0.6", "SPA2102"}},
		{"devices --limit 2", []string{"more: --from 2"}},
		{"devices --address 10.0.0.0/8", []string{"no device is so"}},
		{"device 0", []string{"SPA2102 ", "MAC", "parameters other than the default", "what it did last", "resync"}},
		{"resync 0", []string{"resync: 1 device\n"}},
		{"resync --model SPA2102", []string{"resync: "}},
		{"reboot --all", []string{"reboot: 6 devices\n"}},
		{"keys 0 ****110#", []string{"says: "}},
		{"faults", []string{"there is no fault"}},
		{"fault status=503 match=http --model SPA2102", []string{"fault ", ": "}},
		{"fault delay=1ms --device 0", []string{"fault 3: 1 device\n"}},
		{"faults", []string{"3  delay=1ms: 1 device, ", "1  match=http status=503: "}},
		{"keys ****110# --model SPA2102", []string{"keys: "}},
		{"on-hook 0", []string{"on-hook: 1 device\n"}},
	} {
		out, errs, code := ctl(t, append(strings.Fields(tt.args), "--url", at)...)
		if code != exitOK {
			t.Errorf("%s: exit %d: %s", tt.args, code, errs)
		}
		for _, text := range tt.says {
			if !strings.Contains(out, text) {
				t.Errorf("%s: no %q in\n%s", tt.args, text, out)
			}
		}
		for line := range strings.SplitSeq(out, "\n") {
			if n := utf8.RuneCountInString(line); n > 80 {
				t.Errorf("%s: %d columns: %s", tt.args, n, line)
			}
		}
		out, errs, code = ctl(t, append(strings.Fields(tt.args), "--url", at, "--json")...)
		if code != exitOK || !json.Valid([]byte(out)) {
			t.Errorf("%s --json: exit %d: %s%s", tt.args, code, out, errs)
		}
	}
}

// Watch ends with the run.
func TestCtlWatchesUntilTheEnd(t *testing.T) {
	t.Parallel()
	n := 0
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		if n++; n > 1 {
			c, _, err := http.NewResponseController(rw).Hijack()
			if err == nil {
				c.Close() // the run has ended
			}
			return
		}
		_ = json.NewEncoder(rw).Encode(console.Summary{States: map[string]int{"SP-CUST": 7}})
	}))
	defer s.Close()
	out, errs, code := ctl(t, "watch", "--url", s.URL+"/?token=x")
	if code != exitOK || !strings.Contains(out, "SP-CUST 7") || strings.Count(out, "\n") != 1 {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
}

func TestCtlSaysWhatIsWrong(t *testing.T) {
	w := watched(t, "", "demo", "--keep", "--console", "127.0.0.1:0")
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	elsewhere := httptest.NewServer(http.RedirectHandler(w.url, http.StatusFound))
	defer elsewhere.Close()
	open := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(open, []byte(w.token), 0o644); err != nil { //nolint:gosec // others may read it, which is refused
		t.Fatal(err)
	}
	good := "--url " + w.url + "?token=" + w.token
	for line, says := range map[string]string{
		"summary":                                                         "there is no token",
		"summary --url " + w.url:                                          "there is no token",
		"summary --url " + w.url + "?token=xyz":                           "the token is wrong; each run prints its own; give the URL",
		"summary --url 127.0.0.1:9000":                                    "is not the URL of a console",
		"summary --url ftp://127.0.0.1/":                                  "is not the URL of a console",
		"summary --url http://127.0.0.1:1/?token=x":                       "no console answers there: http://127.0.0.1:1: dial tcp 127.0.0.1:1: connect: connection refused; start a run with --console",
		"watch --url http://127.0.0.1:1/?token=x":                         "no console answers there",
		"summary --url " + other.URL + "/?token=x":                        "is no console: it answers 404",
		"summary --url " + elsewhere.URL + "/?token=x":                    "is no console: it answers 302",
		"summary --token-file " + open:                                    "can be read by others",
		"summary --url https://127.0.0.1:1/?token=x --console-ca " + open: "has no certificate",
		"device " + good:                                                  "give one device",
		"device nobody " + good:                                           "the fleet has no device nobody",
		"devices --model SPA943 " + good:                                  "did you mean",
		"devices --limit 0 " + good:                                       "at least 1 device",
		"resync " + good:                                                  "which devices?",
		"resync 1 --all " + good:                                          "one of the three",
		"resync --all --model PAP2T " + good:                              "one of the three",
		"resync 1 2 " + good:                                              "takes one device",
		"resync 99 " + good:                                               "there is no device 99",
		"resync --state NEVER " + good:                                    "there is no state",
		"keys " + good:                                                    "give a device and keys",
		"keys 1 " + good:                                                  "which devices?",
		"keys 0 x+ " + good:                                               "cannot be dialled",
		"fault " + good:                                                   "what is to go wrong?",
		"fault status " + good:                                            "is not KEY=VALUE",
		"fault status=503 " + good:                                        "which devices?",
		"fault status=1 --all " + good:                                    "status: ",
		"end-fault " + good:                                               "give the number of one fault",
		"end-fault 9 " + good:                                             `there is no fault "9"`,
		"summary --url " + secure.URL + "/?token=x":                       "give the authorities of its certificate by --console-ca",
		"resnyc": "did you mean",
	} {
		out, errs, code := ctl(t, strings.Fields(line)...)
		if code != exitUsage || !strings.Contains(errs, says) || out != "" {
			t.Errorf("%s: exit %d, no %q in\n%s%s", line, code, says, errs, out)
		}
		if strings.Contains(errs, w.token) {
			t.Errorf("%s: the token is printed: %s", line, errs)
		}
	}
	t.Setenv(tokenVariable, w.token)
	t.Setenv(urlVariable, w.url)
	if _, errs, code := ctl(t, "summary"); code != exitOK {
		t.Errorf("by the environment: %s", errs)
	}
}
