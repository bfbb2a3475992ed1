package console

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"spafleet/fleet"
)

//go:embed openapi.json
var openAPI []byte

// A route is a method and path, and who answers: with a value that becomes JSON, or with
// an error that may be a [failure].
type route struct {
	method, path string
	answer       func(Source, *http.Request) (any, error)
}

var routes = []route{
	{"GET", "/api/v1/openapi.json", func(Source, *http.Request) (any, error) { return json.RawMessage(openAPI), nil }},
	{"GET", "/api/v1/summary", func(s Source, _ *http.Request) (any, error) { return s.Summary(), nil }},
	{"GET", "/api/v1/devices", listDevices},
	{"GET", "/api/v1/devices/{device}", oneDevice},
	{"POST", "/api/v1/devices/{device}/keys", pressKeys},
	{"POST", "/api/v1/devices/{device}/fault", faultOne},
	{"POST", "/api/v1/devices/{device}/{action}", orderOne},
	{"POST", "/api/v1/selection/fault", faultMany},
	{"POST", "/api/v1/selection/keys", pressAll},
	{"POST", "/api/v1/selection/{action}", orderMany},
	{"GET", "/api/v1/faults", listFaults},
	{"DELETE", "/api/v1/faults/{fault}", endFault},
}

// A failure is an error with a status of HTTP.
type failure struct {
	status int
	error
}

func failed(status int, format string, args ...any) error {
	return failure{status, fmt.Errorf(format, args...)}
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.begin() {
		return // with its connection
	}
	defer s.working.Done()
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	status, why := s.strange(r)
	if ofAPI(r) && status == 0 {
		if status, why = s.unproven(r); status != 0 {
			h.Set("WWW-Authenticate", `Bearer realm="spafleet"`)
		}
	}
	if status != 0 {
		s.refuse(w, r, status, why)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, mostBody)
	s.mux.ServeHTTP(w, r)
}

// ofAPI reports whether a program asks.
func ofAPI(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/api/") }

// refuse says why something is not answered, to programs and to people.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, status int, why string) {
	if ofAPI(r) {
		reply(w, nil, failed(status, "%s", why))
		return
	}
	w.Header().Set("Content-Security-Policy", pagePolicy)
	site{s}.message(w, r, status, http.StatusText(status), sentence(why))
}

// asked returns the handler of a route. Few requests are at work at once, so that they
// take nothing from the fleet that it would miss.
func (s *Server) asked(answer func(Source, *http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		source := s.source.Load()
		if source == nil {
			reply(w, nil, failed(http.StatusServiceUnavailable, "the fleet has not started yet; try again"))
			return
		}
		done, err := s.place(r)
		if err != nil {
			return
		}
		defer done()
		value, err := answer(*source, r)
		reply(w, value, err)
	}
}

// unknown answers requests that no route has.
func (s *Server) unknown(w http.ResponseWriter, r *http.Request) {
	for _, method := range []string{"GET", "POST", "DELETE"} {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := s.mux.Handler(other); pattern != "/" {
			w.Header().Set("Allow", method)
			s.refuse(w, r, http.StatusMethodNotAllowed, fmt.Sprintf("%.20s is not for this path, %s is", r.Method, method))
			return
		}
	}
	s.refuse(w, r, http.StatusNotFound, fmt.Sprintf("there is nothing at %.100q; /api/v1/openapi.json describes what there is for programs", r.URL.Path))
}

// reply writes a value or an error.
func reply(w http.ResponseWriter, value any, err error) {
	status := http.StatusOK
	if err != nil {
		status = statusOf(err)
		if errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("it took too long until that was heard; try again: %w", err)
		}
		value = map[string]string{"error": err.Error()}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(value) // who asked may be gone
}

func statusOf(err error) int {
	var f failure
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &f):
		return f.status
	case errors.As(err, &large):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, errKeys):
		return http.StatusBadRequest
	case errors.Is(err, fleet.ErrNoPower), errors.Is(err, ErrVirtual), errors.Is(err, errNoMenu), errors.Is(err, errFaults):
		return http.StatusConflict
	}
	return http.StatusServiceUnavailable // the fleet has ended
}
