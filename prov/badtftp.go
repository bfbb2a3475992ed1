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

// keepSilent waits longer than a device tries.
func keepSilent(ctx context.Context) {
	_ = host.Sleep(ctx, silence) // the end of ctx ends the silence too
}

func (t *transfer) misanswer(closing context.Context, to io.ReaderFrom) (int64, error) {
	switch t.x.misdeed {
	case refuses:
		return 0, packets(to.(peer), func(int) []byte { return packet.AppendError(nil, t.x.tftpCode(t.Status), refusalText) }, 1)
	case stalls:
		return to.ReadFrom(io.MultiReader(bytes.NewReader(t.Body[:t.x.bad.StallAfter.Bytes]), silent{closing}))
	case sends, gone, attacks:
	}
	switch t.x.bad.Hostile {
	case fault.Endless:
		return to.ReadFrom(&untilClosed{closing, zeros{}})
	case fault.Drip:
		return to.ReadFrom(&slowly{closing, bytes.NewReader(t.Body)})
	case fault.Storm:
		return 0, packets(to.(peer), stormPacket, storm)
	case fault.Garbage:
		err := packets(to.(peer), t.noisePacket, storm)
		keepSilent(closing)
		return 0, err
	case fault.Length, fault.Bomb, fault.Headers:
	}
	keepSilent(closing) // it went down meanwhile
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
func packets(to peer, nth func(i int) []byte, n int) error {
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
