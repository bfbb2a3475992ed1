package resync

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/phase"
	"spafleet/device/rule"
	"spafleet/device/syslog"
	"spafleet/resync/image"
)

// An UpgradeTarget stands for the upgrade that Upgrade_Rule asks for: its text, the
// alternative and the URL. An upgrade that was tried is not tried again until one of
// them changes (provisioning.md §6.1: documented). Zero is no upgrade.
type UpgradeTarget uint64

// WantedUpgrade returns what Upgrade_Rule asks for now, 0 for nothing: upgrades are
// off, the rule is empty or malformed, no alternative holds, or the one that does
// has no URL. It opens no socket.
func WantedUpgrade(in Input, now int64) UpgradeTarget {
	text, _ := in.Params.Lookup("Upgrade_Rule")
	if text == "" || !in.Params.Bool("Upgrade_Enable", true) {
		return 0
	}
	s := scope{in: &in, params: in.Params, situation: in.situation(now)}
	d, err := s.eval(text)
	if err != nil || !d.HasURL {
		return 0
	}
	t, f := s.locate(line{}, d)
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
// one that Upgrade_Rule asks for. The new version is the outcome's; the caller
// restarts the device as its firmware does.
func Upgrade(ctx context.Context, env Env, in Input) Outcome {
	u := upgrade{begin(ctx, env, &in)}
	image := u.image
	if in.Command != nil && in.Command.Order == device.Install {
		image = u.uploaded
	}
	version, f := image()
	switch {
	case f == aborted:
	case f != nil:
		u.setErr(f.err)
		u.log("Log_Upgrade_Failure_Msg")
		u.tell(device.Event{Kind: device.UpgradeFailed, File: u.file, Err: f.err, Result: f.result})
	default:
		u.setErr(version) // the success message prints the new version as $ERR (documented)
		u.log("Log_Upgrade_Success_Msg")
		u.tell(device.Event{Kind: device.UpgradeOK, File: u.file, From: u.in.Unit.Row.Firmware.Version, Text: version})
	}
	o := u.outcome(f)
	o.Version, o.Refused = version, f != nil && f.result == device.Corrupt
	return o
}

// An upgrade is one attempt to install another firmware.
type upgrade struct{ *attempt }

// image gets the image and decides whether it may be installed.
func (u *upgrade) image() (version string, f *failure) {
	d, l, err := u.rule()
	if err != nil {
		return "", u.malformed(err)
	}
	t, f := u.locate(l, d)
	if f != nil {
		return "", f
	}
	if t.scheme == "https" && !u.in.Unit.Row.Behaviour.Upgrade.HTTPS {
		u.file = &device.File{Rule: t.letter, What: "image", Scheme: t.scheme, Host: t.host, Path: t.path, Result: device.BadScheme, Phase: phase.Rule,
			Hint: u.in.Unit.Row.RestsOn("https_upgrade", "accept", "takes no images by https")}
		return "", unsupported(t.scheme)
	}
	u.line(syslog.Provisioning, fmt.Sprintf("FPRV >>>> about to try upgrade %s %s %d %s", t.scheme, t.host, t.port, t.path))
	x := transfer{attempt: u.attempt, target: t, what: "image", message: "Log_Upgrade_Request_Msg", most: image.Most}
	resp, f := x.fetch()
	if f != nil {
		return "", f
	}
	if x.missing(resp) {
		return "", x.absent()
	}
	_, _ = x.image.Write(resp.Body) // where it was not passed on: it takes all
	version, why, f := x.image.version(u.in.Unit.Row, x.path)
	place := phase.Decode
	if f == nil {
		f, place = u.allow(version, d), phase.Install
	} else {
		x.file.Said, x.file.Hint = printable(x.image.Beginning(mostQuoted)), imageHint(u.in.Unit.Row, why)
	}
	if f != nil {
		if f.err == errLoop {
			x.file.Hint = u.loopHint(version, d)
		}
		return "", x.failed(u.late(f.err, errCorrupt), f.result, place)
	}
	u.tell(device.Event{Kind: device.Fetched, File: u.file})
	return version, nil
}

// uploaded decides about an image that came by a page of the device, and is there already.
func (u *upgrade) uploaded() (version string, f *failure) {
	came, row := u.in.Command.Upload(), u.in.Unit.Row
	u.file = &device.File{Rule: 'u', What: "image", Path: clipped(came.Name), Bytes: came.Bytes}
	version, why, f := judge(row, came)
	if f != nil {
		u.file.Phase, u.file.Result, u.file.Hint = phase.Decode, f.result, imageHint(row, why)
	}
	return version, f
}

// byCommand reports whether this upgrade was asked for by a URL command. A web
// command without an argument has its defaults; a scenario's step has the device's
// own rule.
func (u *upgrade) byCommand() bool {
	return u.byURL() || u.in.Cause == model.ByWeb
}

func (u *upgrade) rule() (rule.Decision, line, error) {
	if u.byCommand() {
		d, err := u.command(u.in.Command.Argument)
		if d.URL.Path == "" {
			d.URL.Path = "/spa.bin"
		}
		return d, line{letter: 'u', command: true}, err
	}
	text := u.lookup("Upgrade_Rule")
	d, err := u.eval(text)
	if u.in.Reasons {
		explainer{u.attempt}.decided('U', "image", text, 0, d, err)
	}
	return d, line{letter: 'U'}, err
}

// allow decides whether a version may be installed over the present one.
func (u *upgrade) allow(version string, d rule.Decision) *failure {
	row := u.in.Unit.Row
	limit := u.lookup("Downgrade_Rev_Limit")
	if limit != "" && rule.CompareVersions(version, limit, false) < 0 {
		return &failure{"downgrade to revision earlier than " + limit + " not allowed", device.Corrupt}
	}
	for _, c := range row.Model.Constraints {
		late := rule.CompareVersions(version, c.From, false) >= 0
		if late && rule.CompareVersions(row.Firmware.Version, c.Needs, false) < 0 {
			return &failure{"upgrade not allowed, version constraint", device.Corrupt}
		}
	}
	if u.wouldLoop(version, d) {
		return &failure{errLoop, device.Corrupt}
	}
	return nil
}

// wouldLoop is the loop guard: the new version would still satisfy the condition
// that chose it (SPA2000 guide p. 32: documented; that an alternative without a
// condition is exempt follows from its being tried once only).
func (u *upgrade) wouldLoop(version string, chosen rule.Decision) bool {
	if !chosen.Conditional || u.byCommand() {
		return false
	}
	return u.chooses(version, chosen, u.in.Unit.Row.Dialect())
}

// chooses reports whether the device would choose the same alternative at a version.
func (u *upgrade) chooses(version string, chosen rule.Decision, dialect rule.Dialect) bool {
	row, err := u.in.Unit.Row.At(version)
	if err != nil {
		return false
	}
	in := *u.in
	in.Unit.Row = row
	upgraded := scope{in: &in, params: u.params, situation: u.situation}
	d, err := rule.Eval(u.lookup("Upgrade_Rule"), upgraded.vars(), dialect)
	return err == nil && d.Alternative == chosen.Alternative
}
