package fetch

import (
	"context"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"spafleet/host"
)

// BenchmarkDial connects to a server that closes at once.
func BenchmarkDial(b *testing.B) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	defer l.Close()
	to := netip.MustParseAddrPort(l.Addr().String())
	for name, dial := range map[string]func(context.Context, netip.Addr, netip.AddrPort, time.Duration) (net.Conn, error){"own": dialTCP, "net": dialNet} {
		b.Run(name, func(b *testing.B) {
			ctx, stop := context.WithCancel(context.Background())
			defer stop()
			b.ReportAllocs()
			before := host.CPUTime()
			for i := 0; b.Loop(); i++ {
				c, err := dial(ctx, netip.AddrFrom4([4]byte{127, 66, byte(i >> 8), byte(i) | 1}), to, time.Second)
				if err != nil {
					b.Fatal(err)
				}
				_, _ = io.ReadAll(c)
				c.Close()
			}
			// Of both ends; the time itself has in it what else the machine does.
			b.ReportMetric(float64((host.CPUTime()-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
		})
	}
}
