package resync

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"spafleet/device"
	"spafleet/device/phase"
	"spafleet/device/profile"
	"spafleet/device/syslog"
	"spafleet/resync/tftp/packet"
)

// A transfer gets one file, or sends one, and decodes what came.
type transfer struct {
	*attempt
	target
	what    string      // profile, image, ca, customization, report, or the kind of an extra file
	repeat  int         // how often it was asked for before, at once
	param   string      // that names an extra file
	message string      // template of the log message about the request; "": there is none
	most    int         // bytes of a file
	image   *imageCheck // of an image: what came of the latest answer
	extra   *extraCheck // of an extra file: likewise

	credentials, inPath bool // what of the request's secrets a tap on the line could read
}

// fetchAgain is fetch, and again at once where that failed in itself: all of it, from
// the first place on, as often as the firmware does so for profiles by HTTP. Its log
// says so each time; that the request is logged once is inferred.
func (x *transfer) fetchAgain() (Response, *failure) {
	first := x.target
	resp, f := x.fetch()
	for x.repeat < x.in.Unit.Row.Behaviour.HTTP.Repeats && x.scheme != "tftp" && f != nil && f.result != device.NoDNS && f.err == getFailed(x.scheme) {
		x.repeat++
		x.say([]string{"Retrying... " + strconv.Itoa(x.repeat)})
		x.target, x.message = first, ""
		resp, f = x.fetch()
	}
	return resp, f
}

// fetch gets the file, at another place where the firmware follows redirects. The
// status of the answer is a success, or says that there is no such file.
func (x *transfer) fetch() (Response, *failure) {
	var last Response
	b := &x.in.Unit.Row.Behaviour
	for range b.Places {
		x.file = &device.File{Rule: x.letter, What: x.what, Param: x.param, Scheme: x.scheme, Host: clipped(x.host), Path: clipped(x.path), Repeat: x.repeat}
		x.file.Secrets = x.shown()
		if !x.mayAsk(x.host) {
			x.file.Hint = refusalHint(x.in.Unit.Row, errRestricted)
			return Response{}, x.failed(errRestricted, device.Restricted, phase.Admission)
		}
		resp, f := x.fetchOnce()
		if f != nil {
			return resp, f
		}
		switch {
		case b.Missing(resp.Status) || resp.Status/100 == 2:
			return resp, nil
		case !x.redirect(resp):
			x.file.Hint = x.statusHint(resp)
			return resp, x.unfetched(device.BadStatus, phase.Status)
		}
		last = resp
	}
	x.file.Hint = x.statusHint(last)
	return Response{}, x.unfetched(device.BadStatus, phase.Status)
}

// redirect moves the target to where a response says; false where it says nothing
// that the firmware follows.
func (x *transfer) redirect(resp Response) bool {
	b := &x.in.Unit.Row.Behaviour
	if !b.Redirects.Follows(resp.Status) {
		return false
	}
	path, _, _ := strings.Cut(x.path, "?")
	here := url.URL{Scheme: x.scheme, Host: x.host + ":" + strconv.Itoa(int(x.port)), Path: path}
	to, err := here.Parse(resp.Location)
	if err != nil || resp.Location == "" || (to.Scheme != "http" && to.Scheme != "https") {
		return false
	}
	if b.AbsoluteRedirects && !strings.HasPrefix(resp.Location, to.Scheme+"://") {
		return false
	}
	x.plainGet = x.plainGet || resp.Status == 303 || b.RedirectedPostGets && resp.Status <= 302
	x.scheme, x.host, x.path, x.port = to.Scheme, to.Hostname(), to.RequestURI(), defaultPorts[to.Scheme]
	if n, err := strconv.ParseUint(to.Port(), 10, 16); err == nil && n > 0 {
		x.port = uint16(n)
	}
	return true
}

// fetchOnce asks each address of the server in turn until one answers
// (documented).
func (x *transfer) fetchOnce() (Response, *failure) {
	addrs, asked, f := x.resolve()
	if f != nil {
		return Response{}, f
	}
	last, place := device.NoConnect, phase.Connect
	for i, addr := range addrs {
		x.announce(addr, i == 0)
		resp, err := x.ask()
		if err == nil {
			x.file.Status, x.file.Bytes, x.file.Took, x.file.Resent = resp.Status, resp.Len(), resp.Took, resp.Resent
			x.file.Took.DNS = asked
			if resp.Announced > 0 && x.hasTexts() {
				x.line(syslog.Provisioning, "content len (hdr) ="+strconv.Itoa(resp.Announced))
			}
			if x.scheme == "tftp" && resp.Status == http.StatusNotFound {
				x.file.Refusal = packet.NotFound
			}
			return resp, nil
		}
		fe := x.transferError(err)
		if fe == nil {
			return resp, aborted
		}
		x.file.Resent = fe.Resent
		x.file.Took, x.file.TLSError, x.file.Alert, x.file.Hint = fe.Took, fe.TLS.Verify, fe.TLS.Alert, fe.TLS.Hint
		x.file.Took.DNS = asked
		x.file.Refusal, x.file.Said = fe.Code, printable(fe.Said)
		x.say(fe.TLS.Log)
		switch {
		case fe.TooBig:
			if x.what != "image" {
				x.file.Hint = refusalHint(x.in.Unit.Row, errTooBig)
			}
			return resp, x.failed(x.late(errTooBig, errCorrupt), device.Corrupt, fe.Phase)
		case fe.Cut:
			return resp, x.failed(errCorrupt, device.Corrupt, fe.Phase)
		}
		last, place = fe.Result, fe.Phase
		if last != device.NoConnect && last != device.Timeout {
			break
		}
	}
	return Response{}, x.unfetched(last, place)
}

