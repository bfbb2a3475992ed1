package fetch

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"spafleet/device"
	"spafleet/resync"
	"spafleet/resync/fault"
)

// trouble returns what befalls the exchange that a request begins; nil for
// nothing.
func (s *Sockets) trouble(r *resync.Request) *fault.Trouble {
	if s.Faults == nil {
		return nil
	}
	return s.Faults.Exchange(fault.Exchange{Device: uint32(r.Unit.Index), Scheme: r.Scheme, Path: r.Path})
}

// connectBadly opens a connection that has troubles.
func (s *Sockets) connectBadly(ctx context.Context, r *resync.Request, t *fault.Trouble, wait time.Duration) (net.Conn, error) {
	late, ok := t.Connect()
	if !ok || late >= wait {
		if err := rest(ctx, wait); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("connect to %s: %w", r.Server, os.ErrDeadlineExceeded)
	}
	if err := rest(ctx, late); err != nil {
		return nil, err
	}
	conn, err := s.dial(ctx, r, wait-late)
	if err != nil {
		return nil, err
	}
	return t.Conn(conn, s.now, func(until time.Time) error { return rest(ctx, until.Sub(s.now())) }), nil
}

// lookup returns the addresses of a name. A name that the device has kept is no
// question, and nothing befalls it.
func (s *Sockets) lookup(ctx context.Context, name string) ([]netip.Addr, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	who, known := AskerOf(ctx)
	if addrs, ok := s.names.recall(who, name); ok {
		return addrs, nil
	}
	if known && s.Faults != nil {
		if err := s.disturb(ctx, who.Device, name); err != nil {
			return nil, err
		}
	}
	addrs, lasts, err := s.find(ctx, name)
	if err == nil {
		s.names.keep(who, name, addrs, lasts)
	}
	return addrs, err
}

// disturb lets the troubles of a question to DNS happen. Names in Hosts have them
// too.
func (s *Sockets) disturb(ctx context.Context, dev device.Index, name string) error {
	t := s.Faults.Exchange(fault.Exchange{Device: uint32(dev), Scheme: "dns", Path: name})
	if t == nil {
		return nil
	}
	late, found := t.Lookup()
	if err := rest(ctx, late); err != nil || found {
		return err
	}
	return fmt.Errorf("resolve %s: no answer: %w", name, os.ErrDeadlineExceeded)
}
