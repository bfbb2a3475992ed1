package resync

import (
	"context"
	"errors"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"spafleet/device"
	"spafleet/device/rule"
)

// A target is one file to ask for, with every default filled in.
type target struct {
	letter   byte
	scheme   string
	host     string
	port     uint16
	path     string
	options  rule.Options
	method   string // "" is GET, or what --post makes of it
	body     []byte
	strong   bool // asked for by a strong rule
	plainGet bool // a redirect turned the POST into a GET
}

var defaultPorts = map[string]uint16{"tftp": 69, "http": 80, "https": 443}

// locate fills in what a rule's URL leaves open (provisioning.md §3.6:
// documented): TFTP, the lease's server, the scheme's port. For a URL command
// the server is who asked, if somebody did over the network, and the path that
// of the first rule.
func (a *attempt) locate(l line, d rule.Decision) (target, *failure) {
	t := target{letter: l.letter, scheme: d.URL.Scheme, host: d.URL.Host, port: d.URL.Port, path: d.URL.Path, options: d.Options}
	if t.path == "" {
		t.path = a.ownPath()
	}
	if t.host == "" && l.command && a.in.Command.Requester.IsValid() {
		t.host = a.in.Command.Requester.String()
	}
	if t.host == "" {
		if f := a.fromLease(&t); f != nil {
			return t, f
		}
	}
	if t.scheme == "" {
		t.scheme = "tftp"
	}
	if t.port == 0 {
		t.port = defaultPorts[t.scheme]
	}
	if !a.in.Unit.Row.Speaks(t.scheme) {
		return t, unsupported(t.scheme)
	}
	return t, nil
}

// fromLease takes the server of DHCP option 66. Without one nothing is sent; the
// text is the one of a name that cannot be found (provisioning.md §7.1: inferred).
func (a *attempt) fromLease(t *target) *failure {
	server := a.in.Lease.TFTPServer
	if server == "" {
		return &failure{errDNS, device.NoDNS}
	}
	if t.scheme == "" && a.in.Unit.Row.Behaviour.Option66Transport {
		t.scheme, _ = a.p.Lookup("Transport_Protocol")
		if t.scheme == "none" {
			t.scheme = ""
		}
	}
	host, port, ok := strings.Cut(server, ":")
	t.host = host
	if n, err := strconv.ParseUint(port, 10, 16); ok && err == nil && t.port == 0 && (t.scheme == "" || t.scheme == "tftp") {
		t.port = uint16(n)
	}
	return nil
}

// ownPath is the path of the device's own first rule.
func (a *attempt) ownPath() string {
	text, _ := a.p.Lookup("Profile_Rule")
	d, err := rule.Eval(text, a.env(), a.in.Unit.Row.Dialect())
	if err != nil || d.URL.Path == "" {
		return "/spa.cfg"
	}
	return d.URL.Path
}

// mostRedirects is how often one file may be found elsewhere (inferred).
const mostRedirects = 5

// fetch gets a file, at another place where the firmware follows redirects.
func (a *attempt) fetch(t *target) (Response, *failure) {
	for range mostRedirects {
		if !a.mayAsk(t.host) {
			return Response{}, a.refuseHost(t)
		}
		resp, f := a.fetchOnce(t)
		if f != nil {
			return resp, f
		}
		switch {
		case resp.Status == 404 || resp.Status/100 == 2:
			return resp, nil
		case !a.redirect(t, resp):
			return resp, a.unfetched(t, device.BadStatus)
		}
	}
	return Response{}, a.unfetched(t, device.BadStatus)
}

// redirect moves a target to where a response says; false where it says nothing
// that the firmware follows.
func (a *attempt) redirect(t *target, resp Response) bool {
	b := &a.in.Unit.Row.Behaviour
	if !b.Redirects.Follows(resp.Status) {
		return false
	}
	path, _, _ := strings.Cut(t.path, "?")
	here := url.URL{Scheme: t.scheme, Host: t.host + ":" + strconv.Itoa(int(t.port)), Path: path}
	to, err := here.Parse(resp.Location)
	if err != nil || resp.Location == "" || (to.Scheme != "http" && to.Scheme != "https") {
		return false
	}
	if b.AbsoluteRedirects && !strings.HasPrefix(resp.Location, to.Scheme+"://") {
		return false
	}
	t.plainGet = t.plainGet || resp.Status == 303 || b.RedirectedPostGets && resp.Status <= 302
	t.scheme, t.host, t.path, t.port = to.Scheme, to.Hostname(), to.RequestURI(), defaultPorts[to.Scheme]
	if n, err := strconv.ParseUint(to.Port(), 10, 16); err == nil && n > 0 {
		t.port = uint16(n)
	}
	return true
}