// announce says that an address of the server is asked next; the first has a log
// message.
func (x *transfer) announce(addr netip.Addr, first bool) {
	if !first {
		x.flushEvents() // they are not to wait for the next address
	}
	x.file.Server = netip.AddrPortFrom(addr, x.port)
	x.situation.Place = &device.Transfer{Scheme: x.scheme, Serv: x.host, ServIP: addr, Port: x.port, Path: x.path}
	if !first {
		return
	}
	if x.message != "" {
		x.log(x.message)
	}
	x.flush()
}

// resolve returns the addresses of the target's server, and how long it took to
// ask for them.
func (x *transfer) resolve() (addrs []netip.Addr, took int64, f *failure) {
	if addr, err := netip.ParseAddr(x.host); err == nil {
		return []netip.Addr{addr.Unmap()}, 0, nil
	}
	x.flushEvents() // they are not to wait for the name
	x.release()     // nor is a body to be held meanwhile
	begun := x.wall()
	addrs, err := x.env.Resolve(x.ctx, x.host)
	took = x.wall() - begun
	if err == nil && len(addrs) > 0 {
		if x.in.Unit.Row.Behaviour.FirstAddress {
			addrs = addrs[:1]
		}
		return addrs, took, nil
	}
	if x.ctx.Err() != nil || errors.Is(err, context.Canceled) {
		return nil, took, aborted
	}
	x.file.Took.DNS = took
	return nil, took, x.failed(x.late(errDNS, getFailed(x.scheme)), device.NoDNS, phase.Lookup)
}

func (x *transfer) request() *Request {
	u := &x.in.Unit
	r := &Request{
		Unit: u, Params: x.params, Server: x.file.Server, Method: "GET", Scheme: x.scheme, Host: x.host, Path: x.path,
		Max: x.most, Now: x.params.CertificateTime(u.Row, x.in.Booted, x.env.Now()),
	}
	switch {
	case x.what == "image":
		x.image = newImageCheck(x.in)
		r.Into = x.image
	case x.what == "profile" && !x.in.Profiles.Secrets:
		r.Has = x.applied.has(x.decodeOptions(&Response{}))
	case x.extra != nil:
		*x.extra = extraCheck{}
		r.Into = x.extra
	}
	r.Service = (x.what == "directory" || x.what == "xml_service") && u.Row.Model.Family.Name != "phone 525"
	if x.ca != nil {
		r.CA = x.ca.PEM
	}
	if body, ok := x.postBody(&x.target); ok {
		r.Method, r.Body, r.ContentType = "POST", []byte(body), u.Row.Behaviour.PostType
	}
	if x.method != "" {
		r.Method, r.Body = x.method, x.body
	}
	if r.Method != "GET" {
		r.Has = 0
	}
	x.file.Sent = len(r.Body)
	return r
}

// transferError returns how a transfer failed, nil where the context ended. An
// error of any other kind breaks Fetcher's contract; it counts as no connection,
// because a device that was interrupted would never try again.
func (x *transfer) transferError(err error) *Error {
	var fe *Error
	switch {
	case errors.As(err, &fe):
		return fe
	case x.ctx.Err() != nil:
		return nil
	}
	return &Error{Result: device.NoConnect, Cause: err}
}

// failed tells that the file could not be had or used, and returns why.
func (x *transfer) failed(text string, result device.Result, place phase.Phase) *failure {
	x.file.Result, x.file.Phase = result, place
	if result == device.Timeout {
		x.file.Wait = int64(x.patience(place))
	}
	if rests := x.loopsHint(result); rests != "" {
		x.file.Hint = strings.TrimPrefix(x.file.Hint+"; "+rests, "; ")
	}
	x.tell(device.Event{Kind: device.FetchFailed, File: x.file, Err: text, Result: result})
	return &failure{text, result}
}

// unfetched is a transfer that failed in itself.
func (x *transfer) unfetched(result device.Result, place phase.Phase) *failure {
	return x.failed(getFailed(x.scheme), result, place)
}

// patience returns how long the device waits in a phase. A body has two limits:
// one for the next bytes, and one for all of it.
func (x *transfer) patience(place phase.Phase) time.Duration {
	b := &x.in.Unit.Row.Behaviour
	switch whole := b.HTTPWhole(); {
	case x.scheme == "tftp":
		return b.TFTP.Wait * time.Duration(b.TFTP.Tries)
	case place == phase.Connect:
		return b.HTTPConnect
	case place == phase.Body && time.Duration(x.file.Took.FirstByte+x.file.Took.Body) >= whole:
		return whole
	}
	return b.HTTPRead
}

