package run

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/fleet"
	"spafleet/fsm"
	"spafleet/host"
	"spafleet/resync"
	"spafleet/resync/fetch"
	"spafleet/scenarios"
)

// A Refused is a run that ended before its fleet started, because all devices of a
// kind that were tried failed in the same way: see [Options.Preflight].
type Refused struct{ Kinds []RefusedKind }

// A RefusedKind is a model and firmware, and how its devices failed.
type RefusedKind struct {
	Model    string `json:"model"`
	Firmware string `json:"firmware"`
	Devices  int    `json:"devices"` // of the kind
	Tried    int    `json:"tried"`
	URL      string `json:"url,omitempty"` // that the first one asked for
	Err      string `json:"err"`           // as the device logs it
	Result   string `json:"result"`
	Hint     string `json:"hint,omitempty"`
}

// Error returns a line for each kind.
func (e *Refused) Error() string {
	var b strings.Builder
	b.WriteString("preflight: nothing was started, since all devices that were tried fail:")
	for _, k := range e.Kinds {
		fmt.Fprintf(&b, "\n  %s %s, %d of %d devices tried:\n    ", k.Model, k.Firmware, k.Tried, k.Devices)
		if k.URL != "" {
			b.WriteString(k.URL + ": ")
		}
		fmt.Fprintf(&b, "%s (%s)", k.Err, k.Result)
		if k.Hint != "" {
			b.WriteString("\n    " + k.Hint)
		}
	}
	return b.String()
}

const (
	preflightWait = time.Minute // for all of them
	atOnce        = 16          // kinds
	mostTried     = 3           // devices of a kind

	// A server that refuses connections may be about to listen.
	serverStart = 3 * time.Second
	serverPause = 200 * time.Millisecond // between two questions
)

// preflight has one device of each model and firmware resync, before the fleet
// starts. Where it fails, others of its kind are tried: what all of them fail by ends
// the run. Nothing of it is kept.
func preflight(ctx context.Context, r *run) error {
	s := r.plan.Scenario
	if !r.options.Preflight || s.Server != nil || s.Clock.Mode == fleet.Virtual || r.saved != nil {
		return nil
	}
	listens := time.Now().Add(serverStart)
	ctx, cancel := context.WithTimeout(ctx, preflightWait)
	defer cancel()
	refused := make([]*RefusedKind, len(r.plan.Groups))
	tried := 0
	var work sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for i := range r.plan.Groups {
		if !scouts(r.plan, i) {
			continue
		}
		tried++
		work.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			refused[i] = try(ctx, r, i, listens)
		})
	}
	work.Wait()
	e := &Refused{}
	for _, k := range refused {
		if k != nil {
			e.Kinds = append(e.Kinds, *k)
		}
	}
	switch {
	case len(e.Kinds) > 0:
		s.Hide(&e.Kinds)
		return e
	case tried > 0 && ctx.Err() == nil:
		r.notes = append(r.notes, fmt.Sprintf("preflight: kinds of devices that resynced before the start: %d", tried))
	}
	return nil
}

// scouts reports whether a group's devices resync when they get power.
func scouts(p *scenarios.Plan, group int) bool {
	g := &p.Groups[group]
	if g.Count == 0 || g.Off || g.RCURL != "" && g.Row.Customizable() {
		return false
	}
	s := resync.ScheduleOf(g.Row, p.List.Params(p.Device(group, 0), presetParams(&device.Layers{}, g)))
	return s.Enabled && s.OnReset
}

// try has devices of a group resync, and returns how all of them failed; nil where one
// did not, or the context ended.
func try(ctx context.Context, r *run, group int, listens time.Time) *RefusedKind {
	g := &r.plan.Groups[group]
	kind := &RefusedKind{Model: g.Row.Model.Name, Firmware: g.Row.Firmware.Version, Devices: g.Count}
	for kind.Tried < min(mostTried, g.Count) {
		dev := r.plan.Device(group, kind.Tried*(g.Count-1)/(mostTried-1))
		s, o := attempt(ctx, r, g, dev, listens)
		if o.OK || o.Aborted {
			return nil
		}
		kind.Tried++
		if last := s.failure(o); kind.Tried == 1 {
			kind.URL, kind.Err, kind.Result, kind.Hint = last.URL, last.Err, last.Result, last.Hint
		} else if last.Result != kind.Result || last.Err != kind.Err {
			return nil // it is the devices, not their kind
		}
	}
	return kind
}

