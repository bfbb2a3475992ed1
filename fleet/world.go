package fleet

import (
	"context"
	"net/netip"
	"time"

	"spafleet/device"
	"spafleet/resync"
	"spafleet/resync/fetch"
)

var noReceipt resync.LastApplied

// world is what one attempt sees of everything outside its device.
type world struct {
	l   *loop
	act int32
	in  resync.Input
	got intake
}

func (w *world) Now() int64 { return w.l.clock.Now() }

func (w *world) Commit(p device.Params, life device.Life, events []device.Event) {
	w.l.inbox <- message{act: w.act, commit: &commit{p, life, events}}
}

// localWait is how long an attempt waits before it asks again for a descriptor
// or a port that this machine did not have. That is our trouble, not the
// device's, so it never fails for it.
const localWait = 100 * time.Millisecond

// Fetch asks the network from the device's own address.
func (w *world) Fetch(ctx context.Context, r *resync.Request) (resp resync.Response, err error) {
	r.Source = w.l.f.source(r.Unit.IP, r.Server.Addr())
	if r.Scheme == "https" { // a certificate may bear a name
		ctx = w.asking(ctx)
	}
	err = w.whenAble(ctx, func() error {
		resp, err = w.l.f.network.Fetch(ctx, r)
		return err
	})
	if err == nil {
		w.got.take(len(resp.Body))
	}
	return resp, err
}

func (w *world) Resolve(ctx context.Context, name string) (addrs []netip.Addr, err error) {
	ctx = w.asking(ctx)
	err = w.whenAble(ctx, func() error {
		addrs, err = w.l.f.network.Resolve(ctx, name)
		return err
	})
	return addrs, err
}

// asking returns a context for the device's questions to name servers.
func (w *world) asking(ctx context.Context) context.Context {
	return fetch.For(ctx, fetch.Asker{Device: w.in.Unit.Index, Now: w.Now(), Booted: w.in.Booted, Keeps: w.keepsNames()})
}

// keepsNames reports whether the device keeps what a name server said. It has a
// parameter against it in some models.
func (w *world) keepsNames() bool {
	return w.in.Unit.Row.Behaviour.KeepsNames && !w.in.Params.Bool("DNS_Query_TTL_Ignore", false)
}

// whenAble asks until this machine has what asking takes. The wait is lateness:
// this machine's, not the server's.
func (w *world) whenAble(ctx context.Context, ask func() error) error {
	err := ask()
	limit, local := fetch.LocalLimit(err)
	if !local {
		return err
	}
	since := w.l.f.lacks(w)
	defer w.l.f.lacksNoMore(w, since)
	for local {
		w.l.f.limited(limit)
		if limit == "descriptors" {
			w.l.inbox <- message{act: w.act, lack: true}
		}
		if err := pause(ctx, localWait); err != nil {
			return err
		}
		err = ask()
		limit, local = fetch.LocalLimit(err)
	}
	return err
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
