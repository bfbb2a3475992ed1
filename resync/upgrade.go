package resync

import (
	"context"
	"encoding/binary"
	"hash/fnv"
	"io"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/rule"
)

// A UpgradeTarget is an upgrade that Upgrade_Rule asks for. Key stands for the rule's
// text, the alternative and the URL: an upgrade that was tried is not tried again
// until one of them changes (provisioning.md §6.1: documented). Zero is no wish.
type UpgradeTarget uint64

// WantedUpgrade returns what Upgrade_Rule asks for now, 0 for nothing: upgrades are
// off, the rule is empty or malformed, no alternative holds, or the one that does
// has no URL. It opens no socket.
func WantedUpgrade(in Input, now int64) UpgradeTarget {
	text, _ := in.Params.Lookup("Upgrade_Rule")
	if text == "" || !in.Params.Bool("Upgrade_Enable", true) {
		return 0
	}
	a := &attempt{in: &in, p: in.Params, situation: in.situation(now)}
	d, err := rule.Eval(text, a.env(), in.Unit.Row.Dialect())
	if err != nil || !d.HasURL {
		return 0
	}
	t, f := a.locate(line{}, d)
	if f != nil {
		return 0
	}
	h := fnv.New64a()
	for _, part := range []string{text, t.scheme, t.host, t.path} {
		io.WriteString(h, part)
		h.Write([]byte{0})
	}
	h.Write(binary.BigEndian.AppendUint16([]byte{byte(d.Alternative)}, t.port))
	return UpgradeTarget(h.Sum64() | 1)
}

// UpgradeRetry reads Upgrade_Error_Retry_Delay: how long a device waits after a
// failed upgrade. Empty or zero means that it does not try again until it reboots
// (SPA2000 guide: documented).
func UpgradeRetry(p device.Params) Times {
	text, _ := p.Lookup("Upgrade_Error_Retry_Delay")
	return ParseTimes(text)
}

// Upgrade fetches and checks one firmware image: that of a command's URL, or the
// one that Upgrade_Rule asks for. The device restarts afterwards, whatever came
// of it; the new version is the outcome's.
func Upgrade(ctx context.Context, w Env, in Input) Outcome {
	a := begin(ctx, w, &in)
	a.verb, a.what, a.most = "Upgrade", "image", mostImage
	version, f := a.image()
	if f == aborted {
		return Outcome{Params: a.p, Life: a.life, Events: a.events, Aborted: true, Applied: a.receipt}
	}
	if f != nil {
		a.situationErr(f.err)
		a.log("Log_Upgrade_Failure_Msg")
		a.tell(device.Event{Kind: device.UpgradeFailed, File: a.file, Err: f.err, Result: f.result})
		return Outcome{Params: a.p, Life: a.life, Events: a.events, Err: f.err, Applied: a.receipt}
	}
	a.situationErr(version) // the success message prints the new version as $ERR (documented)
	a.log("Log_Upgrade_Success_Msg")
	a.tell(device.Event{Kind: device.UpgradeOK, File: a.file, Text: version})
	return Outcome{Params: a.p, Life: a.life, Events: a.events, OK: true, Applied: a.receipt, Version: version}
}

// image gets the image and decides whether it may be installed.
func (a *attempt) image() (version string, f *failure) {
	d, l, err := a.upgradeRule()
	if err != nil {
		return "", a.unreadable(err)
	}
	t, f := a.locate(l, d)
	if f != nil {
		return "", f
	}
	if t.scheme == "https" && !a.in.Unit.Row.Behaviour.HTTPSUpgrade {
		return "", unsupported(t.scheme)
	}
	resp, f := a.fetch(&t)
	if f != nil {
		return "", f
	}
	if resp.Status == 404 {
		return "", a.absent()
	}
	version, f = imageVersion(a.in.Unit.Row, t.path, resp.Body)
	if f == nil {
		f = a.allow(version, d)
	}
	if f != nil {
		f.err = a.late(f.err, errCorrupt)
		return "", a.refuseImage(f)
	}
	a.tell(device.Event{Kind: device.Fetched, File: a.file})
	return version, nil
}

// byCommand reports whether somebody asked for this upgrade by a URL command.
// One without an argument has its defaults; a story's step has the device's own
// rule.
func (a *attempt) byCommand() bool {
	return a.byURL() || a.in.Cause == model.ByWeb
}

func (a *attempt) upgradeRule() (rule.Decision, line, error) {
	if a.byCommand() {
		d, err := rule.Command(a.in.Command.Argument, a.env(), a.in.Unit.Row.Dialect())
		if d.URL.Path == "" {
			d.URL.Path = "/spa.bin"
		}
		return d, line{letter: 'u', command: true}, err
	}
	text, _ := a.p.Lookup("Upgrade_Rule")
	d, err := rule.Eval(text, a.env(), a.in.Unit.Row.Dialect())
	return d, line{letter: 'U'}, err
}

func (a *attempt) refuseImage(f *failure) *failure {
	a.file.Result = f.result
	a.tell(device.Event{Kind: device.FetchFailed, File: a.file, Err: f.err, Result: f.result})
	return f
}

// allow decides whether a version may be installed over the present one.
func (a *attempt) allow(version string, d rule.Decision) *failure {
	row := a.in.Unit.Row
	limit, _ := a.p.Lookup("Downgrade_Rev_Limit")
	if limit != "" && rule.CompareVersions(version, limit, false) < 0 {
		return &failure{"downgrade to revision earlier than " + limit + " not allowed", device.Corrupt}
	}
	for _, c := range row.Model.Constraints {
		late := rule.CompareVersions(version, c.From, false) >= 0
		if late && rule.CompareVersions(row.Firmware.Version, c.Needs, false) < 0 {
			return &failure{"upgrade not allowed, version constraint", device.Corrupt}
		}
	}
	if a.wouldLoop(version, d) {
		return &failure{"infinite upgrade loop condition", device.Corrupt}
	}
	return nil
}

// wouldLoop is the loop guard: the new version would still satisfy the condition
// that chose it (SPA2000 guide p. 32: documented; that an alternative without a
// condition is exempt follows from its being tried once only).
func (a *attempt) wouldLoop(version string, chosen rule.Decision) bool {
	if !chosen.Conditional || a.byCommand() {
		return false
	}
	row, err := a.in.Unit.Row.At(version)
	if err != nil {
		return false
	}
	unit := a.in.Unit
	unit.Row = row
	text, _ := a.p.Lookup("Upgrade_Rule")
	d, err := rule.Eval(text, device.Env{Unit: &unit, Params: a.p, Situation: &a.situation}, row.Dialect())
	return err == nil && d.Alternative == chosen.Alternative
}