// attempt has a device resync; until a moment it asks a server that refuses the
// connection again.
func attempt(ctx context.Context, r *run, g *fleet.Group, dev device.Index, until time.Time) (*scout, resync.Outcome) {
	for {
		s := newScout(r, g, dev)
		o := resync.Attempt(ctx, s, s.in)
		if o.OK || s.failure(o).Result != device.NoConnect.String() || time.Now().After(until) || host.Sleep(ctx, serverPause) != nil {
			return s, o
		}
	}
}

// presetParams returns what a group's devices are set to at the start.
func presetParams(layers *device.Layers, g *fleet.Group) device.Params {
	var sets []device.Set
	for name, value := range g.Presets {
		if id, ok := model.LookupID(name); ok {
			sets = append(sets, device.Set{ID: id, Value: value, Has: true})
		}
	}
	return layers.Preset(g.Row.Factory, sets)
}

// A scout is a device that resyncs before the fleet starts, and what it sees.
type scout struct {
	fleet.Network
	in     resync.Input
	now    func() int64
	source func(server netip.Addr) netip.Addr
	events []device.Event
}

func newScout(r *run, g *fleet.Group, dev device.Index) *scout {
	list := r.plan.List
	own := fleet.NewAddresses(r.options.Addresses, list, r.plan.Groups).Of(dev)
	s := &scout{Network: r.network(), source: func(server netip.Addr) netip.Addr {
		if own.IsLoopback() != server.IsLoopback() || r.one || r.dhcp().On() {
			return netip.Addr{}
		}
		return own
	}}
	s.now = func() int64 { return time.Now().UnixNano() }
	if start := r.plan.Scenario.Clock.Start; !start.IsZero() {
		s.now = start.UnixNano
	}
	profiles := &resync.ProfileCache{Compiled: r.options.Compiled}
	unit := list.Unit(g.Row, r.plan.Scenario.Seed, dev, own)
	unit.CCERT = r.certs.Holder.Status(&unit)
	params := list.Params(dev, presetParams(&profiles.Layers, g))
	s.in = resync.Input{Unit: unit, Params: params, Life: device.Life{State: fsm.MfgReset}, Lease: g.Lease,
		Cause: model.ByPowerOn, Booted: s.now(), Profiles: profiles, Nonce: uint64(dev)}
	return s
}

// Now returns the fleet's time at its start.
func (s *scout) Now() int64 { return s.now() }

// Commit keeps the events.
func (s *scout) Commit(_ device.Params, _ device.Life, events []device.Event) {
	s.events = append(s.events, events...)
}

// Fetch asks from the device's own address.
func (s *scout) Fetch(ctx context.Context, q *resync.Request) (resync.Response, error) {
	q.Source = s.source(q.Server.Addr())
	return s.Network.Fetch(s.asking(ctx), q)
}

// Resolve asks for a name as the device does.
func (s *scout) Resolve(ctx context.Context, name string) ([]netip.Addr, error) {
	return s.Network.Resolve(s.asking(ctx), name)
}

func (s *scout) asking(ctx context.Context) context.Context {
	return fetch.For(ctx, fetch.AskerAs(&s.in, s.now(), s.source))
}

// failure returns how the attempt failed.
func (s *scout) failure(o resync.Outcome) RefusedKind {
	k := RefusedKind{Err: o.Err}
	for _, e := range append(s.events, o.Events...) {
		if e.Kind != device.FetchFailed && e.Kind != device.ResyncFailed {
			continue
		}
		k.Result = e.Result.String()
		if f := e.File; f != nil {
			k.URL, k.Hint = fmt.Sprintf("%s://%s%s", f.Scheme, f.Host, f.Path), f.Hint
			if f.Server.Port() != 0 {
				k.URL = fmt.Sprintf("%s://%s:%d%s", f.Scheme, f.Host, f.Server.Port(), f.Path)
			}
		}
	}
	return k
}