// mostQuoted is how many bytes of an answer are looked at for a quotation.
const mostQuoted = 1 << 10

// printable returns the first printable characters of what a server sent.
func printable(text string) string {
	const most = 40
	var b strings.Builder
	count, gap := 0, false
	for _, r := range text[:min(len(text), mostQuoted)] {
		switch {
		case r == ' ' || r == '\n' || r == '\r' || r == '\t':
			gap = count > 0
			continue
		case r == utf8.RuneError || !unicode.IsPrint(r):
			continue
		case gap && count+1 < most:
			b.WriteByte(' ')
			count++
		}
		gap = false
		if count++; count > most {
			break
		}
		b.WriteRune(r)
	}
	return b.String()
}

// missing reports whether an answer says that there is no such file.
func (x *transfer) missing(resp Response) bool { return x.in.Unit.Row.Behaviour.Missing(resp.Status) }

// absent is a server that has no such file, or that the device takes for one.
func (x *transfer) absent() *failure {
	if x.file.Status != http.StatusNotFound {
		x.file.Hint = x.in.Unit.Row.RestsOn("http_missing", "404", fmt.Sprintf("takes HTTP %d for a missing file", x.file.Status))
	}
	return x.failed(x.late(errNotFound, getFailed(x.scheme)), device.NotFound, phase.Status)
}

// undecodable is a file that came but cannot be used. Nothing of it is applied. A
// device that was interrupted has not tried.
func (x *transfer) undecodable(body []byte, err error) *failure {
	if err == x.ctx.Err() { //nolint:errorlint // Read returns it as it is
		return aborted
	}
	text, result := errCorrupt, device.Corrupt
	row := x.in.Unit.Row
	var pe *profile.Error
	rests := ""
	if errors.As(err, &pe) {
		text, x.file.Hint, rests = pe.Text, pe.Hint, row.MistakeRestsOn(pe.Mistake, false)
	}
	if rests = cmp.Or(rests, refusalHint(row, text)); rests != "" {
		x.file.Hint = strings.TrimPrefix(x.file.Hint+"; "+rests, "; ")
	}
	if text == errDecrypt {
		result = device.Decrypt
	}
	x.file.Said = printable(string(body[:min(len(body), mostQuoted)]))
	return x.failed(x.late(text, errCorrupt), result, phase.Decode)
}

// decode decodes a body; nil without error where it is the body applied last.
func (x *transfer) decode(resp Response) (*ParsedProfile, error) {
	options := x.decodeOptions(&resp)
	now := x.applied
	if !resp.Unchanged {
		now = LastApplied{Digest: x.in.Profiles.Digest(resp.Body, options)}
	}
	carried := profile.Protection(0)
	if resp.TLS {
		carried |= profile.TLS
	}
	if resp.Mutual {
		carried |= profile.Mutual
	}
	if now.Digest == x.applied.Digest && x.applied.Protection&profile.Targeted == 0 {
		x.file.Protection = x.applied.Protection | carried
		x.countSecrets(resp, nil, now.Digest)
		return nil, nil
	}
	r, err := x.in.Profiles.Read(x.ctx, &x.in.Unit, resp.Body, now.Digest, options)
	if err != nil {
		return nil, err
	}
	now.Protection = r.Protection
	if x.applied = now; r.Partly != "" {
		x.applied = LastApplied{} // the next time says so too
		x.file.Partly = r.Partly
		x.file.Hint = "taken only in part, " + r.Partly + "; " + x.in.Unit.Row.MistakeRestsOn(r.Mistake, true)
	}
	x.file.Protection = r.Protection | carried
	x.file.Unknown, x.file.Rejected, x.file.Refused = r.Unknown, r.Rejected, r.Refused
	x.countSecrets(resp, r, now.Digest)
	return r, nil
}

// decodeOptions returns how the device reads a body. Values share the memory of one that
// is not given back.
func (x *transfer) decodeOptions(resp *Response) profile.Options {
	o := x.in.Unit.Row.Reading()
	o.Keep = resp.Buffer == nil
	o.Key, o.Keyed, o.MAC = x.options.Key, x.options.HasKey, x.in.Unit.MAC.String()
	o.Aliases = x.content(x.options.Alias)
	return o
}

// mostBackoff is the longest time for which a server can send a device away, in
// seconds (image of 7.5.2b).
const mostBackoff = 3599

// backoff reads the mark ####503#n# at the start of a file, by which a server tells a
// device to stay away for n seconds. With another first number, or a time that is
// none, it is no mark (image of 7.5.2b).
func backoff(body []byte) (time.Duration, bool) {
	rest, ok := bytes.CutPrefix(body, []byte("####503#"))
	if !ok {
		return 0, false
	}
	digits, _, ends := bytes.Cut(rest[:min(len(rest), 12)], []byte("#"))
	n, err := strconv.ParseUint(string(digits), 10, 31)
	return time.Duration(n) * time.Second, ends && err == nil && n > 0 && n <= mostBackoff
}
