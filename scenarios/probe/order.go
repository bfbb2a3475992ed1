package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"

	"spafleet/scenarios/probe/settings"
)

// webPort is where the web server of a phone answers.
const webPort = 80

// web returns where the phone's web server is, as far as that is known.
func (s *session) web() netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phone != nil && (!s.q.Phone.IsValid() || s.phone.moved != nil) {
		return netip.AddrPortFrom(s.phone.addr, webPort)
	}
	return s.q.Phone
}

// dial connects to the phone's web server.
func (s *session) dial(ctx context.Context) (net.Conn, error) { return s.q.Network.Dial(ctx, s.web()) }

// order has the phone resync from a URL: by its web server, or where that is not open, by
// the person.
func (s *session) order(ctx context.Context, place string) error {
	if at := s.web(); at.IsValid() && !s.shut {
		err := press(ctx, s, at.Addr().String(), "/admin/resync?"+place)
		if err == nil {
			return nil
		}
		s.shut = true
		var locked *settings.LoginError
		if errors.As(err, &locked) && s.own == nil && s.q.Restore == nil { // neither could its settings be read
			return locks(locked)
		}
		s.say("the phone's web server at %s takes no order from here: %s", at, shortly(err))
	}
	return s.q.Person.Resync(ctx, place)
}

// press orders something by a path of the phone's web server. An SPA112, SPA122 or SPA232D
// reads the login behind the path.
func press(ctx context.Context, s *session, phone, path string) error {
	status, _, err := settings.Get(ctx, s.dial, phone, path, s.login())
	var locked *settings.LoginError
	if errors.As(err, &locked) && locked.Scheme == "" && s.q.Password != "" {
		status, _, err = settings.Get(ctx, s.dial, phone, s.login().Behind(path), settings.Login{})
		if errors.As(err, &locked) {
			locked.Refused = true
		}
	}
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("it answers %d %s", status, http.StatusText(status))
	}
	return err
}

// locks says what to do about a login that the phone asks for.
func locks(e *settings.LoginError) error {
	if e.Refused {
		return errors.New("the phone's web pages refuse the login of --login: its file must have one line, such as admin:PASSWORD")
	}
	return errors.New("the phone's web pages ask for a password: write a file with one line, admin:PASSWORD, and give --login FILE")
}

// shortly is an error without the addresses of its connection, which the person knows.
func shortly(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	var call *os.SyscallError
	if errors.As(err, &call) {
		err = call.Err
	}
	var locked *settings.LoginError
	if errors.As(err, &locked) {
		err = locks(locked)
	}
	return err
}
