package fetch

import (
	"context"
	"errors"
	"net"
	"testing"
)

// A name server gets a question only where it is private or the name is allowed.
func TestNameServerIsAContactToo(t *testing.T) {
	injected := errors.New("injected")
	tests := []struct {
		name, server string
		asked        bool
	}{
		{"prov.example.com", "127.0.0.53:53", true},
		{"prov.example.com", "10.0.0.1:53", true},
		{"prov.example.com", "[fd00::1]:53", true},
		{"prov.example.com", "203.0.113.53:53", false},
		{"device17.prov.example.com", "203.0.113.53:53", false},
		{"Allowed.example.com.", "203.0.113.53:53", true},
		{"prov.example.com", "198.51.100.53:53", true},
		{"", "203.0.113.53:53", false},
	}
	for _, tt := range tests {
		asked := false
		s := &Sockets{
			Guard: &Guard{Public: []string{"allowed.example.com", "198.51.100.53"}, OnlyLoopback: true},
			DialNameServer: func(context.Context, string, string) (net.Conn, error) {
				asked = true
				return nil, injected
			},
		}
		_, err := s.dialNameServer(context.WithValue(t.Context(), askedName{}, tt.name), "udp", tt.server)
		var refused *RefusedError
		if asked != tt.asked || errors.As(err, &refused) == tt.asked {
			t.Errorf("%q at %s: asked %t (%v), want %t", tt.name, tt.server, asked, err, tt.asked)
		}
	}
}

// The name of a lookup reaches the one who dials for it.
func TestLookupTellsWhichNameItIsFor(t *testing.T) {
	var name any
	s := &Sockets{Guard: &Guard{Public: []string{"prov.invalid"}}, DialNameServer: func(ctx context.Context, _, _ string) (net.Conn, error) {
		name = ctx.Value(askedName{})
		return nil, errors.New("injected")
	}}
	if _, err := s.Resolve(t.Context(), "prov.invalid"); err == nil || name != "prov.invalid" {
		t.Errorf("asked for %v, %v", name, err)
	}
}
