package probe

import (
	"net"
	"time"

	"spafleet/resync/tftp/packet"
)

// A transfer is one TFTP request of the phone, with a socket of its own.
type transfer struct {
	*request
	conn  net.PacketConn
	other func() (net.PacketConn, error) // opens another socket
	buf   []byte
}

// A reply answers a TFTP request. The socket is closed when it returns.
type reply func(*transfer)

// A heard packet came from the phone.
type heard struct {
	at   time.Time
	from net.Addr
	raw  []byte
	packet.Packet
}

// send sends a packet to where the request came from.
func (x *transfer) send(b []byte) { x.sendBy(x.conn, b) }

func (x *transfer) sendBy(conn net.PacketConn, b []byte) {
	_, _ = conn.WriteTo(b, net.UDPAddrFromAddrPort(x.from))
}

// next returns the phone's next packet; false if none comes within the time.
func (x *transfer) next(within time.Duration) (heard, bool) {
	_ = x.conn.SetReadDeadline(time.Now().Add(within))
	n, from, err := x.conn.ReadFrom(x.buf)
	if err != nil {
		return heard{}, false
	}
	raw := append([]byte(nil), x.buf[:n]...)
	return heard{time.Now(), from, raw, packet.Parse(raw)}, true
}

// give sends a file as any server does, each packet up to five times.
func (x *transfer) give(body string) {
	for number := uint16(1); ; number++ {
		block := body[:min(len(body), packet.BlockSize)]
		body = body[len(block):]
		if !x.deliver(packet.Append(nil, packet.Data, number, []byte(block)), number) || len(block) < packet.BlockSize {
			return
		}
	}
}

// deliver sends a DATA until it is acknowledged.
func (x *transfer) deliver(b []byte, number uint16) bool {
	for range 5 {
		x.send(b)
		for began := time.Now(); time.Since(began) < 2*time.Second; {
			p, ok := x.next(2 * time.Second)
			if ok && p.Op == packet.Ack && p.Number == number {
				return true
			}
			if ok && p.Op == packet.Error {
				return false
			}
		}
	}
	return false
}