// fetchOnce asks each address of the server in turn until one answers
// (documented).
func (a *attempt) fetchOnce(t *target) (Response, *failure) {
	a.file = &device.File{Rule: t.letter, What: a.what, Scheme: t.scheme, Host: t.host, Path: t.path}
	addrs, asked, f := a.resolve(t)
	if f != nil {
		return Response{}, f
	}
	last := device.NoConnect
	for i, addr := range addrs {
		if i > 0 && len(a.events) > 0 { // they are not to wait for the next address
			a.flush()
		}
		a.file.Server = netip.AddrPortFrom(addr, t.port)
		a.situation.Place = &device.Transfer{Scheme: t.scheme, Serv: t.host, ServIP: addr, Port: t.port, Path: t.path}
		if i == 0 {
			if a.what != "report" { // for reports there is no such message
				a.log("Log_" + a.verb + "_Request_Msg")
			}
			a.flush()
		}
		resp, err := a.ask(t)
		if err == nil {
			a.file.Status, a.file.Bytes, a.file.Took = resp.Status, len(resp.Body), resp.Took
			a.file.Took.DNS = asked
			return resp, nil
		}
		fe := a.transferError(err)
		if fe == nil {
			return resp, aborted
		}
		a.file.Took, a.file.TLSError, a.file.Alert = fe.Took, fe.TLS.Verify, fe.TLS.Alert
		a.file.Took.DNS = asked
		a.file.Hint = fe.TLS.Hint
		a.say(fe.TLS.Log)
		switch {
		case fe.TooBig:
			return resp, a.broken(a.late(errTooBig, errCorrupt))
		case fe.Cut:
			return resp, a.broken(errCorrupt)
		}
		last = fe.Result
		if last != device.NoConnect && last != device.Timeout {
			break
		}
	}
	return Response{}, a.unfetched(t, last)
}

func (a *attempt) wall() int64 {
	if a.in.Wall == nil {
		return a.w.Now()
	}
	return a.in.Wall()
}

// transferError returns what became of a transfer, nil where it was cut off. An
// error of any other kind breaks Fetcher's contract; it counts as no connection,
// because a device that was cut off would never try again.
func (a *attempt) transferError(err error) *Error {
	var fe *Error
	switch {
	case errors.As(err, &fe):
		return fe
	case a.ctx.Err() != nil:
		return nil
	}
	return &Error{Result: device.NoConnect, Cause: err}
}

// unfetched is a transfer that failed in itself.
func (a *attempt) unfetched(t *target, result device.Result) *failure {
	a.file.Result = result
	f := &failure{getFailed(t.scheme), result}
	a.tell(device.Event{Kind: device.FetchFailed, File: a.file, Err: f.err, Result: result})
	return f
}

// broken is a file that began to come, and cannot be used.
func (a *attempt) broken(text string) *failure {
	a.file.Result = device.Corrupt
	a.tell(device.Event{Kind: device.FetchFailed, File: a.file, Err: text, Result: device.Corrupt})
	return &failure{text, device.Corrupt}
}

// resolve returns the addresses of a target's server, and how long it took to
// ask for them.
func (a *attempt) resolve(t *target) (addrs []netip.Addr, took int64, f *failure) {
	if addr, err := netip.ParseAddr(t.host); err == nil {
		return []netip.Addr{addr.Unmap()}, 0, nil
	}
	if len(a.events) > 0 { // they are not to wait for the name
		a.flush()
	}
	begun := a.wall()
	addrs, err := a.w.Resolve(a.ctx, t.host)
	took = a.wall() - begun
	if err == nil && len(addrs) > 0 {
		if a.in.Unit.Row.Behaviour.FirstAddress {
			addrs = addrs[:1]
		}
		return addrs, took, nil
	}
	if a.ctx.Err() != nil || errors.Is(err, context.Canceled) {
		return nil, took, aborted
	}
	f = &failure{a.late(errDNS, getFailed(t.scheme)), device.NoDNS}
	a.file.Result, a.file.Took.DNS = f.result, took
	a.tell(device.Event{Kind: device.FetchFailed, File: a.file, Err: f.err, Result: f.result})
	return nil, took, f
}

func (a *attempt) request(t *target) *Request {
	u := &a.in.Unit
	r := &Request{
		Unit: u, Params: a.p, Server: a.file.Server, Method: "GET", Scheme: t.scheme, Host: t.host, Path: t.path,
		Max: a.most, Now: a.w.Now(),
	}
	if a.ca != nil {
		r.CA = a.ca.PEM
	}
	if body, ok := a.postBody(t); ok {
		r.Method, r.Body, r.ContentType = "POST", []byte(body), u.Row.Behaviour.PostType
	}
	if t.method != "" {
		r.Method, r.Body = t.method, t.body
	}
	return r
}
