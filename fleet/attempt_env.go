package fleet

import (
	"context"
	"net/netip"
	"time"

	"spafleet/device"
	"spafleet/host"
	"spafleet/resync"
	"spafleet/resync/fetch"
)

// attemptEnv is what one attempt sees of everything outside its device.
type attemptEnv struct {
	l    *loop
	at   *goroutines
	slot int32
	in   resync.Input
	got  received
}

func (e *attemptEnv) Now() int64 { return e.l.clock.Now() }

func (e *attemptEnv) Commit(p device.Params, life device.Life, events []device.Event) {
	e.l.inbox <- message{slot: e.slot, commit: &commit{p, life, events}}
}

// localWait is how long an attempt waits before it asks again for a descriptor
// or a port that this machine did not have. That is our trouble, not the
// device's, so it never fails for it.
const localWait = 100 * time.Millisecond

// Fetch asks the network from the device's own address.
func (e *attemptEnv) Fetch(ctx context.Context, r *resync.Request) (resp resync.Response, err error) {
	if e.l.f.addresses.stranded(r.Unit.IP) {
		return resp, &resync.Error{Result: device.NoConnect}
	}
	r.Source = e.l.f.addresses.source(r.Unit.IP, r.Server.Addr())
	if r.Scheme == "https" { // a certificate may bear a name
		ctx = e.asking(ctx)
	}
	e.at.leave()
	defer e.at.back()
	err = e.whenAble(ctx, func() error {
		resp, err = e.l.f.network.Fetch(ctx, r)
		return err
	})
	if err == nil {
		e.got.take(resp.Len())
	}
	return resp, err
}

func (e *attemptEnv) Resolve(ctx context.Context, name string) (addrs []netip.Addr, err error) {
	if e.l.f.addresses.stranded(e.in.Unit.IP) {
		return nil, &resync.Error{Result: device.NoDNS}
	}
	ctx = e.asking(ctx)
	e.at.leave()
	defer e.at.back()
	err = e.whenAble(ctx, func() error {
		addrs, err = e.l.f.network.Resolve(ctx, name)
		return err
	})
	return addrs, err
}

// asking returns a context for the device's questions to name servers.
func (e *attemptEnv) asking(ctx context.Context) context.Context {
	source := func(server netip.Addr) netip.Addr { return e.l.f.addresses.source(e.in.Unit.IP, server) }
	return fetch.For(ctx, fetch.AskerAs(&e.in, e.Now(), source))
}

// whenAble asks until this machine has what asking takes. The wait is lateness:
// this machine's, not the server's.
func (e *attemptEnv) whenAble(ctx context.Context, ask func() error) error {
	err := ask()
	limit, local := fetch.LocalLimit(err)
	if !local {
		return err
	}
	over := e.l.f.shortages.wait(e)
	defer func() { e.l.inbox <- message{slot: e.slot, waited: over()} }()
	for local {
		e.l.f.shortages.count(limit)
		if limit == "descriptors" {
			e.l.inbox <- message{slot: e.slot, lack: true}
		}
		if err := host.Sleep(ctx, localWait); err != nil {
			return err
		}
		err = ask()
		limit, local = fetch.LocalLimit(err)
	}
	return err
}
