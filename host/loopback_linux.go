package host

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// LoopbackOnly listens on the loopback interface alone, also at the address
// 0.0.0.0: nothing of it shows on another interface. Only Linux can do that;
// elsewhere it is the zero ListenConfig, and the caller must close connections to
// addresses that are not on loopback.
func LoopbackOnly() net.ListenConfig { return OnInterface("lo") }

// OnInterface listens on one network interface alone, and sends by no other. A
// socket for datagrams may broadcast there. Only Linux can do that.
func OnInterface(name string) net.ListenConfig {
	return net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var bindErr error
		err := c.Control(func(fd uintptr) { bindErr = unix.BindToDevice(int(fd), name) })
		if err != nil {
			return err
		}
		return bindErr
	}}
}
