package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"

	"spafleet/device"
	"spafleet/device/phase"
	"spafleet/device/rule"
	"spafleet/resync"
	"spafleet/scenarios/doctor/finding"
	"spafleet/scenarios/report"
	"spafleet/scenarios/tally"
)

// mostImages is how many images are kept for devices that ask for the same one, each of
// at most 16 MiB. Devices come in the order of their models.
const mostImages = 4

// An imageKey is what the answer to a request for an image depends on.
type imageKey struct {
	scheme, host, path, authorization string
	server                            netip.AddrPort
}

// An image is what a server answered to the first device that asked for it.
type image struct {
	once   sync.Once
	answer resync.Response
	err    error
}

// image asks for a firmware image, once for all devices.
func (v *visit) image(ctx context.Context, r *resync.Request) (resync.Response, error) {
	key := imageKey{r.Scheme, r.Host, r.Path, r.Authorization, r.Server}
	v.mu.Lock()
	m, ok := v.images.Get(key)
	if !ok {
		m = &image{}
		v.images.Add(key, m)
	}
	v.mu.Unlock()
	m.once.Do(func() {
		whole := *r
		whole.Into = nil
		m.answer, m.err = v.net.Fetch(ctx, &whole)
		m.answer.Buffer = nil // it is kept for the others
	})
	if cut := errors.Is(m.err, context.Canceled) || errors.Is(m.err, context.DeadlineExceeded); cut && ctx.Err() == nil {
		return resync.Response{}, &resync.Error{Result: device.Timeout, Phase: phase.Body, Cause: m.err}
	}
	return m.answer, m.err
}

// upgrade lets the device have the image that its profile names, without an upgrade, and
// notes whether it would take it.
func (v profileLook) upgrade(ctx context.Context, first *attempt) {
	p := first.outcome.Params
	text, _ := p.Lookup("Upgrade_Rule")
	if strings.TrimSpace(text) == "" || !p.Bool("Upgrade_Enable", true) {
		v.ok("upgrade", "the profile asks for no other firmware", "")
		return
	}
	d, err := rule.Eval(text, device.Env{Unit: &v.unit, Params: p, Situation: &device.Situation{}}, v.row.Dialect())
	switch {
	case err != nil:
		v.note(&trouble{check: "upgrade", severity: finding.Warns, basis: v.basis("malformed_rule_err"), detail: "the device cannot read Upgrade_Rule: " + err.Error()})
		return
	case !d.HasURL:
		v.ok("upgrade", "no alternative of Upgrade_Rule holds for this firmware", "")
		return
	}
	a := v.attempt(ctx, v.input(p, first.outcome.Life), resync.Upgrade)
	if v.stopped(a) {
		return
	}
	e := a.last(device.UpgradeFailed, device.UpgradeOK)
	switch {
	case a.outcome.Aborted || e == nil || e.Result == device.Timeout && e.File != nil && e.File.Phase == phase.Body:
		v.skip("upgrade", fmt.Sprintf("the image %.200s did not come whole in the time that was given to it", d.URL.Path))
	case e.Kind == device.UpgradeOK:
		v.ok("upgrade", fmt.Sprintf("the device would upgrade to %s", e.Text), fmt.Sprintf("%.200s, %d bytes", e.File.Path, e.File.Bytes))
	default:
		v.note(v.failedUpgrade(e, a))
	}
}

// failedUpgrade says why an upgrade fails, and what the device does then.
func (v profileLook) failedUpgrade(e *device.Event, a *attempt) *trouble {
	t := &trouble{check: "upgrade", severity: finding.Warns, detail: "the upgrade fails: " + report.Ending(tally.FailureOf(e))}
	if a.trouble != nil {
		t.detail = "the upgrade fails: " + a.trouble.detail
	}
	if e.Err != "" {
		t.detail += fmt.Sprintf(" (%q)", e.Err)
	}
	if f := e.File; f != nil {
		t.hint = f.Hint
		t.evidence = finding.Sent(tally.Address(f))
	}
	b := &v.row.Behaviour.Upgrade
	if !b.KeepsRetry && (b.Reboots == "always" || b.Reboots == "bad_image" && e.Result == device.Corrupt) {
		t.severity, t.basis = finding.Breaks, v.basis("upgrade_retry")
		t.detail += "; it reboots then and tries again at each boot, without end"
	}
	return t
}
