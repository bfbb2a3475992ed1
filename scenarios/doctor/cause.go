package doctor

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"spafleet/device"
	"spafleet/device/phase"
	"spafleet/scenarios/doctor/finding"
	"spafleet/scenarios/report"
	"spafleet/scenarios/tally"
)

// cause returns why an attempt failed, by the check that finds it; nil where it went
// well, or where it was not made.
func (v *visit) cause(a *attempt) *trouble {
	e := a.last(device.FetchFailed, device.ResyncFailed)
	switch {
	case a.trouble != nil:
		return a.trouble
	case a.outcome.Aborted:
		return &trouble{check: "reachable", severity: finding.Breaks, detail: fmt.Sprintf("the server was still not done after %s", 4*v.patience)}
	case a.outcome.OK && a.last(device.FetchFailed) == nil, e == nil:
		return nil
	}
	t := &trouble{severity: finding.Breaks, detail: report.Ending(tally.FailureOf(e))}
	if f := e.File; f != nil {
		t.hint = f.Hint
		if f.Said != "" {
			t.evidence = finding.Sent(f.Said)
		}
	}
	if e.Result == device.BadScheme && v.asked.URL.Scheme == "https" {
		t.detail, t.basis = "this firmware does not speak HTTPS, which came with 2.0.6", "documented"
	}
	t.check = v.checkOf(e, a)
	v.explain(t, e, a)
	return t
}

// results are the checks that find a failure, by its result, where nothing else does.
var results = map[device.Result]string{
	device.NoDNS: "reachable", device.NoConnect: "reachable", device.Timeout: "reachable", device.Backoff: "reachable", device.Corrupt: "profile-xml",
	device.TLSFailed: "tls-suite", device.BadScheme: "tls-version", device.NotFound: "file-found", device.BadStatus: "file-found",
	device.Decrypt: "profile-xml", device.BadRule: "file-found", device.Restricted: "profile-parameters",
}

// checkOf returns the check that finds a failure.
func (v *visit) checkOf(e *device.Event, a *attempt) (check string) {
	f, x := e.File, a.end()
	if f == nil || x == nil {
		return results[e.Result]
	}
	switch e.Result {
	case device.NoConnect, device.TLSFailed:
		check = v.connectionCheck(f, a)
	case device.BadStatus:
		check = statusCheck(f.Status, x)
	case device.Corrupt:
		check = bodyCheck(f.Phase, x)
	default: // the result says all
	}
	return cmp.Or(check, results[e.Result])
}

// connectionCheck returns the check that finds a connection which failed, "" where the
// result says all.
func (v *visit) connectionCheck(f *device.File, a *attempt) string {
	shown := v.greeting != nil && v.greeting.state.Asked && f.Scheme == "https"
	switch {
	case f.Phase == phase.Admission && a.answered():
		return "redirect"
	case f.TLSError != 0:
		return "cert-root"
	case shown && f.Phase > phase.Connect: // it was hung up on, with its certificate shown
		return "client-cert"
	}
	return ""
}

// statusCheck is likewise for a status.
func statusCheck(status int, x *exchange) string {
	switch {
	case status/100 == 3:
		return "redirect"
	case status == http.StatusUnauthorized, status == http.StatusProxyAuthRequired:
		return "auth"
	case x.answer.Refusal != "":
		return "client-cert"
	}
	return ""
}

// bodyCheck is likewise for what came.
func bodyCheck(at phase.Phase, x *exchange) string {
	switch {
	case at != phase.Decode && at != phase.Size:
		return "reachable"
	case packedOtherwise(x):
		return "encoding"
	}
	return ""
}

// explain writes what a person needs beside the ending of a transfer.
func (v *visit) explain(t *trouble, e *device.Event, a *attempt) {
	f := e.File
	if f == nil {
		return
	}
	switch t.check {
	case "reachable":
		if wait := v.patient(f); e.Result == device.Timeout && wait > v.patience {
			t.detail += fmt.Sprintf("; a device waits for %s", wait)
		}
	case "redirect":
		if f.Phase == phase.Admission {
			t.severity, t.detail = finding.Note, fmt.Sprintf("the server redirects to %.200s, which this program may not contact, so what is there is not known", f.Host)
			return
		}
		t.basis = v.basis("redirects")
		if x := a.end(); x != nil {
			t.evidence = finding.Sent(fmt.Sprintf("%d, Location: %s", x.answer.Status, x.answer.Location))
		}
		if t.detail, t.hint = t.hint, ""; t.detail == "" {
			t.detail = fmt.Sprintf("the server redirects with %d and does not say where to", f.Status)
		}
	case "auth":
		t.basis = v.basis("http_auth")
		if x := a.end(); x != nil {
			t.evidence = finding.Sent(strings.Join(x.answer.Challenges, ", "))
		}
		t.detail = fmt.Sprintf("the server asks for a user and a password with %d", f.Status)
	case "client-cert":
		client{v}.refused(t, f)
	case "file-found":
		t.detail = fmt.Sprintf("there is no file for this device at %.200s: %s", f.Path, t.detail)
	case "encoding":
		t.detail = "the file is packed in a way that this firmware does not read: it knows gzip, by the first bytes"
		t.basis = "documented"
		if x := a.end(); x != nil {
			t.evidence = packing(x)
		}
	}
}

