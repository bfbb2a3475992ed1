// Package fleettest runs devices in Go tests of provisioning servers.
//
//	f := fleettest.Start(t, fleettest.Phones("SPA942", 3).Set("Profile_Rule", server.URL+"/$MA.xml"))
//	f.Until(t, "User_ID_1_ is set", func(v device.View) bool { return v.Get("User_ID_1_") != "" })
//
// The devices contact loopback addresses alone, wait no random time before their
// first contact, boot at once, and are stopped when the test ends.
package fleettest

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/model"
	"spafleet/fleet"
	"spafleet/resync"
	"spafleet/resync/fetch"
)

// Devices are devices of one model that are to be started.
type Devices struct {
	model    string
	firmware string
	count    int
	switches map[string]string
	presets  map[string]string
	lease    resync.Lease
	off      bool
}

// Phones returns some devices of a model, which need not be a phone, at its newest
// firmware. They boot in no time, unless [Devices.Switch] says otherwise.
func Phones(model string, count int) *Devices {
	return &Devices{model: model, count: count, presets: map[string]string{}, switches: devicetest.BootsAtOnce()}
}

// Firmware lets them run another version.
func (d *Devices) Firmware(version string) *Devices {
	d.firmware = version
	return d
}

// Set presets a parameter. It survives a factory reset.
func (d *Devices) Set(name, value string) *Devices {
	d.presets[name] = value
	return d
}

// Switch changes how their firmware behaves, as --switch does.
func (d *Devices) Switch(name, value string) *Devices {
	d.switches[name] = value
	return d
}

// TFTPServer is what their DHCP lease offers as option 66: host or host:port.
func (d *Devices) TFTPServer(server string) *Devices {
	d.lease.TFTPServer = server
	return d
}

// Off leaves them without power until they are commanded to switch on.
func (d *Devices) Off() *Devices {
	d.off = true
	return d
}

func (d *Devices) group(t testing.TB) fleet.Group {
	t.Helper()
	row, err := model.NewRow(d.model, d.firmware, d.switches)
	if err != nil {
		t.Fatal(err)
	}
	for name := range d.presets {
		if _, ok := row.Lookup(name); !ok {
			t.Fatalf("a %s has no parameter %q", d.model, name)
		}
	}
	presets := map[string]string{}
	if _, ok := row.Lookup("Resync_Random_Delay"); ok {
		presets["Resync_Random_Delay"] = "0"
	}
	maps.Copy(presets, d.presets)
	return fleet.Group{Name: d.model, Row: row, Count: d.count, Presets: presets, Lease: d.lease, Off: d.off}
}

// A Fleet is devices at work, with what they have done.
type Fleet struct {
	*fleet.Fleet
	// Patience is how long Until waits, ten seconds from Start on.
	Patience time.Duration

	run    *fleet.Run
	start  int64 // fleet time
	mu     sync.Mutex
	events []device.Event
	ended  map[device.Index]uint32 // resyncs that events have told the end of
	whole  bool                    // those are all that a View counts
}

// Start starts devices, numbered in the order in which they are given. They have
// power, and hear commands, when it returns.
func Start(t testing.TB, devices ...*Devices) *Fleet {
	t.Helper()
	var c fleet.Config
	for _, d := range devices {
		c.Groups = append(c.Groups, d.group(t))
	}
	return Run(t, c)
}

