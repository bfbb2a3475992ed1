package settings

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"spafleet/device/measure"
)

// What a phone is given: the longest advanced page of a phone has less than 300 kB.
const (
	patience = 20 * time.Second // for one answer
	whole    = 90 * time.Second // for all
	mostHead = 64 << 10         // bytes of a header
	mostBody = 2 << 20          // bytes of a page or file
)

// A step is a path that may have the settings.
type step struct {
	path   string
	admin  bool // the administrator's
	export bool // a file of the phone's own, else a page
}

// steps are asked for until one has said what the profile rules are. Exports come first:
// they have the names of parameters, and say where a value begins and ends. Phones have one;
// routers have their pages in two halves, an SPA112, SPA122 and SPA232D no page without a
// session but config.xml. The user's own paths are for phones whose administrator has a
// password that nobody knows any more.
var steps = []step{
	{"/admin/spacfg.xml", true, true},
	{"/spacfg.xml", false, true},
	{"/admin/advanced", true, false},
	{"/admin/voice/advanced", true, false},
	{configPath, true, true},
	{"/advanced", false, false},
	{"/voice/advanced", false, false},
}

// configPath is the configuration of an SPA112, SPA122 and SPA232D, which read a login behind
// it. No other path is asked for with a password in it.
const configPath = "/admin/config.xml"

// Read asks the web server of a phone for its settings, by GET alone and over a new
// connection for each request. Host is what the requests call it. It takes 90 seconds at
// most, and ends early with ctx.
//
// Where a page asks for a login that is missing or wrong, the error is a *[LoginError]. The
// settings then are what the other pages said, nil for nothing. So they are with any other
// error that comes before the profile rules are known.
func Read(ctx context.Context, dial func(context.Context) (net.Conn, error), host string, login Login) (*Settings, error) {
	if host == "" || strings.ContainsAny(host, " \t\r\n") {
		return nil, fmt.Errorf("%q is no host name and no address of a phone", host)
	}
	if err := login.check(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, whole)
	defer cancel()
	r := &reader{dial: dial, host: host, login: login, Settings: &Settings{}}
	return r.read(ctx)
}

// accounts are the logins that the administrator's paths and the user's ask for.
type accounts struct{ admin, user *LoginError }

// A reader asks one phone.
type reader struct {
	*Settings
	dial   func(context.Context) (net.Conn, error)
	host   string
	login  Login
	form   *string // that is posted; nil: paths are read
	barred accounts
	last   error // of a connection
}

func (r *reader) read(ctx context.Context) (*Settings, error) {
	failed := 0
	for _, s := range steps {
		if s.admin && r.barred.admin != nil {
			continue
		}
		if r.try(ctx, s); r.last != nil {
			failed++
		}
		if r.settled() || failed == mostFailed || ctx.Err() != nil {
			break
		}
	}
	return r.result()
}

// mostFailed is how many requests may end without an answer: a phone may have no answer to a
// path that it does not know.
const mostFailed = 2

// settled reports whether the profile rules are known.
func (r *reader) settled() bool {
	_, ok := r.Known("Profile_Rule")
	return ok
}

// result says what came of it all.
func (r *reader) result() (*Settings, error) {
	if r.settled() {
		return r.Settings, nil
	}
	var s *Settings
	if len(r.values) > 0 {
		s = r.Settings
	}
	switch {
	case r.barred.admin != nil:
		return s, r.barred.admin
	case r.barred.user != nil:
		return s, r.barred.user
	case r.last != nil:
		return s, r.last
	case s != nil:
		return s, nil
	}
	var tried []string
	for _, t := range r.Tried {
		tried = append(tried, t.Path+": "+t.Came)
	}
	return nil, fmt.Errorf("the web server at %s has no settings of a phone (%s)", r.host, strings.Join(tried, "; "))
}

// try asks for one path and reads what it has.
func (r *reader) try(ctx context.Context, s step) {
	r.last = nil
	before := len(r.values)
	a, err := r.get(ctx, s.path)
	var barred *LoginError
	switch {
	case errors.As(err, &barred):
		r.bar(s, barred)
		r.note(s.path, "a login is asked for")
	case err != nil:
		r.last = err
		r.note(s.path, err.Error())
	case a.status != http.StatusOK:
		r.note(s.path, fmt.Sprintf("%d %s", a.status, http.StatusText(a.status)))
	case s.export:
		partly, err := r.readProfile(a.body, s.path)
		if err != nil {
			r.note(s.path, err.Error())
			return
		}
		r.note(s.path, r.counted(before, partly))
	default:
		asks, partly := r.readPage(string(a.body), s.path)
		if asks {
			r.bar(s, &LoginError{Path: s.path, Scheme: "form", Refused: r.login.given()})
			r.note(s.path, "a login is asked for")
			return
		}
		r.note(s.path, r.counted(before, partly))
	}
}

