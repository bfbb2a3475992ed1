package capture

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"syscall"

	"github.com/gopacket/gopacket/layers"

	"spafleet/device"
)

// Stream returns a connection of TCP that keeps what passes through it; the connection
// itself where the device is not kept.
func (f *File) Stream(u *device.Unit, c net.Conn) net.Conn {
	if !f.Has(u) {
		return c
	}
	s := &stream{Conn: c, file: f, own: side{at: known(addrOf(c.LocalAddr()), u)}, peer: side{at: known(addrOf(c.RemoteAddr()), u)}}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.packet(&s.own, &s.peer, layers.TCP{SYN: true}, nil)
	s.packet(&s.peer, &s.own, layers.TCP{SYN: true, ACK: true}, nil)
	s.packet(&s.own, &s.peer, layers.TCP{ACK: true}, nil)
	return s
}

// A stream is a connection whose bytes are kept as packets.
type stream struct {
	net.Conn
	file *File

	mu        sync.Mutex
	own, peer side
}

// A side is one end of a connection.
type side struct {
	at    netip.AddrPort
	next  uint32 // the number of the next byte that it sends
	ended bool
}

// segment is how many bytes a packet has, as on Ethernet.
const segment = 1460

func (s *stream) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.data(&s.peer, &s.own, p[:n])
	switch {
	case errors.Is(err, io.EOF):
		s.end(&s.peer, &s.own)
	case errors.Is(err, syscall.ECONNRESET) && !s.peer.ended:
		s.peer.ended, s.own.ended = true, true
		s.packet(&s.peer, &s.own, layers.TCP{RST: true, ACK: true}, nil)
	}
	return n, err
}

func (s *stream) Write(p []byte) (int, error) {
	n, err := s.Conn.Write(p)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.data(&s.own, &s.peer, p[:n])
	return n, err
}

func (s *stream) Close() error {
	s.mu.Lock()
	s.end(&s.own, &s.peer)
	s.mu.Unlock()
	return s.Conn.Close()
}

// data keeps what one side sent to the other.
func (s *stream) data(from, to *side, p []byte) {
	for len(p) > 0 {
		n := min(len(p), segment)
		s.packet(from, to, layers.TCP{ACK: true, PSH: n == len(p)}, p[:n])
		p = p[n:]
	}
}

// end keeps that one side sends no more.
func (s *stream) end(from, to *side) {
	if from.ended {
		return
	}
	from.ended = true
	s.packet(from, to, layers.TCP{FIN: true, ACK: true}, nil)
	s.packet(to, from, layers.TCP{ACK: true}, nil)
}

// packet keeps one packet, and counts its bytes. SYN and FIN count as one.
func (s *stream) packet(from, to *side, tcp layers.TCP, payload []byte) {
	tcp.SrcPort, tcp.DstPort = layers.TCPPort(from.at.Port()), layers.TCPPort(to.at.Port())
	tcp.Seq, tcp.Window = from.next, 65535
	if tcp.ACK {
		tcp.Ack = to.next
	}
	from.next += uint32(len(payload))
	if tcp.SYN || tcp.FIN {
		from.next++
	}
	s.file.write(from.at.Addr(), to.at.Addr(), layers.IPProtocolTCP, &tcp, payload)
}

// Packets returns a connected socket of UDP that keeps what passes through it; the socket
// itself where the device is not kept.
func (f *File) Packets(u *device.Unit, c net.Conn) net.Conn {
	if !f.Has(u) {
		return c
	}
	return &packets{c, f, u}
}

type packets struct {
	net.Conn
	file *File
	unit *device.Unit
}

func (p *packets) Read(b []byte) (int, error) {
	n, err := p.Conn.Read(b)
	if err == nil {
		p.file.Datagram(p.unit, addrOf(p.RemoteAddr()), addrOf(p.LocalAddr()), b[:n])
	}
	return n, err
}

// ReadFrom makes it a net.PacketConn, which is how package dns tells UDP from TCP.
func (p *packets) ReadFrom(b []byte) (int, net.Addr, error) {
	n, err := p.Read(b)
	return n, p.RemoteAddr(), err
}

// WriteTo writes to the other end, whatever the address.
func (p *packets) WriteTo(b []byte, _ net.Addr) (int, error) { return p.Write(b) }

func (p *packets) Write(b []byte) (int, error) {
	n, err := p.Conn.Write(b)
	if err == nil {
		p.file.Datagram(p.unit, addrOf(p.LocalAddr()), addrOf(p.RemoteAddr()), b)
	}
	return n, err
}

// addrOf returns address and port of a socket; zero where it has none.
func addrOf(a net.Addr) netip.AddrPort {
	at, ok := a.(interface{ AddrPort() netip.AddrPort })
	if !ok {
		return netip.AddrPort{}
	}
	return at.AddrPort()
}
