package report_test

import (
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/device/phase"
	"spafleet/scenarios/report"
	"spafleet/scenarios/tally"
)

// results are all that there are.
func results(t *testing.T) (list []string) {
	t.Helper()
	for r := device.OK; r <= device.Backoff; r++ {
		list = append(list, r.String())
	}
	return list
}

// Who reads a report must be able to tell each ending from each other.
func TestEachPairOfResultAndPhaseHasATextOfItsOwn(t *testing.T) {
	seen := map[string][2]string{}
	for _, result := range results(t) {
		for _, p := range phase.All() {
			f := &tally.Failure{What: "profile", Scheme: "http", Result: result, Phase: p.String(), Wait: 5, Status: 503}
			text := report.Ending(f)
			if other, twice := seen[text]; twice {
				t.Errorf("%s in %s is %q, and so is %v", result, p, text, other)
			}
			seen[text] = [2]string{result, p.String()}
			if strings.ContainsAny(text, "{}") {
				t.Errorf("%s in %s: %s", result, p, text)
			}
		}
	}
}

func TestEndingsSayWhatTheServerDid(t *testing.T) {
	two := 2
	for want, f := range map[string]tally.Failure{
		"connection refused":                                   {Result: "connect", Phase: "connect"},
		"no connection within 5s":                              {Result: "timeout", Phase: "connect", Wait: 5},
		"no first byte within 30s":                             {Result: "timeout", Phase: "first_byte", Wait: 30},
		"connection closed without a byte":                     {Result: "connect", Phase: "first_byte"},
		"HTTP 503":                                             {Result: "status", Phase: "status", Status: 503},
		"TFTP error 2":                                         {Result: "status", Phase: "status", Scheme: "tftp", TFTPError: &two},
		"the file is not a valid firmware image":               {What: "image", Result: "corrupt", Phase: "decode"},
		"TLS handshake failed, certificate error 10, alert 45": {Result: "tls", Phase: "tls", TLSError: 10, Alert: 45},
	} {
		if got := report.Ending(&f); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// A report fits a terminal, but for what cannot be broken.
func TestFailuresFitATerminal(t *testing.T) {
	var b strings.Builder
	sample().WriteText(&b)
	_, text, _ := strings.Cut(b.String(), "failures by cause")
	text, _, _ = strings.Cut(text, "\n\n")
	for _, line := range strings.Split(text, "\n") {
		if n := len([]rune(line)); n > 80 && strings.Contains(strings.TrimSpace(line), " ") {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}
