package fleet

import (
	"context"
	"net/netip"
	"time"

	"spafleet/device"
	"spafleet/resync"
	"spafleet/resync/fetch"
)

var noReceipt resync.Receipt

// world is what one attempt sees of everything outside its device.
type world struct {
	l   *loop
	act int32
}

func (w *world) Now() int64 { return w.l.clock.Now() }

func (w *world) Commit(p device.Params, life device.Life, events []device.Event) {
	w.l.inbox <- message{act: w.act, commit: &commit{p, life, events}}
}

func (w *world) Resolve(ctx context.Context, name string) ([]netip.Addr, error) {
	return w.l.f.network.Resolve(ctx, name)
}

// localWait is how long an attempt waits before it asks again for a descriptor
// or a port that this machine did not have. That is our trouble, not the
// device's, so it never fails for it.
const localWait = 100 * time.Millisecond

// Fetch asks the network from the device's own address.
func (w *world) Fetch(ctx context.Context, r *resync.Request) (resync.Response, error) {
	r.Source = w.l.f.source(r.Unit.IP, r.Server.Addr())
	for {
		resp, err := w.l.f.network.Fetch(ctx, r)
		limit, local := fetch.LocalLimit(err)
		if !local {
			return resp, err
		}
		w.l.f.limited(limit)
		if err := pause(ctx, localWait); err != nil {
			return resp, err
		}
	}
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
