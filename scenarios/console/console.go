// Package console shows a run to people in a browser and to programs, and lets them order
// its devices about.
//
// [Open] opens the port, [Server.Show] gives it the fleet, and [Server.Close] ends it.
// What it needs from a fleet is a [Source]; [Of] makes one of a run. Programs show the
// token with each request of the JSON API, which openapi.json describes; a test holds it to
// the handlers. Browsers show it once, for a cookie; what pages look like is in package
// page.
package console

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/fleet"
	"spafleet/fsm"
	"spafleet/scenarios/console/page"
)

// A Source is a fleet at work, as far as a console needs it. Its methods are safe for
// concurrent use, and do not wait for what devices are doing.
type Source interface {
	Name() string // of the scenario
	Summary() Summary
	Overview() page.Overview
	// Shown returns a text without what is secret in the scenario.
	Shown(string) string
	// Len is how many devices this process works, and Nth returns the index of each.
	Len() int
	Nth(n int) device.Index
	// MAC, Group, Identity and State are asked for devices of Nth alone. Identity has
	// nothing of the certificate.
	MAC(device.Index) model.MAC
	Group(device.Index) *fleet.Group
	Identity(device.Index) device.Unit
	State(device.Index) fsm.State
	View(device.Index) (device.View, bool)
	WebURL(device.Index) string // "": its web server does not answer
	// Events returns what a device has done last, oldest first, as lines of 'run --events'.
	Events(device.Index) []json.RawMessage
	// Moves returns the moves by which a device came to the states up to its own.
	Moves(device.Index) []device.Event
	// Keypad returns the telephone at a device, nil where its model has no voice menu. Press
	// presses keys there and returns what the menu says; HangUp ends the call.
	Keypad(*device.View) *page.Keypad
	Press(ctx context.Context, dev device.Index, keys string) (said []string, err error)
	HangUp(context.Context, device.Index) error
	// PressAll has a caller at each of some devices press keys and hang up, and returns at how
	// many there is a menu.
	PressAll(ctx context.Context, list []device.Index, keys string) (menus int, err error)
	// Begin begins a fault by the keys of a scenario, of some devices or, if among is nil, of
	// all; Faults are those that are up, and EndFault ends one, false where there is none
	// such.
	Begin(keys map[string]string, among []device.Index) (Fault, error)
	Faults() []Fault
	EndFault(number int) (f Fault, ok bool, err error)
	// Ask waits until the device has heard the command, Do does not. Their error is
	// [ErrVirtual] where nobody may command devices.
	Ask(context.Context, device.Index, device.Command) error
	Do(context.Context, device.Index, device.Command) error
}

// Options say where a console is.
type Options struct {
	Addr string // host:port; port 0 for a free one
	// Remote allows an address that other machines reach without TLS, though the token can
	// be read on the way.
	Remote bool
	// TLS encrypts; nil: nothing does.
	TLS *tls.Config
	// Token is what a request has to show; "": one is made. It has at least [LeastToken]
	// letters.
	Token string
	// Tell is told what goes wrong, a line at a time; nil: nobody is.
	Tell func(line string)
}

// A Server answers who has the token.
type Server struct {
	guard
	listener *limited
	http     http.Server
	mux      *http.ServeMux
	patience patience
	tell     func(string)
	source   atomic.Pointer[Source]
	verdict  atomic.Pointer[string] // nil: there is none yet
	places   chan struct{}          // one element for each request at work
	orders   chan struct{}          // and one for each order, which may have to wait
	feeds    feeds
	notices  notices
	serving  sync.WaitGroup
	cancel   context.CancelFunc // of all requests
	ended    context.Context    // the run's
	end      context.CancelFunc

	mu      sync.Mutex
	closed  bool
	working sync.WaitGroup // requests
}

// A patience is how long a client may take to send a request's header and all of it, to
// read the answer, to ask for something else, and to read a live event; live is how often
// there is one.
type patience struct{ header, read, write, idle, listener, live time.Duration }

var usual = patience{header: 5 * time.Second, read: 10 * time.Second, write: 30 * time.Second, idle: 15 * time.Second, listener: 10 * time.Second, live: time.Second}

// LeastToken is how many letters a token has at least that is not made here.
const LeastToken = 16

// Open opens the port and begins to answer. The owner calls [Server.Close].
func Open(o Options) (*Server, error) { return open(o, usual) }

