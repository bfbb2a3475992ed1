package answer_test

import (
	"bytes"
	"encoding/xml"
	"strings"
	"testing"

	"spafleet/scenarios/doctor/answer"
	"spafleet/scenarios/doctor/finding"
	"spafleet/scenarios/report/junit"
)

func cases(t *testing.T, r *finding.Report) junit.Document {
	t.Helper()
	var b bytes.Buffer
	if err := answer.WriteJUnit(&b, r); err != nil {
		t.Fatal(err)
	}
	var d junit.Document
	if err := xml.Unmarshal(b.Bytes(), &d); err != nil {
		t.Fatalf("%v\n%s", err, b.Bytes())
	}
	return d
}

// Each check of each device is a case, which fails only where something breaks it.
func TestJUnitHasACaseForEachCheckOfEachDevice(t *testing.T) {
	r := sample()
	broken := 0
	for _, f := range r.Findings {
		if !f.OK && f.Severity == finding.Breaks {
			broken++
		}
	}
	d := cases(t, r)
	if want := len(r.Devices)*len(finding.Checks) + 1; d.Tests != want || d.Failures != broken || d.Skipped != len(r.Unasked) || d.Errors != 0 {
		t.Errorf("%d cases, %d failed, %d skipped, %d errors; want %d, %d, %d, 0", d.Tests, d.Failures, d.Skipped, d.Errors, want, broken, len(r.Unasked))
	}
	seen := map[string]bool{}
	for _, s := range d.Suites {
		for _, c := range s.Cases {
			if key := c.Class + c.Name; seen[key] {
				t.Errorf("%s is there twice", key)
			} else {
				seen[key] = true
			}
			switch {
			case s.Name == "SPA942 4.1.8" && strings.HasPrefix(c.Name, "tls-version:"):
				if c.Failure == nil || !strings.Contains(c.Failure.Text, "seen: alert 70") || !strings.Contains(c.Failure.Text, "cure (nginx): ssl_protocols") {
					t.Errorf("%+v", c)
				}
			case s.Name == "SPA942 4.1.8" && strings.HasPrefix(c.Name, "cert-name:"):
				if c.Skipped == nil || c.Skipped.Message != "the handshake failed" {
					t.Errorf("%+v", c)
				}
			case s.Name == "SPA504G 7.4.3" && strings.HasPrefix(c.Name, "profile-parameters:"):
				if c.Failure != nil || !strings.Contains(c.Out, "warns: Line 7") {
					t.Errorf("%+v", c)
				}
			}
		}
	}
	r.Incomplete = "interrupted"
	if d = cases(t, r); d.Errors != 1 {
		t.Errorf("%d errors of an incomplete report", d.Errors)
	}
	if d = cases(t, large(300)); d.Tests != 300*len(finding.Checks)+1 {
		t.Errorf("%d cases", d.Tests)
	}
}
