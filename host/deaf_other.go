//go:build !linux

package host

import (
	"errors"
	"net/netip"
)

// Deaf opens a TCP port that answers no SYN, which is possible on Linux alone.
func Deaf(netip.Addr) (netip.AddrPort, func(), error) {
	return netip.AddrPort{}, nil, errors.New("only Linux can open a port that does not answer")
}
