package modelled

import (
	"context"
	"math"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"time"

	"spafleet/device"
	"spafleet/resync"
	"spafleet/resync/fault"
	"spafleet/resync/tftp/packet"
)

// A datagramSocket is a device's UDP socket in virtual time, with what is on its
// way from and to it, and the servers' ends of its transfers. These act only
// while the device reads: nobody else could tell.
type datagramSocket struct {
	server      netip.Addr // that is asked
	c           *Client
	unit        *device.Unit
	disturbance *fault.Disturbance // nil: none
	out         []datagram         // to a server, by arrival
	in          []datagram         // to the device, by arrival
	deadline    int64              // of reading; 0: none
	ends        []tftpEnd          // those that have begun, by port
	spare       [][]byte           // buffers of datagrams that have arrived
}

// A datagram is on its way.
type datagram struct {
	at   int64 // when it arrives
	to   netip.AddrPort
	from netip.AddrPort
	data []byte
}

// fetchTFTP transfers a file by the client that is used on real sockets too.
func (c *Client) fetchTFTP(ctx context.Context, r *resync.Request) (resync.Response, error) {
	s := &c.socket
	*s = datagramSocket{c: c, unit: r.Unit, server: r.Server.Addr().Unmap(), out: s.out[:0], in: s.in[:0], ends: s.ends[:0], spare: s.spare}
	var conn fault.Datagrams = s
	if s.disturbance = c.s.network.Faults.Exchange(fault.Exchange{Device: uint32(r.Unit.Index), Scheme: r.Scheme, Path: r.Path, Server: r.Server.Addr()}); s.disturbance != nil {
		conn = s.disturbance.Packets(s, c.now)
	}
	return c.s.tftp.Fetch(ctx, conn, c.now, c.now(), r)
}

// never is a time that does not come.
const never = int64(math.MaxInt64)

func (s *datagramSocket) buffer(p []byte) []byte {
	if n := len(s.spare); n > 0 {
		b := s.spare[n-1]
		s.spare = s.spare[:n-1]
		return append(b[:0], p...)
	}
	return append(make([]byte, 0, packet.HeaderSize+packet.BlockSize), p...)
}

// WriteToUDPAddrPort sends a datagram, which arrives half a round trip later.
func (s *datagramSocket) WriteToUDPAddrPort(p []byte, to netip.AddrPort) (int, error) {
	if s.c.s.network.has(to.Addr()) {
		s.out = append(s.out, datagram{at: s.c.p.Now() + s.halfTrip(), to: to, data: s.buffer(p)})
	}
	return len(p), nil
}

// halfTrip is the same for all datagrams, so that none overtakes another.
func (s *datagramSocket) halfTrip() int64 {
	if t := s.c.s.network.RoundTrip; t > 0 {
		return int64(t) / 2
	}
	return int64(defaultRoundTrip) / 2
}

// ReadFromUDPAddrPort waits for a datagram or the deadline. Whatever happens
// first happens, at the device or at a server.
func (s *datagramSocket) ReadFromUDPAddrPort(p []byte) (int, netip.AddrPort, error) {
	for {
		arrival, server := never, never
		if len(s.in) > 0 {
			arrival = s.in[0].at
		}
		end := s.nextEnd()
		switch {
		case len(s.out) > 0 && (end == nil || s.out[0].at <= end.again):
			server = s.out[0].at
		case end != nil:
			server = end.again
		}
		device := arrival
		if s.deadline > 0 {
			device = min(device, s.deadline)
		}
		switch {
		case server < device:
			if err := s.serve(end, server); err != nil {
				return 0, netip.AddrPort{}, err
			}
			continue
		case device == never:
			return 0, netip.AddrPort{}, os.ErrDeadlineExceeded // nothing will ever come
		}
		if err := s.c.p.Wait(device); err != nil {
			return 0, netip.AddrPort{}, err
		}
		if arrival > device {
			return 0, netip.AddrPort{}, os.ErrDeadlineExceeded
		}
		return s.receive(p)
	}
}

func (s *datagramSocket) receive(p []byte) (int, netip.AddrPort, error) {
	d := s.in[0]
	s.in = append(s.in[:0], s.in[1:]...)
	n := copy(p, d.data)
	s.spare = append(s.spare, d.data)
	return n, d.from, nil
}

