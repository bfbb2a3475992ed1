package resync

import (
	"bytes"
	"cmp"
	"context"
	"strings"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/phase"
)

// mostExtra is how many bytes of an extra file are taken: no page says it. They
// are looked at while they come, and not kept.
const mostExtra = 4 << 20

// FetchExtra asks for one file beside profile and image, Input.Extra. It succeeds
// without a request where that is nil. Nothing of the device changes, and nothing
// goes to its log. For the command UpdateCA it asks for the authority that this names,
// else for that of Custom_CA_Rule.
func FetchExtra(ctx context.Context, env Env, in Input) Outcome {
	if in.Command != nil && in.Command.Order == device.UpdateCA {
		return updateCA(ctx, env, in)
	}
	a := extraFetch{begin(ctx, env, &in)}
	if in.Extra == nil {
		return a.outcome(nil)
	}
	var f *failure
	for url := range strings.SplitSeq(in.Extra.URL, "|") {
		if f = a.fetch(in.Extra, url); f == nil || f.result != device.NotFound {
			break
		}
		a.flushEvents() // they are not to wait for the next one
	}
	return a.outcome(f)
}

// ringTonePath is what the URL command for a ring tone asks for where it names no path
// (device-surface.md §1.1: field).
const ringTonePath = "/ring.dat"

// An extraFetch is one transfer of an extra file.
type extraFetch struct{ *attempt }

func (a *extraFetch) fetch(e *model.Extra, url string) *failure {
	x := transfer{attempt: a.attempt, what: e.File.What, param: e.Param, most: mostExtra, extra: new(extraCheck)}
	var f *failure
	if x.target, f = a.place(e, url); f != nil {
		x.file = &device.File{What: x.what, Param: x.param, Scheme: x.scheme, Host: clipped(x.host), Path: clipped(x.path)}
		return x.failed(f.err, f.result, phase.Rule)
	}
	resp, f := x.fetch()
	switch {
	case f != nil:
		return f
	case x.missing(resp):
		return x.absent()
	}
	_, _ = x.extra.Write(resp.Body) // where it was not passed on: it takes all
	if e.File.What == "dictionary" && !a.in.Unit.Row.Behaviour.Extras.AnyDictionary && !x.extra.isUCS2() {
		x.file.Said = printable(x.extra.beginning())
		x.file.Hint = "a dictionary is XML in UCS-2 big endian; " + a.in.Unit.Row.RestsOn("dictionary_check", "any", "takes no other")
		return x.failed(errCorrupt, device.Corrupt, phase.Decode)
	}
	a.tell(device.Event{Kind: device.Fetched, File: a.file})
	return nil
}

// place reads the URL of an extra file. What it leaves open is filled in as
// in a rule (inferred).
func (a *extraFetch) place(e *model.Extra, url string) (target, *failure) {
	if !e.File.Macros {
		url = strings.ReplaceAll(url, "$", "$$")
	}
	d, err := a.command(url)
	if err != nil {
		return target{}, a.malformed(err)
	}
	l := line{}
	switch {
	case a.in.Command != nil && a.in.Command.Order == device.RingTone:
		l = commandLine[0]
		d.URL.Path = cmp.Or(d.URL.Path, ringTonePath)
	case a.in.Command != nil && a.in.Command.Order == device.XMLService:
		l = commandLine[0]
		d.URL.Path = cmp.Or(d.URL.Path, "/")
	default:
		d.URL.Path = cmp.Or(d.URL.Path, "/")
	}
	bare := e.File.What == "dictionary" && !a.in.Unit.Row.Behaviour.Extras.DictionarySlash
	if e.File.Unserved {
		bare = true // the names of SCCP phones have none (field)
		d.URL.Host, d.URL.Port = a.in.Lease.nextServer()
	}
	t, f := a.locate(l, d)
	if bare && t.scheme == "tftp" {
		t.path = strings.TrimPrefix(t.path, "/")
	}
	return t, f
}

// An extraCheck looks at an extra file while it comes, and keeps its beginning.
type extraCheck struct {
	head [64]byte
	size int
}

// Write takes what comes next of the file, all of it.
func (c *extraCheck) Write(p []byte) (int, error) {
	if c.size < len(c.head) {
		copy(c.head[c.size:], p)
	}
	c.size += len(p)
	return len(p), nil
}

func (c *extraCheck) beginning() string { return string(c.head[:min(c.size, len(c.head))]) }

// isUCS2 reports whether the file can be XML in UCS-2 big endian, with or without
// a byte order mark.
func (c *extraCheck) isUCS2() bool {
	head := bytes.TrimPrefix(c.head[:min(c.size, len(c.head))], []byte{0xFE, 0xFF})
	return c.size%2 == 0 && bytes.HasPrefix(head, []byte{0, '<'})
}
