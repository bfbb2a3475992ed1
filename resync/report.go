package resync

import (
	"context"
	"crypto/sha256"
	"strconv"
	"strings"

	"spafleet/device"
	"spafleet/device/profile"
	"spafleet/device/rule"
)

// Report sends the file that Report_Rule asks for: TFTP writes it, HTTP posts or
// puts it (HTTP_Report_Method). It is one attempt without retry (PG3 p. 45:
// documented). Input.ReportBody makes the body.
func Report(ctx context.Context, w Env, in Input) Outcome {
	a := begin(ctx, w, &in)
	a.what, a.most = "report", in.Unit.Row.Behaviour.Files.Limit
	f := a.report()
	o := Outcome{Params: a.p, Life: a.life, Applied: a.receipt}
	switch {
	case f == aborted:
		o.Aborted = true
	case f != nil:
		a.tell(device.Event{Kind: device.ReportFailed, File: a.file, Err: f.err, Result: f.result})
		o.Err = f.err
	default:
		o.OK = true
		if a.file != nil {
			a.tell(device.Event{Kind: device.ReportOK, File: a.file})
		}
	}
	o.Events = a.events
	return o
}

// WantsDelta reports whether a device sends its changes by itself: its rule has
// --delta (SPA500 and SPA100 guides: documented; that a resync sends them is
// inferred).
func WantsDelta(u *device.Unit, p device.Params) bool {
	text, _ := p.Lookup("Report_Rule")
	if !strings.Contains(text, "--delta") {
		return false
	}
	d, err := rule.Eval(text, device.Env{Unit: u, Params: p}, u.Row.Dialect())
	return err == nil && d.Options.Delta
}

func (a *attempt) report() *failure {
	text, _ := a.p.Lookup("Report_Rule")
	if text == "" {
		return nil
	}
	d, err := rule.Eval(text, a.env(), a.in.Unit.Row.Dialect())
	if err != nil {
		return a.unreadable(err)
	}
	if !d.HasURL {
		return nil
	}
	t, f := a.locate(line{letter: 'R'}, d)
	if f != nil {
		return f
	}
	t.method, t.body = a.reportMethod(&t), a.in.ReportBody(d.Options.Delta, d.Options.Status)
	if t.options.Key != "" {
		t.body = profile.Encrypt(t.body, t.options.Key, a.salt(t.body))
	}
	resp, f := a.fetch(&t)
	switch {
	case f == aborted:
		return f
	case f != nil:
		return &failure{sendFailed(&t), f.result}
	case resp.Status/100 != 2:
		a.file.Result = device.BadStatus
		return &failure{sendFailed(&t), device.BadStatus}
	}
	return nil
}

// sendFailed is $ERR of a file that could not be sent (inferred from the form of
// <scheme>_get failed).
func sendFailed(t *target) string { return t.scheme + "_" + strings.ToLower(t.method) + " failed" }

// reportMethod is PUT by TFTP, else HTTP_Report_Method where the firmware has it.
func (a *attempt) reportMethod(t *target) string {
	if method, _ := a.p.Lookup("HTTP_Report_Method"); t.scheme == "tftp" || method == "PUT" {
		return "PUT"
	}
	return "POST"
}

// salt is the chance that openssl's format wants, as a function of who sends
// what when.
func (a *attempt) salt(body []byte) [8]byte {
	h := sha256.New()
	h.Write(a.in.Unit.MAC[:])
	h.Write(strconv.AppendInt(nil, a.w.Now(), 10))
	h.Write(body)
	return [8]byte(h.Sum(nil)[:8])
}
