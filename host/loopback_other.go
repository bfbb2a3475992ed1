//go:build !linux

package host

import (
	"errors"
	"net"
	"syscall"
)

// LoopbackOnly listens on the loopback interface alone, also at the address
// 0.0.0.0: nothing of it shows on another interface. Only Linux can do that;
// elsewhere it is the zero ListenConfig, and the caller must close connections to
// addresses that are not on loopback.
func LoopbackOnly() net.ListenConfig { return net.ListenConfig{} }

// OnInterface listens on one network interface alone, and sends by no other. A
// socket for datagrams may broadcast there. Only Linux can do that.
func OnInterface(string) net.ListenConfig {
	return net.ListenConfig{Control: func(string, string, syscall.RawConn) error {
		return errors.New("this system cannot bind a socket to an interface")
	}}
}
