package doctor

import (
	"bytes"
	"context"
	"fmt"
	"mime"
	"slices"
	"strings"

	"spafleet/device"
	"spafleet/device/measure"
	"spafleet/device/model"
	"spafleet/device/profile"
	"spafleet/device/profilecheck"
	"spafleet/resync"
	"spafleet/scenarios/doctor/finding"
)

// A profileLook looks at a file that came, for one device.
type profileLook struct{ *visit }

// transport notes how a file that the device takes came by HTTP.
func (v profileLook) transport(a *attempt) {
	x := a.end()
	if x.header == nil {
		return
	}
	kind := x.header.Header.Get("Content-Type")
	media, _, _ := mime.ParseMediaType(kind)
	if media == "text/html" {
		v.note(&trouble{check: "content-type", severity: finding.Note, evidence: finding.Sent(kind), basis: "inferred",
			detail: "the file comes as text/html; the device looks at its bytes alone, but others on the way may not"})
	} else {
		v.ok("content-type", "the device looks at the file's bytes, not at its type", finding.Sent(kind))
	}
	v.encoded(x)
	v.chunked(x)
}

// encoded notes how a file is packed that the device takes.
func (v profileLook) encoded(x *exchange) {
	packed := profile.Describe(x.answer.Body).Format == profile.FormatGzip
	e := encodingOf(x)
	switch {
	case packed:
		v.ok("encoding", "the file is packed by gzip, which the device knows by the first bytes", packing(x))
	case e == "" || e == "identity":
		v.ok("encoding", "the file is not packed", "")
	default:
		v.note(&trouble{check: "encoding", severity: finding.Note, basis: "inferred", evidence: packing(x),
			detail: fmt.Sprintf("the server says that the file is packed by %.40q, which it is not; the device looks at the bytes alone", e)})
	}
}

// chunked notes whether the file came in chunks.
func (v profileLook) chunked(x *exchange) {
	switch {
	case !slices.Contains(x.header.TransferEncoding, "chunked"):
		v.ok("chunked", "the answer does not come in chunks", "")
	case v.row.Generation == 3:
		v.ok("chunked", "the answer comes in chunks, which phones of this series read", "Transfer-Encoding: chunked")
	default:
		v.note(&trouble{check: "chunked", severity: finding.Note, basis: "inferred", evidence: "Transfer-Encoding: chunked",
			detail: "the answer comes in chunks; that this firmware reads them is not known"})
	}
}

// provisioned looks at a profile that the device has applied, and applies it again.
func (v profileLook) provisioned(ctx context.Context, first *attempt) {
	body := first.end().answer.Body
	v.parameters(body)
	v.secrets(first)
	v.periods(first.outcome.Params)
	again := v.try(ctx, first.outcome.Params, first.outcome.Life)
	if v.stopped(again) {
		return
	}
	v.reboots(again, body)
	v.upgrade(ctx, first)
}

// parameters notes what the device does not take of a profile.
func (v profileLook) parameters(body []byte) {
	var ignored, refused, rules []string
	worst, evidence, hint := finding.Warns, "", ""
	for _, f := range profilecheck.New(v.row, v.asked.Options.Key, v.asked.Options.HasKey).File(body, v.unit.MAC.String()) {
		f.Name = fmt.Sprintf("%.60s", f.Name)
		switch {
		case f.Kind == profilecheck.Partly:
			v.replace(&trouble{check: "profile-xml", severity: finding.Warns, detail: f.Text, hint: f.Hint, basis: f.Evidence.String()})
			continue
		case f.Level == profilecheck.Note:
			continue
		case f.Kind == profilecheck.Value || f.Kind == profilecheck.Cut:
			refused = append(refused, f.Name)
		case f.Kind == profilecheck.BadRule || f.Kind == profilecheck.OddRule:
			rules = append(rules, f.Name)
			if f.Kind == profilecheck.BadRule && strings.HasPrefix(f.Name, "Profile_Rule") {
				worst = finding.Breaks
			}
		default:
			ignored = append(ignored, f.Name)
		}
		if evidence == "" {
			evidence, hint = finding.Sent(fmt.Sprintf("line %d: %s: %s", f.Line, f.Name, f.Text)), f.Hint
		}
	}
	var parts []string
	for _, p := range []struct {
		names []string
		what  string
	}{{ignored, "this firmware does not have, or not there: %s"}, {refused, "it does not take the value as it is of %s"}, {rules, "it cannot read the rule, or it can hardly be meant, of %s"}} {
		if len(p.names) > 0 {
			parts = append(parts, fmt.Sprintf(p.what, measure.FirstOf(p.names, 5)))
		}
	}
	if parts == nil {
		v.ok("profile-parameters", "the firmware has all parameters of the file and takes their values", "")
		return
	}
	v.note(&trouble{check: "profile-parameters", severity: worst, detail: strings.Join(parts, "; "), evidence: evidence, hint: hint, basis: v.row.Model.Catalogue.Evidence.String()})
}

