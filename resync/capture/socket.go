package capture

import (
	"net"
	"net/netip"

	"spafleet/device"
	"spafleet/resync/fault"
)

// Socket returns a socket of UDP that keeps what passes through it; the socket itself
// where the device is not kept.
func (f *File) Socket(u *device.Unit, c fault.Datagrams) fault.Datagrams {
	if !f.Has(u) {
		return c
	}
	s := &socket{Datagrams: c, file: f, unit: u}
	if l, ok := c.(interface{ LocalAddr() net.Addr }); ok {
		s.at = addrOf(l.LocalAddr())
	}
	return s
}

type socket struct {
	fault.Datagrams
	file *File
	unit *device.Unit
	at   netip.AddrPort
}

func (s *socket) ReadFromUDPAddrPort(p []byte) (int, netip.AddrPort, error) {
	n, from, err := s.Datagrams.ReadFromUDPAddrPort(p)
	if err == nil {
		s.file.Datagram(s.unit, from, s.at, p[:n])
	}
	return n, from, err
}

func (s *socket) WriteToUDPAddrPort(p []byte, to netip.AddrPort) (int, error) {
	n, err := s.Datagrams.WriteToUDPAddrPort(p, to)
	if err == nil {
		s.file.Datagram(s.unit, s.at, to, p)
	}
	return n, err
}
