package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"spafleet/bench/harness"
	"spafleet/bench/workload"
	"spafleet/device"
	"spafleet/device/model"
	"spafleet/fleet"
	"spafleet/fsm"
	"spafleet/host"
	"spafleet/resync"
	"spafleet/resync/fetch"
	"spafleet/scenarios/tally"
)

// A task is one return of power, or with Silent a run against a silent server.
type task struct {
	Server  string
	Devices int
	Window  int // seconds
	Silent  int
}

// A storm is what became of one return of power.
type storm struct {
	Devices int          `json:"devices"`
	Window  int          `json:"window_seconds"`
	Synced  int          `json:"synced"`
	Failed  int          `json:"failed"`
	Late    tally.Spread `json:"late_seconds"`
	Busy    float64      `json:"share_of_cores"`
}

func work(ctx context.Context, in io.Reader, out io.Writer) error {
	var t task
	if err := json.NewDecoder(in).Decode(&t); err != nil {
		return fmt.Errorf("read task: %w", err)
	}
	var answer any
	var err error
	if t.Silent > 0 {
		answer, err = silent(ctx, t.Silent)
	} else {
		answer, err = t.run(ctx)
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(answer)
}

// A network is the server in the same process until the devices are provisioned,
// and sockets from then on. Both give a device the same file.
type network struct {
	workload.Direct
	sockets fetch.Sockets
	real    atomic.Bool
}

func (n *network) Fetch(ctx context.Context, r *resync.Request) (resync.Response, error) {
	if n.real.Load() {
		return n.sockets.Fetch(ctx, r)
	}
	return n.Direct.Fetch(ctx, r)
}

func (n *network) Resolve(ctx context.Context, name string) ([]netip.Addr, error) {
	return n.Direct.Resolve(ctx, name)
}

// A stage is a fleet and who watches it at the moment.
type stage struct {
	f       *fleet.Fleet
	network network
	seen    atomic.Pointer[harness.Watcher]
}

func (s *stage) tell(events []device.Event) { s.seen.Load().Tell(events) }

// run provisions the devices, takes their power away and gives it back.
func (t *task) run(ctx context.Context) (*storm, error) {
	s, err := t.stage()
	if err != nil {
		return nil, err
	}
	run := s.f.Begin(ctx)
	k, err := t.play(ctx, s)
	if ran := run.Close(); err == nil {
		err = ran
	}
	return k, err
}

// stage builds the fleet. Its firmware counts Resync_Random_Delay in seconds, so
// that windows other than multiples of the default's 20 s can be tried, and starts
// at once: how long it boots is the same for all.
func (t *task) stage() (*stage, error) {
	row, err := model.NewRow(workload.Model, workload.Firmware, map[string]string{"random_delay_unit": "1s", "boot_time": "0s", "reboot_time": "0s"})
	if err != nil {
		return nil, err
	}
	presets, err := workload.Presets("Profile_Rule", workload.SealedRule("http://"+t.Server+"/$MA.cfg"), "GPP_B", workload.Key, "Resync_Random_Delay", strconv.Itoa(t.Window))
	if err != nil {
		return nil, err
	}
	s := &stage{}
	s.seen.Store(harness.NewWatcher(t.Devices))
	s.f, err = fleet.New(fleet.Config{Seed: workload.Seed, Network: &s.network, Tell: s.tell,
		Groups: []fleet.Group{{Name: "devices", Row: row, Count: t.Devices, Presets: presets}}})
	return s, err
}

// patience is how long after the window the last device may be ready.
const patience = time.Minute

func (t *task) play(ctx context.Context, s *stage) (*storm, error) {
	first := s.seen.Load()
	all := int64(t.Devices)
	if err := s.f.Await(ctx, func() bool { return first.OK.Load() >= 2*all || first.Failed.Load() > 0 }); err != nil {
		return nil, err
	}
	if n := first.Tally.Totals().States()[fsm.SecPrv2.String()]; n != t.Devices || first.Err() != nil {
		return nil, fmt.Errorf("%d of %d devices are provisioned: %w", n, t.Devices, first.Err())
	}
	if err := t.order(ctx, s, device.SwitchOff); err != nil {
		return nil, err
	}
	s.network.real.Store(true)
	seen := harness.NewWatcher(t.Devices)
	s.seen.Store(seen)
	begun, used := time.Now(), host.CPUTime()
	if err := t.order(ctx, s, device.SwitchOn); err != nil {
		return nil, err
	}
	over, stop := context.WithTimeout(ctx, time.Duration(t.Window)*time.Second+patience)
	defer stop()
	end := harness.Profiled(fmt.Sprintf("storm-%d", t.Window))
	_ = s.f.Await(over, func() bool { return seen.OK.Load()+seen.Failed.Load() >= all }) // who is missing is counted
	end()
	busy := (host.CPUTime() - used).Seconds() / time.Since(begun).Seconds() / float64(runtime.GOMAXPROCS(0))
	return &storm{Devices: t.Devices, Window: t.Window, Synced: int(seen.OK.Load()), Failed: int(seen.Failed.Load()), Late: seen.Tally.Lateness(), Busy: busy}, ctx.Err()
}

// order tells all devices the same.
func (t *task) order(ctx context.Context, s *stage, o device.Order) error {
	for dev := range t.Devices {
		if err := s.f.Do(ctx, device.Index(dev), device.Command{Order: o, Cause: model.ByStep}); err != nil {
			return err
		}
	}
	return nil
}
