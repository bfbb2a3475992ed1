//go:build !linux

// Package deaf opens ports that answer nothing, for tests of those who wait.
package deaf

import (
	"errors"
	"net/netip"
)

// Port opens a TCP port that answers no SYN, which is possible on Linux alone.
func Port(netip.Addr) (netip.AddrPort, func(), error) {
	return netip.AddrPort{}, nil, errors.New("only Linux can open a port that does not answer")
}
