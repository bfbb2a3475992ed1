package finding_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"spafleet/host/golden"
	"spafleet/scenarios/doctor/finding"
)

// Each check says what holds, why it matters, and what cures it in the words of each
// server, or in one sentence for all.
func TestEachCheckHasWordsAndCures(t *testing.T) {
	id := regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	seen := map[string]bool{}
	for _, c := range finding.Checks {
		if !id.MatchString(c.ID) || seen[c.ID] {
			t.Errorf("the ID %q is malformed or there twice", c.ID)
		}
		seen[c.ID] = true
		if found, ok := finding.Find(c.ID); !ok || found.Title != c.Title {
			t.Errorf("%s is not found by its ID", c.ID)
		}
		if len(c.Title) > 60 || c.Title == "" || !strings.HasSuffix(c.About, ".") || strings.HasSuffix(c.Title, ".") {
			t.Errorf("%s: title %q, about %q", c.ID, c.Title, c.About)
		}
		var servers []string
		for _, cure := range c.Cures {
			servers = append(servers, cure.Server)
			if cure.Text == "" || strings.HasSuffix(cure.Text, ".") {
				t.Errorf("%s: the cure %q", c.ID, cure.Text)
			}
		}
		if !slices.Contains(servers, "") && !(slices.Contains(servers, "nginx") && slices.Contains(servers, "Apache") && slices.Contains(servers, "HAProxy")) {
			t.Errorf("%s has cures for %q", c.ID, servers)
		}
	}
	if _, ok := finding.Find("tls"); ok {
		t.Error("a check that is not there is found")
	}
	if areas := finding.Areas(); len(areas) > 7 || areas[0] != "reach" { // more would not fit a terminal
		t.Errorf("areas %q", areas)
	}
	// The checks of an area stand together: they are one column.
	last := map[string]int{}
	for i, c := range finding.Checks {
		if at, ok := last[c.Area]; ok && at != i-1 {
			t.Errorf("%s stands apart from the others of %s", c.ID, c.Area)
		}
		last[c.Area] = i
	}
}

// docs/doctor.md has the checks and the cures as the table says them.
func TestThePageHasTheChecks(t *testing.T) {
	var checks, cures strings.Builder
	checks.WriteString("\n| check | wanted | what is looked at |\n|---|---|---|\n")
	cures.WriteString("\n")
	for _, c := range finding.Checks {
		fmt.Fprintf(&checks, "| `%s` | %s | %s |\n", c.ID, c.Title, c.About)
		fmt.Fprintf(&cures, "* `%s`\n", c.ID)
		for _, cure := range c.Cures {
			if cure.Server == "" {
				fmt.Fprintf(&cures, "  * %s\n", cure.Text)
				continue
			}
			fmt.Fprintf(&cures, "  * %s: `%s`\n", cure.Server, cure.Text)
		}
	}
	page := "../../../docs/doctor.md"
	golden.Section(t, page, "<!-- checks -->", "<!-- /checks -->", checks.String())
	golden.Section(t, page, "<!-- cures -->", "<!-- /cures -->", cures.String())
}

func TestAReportReadsBackAsItWasWritten(t *testing.T) {
	r := finding.Report{
		Format: finding.Format, Server: "https://prov.test/$MA.xml", Began: time.Unix(1e9, 0).UTC(), Took: finding.Seconds(1500 * time.Millisecond), Incomplete: "interrupted",
		Devices:  []finding.Device{{Model: "SPA942", Firmware: "6.1.5(a)", URL: "https://prov.test/000e08000001.xml", Stands: 7}},
		Findings: []finding.Finding{{Model: "SPA942", Firmware: "6.1.5(a)", Check: "tls-version", Severity: finding.Breaks, Detail: "d", Evidence: "e", Basis: "field", Hint: "h"}},
		Unasked:  []finding.Unasked{{Check: "upgrade", Model: "SPA942", Firmware: "6.1.5(a)", Why: "the profile names no firmware"}},
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back finding.Report
	if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(r, back) {
		t.Errorf("%v\n%+v\n%+v", err, r, back)
	}
	if !strings.Contains(string(text), `"severity":"breaks"`) || !strings.Contains(string(text), `"took_seconds":1.500`) {
		t.Errorf("%s", text)
	}
	for _, bad := range []string{`{"took_seconds":-1}`, `{"took_seconds":"1"}`, `{"findings":[{"severity":"worse"}]}`, `{"findings":[{"severity":2}]}`} {
		if err := json.Unmarshal([]byte(bad), &back); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

func TestTheWorstFindingCounts(t *testing.T) {
	r := finding.Report{}
	for _, step := range []struct {
		f     finding.Finding
		want  finding.Severity
		found bool
	}{
		{finding.Finding{OK: true, Severity: finding.Breaks}, 0, false},
		{finding.Finding{Severity: finding.Note}, finding.Note, true},
		{finding.Finding{Severity: finding.Breaks}, finding.Breaks, true},
		{finding.Finding{Severity: finding.Warns}, finding.Breaks, true},
	} {
		r.Findings = append(r.Findings, step.f)
		if worst, found := r.Worst(); worst != step.want || found != step.found {
			t.Errorf("after %+v: %v, %v", step.f, worst, found)
		}
	}
}

// Whatever a server sends, evidence is one short line of printable characters.
func FuzzEvidenceIsAShortLine(f *testing.F) {
	for _, s := range []string{"", "HTTP/1.1 200 OK", strings.Repeat("x", 1000), strings.Repeat("\x00", 165), "ä\x1b[31m\r\n\"\\" + strings.Repeat("\xff", 64), strings.Repeat("é", 90)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := finding.Sent(s)
		if len(got) > finding.MostSent || strings.ContainsFunc(got, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%d bytes: %q", len(got), got)
		}
		if len(s) > 0 && got == `""` {
			t.Errorf("nothing is left of %q", s)
		}
	})
}
