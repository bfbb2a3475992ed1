//go:build !linux

package host

import "net"

// LoopbackOnly listens on the loopback interface alone, also at the address
// 0.0.0.0: nothing of it shows on another interface. Only Linux can do that;
// elsewhere it is the zero ListenConfig, and the caller must close connections to
// addresses that are not on loopback.
func LoopbackOnly() net.ListenConfig { return net.ListenConfig{} }
