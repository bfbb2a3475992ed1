// Package run runs scenarios and judges them: [Run] starts the embedded server and
// the fleet, follows the timeline, and returns a report.
package run

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"runtime"
	"slices"
	"time"

	"spafleet/certs"
	"spafleet/certs/trust"
	"spafleet/device"
	"spafleet/fleet"
	"spafleet/fleet/state"
	"spafleet/resync/fetch"
	"spafleet/scenarios"
	"spafleet/scenarios/expression"
	"spafleet/scenarios/forecast"
	"spafleet/scenarios/report"
	"spafleet/scenarios/tally"
)

// A run is a scenario that runs.
type run struct {
	plan     *scenarios.Plan
	options  Options
	began    time.Time // by the wall
	fleet    *fleet.Fleet
	tally    *tally.Tally
	log      *tally.EventLog // nil: none
	outcomes *outcomes       // nil: nobody asks
	judge    *judge
	timeline *timeline
	faults   *disturbances
	server   *server
	certs    *trust.Devices
	guard    *fetch.Guard
	monitor  *monitor
	one      bool // the devices' addresses cannot be bound: all ask from one
	notes    []string
	foreseen []string       // notes of the plan
	final    *report.Report // of a clock that jumps, once the scenario is over
	saved    *state.Saved   // what the fleet resumes from; nil: nothing
	unlock   func()         // the state file; nil: it is not locked
	steering steering
}

// Run runs a scenario and judges it. Whatever happened to a scenario that ran is in
// its report. An error without a report says that it could not run: then nothing was
// sent. One with a report says that it ran, and what could not be kept of it: its
// events, or the fleet in its state file.
func Run(ctx context.Context, s *scenarios.Scenario, o Options) (*report.Report, error) {
	run := start
	if s.Bug != nil {
		run = runBug
	}
	result, err := run(ctx, s, o)
	if err != nil && s.HasSecrets() {
		err = &redacted{err, s.Redact(err.Error())}
	}
	return result, err
}

// A redacted error shows no secrets.
type redacted struct {
	err  error
	text string
}

func (e *redacted) Error() string { return e.text }
func (e *redacted) Unwrap() error { return e.err }

// start is Run, whose errors may show secrets.
func start(ctx context.Context, s *scenarios.Scenario, o Options) (*report.Report, error) {
	plan, err := scenarios.NewPlan(s)
	if err != nil {
		return nil, err
	}
	if err := plan.CheckShard(o.Shard); err != nil {
		return nil, err
	}
	r := &run{plan: plan, options: o, guard: forecast.Guard(plan, &o.Machine)}
	if err := forecast.Permitted(plan, r.guard, &o.Machine); err != nil {
		return nil, err
	}
	if err := checkOptions(s, &o); err != nil {
		return nil, fmt.Errorf("scenario %s: %w", s.Name, err)
	}
	defer r.unlockState()
	if err := r.prepare(ctx); err != nil {
		return nil, err
	}
	return r.run(ctx)
}

// checkOptions refuses options that do not fit the scenario.
func checkOptions(s *scenarios.Scenario, o *Options) error {
	virtual := s.Clock.Mode == fleet.Virtual
	ofNetwork := func(s scenarios.Step) bool { return s.Fault != nil && s.Fault.OfNetwork() }
	switch {
	case o.Capture != nil && virtual:
		return fmt.Errorf("in virtual time there are no packets to keep; take another clock")
	case o.PinTFTP && slices.ContainsFunc(s.Timeline, ofNetwork):
		return fmt.Errorf("pin/tftp opens its own sockets, and faults of the network do not reach it; leave it out")
	case o.Keep && s.Bug != nil:
		return fmt.Errorf("a bug is shown and cured in runs one after the other, and none of them stays up")
	case o.Keep && virtual:
		return fmt.Errorf("in virtual time nothing stays up after the end; take another clock")
	case o.PinTFTP && virtual:
		return fmt.Errorf("pin/tftp keeps time itself, and virtual time is not its own; take another clock")
	}
	return nil
}

// prepare opens everything that the scenario needs.
func (r *run) prepare(ctx context.Context) error {
	var err error
	if r.certs, err = r.openCerts(); err != nil {
		return err
	}
	// What is known before the server has addresses: they are filled into the plan.
	if r.foreseen, err = forecast.Notes(r.plan, &r.options.Machine); err != nil {
		return err
	}
	s := r.plan.Scenario
	r.server = &server{plan: r.plan, certs: r.certs, recorded: r.options.Recorded, requests: r.options.Requests, texts: &texts{seed: s.Seed, tell: r.tell}}
	r.faults = &disturbances{server: r.server, begun: make([]*disturbance, len(s.Timeline)), past: make([]int, len(s.Timeline))}
	r.faults.network.Seed, r.server.wrongs.Seed = s.Seed, s.Seed
	r.server.network = &r.faults.network
	if err := r.openState(); err != nil {
		return err
	}
	defer r.closeState()
	if err := r.server.open(); err != nil {
		return err
	}
	r.one = s.Clock.Mode != fleet.Virtual && !r.dhcp().On() && !fleet.NewAddresses(r.options.Addresses, r.plan.List, r.plan.Groups).CanBind()
	err = preflight(ctx, r)
	if err == nil {
		err = r.openFleet()
	}
	if err != nil {
		r.server.close(false)
	}
	return err
}

