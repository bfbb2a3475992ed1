package resync

import (
	"context"
	"crypto/sha256"
	"strconv"
	"strings"

	"spafleet/device"
	"spafleet/device/phase"
	"spafleet/device/profile"
	"spafleet/device/rule"
)

// Report sends the file that Report_Rule asks for: TFTP writes it, HTTP posts or
// puts it (HTTP_Report_Method). It is one attempt without retry (PG3 p. 45:
// documented). Input.ReportBody makes the body.
func Report(ctx context.Context, env Env, in Input) Outcome {
	r := report{begin(ctx, env, &in)}
	f := r.send()
	switch {
	case f == nil && r.file != nil:
		r.tell(device.Event{Kind: device.ReportOK, File: r.file})
	case f != nil && f != aborted:
		r.tell(device.Event{Kind: device.ReportFailed, File: r.file, Err: f.err, Result: f.result})
	}
	return r.outcome(f)
}

// WantsDelta reports whether a device sends its changes by itself: its rule has
// --delta (SPA500 and SPA100 guides: documented; that a resync sends them is
// inferred).
func WantsDelta(u *device.Unit, p device.Params) bool {
	text, _ := p.Lookup("Report_Rule")
	if !rule.Read(text, u.Row.Dialect()).HasDelta() {
		return false
	}
	d, err := rule.Eval(text, device.Env{Unit: u, Params: p}, u.Row.Dialect())
	return err == nil && d.Options.Delta
}

// A report is one sending of Report_Rule's file.
type report struct{ *attempt }

func (r *report) send() *failure {
	text := r.lookup("Report_Rule")
	if text == "" {
		return nil
	}
	d, err := r.eval(text)
	if r.in.Reasons {
		explainer{r.attempt}.decided('R', "report", text, 0, d, err)
	}
	if err != nil {
		return r.malformed(err)
	}
	if !d.HasURL {
		return nil
	}
	t, f := r.locate(line{letter: 'R'}, d)
	if f != nil {
		return f
	}
	t.method, t.body = r.method(&t), r.in.ReportBody(d.Options.Delta, d.Options.Status)
	if t.options.Key != "" {
		t.body = profile.Encrypt(t.body, t.options.Key, r.salt(t.body))
	}
	x := transfer{attempt: r.attempt, target: t, what: "report", most: r.in.Unit.Row.Behaviour.Files.Limit}
	resp, f := x.fetch()
	switch {
	case f == aborted:
		return f
	case f != nil:
		return &failure{sendFailed(&x.target), f.result}
	case resp.Status/100 != 2:
		r.file.Result, r.file.Phase = device.BadStatus, phase.Status
		return &failure{sendFailed(&x.target), device.BadStatus}
	}
	return nil
}

// sendFailed is $ERR of a file that could not be sent (inferred from the form of
// <scheme>_get failed).
func sendFailed(t *target) string { return t.scheme + "_" + strings.ToLower(t.method) + " failed" }

// method is PUT by TFTP, else HTTP_Report_Method where the firmware has it.
func (r *report) method(t *target) string {
	if t.scheme == "tftp" || r.lookup("HTTP_Report_Method") == "PUT" {
		return "PUT"
	}
	return "POST"
}

// salt is the chance that openssl's format wants, as a function of who sends
// what when.
func (r *report) salt(body []byte) [8]byte {
	h := sha256.New()
	h.Write(r.in.Unit.MAC[:])
	h.Write(strconv.AppendInt(nil, r.env.Now(), 10))
	h.Write(body)
	return [8]byte(h.Sum(nil)[:8])
}
