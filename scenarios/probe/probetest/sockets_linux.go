package probetest

import (
	"fmt"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// Deaf fills the queue of a listener, to which Linux then answers no SYN.
func (l *loopback) Deaf() (netip.AddrPort, func(), error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return netip.AddrPort{}, nil, os.NewSyscallError("socket", err)
	}
	full, err := fill(fd, l.at)
	if err != nil {
		_ = unix.Close(fd) // nothing was done with it
		return netip.AddrPort{}, nil, fmt.Errorf("open a port that answers no SYN: %w", err)
	}
	return full.at, func() { _, _ = unix.Close(full.client), unix.Close(fd) }, nil
}

// A filled listener has a client that nobody accepts.
type filled struct {
	at     netip.AddrPort
	client int
}

func fill(fd int, ip netip.Addr) (f filled, err error) {
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: ip.As4()}); err != nil {
		return f, os.NewSyscallError("bind", err)
	}
	if err := unix.Listen(fd, 0); err != nil {
		return f, os.NewSyscallError("listen", err)
	}
	own, err := unix.Getsockname(fd)
	if err != nil {
		return f, os.NewSyscallError("getsockname", err)
	}
	four, ok := own.(*unix.SockaddrInet4)
	if !ok {
		return f, fmt.Errorf("the socket has the address %v", own)
	}
	f.at = netip.AddrPortFrom(ip, uint16(four.Port))
	f.client, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return f, os.NewSyscallError("socket", err)
	}
	if err := unix.Connect(f.client, four); err != nil {
		_ = unix.Close(f.client) // nothing was done with it
		return f, os.NewSyscallError("connect", err)
	}
	return f, nil
}
