package resync

import (
	"context"

	"spafleet/device"
	"spafleet/resync/rule"
)

// Upgrade fetches and checks one firmware image that a URL command asked for.
// The device restarts afterwards, whatever came of it; the new version is the
// outcome's.
func Upgrade(ctx context.Context, w World, in Input) Outcome {
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

func (a *attempt) image() (version string, f *failure) {
	d, err := rule.Command(a.in.Command.Argument, a.env(), a.in.Unit.Row.Dialect())
	if err != nil {
		return "", a.unreadable(err)
	}
	if d.URL.Path == "" {
		d.URL.Path = "/spa.bin"
	}
	t, f := a.locate(line{letter: 'u', command: true}, d)
	if f != nil {
		return "", f
	}
	if t.scheme == "https" && !a.in.Unit.Row.Model.Family.Phone {
		return "", unsupported(t.scheme)
	}
	resp, f := a.fetch(&t)
	if f != nil {
		return "", f
	}
	if resp.Status == 404 {
		return "", a.absent()
	}
	version, f = imageVersion(a.in.Unit.Row.Model, resp.Body)
	if f != nil {
		f.err = a.late(f.err, errCorrupt)
		a.file.Result = f.result
		a.tell(device.Event{Kind: device.FetchFailed, File: a.file, Err: f.err, Result: f.result})
		return "", f
	}
	a.tell(device.Event{Kind: device.Fetched, File: a.file})
	return version, nil
}
