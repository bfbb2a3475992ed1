package fetch

import (
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/pires/go-proxyproto"

	"spafleet/resync"
)

// A Balancer is a load balancer that the devices' connections of HTTP and HTTPS seem to
// come through: it tells the server each device's own address, also where this machine
// cannot bind it. TLS, if any, stays between device and server.
type Balancer struct {
	// ProxyProtocol is the version, 1 or 2, of the PROXY header that each connection
	// begins with; 0: none.
	ProxyProtocol byte
	// ForwardedFor adds X-Forwarded-For to each request, as its last header.
	ForwardedFor bool
}

// ProxyProtocols are the versions of the PROXY protocol, as people write them.
var ProxyProtocols = []string{"v1", "v2"}

// SetProxyProtocol sets the version of the PROXY protocol to one of [ProxyProtocols].
func (b *Balancer) SetProxyProtocol(version string) error {
	at := slices.Index(ProxyProtocols, version)
	if at < 0 {
		return fmt.Errorf("%q is neither v1 nor v2", version)
	}
	b.ProxyProtocol = byte(at + 1)
	return nil
}

// announce sends the PROXY header of a device's connection, by a deadline.
func (b Balancer) announce(conn net.Conn, r *resync.Request, by time.Time) error {
	if b.ProxyProtocol == 0 {
		return nil
	}
	from, ok := conn.LocalAddr().(*net.TCPAddr)
	if !ok {
		return fmt.Errorf("send the PROXY header: %s is no address of TCP", conn.LocalAddr())
	}
	header := proxyproto.Header{
		Version: b.ProxyProtocol, Command: proxyproto.PROXY, TransportProtocol: proxyproto.TCPv4,
		SourceAddr:      &net.TCPAddr{IP: r.Unit.IP.AsSlice(), Port: from.Port},
		DestinationAddr: net.TCPAddrFromAddrPort(r.Server),
	}
	if err := conn.SetWriteDeadline(by); err != nil {
		return err
	}
	_, err := header.WriteTo(conn)
	return err
}

// appendForwarded adds the header that says for which device a request is forwarded.
func (b Balancer) appendForwarded(out []byte, r *resync.Request) []byte {
	if !b.ForwardedFor {
		return out
	}
	return r.Unit.IP.AppendTo(append(out, "\r\nX-Forwarded-For: "...))
}