// Run starts the fleet of a Config. Where that has no Network, devices contact
// loopback addresses by sockets. Its Tell hears of events after the Fleet.
func Run(t testing.TB, c fleet.Config) *Fleet {
	t.Helper()
	f := &Fleet{Patience: 10 * time.Second, ended: map[device.Index]uint32{}, whole: c.Resume == nil}
	if c.Network == nil && c.InProcess == nil {
		c.Guard = &fetch.Guard{OnlyLoopback: true}
		c.Network = &loopback{fetch.Sockets{Guard: c.Guard}}
	}
	if c.Seed == 0 {
		c.Seed = 1
	}
	also := c.Tell
	c.Tell = func(events []device.Event) {
		f.mu.Lock()
		f.events = append(f.events, events...)
		for i := range events {
			if e := &events[i]; e.Kind == device.ResyncOK || e.Kind == device.ResyncFailed {
				f.ended[e.Dev]++
			}
		}
		f.mu.Unlock()
		if also != nil {
			also(events)
		}
	}
	run, err := fleet.Start(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	f.Fleet, f.start, f.run = run.Fleet, run.Fleet.Start(), run
	t.Cleanup(func() { f.Stop(t) })
	return f
}

// Stop ends the fleet before the test does, and returns when all of it has ended.
func (f *Fleet) Stop(t testing.TB) {
	t.Helper()
	if err := f.run.Close(); err != nil {
		t.Error(err)
	}
}

// Until waits until something is true of each device, and the end of each of its resyncs is
// among its events. It fails the test with what a device has done of which it does not
// become true.
func (f *Fleet) Until(t testing.TB, what string, held func(device.View) bool) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), f.Patience)
	defer stop()
	var lacks device.Index
	err := f.Await(ctx, func() bool {
		for i := range f.Len() {
			if v, _ := f.View(f.Shard().At(i)); !held(v) || !f.hasTold(&v) {
				lacks = v.Unit.Index
				return false
			}
		}
		return true
	})
	if err != nil {
		t.Fatalf("%s: not true of device %d: %v\n%s", what, lacks, err, f.Story(lacks))
	}
}

// hasTold reports whether each resync that a device has ended is among its events: a View
// is a moment ahead of them.
func (f *Fleet) hasTold(v *device.View) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.whole || f.ended[v.Unit.Index] >= v.Resyncs.OK+v.Resyncs.Failed
}

// Do gives a device a command, and fails the test where it does not hear it.
func (f *Fleet) Do(t testing.TB, dev device.Index, order device.Order) {
	t.Helper()
	if err := f.Ask(t.Context(), dev, device.Command{Order: order, Cause: model.ByStep}); err != nil {
		t.Fatalf("device %d, %s: %v", dev, order, err)
	}
}

// Events returns what a device has done so far.
func (f *Fleet) Events(dev device.Index) (list []device.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range f.events {
		if e.Dev == dev && e.Kind != device.Late {
			list = append(list, e)
		}
	}
	return list
}

// Story tells what has happened to a device, a line for each event, with seconds
// since the start.
func (f *Fleet) Story(dev device.Index) string {
	var b strings.Builder
	for _, e := range f.Events(dev) {
		fmt.Fprintf(&b, "%9.3f  %s\n", float64(e.At-f.start)/1e9, describe(&e))
	}
	if b.Len() == 0 {
		return "nothing has happened to it\n"
	}
	return b.String()
}

// describe says what an event is about.
func describe(e *device.Event) string {
	words := []string{e.Name()}
	say := func(format string, arg any, there bool) {
		if there {
			words = append(words, fmt.Sprintf(format, arg))
		}
	}
	say("%s", e.Cause, e.Kind == device.ResyncStarted)
	say("%s", e.Reason, e.Kind == device.Boot)
	say("to %s", e.State, e.Kind == device.Moved)
	say("%d values", e.Count, e.Kind == device.Applied)
	if f := e.File; f != nil {
		server := f.Host
		if f.Server.IsValid() {
			server = f.Server.String()
		}
		words = append(words, f.Scheme+"://"+server+f.Path)
		say("status %d", f.Status, f.Status != 0)
		say("%s", f.Hint, f.Hint != "")
	}
	say("%s", e.Result, e.Result != device.OK)
	say("%q", e.Err, e.Err != "")
	say("%q", e.Text, e.Text != "")
	return strings.Join(words, " ")
}

// loopback is a network that has this machine alone, and no name server.
type loopback struct{ fetch.Sockets }

// Resolve knows localhost.
func (*loopback) Resolve(_ context.Context, name string) ([]netip.Addr, error) {
	if strings.EqualFold(strings.TrimSuffix(name, "."), "localhost") {
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}, nil
	}
	return nil, &resync.Error{Result: device.NoDNS}
}
