//go:build !linux

package fetch

import (
	"context"
	"net"
	"net/netip"
	"time"
)

func dialTCP(ctx context.Context, source netip.Addr, server netip.AddrPort, wait time.Duration) (net.Conn, error) {
	return dialNet(ctx, source, server, wait)
}