// serve lets a server's end act: a datagram reaches it, or it has waited long
// enough for one.
func (s *datagramSocket) serve(end *tftpEnd, at int64) error {
	if len(s.out) == 0 || s.out[0].at != at {
		end.repeat(s, at)
		return nil
	}
	d := s.out[0]
	s.out = append(s.out[:0], s.out[1:]...)
	err := s.deliver(d)
	s.spare = append(s.spare, d.data)
	return err
}

func (s *datagramSocket) deliver(d datagram) error {
	if port := d.to.Port(); port == s.c.s.network.TFTP && port != 0 {
		if s.disturbance.Down() {
			s.disturbance.Did(fault.Effects{Down: true})
			return nil
		}
		return s.begin(d)
	}
	if i := int(d.to.Port()) - tftpPort; i >= 0 && i < len(s.ends) {
		return s.ends[i].take(s, d)
	}
	return nil // nobody is there
}

// reply sends a datagram from a server's port.
func (s *datagramSocket) reply(at int64, port uint16, data []byte) {
	s.in = append(s.in, datagram{at: at + s.halfTrip(), from: netip.AddrPortFrom(s.server, port), data: s.buffer(data)})
}

// nextEnd returns the end that repeats itself next, nil for none.
func (s *datagramSocket) nextEnd() (next *tftpEnd) {
	for i := range s.ends {
		if e := &s.ends[i]; e.again != 0 && (next == nil || e.again < next.again) {
			next = e
		}
	}
	return next
}

// SetDeadline sets when reading ends.
func (s *datagramSocket) SetDeadline(t time.Time) error { return s.SetReadDeadline(t) }

// SetReadDeadline sets when reading ends.
func (s *datagramSocket) SetReadDeadline(t time.Time) error {
	s.deadline = t.UnixNano()
	return nil
}

// Close leaves what is on its way to itself.
func (s *datagramSocket) Close() error { return nil }

// What the embedded server's TFTP is like: it takes the option tsize for files that
// are not empty, and no other; a packet is sent up to four times, a second apart;
// every refusal is an ERROR 1.
const (
	tftpPort    = 50000 // of the first transfer; the next one has the next
	tftpWait    = int64(time.Second)
	tftpRepeats = 3
)

// A tftpEnd is the server's end of one transfer.
type tftpEnd struct {
	port    uint16
	request *resync.Request // of an upload: what is answered at its end
	body    []byte          // what is sent, or has come so far
	block   uint16          // sent last, or received last
	at      int             // of body: the first byte of block
	again   int64           // when the last packet is repeated; 0: not at all
	left    int             // repetitions
	pace    int64           // how long the server takes for each block
	next    bool            // the packet of again is not a repetition, but the next block
	last    []byte          // packet
	whole   bool            // the upload has come
}

// begin answers a request for a transfer, on a port of its own.
func (s *datagramSocket) begin(d datagram) error {
	op, path, ok := packet.ParseRequest(d.data)
	if !ok {
		return nil
	}
	w := s.c.s.network
	if err := s.c.p.Wait(d.at); err != nil {
		return err
	}
	if cap(s.ends) > len(s.ends) {
		s.ends = s.ends[:len(s.ends)+1]
	} else {
		s.ends = append(s.ends, tftpEnd{})
	}
	e := &s.ends[len(s.ends)-1]
	*e = tftpEnd{port: uint16(tftpPort + len(s.ends) - 1), last: e.last[:0]}
	r := &resync.Request{Unit: s.unit, Method: http.MethodGet, Scheme: "tftp", Path: path, Source: s.unit.IP, Server: netip.AddrPortFrom(s.server, w.TFTP)}
	if op == packet.Write {
		r.Method = http.MethodPut
		e.request = r
		e.send(s, d.at, packet.Ack, 0, nil)
		return nil
	}
	ready := s.c.think()
	resp := w.Server.Respond(d.at, r)
	if resp.Fails != nil {
		return s.fails(resp.Fails)
	}
	if resp.Status != http.StatusOK {
		e.refuse(s, ready, resp.Status)
		return nil
	}
	e.body = resp.Body
	e.pace = resp.Took.Body / int64(len(e.body)/packet.BlockSize+1)
	if len(e.body) > 0 && packet.HasOption(d.data, "tsize") {
		e.at = -packet.BlockSize // the OACK stands for a block before the first
		e.last = packet.AppendOptionAck(e.last[:0], "tsize", strconv.Itoa(len(e.body)))
		e.sendLast(s, ready)
		return nil
	}
	e.prepare(s, ready)
	return nil
}

