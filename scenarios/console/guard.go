package console

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// The bounds of what others can make a console hold.
const (
	mostConnections = 64
	mostRefused     = 64 // connections that are told so at once
	mostAtWork      = 8  // requests that only look
	mostOrders      = 8
	mostUnread      = 256 << 10 // bytes that wait for a client to read them
	mostHeader      = 16 << 10
	mostBody        = 4 << 10
)

// onLoopback reports whether only this machine reaches an address.
func onLoopback(addr string) (bool, error) {
	tcp, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return false, fmt.Errorf("%w; an address is host:port, port 0 for a free one", err)
	}
	return tcp.IP != nil && tcp.IP.IsLoopback(), nil
}

// A guard says who may use a console.
type guard struct {
	token    string
	loopback bool
	tls      bool
	port     string
}

func (g *guard) scheme() string {
	if g.tls {
		return "https://"
	}
	return "http://"
}

// strange returns why a request is not answered, token or not, and with which status; 0:
// it is. A page of another site can have a browser send requests, but not without its own
// Origin or the name by which it found this machine. It may lead a person here.
func (g *guard) strange(r *http.Request) (status int, why string) {
	if g.loopback && !isLocal(r.Host) {
		return http.StatusForbidden, fmt.Sprintf("the Host %.100q is not this machine's; use an address of loopback or localhost", r.Host)
	}
	if origin := r.Header.Get("Origin"); origin != "" && origin != g.scheme()+r.Host {
		return http.StatusForbidden, fmt.Sprintf("the Origin %.100q is another site", origin)
	}
	site, leads := r.Header.Get("Sec-Fetch-Site"), !ofAPI(r) && r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Mode") == "navigate"
	if (site == "cross-site" || site == "same-site") && !leads {
		return http.StatusForbidden, "a page of another site asks"
	}
	if r.ContentLength > mostBody {
		return http.StatusRequestEntityTooLarge, fmt.Sprintf("the body has %d bytes; at most %d are read", r.ContentLength, mostBody)
	}
	return 0, ""
}

// unproven returns why a program is not answered, and with which status; 0: it is.
func (g *guard) unproven(r *http.Request) (status int, why string) {
	given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case !ok:
		return http.StatusUnauthorized, "a token is missing; send the one that the run printed as Authorization: Bearer TOKEN"
	case !same(given, g.token):
		return http.StatusUnauthorized, "the token is wrong; each run prints its own"
	}
	return 0, ""
}

// isLocal reports whether the Host of a request is loopback by name or address.
func isLocal(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback() || strings.EqualFold(host, "localhost")
}

// same compares texts in a time that says nothing of either.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
