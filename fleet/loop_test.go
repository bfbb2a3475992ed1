package fleet

import (
	"context"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/resync"
)

// A chatterer is a clock by which a second passes with each message, and there
// is always one.
type chatterer struct{ now atomic.Int64 }

func (c *chatterer) Now() int64 { return c.now.Load() }

func (c *chatterer) Wait(context.Context, int64, <-chan message) (message, bool) {
	c.now.Add(int64(time.Second))
	return message{command: &device.Command{Order: device.HookOn}}, true
}

// askedNetwork tells that it was asked.
type askedNetwork func()

func (a askedNetwork) Resolve(context.Context, string) ([]netip.Addr, error) { return nil, nil }

func (a askedNetwork) Fetch(context.Context, *resync.Request) (resync.Response, error) {
	a()
	return resync.Response{Status: 404}, nil
}

func TestFullInboxHoldsUpNoTimer(t *testing.T) {
	row := devicetest.Row(t, "SPA2102", "")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	asked := false
	f, err := New(Config{Network: askedNetwork(func() { asked = true; cancel() }),
		Groups: []Group{{Row: row, Count: 1, Lease: resync.Lease{TFTPServer: "192.0.2.5"}}}})
	if err != nil {
		t.Fatal(err)
	}
	l := f.loops[0]
	l.clock = &chatterer{}
	l.run(ctx)
	if !asked {
		t.Error("the device has not resynced while messages came")
	}
}