// prepare sends the next block when the server has it.
func (e *tftpEnd) prepare(s *datagramSocket, at int64) {
	if e.pace == 0 {
		e.sendBlock(s, at)
		return
	}
	e.again, e.next = at+e.pace, true
}

// fails ends the transfer as a bad server does, when it does.
func (s *datagramSocket) fails(e *resync.Error) error {
	if err := s.c.p.Wait(s.c.p.Now() + e.Took.FirstByte + e.Took.Body); err != nil {
		return err
	}
	return e
}

// refuse ends a transfer that has not begun.
func (e *tftpEnd) refuse(s *datagramSocket, at int64, status int) {
	text := "file not found"
	if status != http.StatusNotFound {
		text = http.StatusText(status)
	}
	e.send(s, at, packet.Error, packet.NotFound, append([]byte(text), 0))
	e.again = 0
}

func (e *tftpEnd) sendBlock(s *datagramSocket, at int64) {
	e.block++
	e.send(s, at, packet.Data, e.block, e.body[e.at:min(e.at+packet.BlockSize, len(e.body))])
}

// send sends a packet, to be repeated until it is answered.
func (e *tftpEnd) send(s *datagramSocket, at int64, op packet.Op, number uint16, payload []byte) {
	e.last = packet.Append(e.last[:0], op, number, payload)
	e.sendLast(s, at)
}

func (e *tftpEnd) sendLast(s *datagramSocket, at int64) {
	e.again, e.left = at+tftpWait, tftpRepeats
	s.reply(at, e.port, e.last)
}

// repeat sends the last packet once more, or gives up.
func (e *tftpEnd) repeat(s *datagramSocket, at int64) {
	if e.next {
		e.next = false
		e.sendBlock(s, at)
		return
	}
	if e.left == 0 {
		e.again = 0
		return
	}
	e.left--
	e.again = at + tftpWait
	s.reply(at, e.port, e.last)
}

// take takes the device's answer.
func (e *tftpEnd) take(s *datagramSocket, d datagram) error {
	p := packet.Parse(d.data)
	switch {
	case p.Op == packet.Error:
		e.again = 0
	case p.Op == packet.Ack && e.request == nil && p.Number == e.block && e.again != 0 && !e.next:
		e.acknowledged(s, d.at)
	case p.Op == packet.Data && e.request != nil:
		return e.store(s, d.at, p)
	}
	return nil
}

// acknowledged goes on to the next block. One shorter than the others was the
// last.
func (e *tftpEnd) acknowledged(s *datagramSocket, at int64) {
	e.again = 0
	if e.at += packet.BlockSize; e.at > len(e.body) {
		return
	}
	e.prepare(s, at)
}

// store takes a block of an upload. The server answers the last one when it has
// the file.
func (e *tftpEnd) store(s *datagramSocket, at int64, p packet.Packet) error {
	switch {
	case p.Number == e.block && len(e.body) > 0: // its ACK was lost
		s.reply(at, e.port, e.last)
		return nil
	case p.Number != e.block+1 || e.whole:
		return nil
	}
	e.block = p.Number
	e.body = append(e.body, p.Payload...)
	if len(p.Payload) < packet.BlockSize {
		if err := s.c.p.Wait(at); err != nil {
			return err
		}
		e.whole, e.request.Body = true, e.body
		if resp := s.c.s.network.Server.Respond(at, e.request); resp.Status != http.StatusOK {
			e.refuse(s, at, resp.Status)
			return nil
		}
	}
	e.send(s, at, packet.Ack, p.Number, nil)
	if e.whole {
		e.again = 0
	}
	return nil
}
