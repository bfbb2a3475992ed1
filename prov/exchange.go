package prov

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"spafleet/resync"
	"spafleet/resync/fault"
)

// A Line tells of one request, as a server's log does.
type Line struct {
	At        int64 // fleet time of the request
	Scheme    string
	Method    string
	Path      string // as requested
	Source    netip.Addr
	UserAgent string
	User      string // that an HTTP client says it is
	MAC       string // of the asker, if it is known
	Status    int    // HTTP status; TFTP: 200, or what the error would be in HTTP
	Bytes     int    // of the answer's body, or of the upload
	Took      time.Duration
	TLS       string   // version and suite of HTTPS
	Client    *Subject // of the client's certificate, nil where it showed none
	Err       error    // why an answer could not be made or sent; for a person
}

// Text returns the line without time and address: what a server's log says of the
// request. It is the same in virtual time as over sockets.
func (l *Line) Text() string {
	var h *handshakeError
	if errors.As(l.Err, &h) {
		return "https " + h.text()
	}
	text := fmt.Sprintf("%s %s %s %d", l.Scheme, l.Method, l.Path, l.Status)
	if l.UserAgent != "" {
		text += fmt.Sprintf(" %q", l.UserAgent)
	}
	if l.Err != nil && l.Status >= http.StatusBadRequest {
		text += ": " + l.Err.Error()
	}
	return text
}

// An exchange is one request on its way to an answer.
type exchange struct {
	at          int64
	request     *resync.Request
	userAgent   string
	subject     *Subject
	tls         string
	asker       Asker
	rotation    Rotation
	disturbance *fault.Disturbance // nil: none
	bad         fault.Effects      // what it wants of the server
	misdeed     misdeed            // what of it is done to the sending of the answer
	mayStream   bool               // the answer may be sent from the disk
	streams     bool               // it is
	file        *file              // that the answer comes from; nil: none
	shared      bool               // the answer's body belongs to others too
	begun       moment
	err         error
}

// tellsWhatItHas reports whether Request.Has is filled where the device has something.
func (x *exchange) tellsWhatItHas() bool {
	return x.request.Unit != nil && x.request.Scheme != "tftp"
}

func (c *Core) log(l Line) {
	if c.options.Log != nil {
		c.options.Log(l)
	}
}

func (x *exchange) line(response resync.Response) Line {
	r := x.request
	l := Line{
		At: x.at, Scheme: r.Scheme, Method: r.Method, Path: r.Path, Source: r.Source,
		UserAgent: x.userAgent, User: userOf(r.Authorization), MAC: x.asker.MAC, Status: response.Status,
		Bytes: response.Len(), TLS: x.tls, Client: x.subject, Err: x.err,
	}
	if isUpload(r.Method) {
		l.Bytes = len(r.Body)
	}
	return l
}

func isUpload(method string) bool { return method == http.MethodPut || method == http.MethodPost }

// answer finds the route and makes its answer, unless a fault has another.
func (c *Core) answer(x *exchange) resync.Response {
	route := c.find(x)
	c.disturb(x, false)
	response, given := x.badStatus()
	if !given {
		response = c.answerBy(route, x)
		x.spoil(&response)
	}
	if x.disturbance != nil {
		x.misdeed = x.misdo(&response, given)
	}
	return response
}

// answerBy makes a route's answer. A path with a status of its own gives it to
// uploads too; any other path takes them.
func (c *Core) answerBy(route *route, x *exchange) resync.Response {
	upload := isUpload(x.request.Method)
	switch a := c.auth.Load(); {
	case a != nil && x.request.Scheme != "tftp" && !a.admits(x.request):
		return resync.Response{Status: http.StatusUnauthorized, Challenges: []string{a.challenge()}}
	case !upload && x.request.Method != http.MethodGet:
		return resync.Response{Status: http.StatusMethodNotAllowed}
	case upload && (route == nil || route.entry.Status == 0):
		c.take(x)
		return resync.Response{Status: http.StatusOK}
	case route == nil:
		return resync.Response{Status: http.StatusNotFound}
	}
	x.mayStream = x.mayStream && x.disturbance == nil
	response, err := c.make(route, x)
	if err != nil {
		x.err = err
		return resync.Response{Status: statusOf(err)}
	}
	return response
}

// statusOf returns the status for an answer that could not be made. A file that
// is not there is not found, by the device's path or by the entry's File.
func statusOf(err error) int {
	if errors.Is(err, fs.ErrNotExist) {
		return http.StatusNotFound
	}
	return http.StatusInternalServerError
}

// find returns the route that answers, nil for none, and notes who asks.
func (c *Core) find(x *exchange) *route {
	for route, r := range (*c.finder.Load()).find(x.at, x.target()) {
		x.asker = c.options.asker(x, r)
		needless := route.fixed != nil && len(r.exprs) == 0
		if needless || c.rotate(x, r.exprs) {
			return route
		}
	}
	x.asker = c.options.asker(x, reading{})
	x.rotation = Rotation{}
	return nil
}

// target returns the path as a file's name: devices send it as it stands in the
// rule, and HTTP clients that escape it mean the same.
func (x *exchange) target() target {
	path := x.request.Path
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	t := parseTarget(path)
	if x.request.Scheme != "tftp" {
		t.path, t.query = unescape(t.path), unescape(t.query)
	}
	return t
}

func unescape(s string) string {
	if plain, err := url.PathUnescape(s); err == nil {
		return plain
	}
	return s
}

// rotate finds the pair that a path names, the latest first. False: it holds
// what was never given to this device.
func (c *Core) rotate(x *exchange, exprs []answered) bool {
	mac := x.asker.MAC
	current := c.options.Pairs.Generation(mac)
	next := c.options.Pairs.At(mac, current)
	if len(exprs) == 0 {
		x.rotation = Rotation{Asked: next, Next: next}
		return true
	}
	for back := range current + 1 {
		x.rotation = Rotation{Asked: next, Next: next}
		if back > 0 {
			x.rotation.Asked = c.options.Pairs.At(mac, current-back)
		}
		if c.holds(x, exprs) {
			return true
		}
	}
	return false
}

// holds reports whether all expressions have the values that the path holds.
func (c *Core) holds(x *exchange, exprs []answered) bool {
	for _, e := range exprs {
		value := x.rotation.Asked.Dir
		if !isDir(e.expr) {
			var err error
			if value, err = c.expanded(e.expr, x); err != nil {
				return false
			}
		}
		if value != e.value {
			return false
		}
	}
	return true
}

// isDir reports whether an expression is {{ dir }}, which needs no language.
func isDir(expr string) bool {
	return strings.TrimSpace(strings.Trim(expr, "{}")) == "dir"
}

// needsExpand reports whether a path holds more than {{ dir }}.
func (p *pattern) needsExpand() bool {
	for _, s := range p.Slots {
		if s.Expr != "" && !isDir(s.Expr) {
			return true
		}
	}
	return false
}