// counted says how many parameters an answer has told of that were not known before.
func (r *reader) counted(before int, partly string) string {
	return measure.Counted(len(r.values)-before, "parameter") + partly
}

func (r *reader) note(path, came string) { r.Tried = append(r.Tried, Try{path, came}) }

func (r *reader) bar(s step, e *LoginError) {
	if s.admin {
		r.barred.admin = e
	} else {
		r.barred.user = e
	}
}

// An answer is what a web server sent.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// get asks for a path, and again with the login where the phone wants one.
func (r *reader) get(ctx context.Context, path string) (answer, error) {
	a, err := r.exchange(ctx, path, "")
	if err != nil || a.status != http.StatusUnauthorized {
		return a, err
	}
	c := challengeOf(a.header)
	if c.scheme == "" && a.header.Get("WWW-Authenticate") == "" && path == configPath {
		c.scheme = "URL"
	}
	barred := &LoginError{Path: path, Scheme: c.scheme, Realm: c.fields["realm"]}
	if !r.login.given() || c.scheme == "" {
		return a, barred
	}
	barred.Refused = true
	if a, err = r.again(ctx, path, c); err != nil || a.status != http.StatusUnauthorized {
		return a, err
	}
	if c = challengeOf(a.header); c.scheme == "Digest" && c.stale() {
		if a, err = r.again(ctx, path, c); err != nil || a.status != http.StatusUnauthorized {
			return a, err
		}
	}
	return a, barred
}

func (r *reader) again(ctx context.Context, path string, c challenge) (answer, error) {
	if c.scheme == "URL" {
		return r.exchange(ctx, r.login.Behind(path), "")
	}
	return r.exchange(ctx, path, c.answer(r.login, r.method(), path))
}

// exchange is one request on a connection of its own.
func (r *reader) exchange(ctx context.Context, path, authorization string) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := r.dial(ctx)
	if err != nil {
		return answer{}, fmt.Errorf("connect to %s: %w", r.host, err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	a, err := converse(conn, r.request(path, authorization))
	switch {
	case err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return answer{}, fmt.Errorf("%s had no whole answer for %s within %s", r.host, path, patience)
	case err != nil && ctx.Err() != nil:
		return answer{}, ctx.Err()
	case err != nil:
		return answer{}, fmt.Errorf("the answer of %s for %s: %w", r.host, path, err)
	}
	return a, nil
}

func (r *reader) request(path, authorization string) string {
	text := r.method() + " " + path + " HTTP/1.1\r\nHost: " + r.host + "\r\nConnection: close\r\n"
	if authorization != "" {
		text += "Authorization: " + authorization + "\r\n"
	}
	if r.form == nil {
		return text + "\r\n"
	}
	return text + fmt.Sprintf("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", len(*r.form), *r.form)
}

// converse sends a request and reads what comes until its end. A phone may answer before it
// has read all, so sending and reading do not wait for each other.
func converse(conn net.Conn, request string) (answer, error) {
	sent := make(chan error, 1)
	go func() {
		_, err := io.WriteString(conn, request)
		sent <- err
	}()
	a, err := receive(conn)
	conn.Close()
	if failed := <-sent; err != nil && failed != nil && !errors.Is(failed, io.ErrClosedPipe) && !errors.Is(failed, net.ErrClosed) {
		err = failed
	}
	return a, err
}

// receive reads an answer. One that ends early counts as far as it goes.
func receive(conn net.Conn) (answer, error) {
	limit := &io.LimitedReader{R: conn, N: mostHead}
	in := bufio.NewReader(limit)
	for {
		resp, err := http.ReadResponse(in, &http.Request{Method: http.MethodGet})
		if err != nil {
			return answer{}, err
		}
		if resp.StatusCode >= 100 && resp.StatusCode < 200 {
			continue
		}
		limit.N += mostBody
		body, err := io.ReadAll(io.LimitReader(resp.Body, mostBody+1))
		switch {
		case len(body) > mostBody:
			return answer{}, fmt.Errorf("it has more than %d bytes", mostBody)
		case err != nil && (len(body) == 0 || !errors.Is(err, io.ErrUnexpectedEOF)):
			return answer{}, err
		}
		return answer{resp.StatusCode, resp.Header, body}, nil
	}
}
