package fetch

import (
	"context"
	"syscall"

	"golang.org/x/sys/unix"
)

// bindWithoutPort has the port chosen at connect, per server, not at bind, which
// takes it from all servers: one address would run out at its range of ports.
func bindWithoutPort(_ context.Context, _, _ string, c syscall.RawConn) error {
	var err error
	failed := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
	})
	if failed != nil {
		return failed
	}
	return err
}
