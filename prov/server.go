package prov

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/pin/tftp/v3"

	"spafleet/resync"
)

// A Server puts a [Core] behind sockets. Set its fields, then Open. Addresses
// are host:port, IPv4 as the devices are; port 0 takes a free one, an empty host
// all addresses, an empty address does not listen.
type Server struct {
	Core     *Core
	TFTPAddr string
	HTTPAddr string
	HTTPS    []HTTPS      // further listeners; Open fills in where they are
	Now      func() int64 // fleet time in nanoseconds since the Unix epoch; nil: the system's clock
	// MaxTransfers is how many transfers run at once; 0: any number. The next
	// wait: four times as many connections and TFTP requests. Further connections
	// wait in the system's queue, and further TFTP requests get no answer.
	MaxTransfers int

	mu      sync.Mutex
	open    bool
	closing context.Context // ended by Close
	cancel  context.CancelFunc
	udp     *net.UDPConn
	tcp     net.Listener
	tftp    *tftp.Server
	http    *http.Server
	https   []*http.Server
	serving sync.WaitGroup // the listeners
	conns   sync.WaitGroup // HTTP connections
	turn    sync.Mutex     // see begun
	sealing sync.Mutex     // see secure
	bad     badTransfers
	queue   *queue
}

// Open listens and serves until Close. When it returns nil the addresses are
// known and requests are answered.
func (s *Server) Open() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open {
		return errors.New("open provisioning server: it is open")
	}
	if err := s.listen(); err != nil {
		return err
	}
	s.open = true
	s.closing, s.cancel = context.WithCancel(context.Background())
	s.queue = newQueue(s.MaxTransfers, s.closing.Done())
	s.Core.ports.tftp.Store(uint32(s.tftpAddr().Port()))
	s.Core.ports.http.Store(uint32(s.httpAddr().Port()))
	if s.udp != nil {
		s.serveTFTP()
	}
	if s.tcp != nil {
		s.serveHTTP()
	}
	s.serveHTTPS()
	return nil
}

// listen opens all sockets or none.
func (s *Server) listen() (err error) {
	s.udp, s.tcp, s.https = nil, nil, nil
	for i := range s.HTTPS {
		s.HTTPS[i].listener = nil
	}
	defer func() {
		if err != nil {
			s.unlisten()
		}
	}()
	if err := s.listenPlain(); err != nil {
		return err
	}
	return s.listenHTTPS()
}

// listenPlain opens the sockets of TFTP and HTTP.
func (s *Server) listenPlain() error {
	if s.TFTPAddr != "" {
		udp, err := listenUDP(s.TFTPAddr)
		if err != nil {
			return listenError("tftp", s.TFTPAddr, err)
		}
		s.udp = udp
	}
	if s.HTTPAddr == "" {
		return nil
	}
	tcp, err := net.Listen("tcp4", s.HTTPAddr)
	if err != nil {
		return listenError("http", s.HTTPAddr, err)
	}
	s.tcp = tcp
	return nil
}

// unlisten closes what listen opened before it failed.
func (s *Server) unlisten() {
	if s.udp != nil {
		s.udp.Close()
	}
	if s.tcp != nil {
		s.tcp.Close()
	}
	for i := range s.HTTPS {
		if l := s.HTTPS[i].listener; l != nil {
			l.Close()
		}
	}
}

// listenError adds what to do.
func listenError(scheme, addr string, err error) error {
	hint := "an address is host:port; port 0 takes a free one"
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		hint = "another server listens there: stop it, or choose another port (0 takes a free one)"
	case errors.Is(err, fs.ErrPermission):
		hint = "ports below 1024 are for root: choose a higher one, or give the program CAP_NET_BIND_SERVICE"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		hint = "this machine does not have the address"
	}
	return fmt.Errorf("listen for %s on %s: %w; %s", scheme, addr, err, hint)
}

// Close stops listening, breaks off what is under way and returns when nothing
// of the server is left. A TFTP client that fell silent holds it for up to four
// seconds, the time of its last tries. Closing what is not open does nothing.
func (s *Server) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.open {
		return
	}
	s.cancel()
	if s.tcp != nil {
		// The error is that of the listener, which is closed in any case.
		s.http.Close()
	}
	for _, server := range s.https {
		server.Close()
	}
	if s.udp != nil {
		s.closeTFTP()
	}
	s.serving.Wait()
	s.conns.Wait()
	s.Core.ports.tftp.Store(0)
	s.Core.ports.http.Store(0)
	s.open = false
}

// TFTP returns where TFTP is served, the zero value if it never was.
func (s *Server) TFTP() netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tftpAddr()
}

// HTTP returns where HTTP is served, the zero value if it never was.
func (s *Server) HTTP() netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.httpAddr()
}

func (s *Server) tftpAddr() netip.AddrPort {
	if s.udp == nil {
		return netip.AddrPort{}
	}
	return addrPort(s.udp.LocalAddr())
}

func (s *Server) httpAddr() netip.AddrPort {
	if s.tcp == nil {
		return netip.AddrPort{}
	}
	return addrPort(s.tcp.Addr())
}

// addrPort returns a socket's address, the zero value for one of no network.
func addrPort(a net.Addr) netip.AddrPort {
	var p netip.AddrPort
	switch a := a.(type) {
	case *net.UDPAddr:
		p = a.AddrPort()
	case *net.TCPAddr:
		p = a.AddrPort()
	}
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
}

func (s *Server) now() int64 {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now().UnixNano()
}

// begin notes a request as it comes in; the caller goes on with answer or fail,
// sends, and calls done.
func (s *Server) begin(r *resync.Request, userAgent string) *transfer {
	x := &exchange{at: s.now(), request: r, userAgent: userAgent, mayStream: true}
	return &transfer{server: s, core: s.Core, x: x, started: time.Now()}
}

// Down stops listening for http, https or, with "", both, until Up. What came
// before is answered. TFTP and cores without sockets have Down of a fault.
func (s *Server) Down(scheme string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tcp != nil && scheme != "https" {
		s.tcp.Close()
	}
	for i := range s.HTTPS {
		if l := s.HTTPS[i].listener; l != nil && scheme != "http" {
			l.Close()
		}
	}
}

// Up listens again where Down stopped. An error says that somebody else does
// meanwhile.
func (s *Server) Up(scheme string) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.open {
		return nil
	}
	again := func(at netip.AddrPort, scheme string) net.Listener {
		l, failed := net.Listen("tcp4", at.String())
		if failed != nil {
			err = errors.Join(err, listenError(scheme, at.String(), failed))
		}
		return l
	}
	if s.tcp != nil && scheme != "https" {
		if l := again(s.httpAddr(), "http"); l != nil {
			s.tcp = l
			s.serveOn(s.http, l)
		}
	}
	for i := range s.HTTPS {
		h := &s.HTTPS[i]
		if h.listener == nil || scheme == "http" {
			continue
		}
		if l := again(addrPort(h.listener.Addr()), "https"); l != nil {
			h.listener = l
			s.serveOn(s.https[i], &sealedListener{l, i, s})
		}
	}
	return err
}
