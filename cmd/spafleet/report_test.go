package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"spafleet/bench/extproc"
	"spafleet/scenarios/report"
)

// uploads is a server that takes reports.
type uploads struct {
	mu   sync.Mutex
	sent map[string][]byte // by method and path
}

func (u *uploads) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // a short one fails the test anyway
	u.mu.Lock()
	defer u.mu.Unlock()
	u.sent[r.Method+" "+r.URL.Path] = body
}

// Reports go out as the rule says; the real openssl opens the encrypted one; and
// GPP_SA to GPP_SD are in none.
func TestReportsReachAServer(t *testing.T) {
	openssl := extproc.Need(t, "openssl", "openssl")
	up := &uploads{sent: map[string][]byte{}}
	server := httptest.NewServer(up)
	defer server.Close()
	scenario := func(rule string) *report.Report {
		return runScenario(t, fmt.Sprintf(`
name: report
fleet:
  desk:
    model: SPA504G
    lease: none
    set: {Resync_Random_Delay: 0, Profile_Rule: "", GPP_A: shown, GPP_SA: "keep this to yourself", Report_Rule: %q}
target: {hosts: [127.0.0.1]}
timeline:
  - name: up
    when: {all: synced}
    by: 10s
    report: all
expect:
  - all: events("report_ok") == 1
    by: up + 10s
`, rule))
	}
	for _, rule := range []string{server.URL + "/plain/$MA.xml", "[--key secret] " + server.URL + "/locked.enc", "[--status] " + server.URL + "/status.xml"} {
		if r := scenario(rule); r.Verdict != report.Passed {
			t.Fatalf("%s: %s, %+v %+v", rule, r.Verdict, r.Expect, r.Findings)
		}
	}
	var plain []byte
	for path, body := range up.sent {
		if bytes.Contains(body, []byte("keep this to yourself")) || bytes.Contains(body, []byte("GPP_SA")) {
			t.Errorf("%s gives a secret away", path)
		}
		if strings.HasPrefix(path, "POST /plain/") {
			plain = body
		}
	}
	if !bytes.Contains(plain, []byte("shown")) {
		t.Errorf("the report has not GPP_A:\n%.400s", plain)
	}
	if status := up.sent["POST /status.xml"]; !bytes.HasPrefix(status, []byte("<Status>")) {
		t.Errorf("the status begins %.40q", status)
	}
	cmd := exec.Command(openssl, "enc", "-d", "-aes-256-cbc", "-md", "md5", "-k", "secret")
	cmd.Stdin = bytes.NewReader(up.sent["POST /locked.enc"])
	opened, err := cmd.Output()
	if err != nil || !bytes.HasPrefix(opened, []byte("<flat-profile>\n")) || !bytes.Contains(opened, []byte("shown")) {
		t.Errorf("openssl: %v, %.200q", err, opened)
	}
}

// By TFTP the embedded server takes it; with --delta only changes are sent.
func TestReportsOfChanges(t *testing.T) {
	up := &uploads{sent: map[string][]byte{}}
	server := httptest.NewServer(up)
	defer server.Close()
	r := runScenario(t, fmt.Sprintf(`
name: delta
clock: real
fleet:
  desk:
    model: SPA504G
    set: {Resync_Random_Delay: 0, HTTP_Report_Method: PUT, Report_Rule: "[--delta] %s/$MA.xml"}
server:
  files:
    /spa504G.cfg: "<flat-profile><GPP_B>common</GPP_B></flat-profile>"
    /second.xml: "<flat-profile><GPP_C>changed</GPP_C></flat-profile>"
timeline:
  - name: whole
    when: {all: events("report_ok") == 1}
    by: 10s
    resync: {of: all, url: "http://${server.http}/second.xml"}
expect:
  - all: events("report_ok") == 2
    by: whole + 10s
`, server.URL))
	if r.Verdict != report.Passed {
		t.Fatalf("%s: %+v %+v", r.Verdict, r.Timeline, r.Expect)
	}
	if len(up.sent) != 1 {
		t.Fatalf("reports: %d", len(up.sent))
	}
	for path, body := range up.sent {
		if !strings.HasPrefix(path, "PUT /") || !bytes.Contains(body, []byte("changed")) || bytes.Contains(body, []byte("common")) {
			t.Errorf("%s holds more or less than the change:\n%s", path, body)
		}
	}
}
