package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"spafleet/host/deaf"
)

// Sockets is this machine as a Network: an address by which the phone reaches it.
type Sockets struct {
	At netip.Addr // IPv4
	// WebPort stands for port 80 of the phone; 0: it is 80.
	WebPort uint16
}

// Listen implements Network.
func (s Sockets) Listen(port uint16) (net.Listener, error) {
	at := netip.AddrPortFrom(s.At, port)
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp4", at.String())
	if err != nil {
		return nil, notOpened(at, err)
	}
	return l, nil
}

// ListenPacket implements Network.
func (s Sockets) ListenPacket(port uint16) (net.PacketConn, error) {
	at := netip.AddrPortFrom(s.At, port)
	c, err := (&net.ListenConfig{}).ListenPacket(context.Background(), "udp4", at.String())
	if err != nil {
		return nil, notOpened(at, err)
	}
	return c, nil
}

// notOpened says why there is no socket at an address.
func notOpened(at netip.AddrPort, err error) error {
	if errors.Is(err, syscall.EADDRNOTAVAIL) {
		return fmt.Errorf("%s is no address of this machine", at.Addr())
	}
	return fmt.Errorf("%s cannot be opened: %w", at, shortly(err))
}

// Dial implements Network.
func (s Sockets) Dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	if s.WebPort != 0 && to.Port() == 80 {
		to = netip.AddrPortFrom(to.Addr(), s.WebPort)
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp4", to.String())
}

// Deaf implements Network.
func (s Sockets) Deaf() (netip.AddrPort, func(), error) { return deaf.Port(s.At) }
