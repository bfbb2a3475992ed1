package fleet_test

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/fleet"
	"spafleet/resync"
)

// crowd is a server of files of the devices' own: the n-th that a device gets
// says so.
type crowd struct{ count []atomic.Int32 }

func (*crowd) Resolve(context.Context, string) ([]netip.Addr, error) {
	return nil, &resync.Error{Result: device.NoDNS}
}

func (c *crowd) Fetch(_ context.Context, r *resync.Request) (resync.Response, error) {
	n := c.count[r.Unit.Index].Add(1)
	body := fmt.Sprintf("<flat-profile><GPP_A>%d</GPP_A><GPP_B>%s</GPP_B></flat-profile>", n, r.Unit.MAC)
	return resync.Response{Status: 200, Body: []byte(body)}, nil
}

// Ten thousand devices resync, while others look at them, edit them and take
// their power. Under the race detector nothing is touched by two at once, and in
// the end each has what its server sent it last.
func TestThousandsOfDevicesAreEachTheirOwn(t *testing.T) {
	const devices = 3_000
	server := &crowd{count: make([]atomic.Int32, devices)}
	g := ata(t, devices, "Profile_Rule=http://192.0.2.5/$MA", "Resync_Random_Delay=0")
	var synced, began, ended atomic.Int64
	f, err := fleet.New(fleet.Config{Seed: 1, Groups: []fleet.Group{g}, Network: server, Tell: func(events []device.Event) {
		for i := range events {
			switch events[i].Kind {
			case device.ResyncStarted:
				began.Add(1)
			case device.ResyncOK:
				synced.Add(1)
				ended.Add(1)
			case device.ResyncFailed:
				ended.Add(1)
			}
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()

	var others sync.WaitGroup
	do := func(dev int, c device.Command) {
		if err := f.Do(ctx, device.Index(dev), c); err != nil {
			t.Error(err)
		}
	}
	others.Go(func() {
		for dev := 0; dev < devices; dev += 3 {
			do(dev, device.Command{Order: device.Resync, Cause: model.ByWeb})
		}
	})
	others.Go(func() {
		for dev := 1; dev < devices; dev += 30 {
			do(dev, device.Command{Order: device.SetParams, Cause: model.ByWeb, Sets: sets(t, "GPP_C=edited")})
			do(dev, device.Command{Order: device.SwitchOff, Cause: model.ByStep})
		}
	})
	others.Go(func() {
		for dev := range device.Index(devices) {
			if v, ok := f.View(dev); !ok || v.Unit.Index != dev || v.Get("GPP_B") != "" && v.Get("GPP_B") != v.Unit.MAC.String() {
				t.Errorf("device %d shows %v of %s", dev, v.Get("GPP_B"), v.Unit.MAC)
			}
		}
	})
	others.Wait()
	for dev := range device.Index(devices) {
		if dev%30 == 1 {
			continue
		}
		_, err := f.WaitFor(ctx, dev, func(v device.View) bool {
			return v.Resyncs.OK > 0 && v.Get("GPP_A") == fmt.Sprint(server.count[dev].Load()) && v.Get("GPP_B") == v.Unit.MAC.String()
		})
		if err != nil {
			v, _ := f.View(dev)
			t.Fatalf("device %d: %v; it has %q of %d", dev, err, v.Get("GPP_A"), server.count[dev].Load())
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if n := began.Load() - ended.Load() - int64(f.Aborted()); n != 0 || synced.Load() < devices*9/10 {
		t.Errorf("%d attempts began, %d ended, %d were cut off; %d went well", began.Load(), ended.Load(), f.Aborted(), synced.Load())
	}
}