func open(o Options, p patience) (*Server, error) {
	loopback, err := onLoopback(o.Addr)
	switch {
	case err != nil:
		return nil, err
	case !loopback && !o.Remote && o.TLS == nil:
		return nil, fmt.Errorf("%s can be reached by other machines: %w", o.Addr, ErrRemote)
	case o.Token == "":
		o.Token = rand.Text()
	case len(o.Token) < LeastToken || strings.ContainsFunc(o.Token, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return nil, fmt.Errorf("the token is none: it has at least %d letters, digits and other signs of ASCII, and no blanks", LeastToken)
	}
	if o.Tell == nil {
		o.Tell = func(string) {}
	}
	listener, err := net.Listen("tcp", o.Addr)
	if err != nil {
		return nil, err
	}
	s := &Server{
		guard: guard{token: o.Token, loopback: loopback, tls: o.TLS != nil}, listener: newLimited(listener, o.Tell), mux: http.NewServeMux(), patience: p, tell: o.Tell,
		places: make(chan struct{}, mostAtWork), orders: make(chan struct{}, mostOrders),
	}
	_, s.port, _ = net.SplitHostPort(listener.Addr().String())
	s.ended, s.end = context.WithCancel(context.Background())
	s.routes()
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.http = http.Server{
		Handler: s, BaseContext: func(net.Listener) context.Context { return ctx }, MaxHeaderBytes: mostHeader,
		ErrorLog:          log.New(lineTo(o.Tell), "", 0),
		ReadHeaderTimeout: p.header, ReadTimeout: p.read, WriteTimeout: p.write, IdleTimeout: p.idle,
	}
	var serve net.Listener = s.listener
	if o.TLS != nil {
		serve = tls.NewListener(serve, o.TLS)
	}
	s.serving.Go(func() {
		if err := s.http.Serve(serve); !errors.Is(err, http.ErrServerClosed) {
			o.Tell("console: " + err.Error())
		}
	})
	return s, nil
}

func (s *Server) routes() {
	for _, r := range routes {
		s.mux.HandleFunc(r.method+" "+r.path, s.asked(r.answer))
	}
	for _, v := range views {
		s.mux.HandleFunc(v.pattern, site{s}.shown(v))
	}
	s.mux.HandleFunc("/", s.unknown)
}

// ErrRemote says that an address is not of loopback, and ErrVirtual that the fleet's time
// is virtual: each run of it is the same, and a command would change that.
var (
	ErrRemote  = errors.New("the console listens on loopback only")
	ErrVirtual = errors.New("in virtual time nobody but the scenario commands devices; run it with --clock real or mixed")
)

// Show gives the console the fleet. Before, it says that the fleet has not started.
func (s *Server) Show(source Source) { s.source.Store(&source) }

// Token returns what a request has to show, as Authorization: Bearer TOKEN.
func (s *Server) Token() string { return s.token }

// URL returns where the console is.
func (s *Server) URL() string {
	host, port, _ := net.SplitHostPort(s.listener.Addr().String())
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1" // and at any other address of this machine
	}
	return s.scheme() + net.JoinHostPort(host, port)
}

// Judged gives the console the verdict of the run, which may go on.
func (s *Server) Judged(verdict string) { s.verdict.Store(&verdict) }

// End says that the run has ended: who listens is told so. The console still answers.
func (s *Server) End() { s.end() }

// lastWord is what a listener is told at the end.
func (s *Server) lastWord() string {
	if v := s.verdict.Load(); v != nil {
		return "Its verdict is " + *v + "."
	}
	return "It has no verdict."
}

// Close ends the console, requests that are being answered too, and waits for it.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.end()
	select {
	case <-s.feeds.idle():
	case <-time.After(lastWords):
	}
	s.cancel()
	err := s.http.Close()
	s.serving.Wait()
	s.listener.telling.Wait()
	s.working.Wait()
	return err
}

// place waits for a place at work, and returns how it is given back. Orders have places of
// their own: devices may be slow to hear them, and who only looks is not to wait for that.
func (s *Server) place(r *http.Request) (done func(), err error) {
	places := s.places
	if r.Method == http.MethodPost {
		places = s.orders
	}
	select {
	case places <- struct{}{}:
		return func() { <-places }, nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

// begin counts a request that begins, false where the console has ended.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.working.Add(1)
	}
	return !s.closed
}

// A lineTo gives the lines of a log to a function.
type lineTo func(line string)

func (l lineTo) Write(p []byte) (int, error) {
	l("console: " + strings.TrimSpace(string(p)))
	return len(p), nil
}
