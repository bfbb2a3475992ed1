package fetch

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"spafleet/device"
	"spafleet/host"
	"spafleet/resync"
	"spafleet/resync/fault"
)

// disturbance returns the disturbance of the exchange that a request begins; nil
// for none.
func (s *Sockets) disturbance(r *resync.Request) *fault.Disturbance {
	if s.Faults == nil {
		return nil
	}
	return s.Faults.Exchange(fault.Exchange{Device: uint32(r.Unit.Index), Scheme: r.Scheme, Path: r.Path})
}

// connectBadly opens a connection that is disturbed.
func (s *Sockets) connectBadly(ctx context.Context, r *resync.Request, d *fault.Disturbance, wait time.Duration) (net.Conn, error) {
	late, ok := d.Connect()
	if !ok || late >= wait {
		if err := host.Sleep(ctx, wait); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("connect to %s: %w", r.Server, os.ErrDeadlineExceeded)
	}
	if err := host.Sleep(ctx, late); err != nil {
		return nil, err
	}
	conn, err := s.dial(ctx, r, wait-late)
	if err != nil {
		s.nobody(ctx, d, err)
		return nil, err
	}
	return d.Conn(conn, s.now, func(until time.Time) error { return host.Sleep(ctx, until.Sub(s.now())) }), nil
}

// nobody notes that a device found nobody because a fault has the server down.
func (s *Sockets) nobody(ctx context.Context, d *fault.Disturbance, err error) {
	if _, local := LocalLimit(err); err != nil && !local && ctx.Err() == nil && d.Down() {
		d.Did(fault.Effects{Down: true})
	}
}

// lookup returns the addresses of a name. A name that the device has kept is no
// question, and no fault happens to it.
func (s *Sockets) lookup(ctx context.Context, name string) ([]netip.Addr, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	who, known := AskerOf(ctx)
	if addrs, ok := s.names.recall(who, name); ok {
		return addrs, nil
	}
	if known && !who.Faultless && s.Faults != nil {
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

// disturb lets the faults of a question to DNS happen, also for names in Hosts.
func (s *Sockets) disturb(ctx context.Context, dev device.Index, name string) error {
	t := s.Faults.Exchange(fault.Exchange{Device: uint32(dev), Scheme: "dns", Path: name})
	if t == nil {
		return nil
	}
	late, found := t.Lookup(s.patience(ctx))
	if err := host.Sleep(ctx, late); err != nil || found {
		return err
	}
	return fmt.Errorf("resolve %s: no answer: %w", name, os.ErrDeadlineExceeded)
}
