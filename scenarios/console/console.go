// Package console lets a program ask a running fleet how it stands and order its
// devices about, by a small JSON API over HTTP.
//
// [Open] opens the port, [Server.Show] gives it the fleet, and [Server.Close] ends it.
// What it needs from a fleet is a [Source]; [Of] makes one of a run. Who asks has to show
// the token. openapi.json describes the API, and a test holds it to the handlers.
package console

import (
	"context"
	"crypto/rand"
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
)

// A Source is a fleet at work, as far as a console needs it. Its methods are safe for
// concurrent use, and do not wait for what devices are doing.
type Source interface {
	Summary() Summary
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
	// Ask waits until the device has heard the command, Do does not. Their error is
	// [ErrVirtual] where nobody may command devices.
	Ask(context.Context, device.Index, device.Command) error
	Do(context.Context, device.Index, device.Command) error
}

// Options say where a console is.
type Options struct {
	Addr string // host:port; port 0 for a free one
	// Remote allows an address that other machines reach. Nothing is encrypted, the token
	// neither.
	Remote bool
	// Tell is told what goes wrong, a line at a time; nil: nobody is.
	Tell func(line string)
}

// A Server answers who has the token.
type Server struct {
	token    string
	loopback bool
	listener *door
	http     http.Server
	mux      *http.ServeMux
	source   atomic.Pointer[Source]
	places   chan struct{} // one element for each request at work
	serving  sync.WaitGroup
	cancel   context.CancelFunc // of all requests

	mu      sync.Mutex
	closed  bool
	working sync.WaitGroup // requests
}

// A patience is how long a client may take to send a request's header and all of it, to
// read the answer, and to ask for something else.
type patience struct{ header, read, write, idle time.Duration }

var usual = patience{header: 5 * time.Second, read: 10 * time.Second, write: 30 * time.Second, idle: 15 * time.Second}

// Open opens the port and begins to answer. The owner calls [Server.Close].
func Open(o Options) (*Server, error) { return open(o, usual) }

func open(o Options, p patience) (*Server, error) {
	loopback, err := onLoopback(o.Addr)
	if err != nil {
		return nil, err
	}
	if !loopback && !o.Remote {
		return nil, fmt.Errorf("%s can be reached by other machines: %w", o.Addr, ErrRemote)
	}
	listener, err := net.Listen("tcp", o.Addr)
	if err != nil {
		return nil, err
	}
	tell := o.Tell
	if tell == nil {
		tell = func(string) {}
	}
	s := &Server{
		token: rand.Text(), loopback: loopback, listener: newDoor(listener, tell), mux: http.NewServeMux(),
		places: make(chan struct{}, mostAtWork),
	}
	for _, r := range routes {
		s.mux.HandleFunc(r.method+" "+r.path, s.asked(r.answer))
	}
	s.mux.HandleFunc("/", s.unknown)
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.http = http.Server{
		Handler: s, BaseContext: func(net.Listener) context.Context { return ctx }, MaxHeaderBytes: mostHeader,
		ErrorLog:          log.New(lineTo(tell), "", 0),
		ReadHeaderTimeout: p.header, ReadTimeout: p.read, WriteTimeout: p.write, IdleTimeout: p.idle,
	}
	s.serving.Go(func() {
		if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			tell("console: " + err.Error())
		}
	})
	return s, nil
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
func (s *Server) URL() string { return s.scheme() + s.listener.Addr().String() }

func (s *Server) scheme() string { return "http://" }

// Close ends the console, requests that are being answered too, and waits for it.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	err := s.http.Close()
	s.serving.Wait()
	s.listener.telling.Wait()
	s.working.Wait()
	return err
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
