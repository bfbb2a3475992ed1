package prov

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/pin/tftp/v3"

	"spafleet/resync"
)

// maxUpload is the most bytes of one upload.
const maxUpload = 1 << 20

// readBuffer holds the requests of a whole town whose power returns: with the
// system's default those beyond some 200 at a time are lost.
const readBuffer = 4 << 20

func listenUDP(addr string) (*net.UDPConn, error) {
	a, err := net.ResolveUDPAddr("udp4", addr)
	if err != nil {
		return nil, err
	}
	conn, err := net.ListenUDP("udp4", a)
	if err != nil {
		return nil, err
	}
	if err := conn.SetReadBuffer(readBuffer); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// serveTFTP starts serving. pin/tftp waits 5 s and, worse, a random second
// before each repetition unless told otherwise.
func (s *Server) serveTFTP() {
	s.tftp = tftp.NewServer(s.readTFTP, s.writeTFTP)
	s.tftp.SetTimeout(time.Second)
	s.tftp.SetRetries(3)
	s.tftp.SetBackoff(func(int) time.Duration { return 0 })
	s.serving.Go(func() { _ = s.tftp.Serve(s.udp) }) // ends with Close
}

// settling is how long a request that was just read takes to become a transfer.
const settling = 20 * time.Millisecond

// closeTFTP stops serving. pin/tftp counts a transfer in the goroutine that reads
// requests while Shutdown waits for the count, which is a race if one was just
// read. So reading is stopped first; what was read gets the time to begin, and
// begun orders it before the waiting. Shutdown before Serve has begun leaves the
// socket open, hence the Close.
func (s *Server) closeTFTP() {
	_ = s.udp.SetReadDeadline(time.Unix(1, 0)) // of an open socket: cannot fail
	settled := time.NewTimer(settling)
	<-settled.C
	s.begun()
	s.tftp.Shutdown()
	s.udp.Close()
	s.serving.Wait()
}

// begun orders the start of a transfer and the end of the server.
func (s *Server) begun() {
	s.turn.Lock()
	s.turn.Unlock() //nolint:staticcheck // nothing is guarded: the order is the point
}

// A peer is what pin/tftp knows of a transfer's two ends.
type peer interface {
	RemoteAddr() net.UDPAddr
	LocalIP() net.IP
}

func (s *Server) tftpRequest(method, name string, p peer) *resync.Request {
	remote := p.RemoteAddr()
	local := s.tftpAddr()
	if ip, ok := netip.AddrFromSlice(p.LocalIP()); ok {
		local = netip.AddrPortFrom(ip.Unmap(), local.Port())
	}
	return &resync.Request{
		Method: method, Scheme: "tftp", Path: name,
		Source: remote.AddrPort().Addr().Unmap(), Server: local,
	}
}

// readTFTP sends a file. An error that it returns goes to the client as ERROR 1,
// file not found, whatever it is: pin/tftp has no way to send another code. A
// core without sockets keeps them apart by status.
func (s *Server) readTFTP(name string, to io.ReaderFrom) error {
	s.begun()
	if s.unheard(to.(peer)) {
		return errBad
	}
	t := s.begin(s.tftpRequest(http.MethodGet, name, to.(peer)), "")
	leave, err := s.queue.enterTFTP(clientOf(to.(peer)))
	if err != nil {
		t.unanswered(err)
		keepQuiet(to)
		return nil
	}
	defer leave()
	t.answer()
	if t.x.misdeed != sends {
		return s.readBadly(t, to)
	}
	if t.Status != http.StatusOK {
		t.done(0, nil)
		return refusal(t.Status)
	}
	content, size := t.content()
	to.(tftp.OutgoingTransfer).SetSize(size)
	n, err := to.ReadFrom(&untilClosed{s.closing, content})
	t.done(n, err)
	return err
}

// clientOf returns the address of a transfer's client.
func clientOf(p peer) netip.AddrPort {
	remote := p.RemoteAddr()
	return remote.AddrPort()
}

// writeTFTP takes an upload; what it returns is an ERROR 1 too.
func (s *Server) writeTFTP(name string, from io.WriterTo) error {
	s.begun()
	if s.unheard(from.(peer)) {
		return errBad
	}
	t := s.begin(s.tftpRequest(http.MethodPut, name, from.(peer)), "")
	leave, err := s.queue.enterTFTP(clientOf(from.(peer)))
	if err != nil {
		t.unanswered(err)
		return err
	}
	defer leave()
	var body bytes.Buffer
	if _, err := from.WriteTo(&limited{s.closing, &body}); err != nil {
		t.fail(http.StatusBadRequest, err)
		t.done(0, nil)
		return err
	}
	t.x.request.Body = body.Bytes()
	t.answer()
	t.done(0, nil)
	if t.Status != http.StatusOK {
		return refusal(t.Status)
	}
	return nil
}

// refusal is the text of a TFTP error.
func refusal(status int) error {
	if status == http.StatusNotFound {
		return errors.New("file not found")
	}
	return fmt.Errorf("status %d", status)
}

// untilClosed breaks a transfer off between two blocks when the server closes.
type untilClosed struct {
	ctx context.Context
	io.Reader
}

func (r *untilClosed) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, errors.New("the server closes")
	}
	return r.Reader.Read(p)
}

// limited takes an upload until it is too large or the server closes.
type limited struct {
	ctx  context.Context
	body *bytes.Buffer
}

func (w *limited) Write(p []byte) (int, error) {
	switch {
	case w.ctx.Err() != nil:
		return 0, errors.New("the server closes")
	case w.body.Len()+len(p) > maxUpload:
		return 0, fmt.Errorf("more than %d bytes", maxUpload)
	}
	return w.body.Write(p)
}

// unheard reports whether a request gets no answer: it repeats one of a silenced
// transfer, or nobody listens. It returns when the device has given up.
func (s *Server) unheard(p peer) bool {
	remote := p.RemoteAddr()
	at := remote.AddrPort()
	switch {
	case s.bad.repeated(at):
	case s.Core.options.Faults.Down("tftp", s.tftpAddr().Addr()):
		s.bad.begin(at)
		defer s.bad.end(at)
	default:
		return false
	}
	keepSilent(s.closing)
	return true
}

// readBadly answers a request for a file as the exchange's fault has it. It
// returns an error, after which pin/tftp lets go of the transfer's socket.
func (s *Server) readBadly(t *transfer, to io.ReaderFrom) error {
	remote := to.(peer).RemoteAddr()
	s.bad.begin(remote.AddrPort())
	defer s.bad.end(remote.AddrPort())
	n, err := t.misanswer(s.closing, to)
	t.done(n, err)
	return errBad
}
