package run_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// A server that puts another value into each answer reboots its devices again and
// again. The report says so, with the parameters, and keeps secrets to itself.
func TestFilesThatChangeAtEachRequestAreAFinding(t *testing.T) {
	var n atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		now := n.Add(1)
		fmt.Fprintf(w, "<flat-profile><GPP_A>%[1]d</GPP_A><Password_1_>hush%[1]d</Password_1_><User_ID_1_>at %[1]d</User_ID_1_></flat-profile>", now)
	}))
	defer server.Close()
	r, _ := act(t, `
clock: real
limits: {lateness: 10s}
fleet:
  phones: {model: SPA942, count: 3, lease: none, switches: {reboot_time: 0s}, set: {Resync_Random_Delay: 0, Profile_Rule: "`+server.URL+`/x"}}
target: {hosts: [127.0.0.1]}
expect:
  - {all: reboots > 6, by: 5s}
`)
	l := r.Findings.RebootLoops
	if l.Devices != 3 || l.MoreThan != 3 || !strings.HasPrefix(l.Differs, `User_ID_1_ "at `) || !strings.HasSuffix(l.Differs, ", Password_1_") {
		t.Errorf("%+v", l)
	}
	var text strings.Builder
	r.WriteText(&text)
	if want := "\n3 devices rebooted more than 3 times in a row: their file changes at each request\n  one time: User_ID_1_ \"at "; !strings.Contains(text.String(), want) || strings.Contains(text.String(), "hush") {
		t.Errorf("the report has not %q, or a password:\n%s", want, text.String())
	}
}

// Phones whose image is missing reboot again and again. The report names the model, the
// image and the device's words; so does that of shards, merged.
func TestAMissingImageIsALoopWithItsCause(t *testing.T) {
	r, _ := act(t, `
duration: 10m
fleet:
  phones: {model: SPA942, count: 3, set: {Upgrade_Rule: "http://${server.http}/spa942-6-1-5a.bin"}}
  desk: {model: SPA504G, count: 2, set: {Upgrade_Rule: "http://${server.http}/spa50x.bin"}}
server:
  files: {"/spa942.cfg": "<flat-profile/>", "/spa504G.cfg": "<flat-profile/>"}
expect:
  - {all: upgrades.failed > 0}
`)
	if len(r.Findings.UpgradeLoops) != 1 {
		t.Fatalf("%+v", r.Findings.UpgradeLoops)
	}
	l := r.Findings.UpgradeLoops[0]
	if l.Model != "SPA942 6.1.5(a)" || l.Err != "file not found" || l.Devices != 3 || l.Every < 30 || l.Every > 70 || !strings.HasSuffix(l.Example.URL, "/spa942-6-1-5a.bin") {
		t.Errorf("%+v", l)
	}
	var b strings.Builder
	r.WriteText(&b)
	text := strings.Join(strings.Fields(b.String()), " ")
	for _, want := range []string{`3 devices of SPA942 6.1.5(a) rebooted more than 3 times in a row after a failed upgrade, which they tried again within `,
		`cause: "file not found", e.g. http://127.0.0.1/spa942-6-1-5a.bin`, "reboots after a failed upgrade and tries again at each boot (field; switch upgrade_retry=kept changes that)"} {
		if !strings.Contains(text, want) {
			t.Errorf("the report has not %q:\n%s", want, b.String())
		}
	}
}
