package fetch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"spafleet/certs/trust"
	"spafleet/device"
	"spafleet/device/phase"
	"spafleet/host"
	"spafleet/resync"
	"spafleet/resync/capture"
	"spafleet/resync/fault"
	"spafleet/resync/tftp"
)

// Sockets fetches over the network. Its zero value is ready. The fields are set
// before the first use and then only read; Sockets is safe for concurrent use
// and must not be copied after it.
//
// Waits and tries are those of the asking device's firmware row.
type Sockets struct {
	// Wall is the clock of socket deadlines and of the measured phases; nil is
	// time.Now. With another clock, ListenPacket and Dial must give sockets
	// whose deadlines follow it.
	Wall func() time.Time
	// Hosts are names that are answered without asking DNS, in lower case and
	// without a dot at the end.
	Hosts map[string][]netip.Addr
	// Certs is what the devices trust, and the certificates they show; nil: https
	// fails as a scheme that nobody speaks.
	Certs *trust.Devices
	// Guard says which hosts the devices may contact; nil: addresses of loopback and
	// private networks. A contact that it refuses is the device's failure to
	// connect, and no packet.
	Guard *Guard
	// NameServers are asked for the other names, where Guard admits them: a public
	// one only for names in Guard.Public. Nil: the system's.
	NameServers *NameServers
	// DialNameServer connects to a name server, from source if that is valid; nil
	// dials.
	DialNameServer func(ctx context.Context, source netip.Addr, network, address string) (net.Conn, error)
	// PinTFTP transfers by [tftp.FetchPin], for comparison; it opens its own
	// socket, not ListenPacket's.
	PinTFTP bool
	// ListenPacket opens the socket of one TFTP transfer, bound to source if
	// that is valid; nil opens UDP. The transfer closes it. Its addresses must
	// be of type *net.UDPAddr. A socket that has the methods
	// ReadFromUDPAddrPort and WriteToUDPAddrPort of *net.UDPConn is used
	// through them. An error counts as the device's failure to connect, unless
	// LocalLimit names it.
	ListenPacket func(ctx context.Context, source netip.Addr) (net.PacketConn, error)
	// Dial opens the connection of one HTTP transfer, from source if that is
	// valid, within wait; nil dials TCP. The transfer closes it.
	Dial func(ctx context.Context, source netip.Addr, server netip.AddrPort, wait time.Duration) (net.Conn, error)
	// Balancer is what stands before the servers of HTTP; zero: nothing.
	Balancer Balancer
	// Capture keeps what chosen devices send and receive: behind Faults, which imitates
	// the line before this machine. It does not reach PinTFTP. Nil: nothing is kept.
	Capture *capture.File
	// Faults disturbs the devices' exchanges; nil: nothing does. It does not reach
	// PinTFTP.
	Faults *fault.Plan
	// Inside is given the connection of each exchange by HTTP, in clear also where the
	// exchange is by HTTPS, and returns the one that is used: so one can look on. The
	// context is that of Fetch. Nil: nobody does.
	Inside func(ctx context.Context, conn net.Conn) net.Conn

	exchanges sync.Pool // of *exchange
	tftp      tftp.Client

	slotsOnce sync.Once
	certSlots chan struct{} // of devices whose certificates are made

	systemOnce sync.Once
	system     *NameServers // those that are asked
	names      dnsCache
}

var _ resync.Fetcher = (*Sockets)(nil)

// Fetch transfers one file, by tftp, http or https. A failure of the transfer is a
// *[resync.Error] with the phases up to the failure; another scheme is one with
// result BadScheme. A 401 is a Response like any other status,
// and so is a redirect.
//
// When ctx ends, Fetch returns its error within 10 ms and has closed its socket
// (but see PinTFTP). Any other error is this machine's, see [LocalLimit].
//
// Which failure has which result: Timeout where nothing came in time, on
// connecting too; NoConnect where the server refused, could not be reached, or
// closed without a byte; Corrupt where an answer began that is not whole, not
// the protocol, or larger than Max; BadStatus for TFTP errors other than 1;
// TLSFailed for a handshake that either side ended, or a server of another name.
func (s *Sockets) Fetch(ctx context.Context, r *resync.Request) (resync.Response, error) {
	if err := ctx.Err(); err != nil {
		return resync.Response{}, err
	}
	if err := s.Guard.Admit(r.Host, r.Server.Addr()); err != nil {
		return resync.Response{}, &resync.Error{Result: device.NoConnect, Phase: phase.Admission, Cause: err}
	}
	switch {
	case r.Scheme == "http", r.Scheme == "https" && s.Certs != nil:
		return s.fetchHTTP(ctx, r)
	case r.Scheme == "tftp" && s.PinTFTP:
		return s.fetchPin(ctx, r)
	case r.Scheme == "tftp":
		return s.fetchTFTP(ctx, r)
	}
	return resync.Response{}, &resync.Error{Result: device.BadScheme, Phase: phase.Rule, Cause: fmt.Errorf("no client for scheme %q", r.Scheme)}
}

func (s *Sockets) now() time.Time {
	if s.Wall == nil {
		return time.Now()
	}
	return s.Wall()
}

// moments are when the parts of a transfer began, zero for those it did not
// reach.
type moments struct {
	begun, connected, sealed, first time.Time
	secret                          bool // there is a handshake to come, or was one
}

