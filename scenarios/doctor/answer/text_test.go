package answer_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"spafleet/host/golden"
	"spafleet/scenarios/doctor/answer"
	"spafleet/scenarios/doctor/finding"
)

func text(t *testing.T, r *finding.Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := answer.WriteText(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTheTextIsThatOfTheGoldenFile(t *testing.T) {
	got := text(t, sample())
	golden.File(t, "testdata/answer.txt", []byte(got))
	for _, line := range strings.Split(got, "\n") {
		if utf8.RuneCountInString(line) > 80 {
			t.Errorf("a line is wider than a terminal: %q", line)
		}
	}
}

// one is a report of one device.
func one(findings ...finding.Finding) *finding.Report {
	r := &finding.Report{Format: finding.Format, Server: "prov.test", Began: time.Unix(1e9, 0), Devices: []finding.Device{{Model: "SPA942", Firmware: "6.1.5(a)"}}}
	for _, f := range findings {
		f.Model, f.Firmware = "SPA942", "6.1.5(a)"
		r.Findings = append(r.Findings, f)
	}
	return r
}

func TestTheVerdictSaysNoMoreThanWasSeen(t *testing.T) {
	reached := finding.Finding{Check: "reachable", OK: true}
	held := finding.Finding{Check: "file-found", OK: true}
	trouble := finding.Finding{Check: "profile-secrets", Severity: finding.Warns}
	worth := finding.Finding{Check: "profile-periods", Severity: finding.Note}
	broken := finding.Finding{Check: "file-found", Severity: finding.Breaks}
	cut := func(r *finding.Report) *finding.Report { r.Incomplete = "interrupted"; return r }
	for _, tt := range []struct {
		r       *finding.Report
		verdict string
		says    string
	}{
		{one(held), answer.OK, "✓ Nothing that was asked would break a device."},
		{one(held, worth), answer.OK, "✓ Nothing that was asked would break a device."},
		{one(held, trouble, worth), answer.Warns, "! Nothing that was asked would break a device; 1 of 1 device would have trouble."},
		{one(held, trouble, broken), answer.Breaks, "✗ 1 of 1 device would not be provisioned by this server."},
		{cut(one(held, broken)), answer.Breaks, "– This is incomplete (interrupted): it is what was seen with 1 of 1 device."},
		{cut(one(held)), answer.Incomplete, "– What was asked so far would break no device; the rest is not known."},
		{cut(one()), answer.Incomplete, "– Nothing was asked, so this says nothing about the server."},
		{one(reached, finding.Finding{Check: "cert-root", Severity: finding.Note}), answer.Incomplete, "– What was asked would break no device, but 1 of 1 device did not get as far as"},
		{one(finding.Finding{Check: "reachable", Severity: finding.Breaks}), answer.Breaks, "✗ No device reached this server, so nothing else was asked."},
		{one(), answer.Incomplete, "– Nothing was asked, so this says nothing about the server."},
	} {
		if got := answer.Verdict(tt.r); got != tt.verdict {
			t.Errorf("%+v: verdict %s, want %s", tt.r.Findings, got, tt.verdict)
		}
		if got := text(t, tt.r); !strings.Contains(got, tt.says) {
			t.Errorf("want %q in\n%s", tt.says, got)
		}
	}
}

// An area is ok only when each of its checks was made.
func TestAnAreaIsNotOkWhereACheckWasNotMade(t *testing.T) {
	var all []finding.Finding
	for _, c := range finding.Checks {
		if c.Area == "files" {
			all = append(all, finding.Finding{Check: c.ID, OK: true})
		}
	}
	if got := text(t, one(all...)); !strings.Contains(got, "✓ ok\n") {
		t.Errorf("all were made:\n%s", got)
	}
	if got := text(t, one(all[1:]...)); strings.Contains(got, "✓ ok") || !strings.Contains(got, fmt.Sprintf("✓ %d of %d", len(all)-1, len(all))) {
		t.Errorf("one was not made:\n%s", got)
	}
}

// A device of a list stands for others, and a long list of models has an end.
func TestDevicesOfAListAreCounted(t *testing.T) {
	r := one(finding.Finding{Check: "file-found", Severity: finding.Breaks, Detail: "404."})
	r.Devices[0].Stands = 120
	r.Devices = append(r.Devices, finding.Device{Model: "SPA962", Firmware: "6.1.5(a)", Stands: 7})
	r.Findings = append(r.Findings, finding.Finding{Model: "SPA962", Firmware: "6.1.5(a)", Check: "file-found", OK: true})
	got := text(t, r)
	for _, want := range []string{"which stand for 127 of a list", "1 of 2 devices would not be provisioned by this server; they stand for 120 of", "SPA942 6.1.5(a) × 120", "SPA962 6.1.5(a) × 7"} {
		if !strings.Contains(got, want) {
			t.Errorf("want %q in\n%s", want, got)
		}
	}
}

// A report of another version, or one that a stranger made, is shown as far as it goes
// and disturbs no terminal.
func TestAStrangeReportIsShown(t *testing.T) {
	r := one(finding.Finding{Check: "n\x1b[31mew", Severity: finding.Breaks, Detail: "d\x1b]0;x\x07\u009b", Evidence: "\x1b[2J", Hint: "\x07", Basis: "\r"})
	r.Server = "\x1b[1mhost"
	r.Devices[0].Model = "A\x1b"
	r.Unasked = []finding.Unasked{{Check: "other", Why: "\x1bwhy"}, {Check: "upgrade", Model: "nobody", Why: "why"}}
	for _, got := range []string{text(t, r), text(t, &finding.Report{})} {
		if strings.ContainsFunc(got, func(r rune) bool { return r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 }) {
			t.Errorf("%q", got)
		}
	}
}

// large is a report of many devices that all fare differently.
func large(n int) *finding.Report {
	r := &finding.Report{Format: finding.Format, Server: "prov.test", Began: time.Unix(1e9, 0)}
	for i := range n {
		d := finding.Device{Model: fmt.Sprintf("SPA%d", i), Firmware: "1.2.3"}
		r.Devices = append(r.Devices, d)
		for j, c := range finding.Checks {
			f := finding.Finding{Model: d.Model, Firmware: d.Firmware, Check: c.ID, OK: i>>(j%11)&1 == 0, Severity: finding.Severity(j % 3), Detail: strings.Repeat("detail ", 20) + d.Model, Evidence: strings.Repeat("e", finding.MostSent)}
			r.Findings = append(r.Findings, f)
		}
		r.Unasked = append(r.Unasked, finding.Unasked{Check: "upgrade", Model: d.Model, Firmware: d.Firmware, Why: "why " + d.Model})
	}
	return r
}

func TestTheTextIsBounded(t *testing.T) {
	if n := strings.Count(text(t, large(2000)), "\n"); n > 1500 {
		t.Errorf("%d lines", n)
	}
}