// secrets notes what of the profile anyone on the way can read.
func (v profileLook) secrets(a *attempt) {
	e := a.last(device.Applied)
	if e == nil || e.File == nil || e.File.Secrets == 0 {
		v.ok("profile-secrets", "nobody on the way reads a password", "")
		return
	}
	f := e.File
	v.note(&trouble{check: "profile-secrets", severity: finding.Warns, basis: "documented",
		detail: fmt.Sprintf("%s can be read on the way: the file comes by %s and is not encrypted", measure.Counted(f.Secrets, "password or key"), strings.ToUpper(f.Scheme))})
}

// The least seconds between two questions of a device that are no burden for a server.
// The first is a tenth of what makers recommend; a device that failed may come sooner.
const (
	leastPeriodic = 300
	leastRetry    = 60
)

// periods notes how often devices with these parameters ask.
func (v profileLook) periods(p device.Params) {
	s := resync.ScheduleOf(v.row, p)
	if !s.Enabled {
		v.ok("profile-periods", "devices ask no more: Provision_Enable is off", "")
		return
	}
	upgrades, _ := p.Lookup("Upgrade_Error_Retry_Delay")
	var parts []string
	for _, t := range []struct {
		param string
		times resync.Times
		least uint32
		when  string
	}{
		{"Resync_Periodic", s.Periodic, leastPeriodic, "each device asks"},
		{"Resync_Error_Retry_Delay", s.ErrorRetry, leastRetry, "each device that failed asks again"},
		{"Upgrade_Error_Retry_Delay", resync.ParseTimes(upgrades), leastRetry, "each device whose upgrade failed asks again"},
	} {
		if len(t.times) == 0 || t.param == "Resync_Periodic" && s.Daily() {
			continue
		}
		last := t.times[len(t.times)-1].Seconds
		if last == 0 && (t.param != "Resync_Error_Retry_Delay" || !s.RetryAtOnce) || last >= t.least {
			continue
		}
		every := max(last, 1)
		parts = append(parts, fmt.Sprintf("%s %d: %s every %s, %s come to %.3g requests a second", t.param, last, t.when, measure.Counted(int(every), "second"),
			measure.Counted(v.fleet(), "device"), float64(v.fleet())/float64(every)))
	}
	if parts == nil {
		v.ok("profile-periods", "devices ask at times that a server can bear", "")
		return
	}
	v.note(&trouble{check: "profile-periods", severity: finding.Warns, detail: strings.Join(parts, "; "), basis: "documented"})
}

// reboots notes whether the same profile, applied once more, changes something that
// reboots the device.
func (v profileLook) reboots(a *attempt, before []byte) {
	x := a.end()
	switch {
	case a.outcome.Aborted || a.outcome.OK && x == nil:
		v.skip("profile-reboots", "the file did not come a second time")
		return
	case !a.outcome.OK:
		if e := a.last(device.FetchFailed); e != nil && e.Result == device.Restricted {
			v.replace(&trouble{check: "profile-parameters", severity: finding.Breaks, hint: e.File.Hint,
				detail: "Restricted_Access_Domains of the profile leaves out this server: the device asks it no more"})
		}
		v.skip("profile-reboots", fmt.Sprintf("the second time the device fails with %.100q", a.outcome.Err))
		return
	case a.outcome.Reboot == model.NoReboot:
		v.ok("profile-reboots", "the same file a second time changes nothing that reboots the device", "")
		return
	}
	t := &trouble{check: "profile-reboots", severity: finding.Warns, evidence: finding.Sent(a.outcome.Differs), basis: "inferred"}
	again := "at each resync"
	if resync.ScheduleOf(v.row, a.outcome.Params).OnReset && v.row.Behaviour.ResyncAfterParamReboot {
		t.severity, t.basis, again = finding.Breaks, v.basis("resync_after_param_reboot"), "again and again, since it resyncs after a reboot"
	}
	same := "the same file changes"
	if !bytes.Equal(before, x.answer.Body) {
		same = "the server sends another file each time, which changes"
	}
	t.detail = fmt.Sprintf("%s values that reboot the device (%s): it reboots %s", same, a.outcome.Reboot, again)
	v.note(t)
}
