package resync

import (
	"context"
	"slices"

	"spafleet/device"
	"spafleet/device/phase"
)

// companyElement is the element of a customization file that names the company which
// the unit was customized for. What the real server sends is not public; no model has
// a parameter of that name, so an ordinary file cannot set it (inferred).
const companyElement = "Customization"

// A Custom is what remote customization brought to a unit.
type Custom struct {
	Company string       // what the Info page shows
	Sets    []device.Set // manufacturing defaults of the parameters in the file
}

// Customize asks a remote customization server for a unit's own manufacturing
// defaults: one file, in the formats of profiles, by a URL with macros as in a
// rule. There is no log template for it, so nothing goes to syslog. A good file's
// values are set; the outcome's Custom says what is to survive a factory reset.
func Customize(ctx context.Context, env Env, in Input, url string) Outcome {
	a := begin(ctx, env, &in)
	a.via, a.applied = device.ViaRC, LastApplied{} // the first resync decodes its file, whatever comes of this
	custom, f := a.customize(url)
	o := a.outcome(f)
	o.Custom = custom
	return o
}

func (a *attempt) customize(url string) (*Custom, *failure) {
	d, err := a.command(url)
	if err != nil {
		return nil, a.malformed(err)
	}
	t, f := a.locate(line{letter: 'r'}, d)
	if f != nil {
		return nil, f
	}
	x := transfer{attempt: a, target: t, what: "customization", most: a.in.Unit.Row.Behaviour.Files.Limit}
	resp, f := x.fetch()
	if f != nil {
		return nil, f
	}
	if x.missing(resp) {
		return nil, x.failed(errNotFound, device.NotFound, phase.Status)
	}
	r, err := x.decode(resp)
	a.applied = LastApplied{}
	if err != nil {
		return nil, x.undecodable(resp.Body, err)
	}
	a.file.Unknown = slices.DeleteFunc(slices.Clone(r.Unknown), func(name string) bool { return name == companyElement })
	a.tell(device.Event{Kind: device.Fetched, File: a.file})
	a.tell(device.Event{Kind: device.Applied, File: a.file, Count: a.change(r.Sets, r.Protection)})
	return &Custom{Company: r.Company, Sets: r.Sets}, nil
}