// oneAddressNote says what it means that this machine cannot bind the devices' own
// addresses, as on systems other than Linux.
const oneAddressNote = "this machine cannot bind the devices' addresses, so all of them ask from one address: a server that tells devices apart by address sees one device, and the devices' web pages cannot be reached"

func (r *run) openFleet() error {
	r.tally = tally.New(r.ownMakes(), r.plan.MakeOf, r.options.Shard)
	if r.one {
		r.notes = append(r.notes, oneAddressNote)
	}
	r.notes = append(r.notes, r.foreseen...)
	if warning := forecast.PortWarning(r.plan, &r.options.Machine); warning != "" {
		r.notes = append(r.notes, warning)
	}
	f, err := fleet.New(r.config())
	if err != nil {
		return err
	}
	r.fleet = f
	r.tally.Identify(f.MAC)
	var filters []tally.Filter
	for i := range r.plan.Scenario.Thresholds {
		if f, watched := r.plan.Scenario.Thresholds[i].Filter(); watched {
			filters = append(filters, f)
		}
	}
	r.tally.Watch(filters)
	if w := r.options.Events; w != nil {
		r.log = tally.NewEventLog(w, f.MAC)
		r.log.Unit = f.Unit
		if r.plan.Scenario.HasSecrets() {
			r.log.Redact = r.plan.Scenario.Redact
		}
	}
	if r.options.Devices != nil {
		r.outcomes = newOutcomes(f)
	}
	r.follow()
	r.recount()
	if err := showMetrics(r); err != nil {
		return err
	}
	return f.Open()
}

// dhcp returns the server that gives the devices their addresses; zero: they have them.
func (r *run) dhcp() fleet.DHCP { return r.options.LeasesOf(r.plan.Scenario) }

// config returns the fleet of the scenario.
func (r *run) config() fleet.Config {
	s, o := r.plan.Scenario, &r.options
	c := fleet.Config{
		Seed: s.Seed, Groups: r.plan.Groups, List: r.plan.List, Shard: o.Shard, Network: r.network(), Guard: r.guard, Addresses: o.Addresses, Source: fleet.Source{One: r.one, DHCP: r.dhcp()},
		Outstanding: s.Most, Rate: s.Rate, Tell: r.tell, Tap: r.tap(),
		Web: o.Web, SIP: sipOf(r), Compiled: o.Compiled, CCERT: r.certs.Holder.Status,
		Clock: s.Clock.Mode, Start: s.Clock.Start, Speed: s.Clock.Speed, InProcess: r.server.modelled,
		Save: fleet.Save{File: o.State, Every: o.SaveEvery, Extra: r.servers, Told: o.Saved}, Resume: r.saved,
	}
	if s.Clock.Jumps() {
		c.Conduct = r.conduct
	}
	if r.beside() {
		c.Loops = runtime.GOMAXPROCS(0)
	}
	return c
}

// beside reports whether the devices are such that loops run side by side in virtual
// time: see [fleet.Config].
func (r *run) beside() bool {
	o := &r.options
	return r.plan.Scenario.Clock.Mode == fleet.Virtual && r.plan.Independent() && o.State == "" && o.Recorded == nil && o.Requests == nil && !sipOf(r).Register
}

// tap returns what the scenario, or its log, asks to be seen on the devices' lines.
func (r *run) tap() fleet.Tap {
	return fleet.Tap{Capture: r.options.Capture, Reasons: r.options.Reasons || r.options.Events != nil, Wire: r.plan.Kinds[device.Wire.String()], Secrets: r.options.Events != nil || r.plan.Names[expression.Costly.Secrets]}
}

// pkiSeed is that of the test PKI which a run has where nobody gives it another.
const pkiSeed = 1

// openCerts gathers what the devices trust and hold.
func (r *run) openCerts() (*trust.Devices, error) {
	o, s := &r.options, r.plan.Scenario
	d := &trust.Devices{PKI: o.PKI, Extra: o.Trust}
	if t := s.Target; t != nil {
		if err := t.Open(d); err != nil {
			return nil, fmt.Errorf("scenario %s: target: %w", s.Name, err)
		}
	}
	if d.PKI == nil {
		d.PKI = certs.New(pkiSeed)
	}
	own, err := s.Certificates(o.Own)
	if err != nil {
		return nil, fmt.Errorf("scenario %s: %w", s.Name, err)
	}
	d.Holder = &certs.Holder{PKI: d.PKI, Pool: o.KeyPool, Unique: o.UniqueKeys, Keep: o.KeepCerts, Own: own}
	return d, nil
}

