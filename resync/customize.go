package resync

import (
	"context"
	"slices"

	"spafleet/device"
	"spafleet/device/rule"
)

// companyElement is the element of a customization file that names whom the unit
// was customized for. What the real server sends is not public; as a parameter of
// any model the name does not exist, so an ordinary file cannot set it (inferred).
const companyElement = "Customization"

// A Custom is what remote customization makes of a unit.
type Custom struct {
	Company string       // what the Info page shows
	Sets    []device.Set // manufacturing defaults of the parameters in the file
}

// Customize asks a remote customization server for a unit's own manufacturing
// defaults: one file, in the formats of profiles, by a URL with macros as in a
// rule. There is no log template for it, so nothing goes to syslog. A good file's
// values are set; the outcome's Custom says what is to survive a factory reset.
func Customize(ctx context.Context, w Env, in Input, url string) Outcome {
	a := begin(ctx, w, &in)
	a.verb, a.what, a.rc = "Customization", "customization", true
	custom, f := a.customize(url)
	o := Outcome{Params: a.p, Life: a.life, Events: a.events, OK: f == nil, Custom: custom}
	switch {
	case f == aborted:
		o.Aborted = true
	case f != nil:
		o.Err, o.NotFound = f.err, f.result == device.NotFound
	}
	return o
}

func (a *attempt) customize(url string) (*Custom, *failure) {
	d, err := rule.Command(url, a.env(), a.in.Unit.Row.Dialect())
	if err != nil {
		return nil, a.unreadable(err)
	}
	t, f := a.locate(line{letter: 'r'}, d)
	if f != nil {
		return nil, f
	}
	resp, f := a.fetch(&t)
	if f != nil {
		return nil, f
	}
	if resp.Status == 404 {
		a.file.Result = device.NotFound
		a.tell(device.Event{Kind: device.FetchFailed, File: a.file, Err: errNotFound, Result: device.NotFound})
		return nil, &failure{errNotFound, device.NotFound}
	}
	a.receipt = LastApplied{}
	r, err := a.read(&t, resp)
	if err != nil {
		return nil, a.refuse(err)
	}
	a.file.Unknown = slices.DeleteFunc(slices.Clone(r.Unknown), func(name string) bool { return name == companyElement })
	a.tell(device.Event{Kind: device.Fetched, File: a.file})
	a.tell(device.Event{Kind: device.Applied, File: a.file, Count: a.change(r.Sets, r.Protection)})
	a.receipt = LastApplied{}
	return &Custom{Company: r.Company, Sets: r.Sets}, nil
}