// until returns the phases of a transfer that ended at end. The phase that it
// ended in lasts until then.
func (m moments) until(end time.Time) device.Phases {
	var p device.Phases
	switch {
	case m.connected.IsZero():
		p.Connect = int64(end.Sub(m.begun))
		return p
	case m.secret && m.sealed.IsZero():
		p.Connect, p.TLS = int64(m.connected.Sub(m.begun)), int64(end.Sub(m.connected))
		return p
	}
	ready := m.connected
	p.Connect = int64(m.connected.Sub(m.begun))
	if m.secret {
		p.TLS, ready = int64(m.sealed.Sub(m.connected)), m.sealed
	}
	if m.first.IsZero() {
		p.FirstByte = int64(end.Sub(ready))
		return p
	}
	p.FirstByte, p.Body = int64(m.first.Sub(ready)), int64(end.Sub(m.first))
	return p
}

var errNoAnswer = errors.New("the name server's packets answer another question")

// A cutBody is the error of a good answer whose body could not be read whole.
type cutBody struct{ cause error }

func (e *cutBody) Error() string { return "read body: " + e.cause.Error() }
func (e *cutBody) Unwrap() error { return e.cause }

// failure makes the error of Fetch from what a socket or server said.
func (s *Sockets) failure(ctx context.Context, r *resync.Request, m moments, err error) error {
	if over := ctx.Err(); over != nil {
		return over
	}
	if _, ok := LocalLimit(err); ok {
		return fmt.Errorf("open socket to %s: %w", r.Server, err)
	}
	var cut *cutBody
	return &resync.Error{
		Cut:    errors.As(err, &cut),
		Result: resultOf(err, !m.first.IsZero()),
		TooBig: errors.Is(err, tftp.ErrTooBig),
		Phase:  m.phase(err),
		Took:   m.until(s.now()),
		TLS:    s.handshakeOf(r, err),
		Cause:  err,
	}
}

// phase returns where a transfer failed.
func (m moments) phase(err error) phase.Phase {
	var cut *cutBody
	switch {
	case m.connected.IsZero() && isRouteless(err):
		return phase.Route
	case m.connected.IsZero():
		return phase.Connect
	case m.secret && m.sealed.IsZero():
		return phase.TLS
	case errors.Is(err, tftp.ErrTooBig):
		return phase.Size
	case m.first.IsZero():
		return phase.FirstByte
	case errors.As(err, &cut):
		return phase.Body
	}
	return phase.Header
}

// isRouteless tells a server that cannot be reached from one that refuses.
func isRouteless(err error) bool {
	return slices.ContainsFunc([]error{syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.ENETDOWN, syscall.EACCES, syscall.EPERM, syscall.EINVAL},
		func(no error) bool { return errors.Is(err, no) })
}

func resultOf(err error, answered bool) device.Result {
	var handshake *handshakeError
	switch {
	case host.TimedOut(err):
		return device.Timeout
	case errors.As(err, &handshake):
		return device.TLSFailed
	case !answered:
		return device.NoConnect
	}
	return device.Corrupt
}

// longAgo is a deadline that ends every wait for a socket.
var longAgo = time.Unix(1, 0)

// wake makes a socket's calls return when ctx ends. Who renews the socket's
// deadline must look at ctx after that, not before.
func wake(ctx context.Context, socket interface{ SetDeadline(time.Time) error }) (stop func() bool) {
	return context.AfterFunc(ctx, func() { _ = socket.SetDeadline(longAgo) })
}

// connect opens the connection of an HTTP transfer.
func (s *Sockets) connect(ctx context.Context, r *resync.Request) (net.Conn, error) {
	wait := r.Unit.Row.Behaviour.HTTPConnect
	if t := s.disturbance(r); t != nil {
		return s.connectBadly(ctx, r, t, wait)
	}
	return s.dial(ctx, r, wait)
}

func (s *Sockets) dial(ctx context.Context, r *resync.Request, wait time.Duration) (net.Conn, error) {
	dial := s.Dial
	if dial == nil {
		dial = dialTCP
	}
	conn, err := dial(ctx, r.Source, r.Server, wait)
	if err != nil {
		return nil, err
	}
	conn = s.Capture.Stream(r.Unit, conn)
	if err := s.Balancer.announce(conn, r, s.now().Add(wait)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

func (s *Sockets) listenPacket(ctx context.Context, source netip.Addr) (datagrams, error) {
	if s.ListenPacket == nil {
		return listenUDP(source)
	}
	conn, err := s.ListenPacket(ctx, source)
	if err != nil {
		return nil, err
	}
	if d, ok := conn.(datagrams); ok {
		return d, nil
	}
	return packetConn{conn}, nil
}

// disturbance returns the disturbance of the exchange that a request begins; nil
// for none.
func (s *Sockets) disturbance(r *resync.Request) *fault.Disturbance {
	if s.Faults == nil {
		return nil
	}
	return s.Faults.Exchange(fault.Exchange{Device: uint32(r.Unit.Index), Scheme: r.Scheme, Path: r.Path, Server: r.Server.Addr()})
}

// connectBadly opens a connection that is disturbed.
func (s *Sockets) connectBadly(ctx context.Context, r *resync.Request, d *fault.Disturbance, wait time.Duration) (net.Conn, error) {
	late, ok := d.Connect()
	if !ok || late >= wait {
		if err := host.Sleep(ctx, wait); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("connect to %s: %w", r.Server, os.ErrDeadlineExceeded)
	}
	if err := host.Sleep(ctx, late); err != nil {
		return nil, err
	}
	conn, err := s.dial(ctx, r, wait-late)
	if err != nil {
		s.nobody(ctx, d, err)
		return nil, err
	}
	return d.Conn(conn, s.now, func(until time.Time) error { return host.Sleep(ctx, until.Sub(s.now())) }), nil
}

// nobody notes that a device found nobody because a fault has the server down.
func (s *Sockets) nobody(ctx context.Context, d *fault.Disturbance, err error) {
	if _, local := LocalLimit(err); err != nil && !local && ctx.Err() == nil && d.Down() {
		d.Did(fault.Effects{Down: true})
	}
}
