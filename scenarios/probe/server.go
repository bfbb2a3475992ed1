package probe

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"spafleet/host"
	"spafleet/resync/tftp/packet"
)

// mostAtOnce bounds the connections and transfers that are served at once: one phone
// has few.
const mostAtOnce = 64

// mostRequests bounds how many requests of one experiment are kept.
const mostRequests = 20000

// A server is the probe's sockets. What comes is judged by admit, answered by find, and
// noted in the order in which it came.
type server struct {
	network Network
	admit   func(*request) bool            // of a request that names a place of the probe
	ours    func(netip.Addr) bool          // whether an address is the phone's
	find    func(*request) (answer, reply) // nil: a right file, or none
	first   func(*request) (string, error) // of a path by HTTP that is none of the probe's; the error is for the client
	stray   func(*request) error           // likewise by TFTP

	token string
	http  net.Listener
	tftp  net.PacketConn

	ctx   context.Context
	stop  context.CancelFunc
	works sync.WaitGroup
	slots map[bool]chan struct{} // of transfers of the phone, and of others

	mu    sync.Mutex
	conns map[net.Conn]held
	seen  []*request
	news  chan struct{} // closed, and another one made, with each request and each end of one
}

// held says of a connection what it is for: an experiment, or one of the probe's own places.
type held struct {
	what string
	ours bool // the phone's
}

// open listens.
func (s *server) open(port uint16) (err error) {
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.conns, s.news, s.slots = map[net.Conn]held{}, make(chan struct{}), map[bool]chan struct{}{true: make(chan struct{}, mostAtOnce), false: make(chan struct{}, mostAtOnce)}
	if s.http, err = s.network.Listen(port); err != nil {
		return fmt.Errorf("HTTP: %w", err)
	}
	if s.tftp, err = s.network.ListenPacket(port); err != nil {
		s.http.Close()
		return fmt.Errorf("TFTP: %w", err)
	}
	s.works.Go(func() {
		s.accept(s.http, doorstep, func(c net.Conn) { s.serveStream(c, addrOf(c.RemoteAddr()), "http") })
	})
	s.works.Go(s.hear)
	return nil
}

// close ends all connections and waits for those who serve them.
func (s *server) close() {
	s.stop()
	s.http.Close()
	s.tftp.Close()
	s.mu.Lock()
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.works.Wait()
}

// accept serves the connections of a listener until it is closed.
func (s *server) accept(l net.Listener, what string, serve func(net.Conn)) {
	for {
		conn, err := l.Accept()
		if err != nil {
			if s.lasts(err) {
				return
			}
			continue
		}
		if !s.enter(conn, what) {
			conn.Close()
			continue
		}
		s.works.Go(func() {
			defer s.leave(conn)
			serve(conn)
		})
	}
}

// doorstep is what a connection is for that has not said it yet.
const doorstep = "doorstep"

// lasts reports whether a socket will give nothing any more after an error. Of another, such as
// that there are too many open files, it waits a moment.
func (s *server) lasts(err error) bool {
	return errors.Is(err, net.ErrClosed) || host.Sleep(s.ctx, 50*time.Millisecond) != nil
}

// enter notes a connection that is served. Others cannot take the phone's places, and have no
// business at the ports of an experiment.
func (s *server) enter(conn net.Conn, what string) bool {
	ours := s.ours(addrOf(conn.RemoteAddr()).Addr())
	if isTrial(what) && !ours {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	alike := 0
	for _, h := range s.conns {
		if h.ours == ours {
			alike++
		}
	}
	if s.ctx.Err() != nil || alike >= mostAtOnce {
		return false
	}
	s.conns[conn] = held{what, ours}
	return true
}

// hangUp closes what is left of the connections of experiments.
func (s *server) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn, h := range s.conns {
		if isTrial(h.what) {
			conn.Close()
		}
	}
}

func (s *server) leave(conn net.Conn) {
	conn.Close()
	s.mu.Lock()
	delete(s.conns, conn)
	s.mu.Unlock()
}

// serveStream answers the first request of a stream, which is a TCP connection or what is
// in TLS. False: no request came.
func (s *server) serveStream(conn net.Conn, from netip.AddrPort, scheme string) (asked bool) {
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	r := bufio.NewReaderSize(conn, mostHead)
	q, err := readRequest(r, from, scheme)
	if err != nil {
		return false
	}
	_ = conn.SetDeadline(time.Now().Add(aLongWait))
	x := &exchange{q, conn, r}
	if !s.locate(q, q.target()) {
		s.greet(x)
		return true
	}
	give, _ := s.find(q)
	s.belongs(conn, q.place)
	s.note(q)
	defer s.end(q)
	give(x)
	return true
}