// patient returns how long a device itself waits where a transfer timed out.
func (v *visit) patient(f *device.File) time.Duration {
	b := &v.whole.Behaviour
	switch {
	case f.Scheme == "tftp":
		return b.TFTP.Wait * time.Duration(b.TFTP.Tries)
	case f.Phase == phase.Connect:
		return b.HTTPConnect
	}
	return b.HTTPRead
}

// absentName is the name of a file that no server has.
const absentName = "spafleet-doctor-asks-for-a-file-that-nobody-has.xml"

// absent asks for a file that nobody has, beside the device's own. It returns what is
// wrong with the answer, nil for nothing.
func (v *visit) absent(ctx context.Context, first *attempt) (*trouble, *attempt) {
	v.instead = first.exchanges[0].request.Path
	a := v.try(ctx, v.params, v.life)
	v.instead = ""
	if v.stopped(a) {
		return nil, a
	}
	e := a.last(device.FetchFailed, device.Fetched)
	switch {
	case e == nil:
		v.skip("missing-file", "no answer came that says what a missing file is answered with")
		return nil, a
	case e.Result == device.NotFound:
		v.ok("missing-file", "the server says that it has no such file", answerText(a.end()))
		return nil, a
	}
	t := &trouble{check: "missing-file", severity: finding.Warns, evidence: answerText(a.end())}
	status := e.File.Status
	switch {
	case status/100 == 2 && e.Kind == device.Fetched:
		t.severity, t.detail = finding.Breaks, fmt.Sprintf("the server answers %d for a file that it does not have, with one that this firmware takes for its profile", status)
	case status/100 == 2:
		t.severity, t.detail = finding.Breaks, fmt.Sprintf("the server answers %d for a file that it does not have: this firmware takes the page for its file, and fails with %q in place of %q", status, e.Err, "file not found")
	case status != 0:
		t.detail = fmt.Sprintf("the server answers %d for a file that it does not have, and this firmware takes that for a failure, so it also ignores Resync_Fails_On_FNF", status)
	default:
		t.detail = "the server does not say that it has no such file: " + report.Ending(tally.FailureOf(e))
	}
	return t, a
}

// beside returns the path of a file that nobody has, in the folder of another.
func beside(path string) string {
	path, _, _ = strings.Cut(path, "?")
	return path[:strings.LastIndexByte(path, '/')+1] + absentName
}

// answerText is the beginning of an answer.
func answerText(x *exchange) string {
	switch {
	case x == nil:
		return ""
	case x.err != nil:
		return ""
	case x.header == nil && x.answer.Status == http.StatusNotFound:
		return "TFTP error 1"
	case x.header == nil:
		return fmt.Sprintf("%d bytes: %s", len(x.answer.Body), beginning(x))
	}
	text := fmt.Sprintf("HTTP %d", x.answer.Status)
	if kind := x.header.Header.Get("Content-Type"); kind != "" {
		text += fmt.Sprintf(", Content-Type: %.60s", kind)
	}
	if x.answer.Status == http.StatusOK {
		text += ", " + beginning(x)
	}
	return text
}

func beginning(x *exchange) string {
	return finding.Sent(string(x.answer.Body[:min(len(x.answer.Body), 40)]))
}

// samePage reports whether the device's own file is what the server also has for a file
// that nobody has.
func samePage(own, absent *attempt) bool {
	a, b := own.end(), absent.end()
	return a != nil && b != nil && a.answer.Status/100 == 2 && b.answer.Status/100 == 2 && (bytes.Equal(a.answer.Body, b.answer.Body) || isPage(a) && isPage(b))
}

// isPage reports whether an answer is a page for people.
func isPage(x *exchange) bool {
	text := strings.ToLower(string(x.answer.Body[:min(len(x.answer.Body), 256)]))
	return strings.Contains(text, "<html") || strings.Contains(text, "<!doctype html")
}
