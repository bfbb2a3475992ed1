package prov

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"

	"spafleet/host"
	"spafleet/resync/fault"
	"spafleet/resync/tftp/packet"
)

// errBad ends a transfer of pin/tftp after a fault. The ERROR that pin sends for
// it comes when nobody listens any more.
var errBad = errors.New("the answer was a bad one")

// badTransfers are those that a fault has silenced. A device that asks again
// from the same port has not begun another transfer.
type badTransfers struct {
	mu    sync.Mutex
	peers map[netip.AddrPort]bool
}

func (b *badTransfers) begin(p netip.AddrPort) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.peers == nil {
		b.peers = map[netip.AddrPort]bool{}
	}
	b.peers[p] = true
}

func (b *badTransfers) end(p netip.AddrPort) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.peers, p)
}

// repeated reports whether a request is one of a silenced transfer.
func (b *badTransfers) repeated(p netip.AddrPort) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.peers[p]
}

// unheard reports whether a request gets no answer: it repeats one of a silenced
// transfer, or nobody listens. It returns when the device has given up.
func (s *Server) unheard(p peer) bool {
	remote := p.RemoteAddr()
	at := remote.AddrPort()
	switch {
	case s.bad.repeated(at):
	case s.Core.options.Faults.Down("tftp"):
		s.bad.begin(at)
		defer s.bad.end(at)
	default:
		return false
	}
	keepSilent(s.closing)
	return true
}

// keepSilent waits longer than a device tries.
func keepSilent(ctx context.Context) {
	_ = host.Sleep(ctx, silence) // the end of ctx ends the silence too
}

// readBadly answers a request for a file as the exchange's fault has it. It
// returns an error, after which pin/tftp lets go of the transfer's socket.
func (s *Server) readBadly(t *transfer, to io.ReaderFrom) error {
	remote := to.(peer).RemoteAddr()
	s.bad.begin(remote.AddrPort())
	defer s.bad.end(remote.AddrPort())
	n, err := s.misanswer(t, to)
	t.done(n, err)
	return errBad
}

func (s *Server) misanswer(t *transfer, to io.ReaderFrom) (int64, error) {
	switch t.x.misdeed {
	case refuses:
		return 0, s.packets(to.(peer), func(int) []byte { return packet.AppendError(nil, t.x.tftpCode(t.Status), refusalText) }, 1)
	case stalls:
		return to.ReadFrom(io.MultiReader(bytes.NewReader(t.Body[:t.x.bad.StallAfter.Bytes]), silent{s.closing}))
	case sends, gone, attacks:
	}
	switch t.x.bad.Hostile {
	case fault.Endless:
		return to.ReadFrom(&untilClosed{s.closing, zeros{}})
	case fault.Drip:
		return to.ReadFrom(&slowly{s.closing, bytes.NewReader(t.Body)})
	case fault.Storm:
		return 0, s.packets(to.(peer), stormPacket, storm)
	case fault.Garbage:
		err := s.packets(to.(peer), t.noisePacket, storm)
		keepSilent(s.closing)
		return 0, err
	case fault.Length, fault.Bomb, fault.Headers:
	}
	keepSilent(s.closing) // it went down meanwhile
	return 0, nil
}

// zeros is a file without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// slowly reads a block at a time, and each takes its time.
type slowly struct {
	ctx context.Context
	io.Reader
}

func (r *slowly) Read(p []byte) (int, error) {
	if err := host.Sleep(r.ctx, dripEvery); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

// silent is a file that never goes on.
type silent struct{ ctx context.Context }

func (r silent) Read([]byte) (int, error) {
	keepSilent(r.ctx)
	return 0, errBad
}

// storm is how many packets come unasked: more than a device's patience.
const storm = 300

// stormPacket repeats the first block, with others in between.
func stormPacket(i int) []byte {
	return packet.Append(nil, packet.Data, uint16(1+i%3*i), make([]byte, packet.BlockSize))
}

func (t *transfer) noisePacket(i int) []byte {
	b := make([]byte, 1+i%40)
	t.x.disturbance.Noise(b)
	b[0] |= 1 // is no packet of TFTP: those begin with 0
	return b
}

// packets sends packets from a port of their own.
func (s *Server) packets(to peer, nth func(i int) []byte, n int) error {
	remote := to.RemoteAddr()
	conn, err := net.DialUDP("udp4", &net.UDPAddr{IP: to.LocalIP()}, &remote)
	if err != nil {
		return err
	}
	defer conn.Close()
	for i := range n {
		if _, err := conn.Write(nth(i)); err != nil {
			return nil // the device has gone
		}
	}
	return nil
}