// belongs says what a connection is for.
func (s *server) belongs(conn net.Conn, what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h, open := s.conns[conn]; open {
		s.conns[conn] = held{what, h.ours}
	}
}

// greet answers a path that is none of the probe's: the first of a phone, perhaps.
func (s *server) greet(x *exchange) {
	x.rest = x.target()
	body, err := s.first(x.request)
	if err != nil {
		x.status(http.StatusForbidden, err.Error()+"\n", "Content-Type: text/plain")
		return
	}
	s.note(x.request)
	defer s.end(x.request)
	x.give(body)
}

// locate says where a request belongs; false where it is to be refused.
func (s *server) locate(q *request, path string) (ok bool) {
	q.place, q.name, q.rest, ok = locate(path, s.token)
	return ok && s.admit(q)
}

// hear answers TFTP.
func (s *server) hear() {
	buf := make([]byte, 65536)
	for {
		n, from, err := s.tftp.ReadFrom(buf)
		if err != nil {
			if s.lasts(err) {
				return
			}
			continue
		}
		b := slices.Clone(buf[:n])
		slots := s.slots[s.ours(addrOf(from).Addr())]
		select {
		case slots <- struct{}{}:
		default:
			continue
		}
		at := time.Now()
		s.works.Go(func() {
			defer func() { <-slots }()
			s.serveTFTP(b, addrOf(from), at)
		})
	}
}

// serveTFTP answers one request.
func (s *server) serveTFTP(b []byte, from netip.AddrPort, at time.Time) {
	op, path, ok := packet.ParseRequest(b)
	if !ok {
		return
	}
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	q := &request{at: at, scheme: "tftp", method: map[packet.Op]string{packet.Read: "RRQ", packet.Write: "WRQ"}[op], from: from, packet: b}
	conn, err := s.network.ListenPacket(0)
	if err != nil {
		return
	}
	defer conn.Close()
	defer context.AfterFunc(s.ctx, func() { conn.Close() })()
	x := &transfer{q, conn, func() (net.PacketConn, error) { return s.network.ListenPacket(0) }, make([]byte, 65536)}
	if !s.locate(q, path) {
		q.rest = path
		x.send(packet.AppendError(nil, packet.NotFound, s.stray(q).Error()))
		return
	}
	_, give := s.find(q)
	s.note(q)
	defer s.end(q)
	give(x)
}

// note keeps a request.
func (s *server) note(q *request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.seen) < mostRequests {
		s.seen = append(s.seen, q)
	}
	s.tell()
}

// end says that a request has its answer.
func (s *server) end(q *request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q.ended = time.Now()
	s.tell()
}

// wake has those who wait look again.
func (s *server) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tell()
}

func (s *server) tell() {
	close(s.news)
	s.news = make(chan struct{})
}

// mark returns how many requests there were; forget drops them.
func (s *server) mark() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.seen)
}

func (s *server) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = nil
}

// since returns copies of the requests from a mark on.
func (s *server) since(mark int) []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return copied(s.seen[min(mark, len(s.seen)):])
}

func copied(list []*request) []request {
	out := make([]request, len(list))
	for i, q := range list {
		out[i] = *q
	}
	return out
}

// until waits until held is true of the requests from a mark on, and returns them. False: the
// time is over, or the context.
func (s *server) until(ctx context.Context, mark int, within time.Duration, held func([]request) bool) ([]request, bool) {
	end := time.NewTimer(within)
	defer end.Stop()
	for {
		s.mu.Lock()
		list, news := copied(s.seen[min(mark, len(s.seen)):]), s.news
		s.mu.Unlock()
		if held(list) {
			return list, true
		}
		select {
		case <-news:
		case <-end.C:
			return list, false
		case <-ctx.Done():
			return list, false
		}
	}
}

func addrOf(a net.Addr) netip.AddrPort {
	switch a := a.(type) {
	case *net.TCPAddr:
		return unmapped(a.AddrPort())
	case *net.UDPAddr:
		return unmapped(a.AddrPort())
	}
	return netip.AddrPort{}
}

func unmapped(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }
