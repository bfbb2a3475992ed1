package answer_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"spafleet/host/golden"
	"spafleet/scenarios/doctor/answer"
	"spafleet/scenarios/doctor/finding"
)

// How a device fares with two servers, and in which list of the comparison it is then.
func TestAChangeStrandsOrCures(t *testing.T) {
	ok := func(checks ...string) (list []finding.Finding) {
		for _, c := range checks {
			list = append(list, finding.Finding{Check: c, OK: true})
		}
		return list
	}
	bad := func(s finding.Severity, check string) []finding.Finding {
		return []finding.Finding{{Check: check, Severity: s, Detail: check + " does not hold"}}
	}
	cut := func(r *finding.Report) *finding.Report { r.Incomplete = "interrupted"; return r }
	for _, tt := range []struct {
		name          string
		before, after *finding.Report
		want          string // the list, and the checks
	}{
		{"nothing changes", one(ok("reachable", "file-found")...), one(ok("reachable", "file-found")...), ""},
		{"a new fault", one(ok("reachable", "tls-version", "file-found")...), one(bad(finding.Breaks, "tls-version")...), "strands tls-version"},
		{"from http to https", one(ok("reachable", "file-found")...), one(bad(finding.Breaks, "tls-version")...), "strands tls-version"},
		{"a fault that is gone", one(bad(finding.Breaks, "tls-version")...), one(ok("tls-version", "file-found")...), "cures tls-version"},
		{"from https to http", one(bad(finding.Breaks, "tls-version")...), one(ok("reachable", "file-found")...), "cures tls-version"},
		{"one fault for another", one(bad(finding.Breaks, "tls-version")...), one(bad(finding.Breaks, "missing-file")...), "broken missing-file"},
		{"the fault was not looked for", one(bad(finding.Breaks, "missing-file")...), one(ok("reachable")...), "unknown missing-file"},
		{"interrupted after", one(bad(finding.Breaks, "missing-file")...), cut(one(ok("reachable", "file-found")...)), "unknown missing-file"},
		{"interrupted before", cut(one(ok("reachable")...)), one(bad(finding.Breaks, "missing-file")...), "unknown missing-file"},
		{"a new warning", one(ok("profile-secrets")...), one(bad(finding.Warns, "profile-secrets")...), "troubles profile-secrets"},
		{"a warning that is gone", one(bad(finding.Warns, "profile-secrets")...), one(ok("profile-secrets")...), "relieves profile-secrets"},
		{"a warning not looked for", one(bad(finding.Warns, "profile-secrets")...), one(ok("reachable")...), ""},
		{"a note is no change", one(ok("profile-periods")...), one(bad(finding.Note, "profile-periods")...), ""},
		{"nothing asked before", one(), one(bad(finding.Breaks, "file-found")...), ""},
	} {
		c := answer.Compare(tt.before, tt.after)
		var got []string
		for _, list := range []struct {
			name    string
			changes []answer.Change
		}{{"strands", c.Strands}, {"cures", c.Cures}, {"broken", c.Broken}, {"troubles", c.Troubles}, {"relieves", c.Relieves}, {"unknown", c.Unknown}} {
			for _, change := range list.changes {
				got = append(got, fmt.Sprintf("%s %s", list.name, strings.Join(change.Checks, " ")))
				if len(change.Details) != len(change.Checks) || change.Details[0] != change.Checks[0]+" does not hold" {
					t.Errorf("%s: %+v", tt.name, change)
				}
			}
		}
		if strings.Join(got, "; ") != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestTheTextOfAComparisonIsThatOfTheGoldenFile(t *testing.T) {
	before, after := sample(), sample()
	before.Server = "http://prov.test/$MA.xml"
	before.Findings, before.Unasked = nil, nil
	for i, d := range before.Devices {
		before.Findings = append(before.Findings, finding.Finding{Model: d.Model, Firmware: d.Firmware, Check: "file-found", OK: i%5 > 0, Severity: finding.Breaks, Detail: "The server has no file for it."})
	}
	before.Devices = append(before.Devices, finding.Device{Model: "SPA8000", Firmware: "6.1.11"})
	for i := range after.Findings {
		if f := &after.Findings[i]; f.Check == "missing-file" {
			f.OK = true
		}
	}
	after.Incomplete = "interrupted"
	var b bytes.Buffer
	if err := answer.Compare(before, after).WriteText(&b); err != nil {
		t.Fatal(err)
	}
	golden.File(t, "testdata/compare.txt", b.Bytes())
	b.Reset()
	if err := answer.Compare(before, &finding.Report{}).WriteText(&b); err != nil || !strings.Contains(b.String(), "no device in common") {
		t.Errorf("%v\n%s", err, b.String())
	}
}