// network returns what the devices reach their servers through.
func (r *run) network() fleet.Network {
	s := r.plan.Scenario
	if s.Clock.Mode == fleet.Virtual {
		return nil
	}
	sockets := &fetch.Sockets{PinTFTP: r.options.PinTFTP, Certs: r.certs, Guard: r.guard, Capture: r.options.Capture, Faults: &r.faults.network}
	if servers := r.options.NameServers; servers != nil {
		sockets.NameServers = fetch.SystemNames()
		sockets.NameServers.Servers = servers
	}
	if s.Server != nil {
		sockets.Hosts = map[string][]netip.Addr{s.Server.Host(): replicas(s.Server)}
	}
	if t := s.Target; t != nil && t.Hosts != nil {
		sockets.Hosts = t.Known()
	}
	if t := s.Target; t != nil {
		sockets.Balancer = t.Balancer
	}
	return sockets
}

func (r *run) tell(events []device.Event) {
	r.tally.Tell(events)
	r.judge.Tell(events)
	if r.log != nil {
		r.log.Tell(events)
	}
	if r.outcomes != nil {
		r.outcomes.Tell(events)
	}
	if r.options.Tell != nil {
		r.options.Tell(events)
	}
}

// follow sets up the judge and the timeline.
func (r *run) follow() {
	r.judge = newJudge(r.plan, r.fleet)
	r.server.texts.judge = r.judge
	r.timeline = newTimeline(r.plan, r.fleet, r.judge, r.server, r.faults)
	r.timeline.wan, r.timeline.tally = r.options.Web.WAN, r.tally
}

// run runs the fleet and the timeline, and judges.
func (r *run) run(ctx context.Context) (*report.Report, error) {
	s := r.plan.Scenario
	r.monitor = newMonitor(r.fleet, func() float64 { return r.tally.Lateness().P99 })
	defer r.monitor.end()
	r.tellLive(&r.options.Listening)
	r.awaitStart(ctx)
	r.monitor.begin()
	r.began = time.Now()
	r.timeline.start = r.fleet.Now()
	r.server.texts.fleet.Store(r.fleet)
	r.timeline.commands = newCommands(ctx, r)
	defer r.timeline.commands.stop()
	r.timeline.begin() // before the first event
	work := r.fleet.Begin(ctx)
	defer work.Close()
	if s.Clock.Jumps() {
		_ = work.Wait() // end returns its error
	} else {
		r.timeline.web = r.options.Web.Listen || r.options.Keep
		r.timeline.order = func(dev device.Index, c device.Command) { _ = r.fleet.Do(ctx, dev, c) }
		r.tellLive(&r.options.Started)
		if r.timeline.run(ctx); r.timeline.idle {
			r.notes = append(r.notes, "ended early: no device had anything left to do before the deadline")
		}
		r.timeline.commands.stop() // before they are reported
	}
	return r.end(ctx, work)
}

// tellLive calls a callback of the options, once, with the scenario that runs.
func (r *run) tellLive(callback *func(*Live)) {
	tell := *callback
	if tell == nil {
		return
	}
	*callback = nil
	notes := slices.Clone(r.notes)
	r.plan.Scenario.Hide(&notes)
	tell(&Live{Fleet: r.fleet, Tally: r.tally, Server: r.server.sockets, Notes: notes, DHCP: r.dhcp(), Virtual: r.plan.Scenario.Clock.Mode == fleet.Virtual, Resumed: r.resumed(), run: r})
}

// end judges the scenario, and stops the fleet once it need not stay up.
func (r *run) end(ctx context.Context, work *fleet.Run) (*report.Report, error) {
	interrupted := ctx.Err() != nil
	result := r.final
	if result == nil {
		result = r.report(ctx, interrupted)
	}
	decided := r.options.Decided
	if decided == nil {
		decided = func(*report.Report) {}
	}
	stays := r.options.Keep && !interrupted
	if stays {
		decided(result)
		<-ctx.Done()
	}
	err := work.Close()
	r.steering.over.Store(true)
	result.Generator.Aborted, result.Unheard = r.fleet.Aborted(), r.fleet.Unheard() // the last ones too
	if !stays {
		decided(result)
	}
	r.server.close(interrupted || r.options.Keep)
	if r.log != nil {
		if unwritten := r.log.Flush(); unwritten != nil {
			err = errors.Join(err, fmt.Errorf("write events: %w", unwritten))
		}
	}
	if r.outcomes != nil {
		if unwritten := r.options.Devices(r.outcomes.all(r.timeline.start, r.plan.Scenario.Hide)); unwritten != nil {
			err = errors.Join(err, fmt.Errorf("write devices: %w", unwritten))
		}
	}
	return result, err
}

// conduct follows the timeline of a fleet whose clock jumps: the fleet's loop calls
// it, the first time when devices have power.
func (r *run) conduct(at int64, do func(device.Index, device.Command)) (next int64, over bool) {
	r.tellLive(&r.options.Started)
	t := r.timeline
	t.order = do
	now := time.Duration(at - t.start)
	ctx := context.Background()
	if t.tick(ctx, now) {
		r.final = r.report(ctx, false)
		return 0, true
	}
	after, ok := t.nextMoment(now)
	if !ok {
		return math.MaxInt64, false
	}
	return t.start + int64(after), false
}
