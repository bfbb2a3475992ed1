// Package deaf opens ports that answer nothing, for tests of those who wait.
package deaf

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// Port opens a TCP port of an IPv4 address of this machine that answers no SYN: its queue
// of connections is full, and nobody takes one. It ends with the function.
func Port(at netip.Addr) (netip.AddrPort, func(), error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return netip.AddrPort{}, nil, fmt.Errorf("open a port that does not answer: %w", err)
	}
	port, err := listenShort(fd, at)
	if err != nil {
		syscall.Close(fd)
		return netip.AddrPort{}, nil, fmt.Errorf("open a port that does not answer: %w", err)
	}
	var fill []net.Conn
	end := func() {
		for _, c := range fill {
			c.Close()
		}
		syscall.Close(fd)
	}
	for range 16 {
		ctx, stop := context.WithTimeout(context.Background(), 100*time.Millisecond)
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp4", port.String())
		stop()
		if err != nil {
			return port, end, nil
		}
		fill = append(fill, c)
	}
	end()
	return netip.AddrPort{}, nil, errors.New("this system answers a port whose queue is full")
}

// listenShort listens with the shortest queue, at a free port.
func listenShort(fd int, at netip.Addr) (netip.AddrPort, error) {
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: at.As4()}); err != nil {
		return netip.AddrPort{}, err
	}
	if err := syscall.Listen(fd, 0); err != nil {
		return netip.AddrPort{}, err
	}
	sa, err := syscall.Getsockname(fd)
	if err != nil {
		return netip.AddrPort{}, err
	}
	return netip.AddrPortFrom(at, uint16(sa.(*syscall.SockaddrInet4).Port)), nil
}
