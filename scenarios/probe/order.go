package probe

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"

	"spafleet/scenarios/probe/settings"
)

// webPort is where the web server of a phone answers.
const webPort = 80

// web returns where the phone's web server is, as far as that is known.
func (s *session) web() netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phone != nil && !s.q.Phone.IsValid() {
		return netip.AddrPortFrom(s.phone.addr, webPort)
	}
	return s.q.Phone
}

// dial connects to the phone's web server.
func (s *session) dial(ctx context.Context) (net.Conn, error) { return s.q.Network.Dial(ctx, s.web()) }

// order has the phone resync from a URL: by its web server, or where that is not open, by
// the person.
func (s *session) order(ctx context.Context, url string) error {
	if at := s.web(); at.IsValid() && !s.shut {
		status, _, err := settings.Get(ctx, s.dial, at.Addr().String(), "/admin/resync?"+url, s.login())
		if err == nil && status == http.StatusOK {
			return nil
		}
		if err == nil {
			err = fmt.Errorf("it answers %d %s", status, http.StatusText(status))
		}
		s.shut = true
		s.say("the phone's web server takes no order from here: %s", err)
	}
	return s.q.Person.Resync(ctx, url)
}
