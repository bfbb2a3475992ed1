package prov

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"spafleet/resync"
)

// serveHTTP starts serving.
func (s *Server) serveHTTP() {
	s.http = s.newHTTP(http.HandlerFunc(s.handle))
	s.serveOn(s.http, s.queue.listener(s.tcp))
}

func (s *Server) serveOn(server *http.Server, l net.Listener) {
	s.serving.Go(func() { _ = server.Serve(l) }) // ends with Close
}

// HeaderWait is how long a server waits for the end of a header.
const HeaderWait = 10 * time.Second

// newHTTP returns a server. The limits keep a client that stalls from staying
// for ever; an image over a slow line has its ten minutes.
func (s *Server) newHTTP(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: HeaderWait,
		ReadTimeout:       time.Minute,
		WriteTimeout:      10 * time.Minute,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ConnState:         s.count,
		ErrorLog:          log.New(io.Discard, "", 0),
		TLSNextProto:      map[string]func(*http.Server, *tls.Conn, http.Handler){},
	}
}

// count follows the connections, because http.Server.Close does not wait for
// them.
func (s *Server) count(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.conns.Add(1)
	case http.StateClosed: // a hijacked one is ended by who took it
		s.conns.Done()
	}
}

func (s *Server) handle(w http.ResponseWriter, q *http.Request) {
	t := s.begin(httpRequest(q), q.UserAgent())
	if !t.enter(q) {
		return
	}
	defer s.queue.leave()
	t.take(w, q)
	t.send(w)
}

// take reads a request's body, and makes the answer.
func (t *transfer) take(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, q.Body, maxUpload))
	if err != nil {
		t.fail(uploadStatus(err), err)
	} else {
		t.x.request.Body = body
		t.answer()
	}
}

// send sends the answer. Its date is that of the fleet.
func (t *transfer) send(w http.ResponseWriter) {
	w.Header().Set("Date", time.Unix(0, t.x.at).UTC().Format(http.TimeFormat))
	if t.x.misdeed != sends {
		t.sendBadly(w)
		return
	}
	if !hasBody(t.Status) {
		w.WriteHeader(t.Status)
		t.done(0, nil)
		return
	}
	if t.Status != http.StatusOK {
		t.Body = fmt.Appendf(nil, "%d %s\n", t.Status, http.StatusText(t.Status))
	}
	if t.Location != "" {
		w.Header().Set("Location", t.Location)
	}
	for _, c := range t.Challenges {
		w.Header().Add("WWW-Authenticate", c)
	}
	content, size := t.content()
	w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	w.WriteHeader(t.Status)
	t.done(io.Copy(w, content))
}

// uploadStatus returns the status for a body that could not be read.
func uploadStatus(err error) int {
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		return http.StatusRequestEntityTooLarge
	}
	return http.StatusBadRequest
}

// hasBody reports whether an answer of that status may have a body.
func hasBody(status int) bool {
	return status != http.StatusNoContent && status != http.StatusNotModified
}

// httpRequest returns a request as a device makes it, without its body.
func httpRequest(q *http.Request) *resync.Request {
	r := &resync.Request{Method: q.Method, Scheme: "http", Path: q.URL.EscapedPath(), Authorization: q.Header.Get("Authorization")}
	if q.Method == http.MethodHead {
		r.Method = http.MethodGet // net/http leaves the body out
	}
	if q.URL.RawQuery != "" {
		r.Path += "?" + q.URL.RawQuery
	}
	r.Host = q.Host
	if host, _, err := net.SplitHostPort(q.Host); err == nil {
		r.Host = host
	}
	if source, err := netip.ParseAddrPort(q.RemoteAddr); err == nil {
		r.Source = source.Addr().Unmap()
	}
	if local, ok := q.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		r.Server = addrPort(local)
	}
	return r
}
