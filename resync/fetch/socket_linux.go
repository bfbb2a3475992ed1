package fetch

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// dialTCP connects with fewer calls than package net makes: a fleet does little
// else. What net does beside (other families, a name, an address of the system's
// choice) is left to it.
func dialTCP(ctx context.Context, source netip.Addr, server netip.AddrPort, wait time.Duration) (net.Conn, error) {
	to := netip.AddrPortFrom(server.Addr().Unmap(), server.Port())
	if !source.Is4() || !to.Addr().Is4() || source == to.Addr() {
		return dialNet(ctx, source, server, wait)
	}
	fd, err := openTCP(source)
	if err != nil {
		return nil, err
	}
	peer := &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}
	err = connect(fd, peer)
	if err == errPending { //nolint:errorlint // connect returns it as it is
		err = connect(fd, peer) // on loopback it is done by now
	}
	c := &tcpSocket{File: os.NewFile(uintptr(fd), "tcp"), remote: to}
	if err == errPending { //nolint:errorlint // connect returns it as it is
		err = c.await(ctx, peer, wait)
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// openTCP returns a socket that is bound to a source address.
func openTCP(source netip.Addr) (fd int, err error) {
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, os.NewSyscallError("socket", err)
	}
	err = os.NewSyscallError("setsockopt", errors.Join(
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1),
		unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)))
	if err == nil {
		err = os.NewSyscallError("bind", unix.Bind(fd, &unix.SockaddrInet4{Addr: source.As4()}))
	}
	if err != nil {
		_ = unix.Close(fd) // nothing was done with it
		return 0, err
	}
	return fd, nil
}

var errPending = errors.New("connection is not there yet")

// connect begins a connection, or asks how it is with one that was begun.
func connect(fd int, peer unix.Sockaddr) error {
	switch err := unix.Connect(fd, peer); err {
	case nil, unix.EISCONN:
		return nil
	case unix.EINPROGRESS, unix.EALREADY, unix.EINTR:
		return errPending
	default:
		return os.NewSyscallError("connect", err)
	}
}

// A tcpSocket is a connection on a socket of our own.
type tcpSocket struct {
	*os.File
	remote netip.AddrPort
}

// await waits until the connection is there.
func (c *tcpSocket) await(ctx context.Context, peer unix.Sockaddr, wait time.Duration) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	if err := c.SetWriteDeadline(time.Now().Add(wait)); err != nil {
		return err
	}
	defer wake(ctx, c)()
	if err := ctx.Err(); err != nil {
		return err
	}
	var result error
	err = raw.Write(func(fd uintptr) (over bool) {
		result = connect(int(fd), peer)
		return result != errPending //nolint:errorlint // connect returns it as it is
	})
	if err != nil {
		return err
	}
	return result
}

// CloseWrite ends the device's half of the connection.
func (c *tcpSocket) CloseWrite() error {
	return c.control(func(fd int) error { return os.NewSyscallError("shutdown", unix.Shutdown(fd, unix.SHUT_WR)) })
}

// SetLinger says what Close does with bytes under way, as that of *net.TCPConn: 0
// resets the connection.
func (c *tcpSocket) SetLinger(sec int) error {
	l := unix.Linger{Onoff: 1, Linger: int32(sec)}
	if sec < 0 {
		l = unix.Linger{}
	}
	return c.control(func(fd int) error {
		return os.NewSyscallError("setsockopt", unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &l))
	})
}

func (c *tcpSocket) control(call func(fd int) error) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = call(int(fd)) }); err != nil {
		return err
	}
	return failed
}

// LocalAddr returns the socket's own address.
func (c *tcpSocket) LocalAddr() net.Addr {
	var local net.TCPAddr
	raw, err := c.SyscallConn()
	if err != nil {
		return &local
	}
	_ = raw.Control(func(fd uintptr) { // closed: the zero address
		if a, err := unix.Getsockname(int(fd)); err == nil {
			if four, ok := a.(*unix.SockaddrInet4); ok {
				local = net.TCPAddr{IP: net.IP(four.Addr[:]), Port: four.Port}
			}
		}
	})
	return &local
}

// RemoteAddr returns the server's address.
func (c *tcpSocket) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.remote) }
