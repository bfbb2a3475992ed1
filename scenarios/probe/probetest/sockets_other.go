//go:build !linux

package probetest

import (
	"errors"
	"net/netip"
)

// Deaf is not possible: other systems answer each SYN, or refuse it.
func (l *loopback) Deaf() (netip.AddrPort, func(), error) {
	return netip.AddrPort{}, nil, errors.New("this system has no port that answers no SYN")
}
