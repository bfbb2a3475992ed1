package scenarios

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"spafleet/certs"
	"spafleet/device"
	"spafleet/device/model"
	"spafleet/fleet"
	"spafleet/fleet/state"
	"spafleet/prov"
	"spafleet/resync"
	"spafleet/resync/fault"
	"spafleet/resync/fetch"
	"spafleet/resync/modelled"
	"spafleet/scenarios/report"
)

// Options is what belongs to the machine that runs a story, not to the story.
type Options struct {
	// Shard is the part of the fleet that this machine works. Its report carries
	// what [Merge] needs.
	Shard   device.Shard
	Run     string // names the run that all shards are of
	Attempt int    // how often this shard was tried before
	// StartAt is when the devices get power; the zero Time is at once, and so is
	// one that has passed.
	StartAt    time.Time
	Addresses  netip.Prefix
	Web        fleet.Web
	PinTFTP    bool
	Compiled   resync.Compiled     // opens files of the vendor's compiler
	PKI        *certs.PKI          // the authorities; nil: those of certs.New(1)
	Trust      []*x509.Certificate // further authorities that the devices trust
	Own        *certs.Material     // certificates of one's own, before those of the PKI; nil: none
	KeyPool    int                 // how many keys the devices' certificates share; 0: 64
	UniqueKeys bool                // a key for each device, not one of a pool
	KeepCerts  int                 // about how many of the devices' certificates are kept; 0: certs.Kept
	// NameServers are asked for names, in this order; none: the system's.
	NameServers []netip.AddrPort
	// Public are names and addresses that may be contacted though they are
	// public: the user's word, which no story can give itself.
	Public []string
	// Operator is the word of a user that the servers are his: without it no
	// more than 1,000 devices contact any off this machine.
	Operator bool
	Registry prometheus.Registerer // nil: no live metrics
	Tell     func([]device.Event)  // hears all events, as fleet.Config.Tell; may be nil
	Events   io.Writer             // takes all events, each as a line of JSON; nil: nobody does
	// Started is called once everything listens, before the first device has
	// power.
	Started func(*Live)
	// Decided is called when the story is judged. With Keep the fleet stays up
	// after it until the context ends.
	Decided func(*Report)
	Keep    bool
	// State is the file that the fleet is kept in, every minute of wall time and
	// at the end; "": none. If it is there, the fleet goes on from it. The story
	// itself begins anew: its timeline, its claims and its counts.
	State string
	// SaveEvery is another time than a minute between two snapshots.
	SaveEvery time.Duration
	// Saved hears of each time that the fleet was saved; may be nil.
	Saved func(fleet.Snapshot)
}

// A Live is a story that runs.
type Live struct {
	Fleet   *fleet.Fleet
	Tally   *report.Tally
	Server  *prov.Server // nil with a target, and in virtual time
	Notes   []string
	Virtual bool      // time is virtual
	Resumed time.Time // fleet time of the snapshot that the fleet goes on from; zero: it begins
	play    *play
}

// Health returns how this machine bears the run so far.
func (l *Live) Health() Health { return l.play.nurse.look() }

// Steps returns the named steps that have happened, in order.
func (l *Live) Steps() []string {
	l.play.judge.mu.Lock()
	defer l.play.judge.mu.Unlock()
	return append([]string(nil), l.play.happened...)
}

// A play is a story on its way.
type play struct {
	*plan
	options  Options
	start    int64     // fleet time
	began    time.Time // by the wall
	fleet    *fleet.Fleet
	tally    *report.Tally
	log      *report.EventLog // nil: none
	judge    *judge
	server   *prov.Server
	certs    *certs.Devices
	guard    *fetch.Guard
	nurse    *nurse
	pairs    *prov.Pairs
	texts    *texts
	when     []*tracked // by step
	expect   []*tracked
	fired    []time.Duration // by step; -1: not yet
	reached  []int           // devices that a step chose
	missed   []bool
	happened []string // named steps, guarded by judge.mu
	notes    []string
	values   map[string]string // of ${…}
	quiet    []quiet
	chores   []chore                            // by time
	faults   fault.Plan                         // of the network
	wrongs   fault.Plan                         // of the server
	disturbs []*disturbed                       // by step
	order    func(device.Index, device.Command) // how devices are commanded
	final    *Report                            // of a clock that jumps, once the story is over
	modelled *modelled.Network                  // the server of virtual time
	saved    *state.Saved                       // what the fleet goes on from; nil: nothing
	beside   beside                             // what was saved beside it
}

// Run acts a story out and judges it. The error says that it could not run:
// then nothing was sent. What came of a story that ran is in its report.
func Run(ctx context.Context, s *Story, o Options) (*Report, error) {
	plan, err := newPlan(s)
	if err != nil {
		return nil, err
	}
	if err := plan.inShards(o.Shard); err != nil {
		return nil, err
	}
	p := &play{plan: plan, options: o, guard: plan.newGuard(&o)}
	if err := p.permitted(p.guard); err != nil {
		return nil, err
	}
	p.texts = &texts{play: p}
	p.faults.Seed, p.wrongs.Seed = s.Seed, s.Seed
	p.disturbs = make([]*disturbed, len(s.Timeline))
	if o.PinTFTP && slices.ContainsFunc(s.Timeline, func(s Step) bool { return s.Fault != nil && s.Fault.OfNetwork() }) {
		return nil, fmt.Errorf("story %s: pin/tftp opens its own sockets, and faults of the network do not reach it; leave it out", s.Name)
	}
	if o.Keep && s.Clock.Mode == fleet.Virtual {
		return nil, fmt.Errorf("story %s: in virtual time nothing stays up after the end; take another clock", s.Name)
	}
	if o.PinTFTP && s.Clock.Mode == fleet.Virtual {
		return nil, fmt.Errorf("story %s: pin/tftp keeps time itself, and virtual time is not its own; take another clock", s.Name)
	}
	if err := p.prepare(); err != nil {
		return nil, err
	}
	return p.perform(ctx)
}

// prepare opens everything that the story needs.
func (p *play) prepare() error {
	var err error
	if p.certs, err = p.openCerts(); err != nil {
		return err
	}
	if err := p.openState(); err != nil {
		return err
	}
	defer p.closeState()
	switch {
	case p.story.Server != nil:
		if err := p.openServer(); err != nil {
			return err
		}
	case p.story.Clock.Mode == fleet.Virtual:
		p.modelled = &modelled.Network{Faults: &p.faults} // nobody answers
	}
	if err := p.openFleet(); err != nil {
		p.closeServer(false)
		return err
	}
	return nil
}

func (p *play) openFleet() error {
	p.tally = report.NewTally(p.ownMakes(), p.makeOf, p.options.Shard)
	one := !fleet.CanBind(p.options.Addresses)
	if one {
		p.notes = append(p.notes, "this machine cannot bind the devices' addresses: all traffic comes from one address")
	}
	if warning := p.warnOfPorts(&p.options); warning != "" {
		p.notes = append(p.notes, warning)
	}
	config := fleet.Config{
		Seed: p.story.Seed, Groups: p.groups, Shard: p.options.Shard, Network: p.network(), Guard: p.guard, Addresses: p.options.Addresses, OneAddress: one,
		Outstanding: p.story.Most, Rate: p.story.Rate, Tell: p.tell, Late: p.tally.Late, Web: p.options.Web,
		Compiled: p.options.Compiled, CCERT: p.certs.Holder.Status,
		Clock: p.story.Clock.Mode, Start: p.story.Clock.Start, Speed: p.story.Clock.Speed, InProcess: p.modelled,
		Save: fleet.Save{File: p.options.State, Every: p.options.SaveEvery, Extra: p.keepBeside, Told: p.options.Saved}, Resume: p.saved,
	}
	if p.story.Clock.jumps() {
		config.Conduct = p.lead
	}
	f, err := fleet.New(config)
	if err != nil {
		return err
	}
	p.fleet = f
	if w := p.options.Events; w != nil {
		p.log = report.NewEventLog(w, func(dev device.Index) model.MAC { return device.MACOf(f.Group(dev).Row.Model, p.story.Seed, dev) })
	}
	p.observe()
	p.recount()
	if p.options.Registry != nil {
		if err := p.tally.Register(p.options.Registry, f); err != nil {
			return err
		}
	}
	return f.Open()
}

// openCerts gathers what the devices trust and hold.
func (p *play) openCerts() (*certs.Devices, error) {
	o := &p.options
	d := &certs.Devices{PKI: o.PKI, Extra: o.Trust}
	if t := p.story.Target; t != nil {
		if err := t.open(d); err != nil {
			return nil, fmt.Errorf("story %s: target: %w", p.story.Name, err)
		}
	}
	if d.PKI == nil {
		d.PKI = certs.New(1)
	}
	own, err := p.material(o)
	if err != nil {
		return nil, fmt.Errorf("story %s: %w", p.story.Name, err)
	}
	d.Holder = &certs.Holder{PKI: d.PKI, Seed: p.story.Seed, Pool: o.KeyPool, Unique: o.UniqueKeys, Keep: o.KeepCerts, Own: own}
	return d, nil
}

// material gathers the certificates of one's own: those of the options, and of
// the groups' folders.
func (p *plan) material(o *Options) (*certs.Material, error) {
	all := &certs.Material{}
	if o.Own != nil {
		all.Include(o.Own)
	}
	for _, g := range p.story.Fleet {
		if g.Cert == "" {
			continue
		}
		m, err := certs.ReadMaterial(g.Cert, "")
		if err != nil {
			return nil, fmt.Errorf("fleet.%s.cert: %w", g.Name, err)
		}
		all.Include(m)
	}
	return all, nil
}

// network returns what the devices reach their servers through.
func (p *play) network() fleet.Network {
	if p.story.Clock.Mode == fleet.Virtual {
		return nil
	}
	sockets := &fetch.Sockets{PinTFTP: p.options.PinTFTP, Certs: p.certs, Guard: p.guard, Faults: &p.faults}
	if servers := p.options.NameServers; servers != nil {
		sockets.NameServers = fetch.SystemNames()
		sockets.NameServers.Servers = servers
	}
	if s := p.story.Server; s != nil {
		sockets.Hosts = map[string][]netip.Addr{s.name(): {p.server.HTTP().Addr()}}
	}
	if t := p.story.Target; t != nil && t.Hosts != nil {
		sockets.Hosts = hostAddresses(t.Hosts)
	}
	return sockets
}

func (p *play) tell(events []device.Event) {
	p.tally.Tell(events)
	p.judge.Tell(events)
	if p.log != nil {
		p.log.Tell(events)
	}
	if p.options.Tell != nil {
		p.options.Tell(events)
	}
}

// observe sets up the judge and the claims.
func (p *play) observe() {
	j := &judge{fleet: p.fleet, seed: p.story.Seed, kinds: map[string]int{}, news: make(chan struct{}, 1)}
	for kind := range p.kinds {
		j.kinds[kind] = len(j.kinds)
	}
	if p.watches() {
		j.facts = make([]facts, p.fleet.Len())
	}
	for i := range j.facts {
		j.facts[i].counts, j.facts[i].last = make([]int, len(j.kinds)), make([]happen, len(j.kinds))
	}
	p.judge = j
	for i := range p.story.Timeline {
		var t *tracked
		if c := p.story.Timeline[i].When; c != nil {
			t = p.track(c, false)
		}
		p.when = append(p.when, t)
		p.fired = append(p.fired, -1)
	}
	p.reached, p.missed = make([]int, len(p.fired)), make([]bool, len(p.fired))
	for i := range p.story.Expect {
		c := &p.story.Expect[i]
		p.expect = append(p.expect, p.track(c, c.By.Given && c.Quant != "none"))
	}
}

// track begins to follow a claim. Claims with a deadline count a device once it
// has held.
func (p *play) track(c *Claim, latched bool) *tracked {
	t := &tracked{claim: c, program: p.programs[c], latched: latched, broken: map[device.Index]happen{}}
	t.shared = slices.Contains(quantified, c.Quant) && !p.options.Shard.Whole()
	t.number = len(p.judge.claims)
	names, _ := p.groupNames(c.Of)
	if names == nil {
		t.devices = p.fleet.Len()
	} else {
		t.in = make([]bool, p.fleet.Len())
		for i := range t.in {
			for _, n := range names {
				if p.fleet.Group(p.judge.device(i)).Name == n {
					t.in[i] = true
					t.devices++
				}
			}
		}
	}
	p.judge.claims = append(p.judge.claims, t)
	return t
}

// perform runs the fleet and the timeline, and judges.
func (p *play) perform(ctx context.Context) (*Report, error) {
	p.nurse = newNurse(p.fleet, func() float64 { return p.tally.Lateness().P99 })
	defer p.nurse.end()
	if p.options.Started != nil {
		p.options.Started(&Live{Fleet: p.fleet, Tally: p.tally, Server: p.server, Notes: p.notes, Virtual: p.story.Clock.Mode == fleet.Virtual, Resumed: p.resumed(), play: p})
	}
	p.awaitStart(ctx)
	p.nurse.begin()
	began := time.Now()
	p.start = p.fleet.Now()
	p.judge.start = p.start
	p.texts.fleet.Store(p.fleet)
	p.begin() // before the first event
	p.foresee()
	work, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	p.order = func(dev device.Index, c device.Command) { _ = p.fleet.Do(work, dev, c) }
	if p.story.Clock.jumps() {
		p.began = began
		ended <- p.fleet.Run(work)
	} else {
		go func() { ended <- p.fleet.Run(work) }()
		p.conduct(ctx)
	}
	interrupted := ctx.Err() != nil
	report := p.final
	if report == nil {
		report = p.report(ctx, began, interrupted)
	}
	decided := p.options.Decided
	if decided == nil {
		decided = func(*Report) {}
	}
	stays := p.options.Keep && !interrupted
	if stays {
		decided(report)
		<-ctx.Done()
	}
	stop()
	err := <-ended
	report.Generator.Aborted = p.fleet.Aborted() // those too that the end cut off
	if !stays {
		decided(report)
	}
	p.closeServer(interrupted || p.options.Keep)
	if p.log != nil && err == nil {
		if err = p.log.Flush(); err != nil {
			err = fmt.Errorf("write events: %w", err)
		}
	}
	return report, err
}

// closeServer ends the embedded server, if there is one. A TFTP transfer whose
// device fell silent holds it for some seconds, unless the run was interrupted:
// then its end is left to that of the program.
func (p *play) closeServer(interrupted bool) {
	if p.server == nil {
		return
	}
	closed := make(chan struct{})
	go func() {
		p.server.Close()
		close(closed)
	}()
	if !interrupted {
		<-closed
		return
	}
	timer := time.NewTimer(closeWait)
	defer timer.Stop()
	select {
	case <-closed:
	case <-timer.C:
	}
}

// closeWait is how long an interrupted run waits for the server's last transfers.
const closeWait = 500 * time.Millisecond

// openServer starts the embedded server and fills in where it is.
func (p *play) openServer() error {
	s := p.story.Server
	p.pairs = &prov.Pairs{Seed: p.story.Seed}
	p.pairs.Resume(p.beside.Rotations)
	core, err := prov.NewCore(nil, prov.Options{Who: p.texts.who, Find: p.texts.find, Expand: p.texts.expand, Pairs: p.pairs, Faults: &p.wrongs})
	if err != nil {
		return err
	}
	if p.story.Clock.Mode == fleet.Virtual {
		if err := p.serveInProcess(core); err != nil {
			return fmt.Errorf("story %s: %w", p.story.Name, err)
		}
		return p.fillServer(core)
	}
	server := &prov.Server{Core: core, Now: p.now, TFTPAddr: p.beside.at(0, cmpOr(s.TFTP, "127.0.0.1:0")), HTTPAddr: p.beside.at(1, cmpOr(s.HTTP, "127.0.0.1:0"))}
	for i := range s.HTTPS {
		l, err := s.HTTPS[i].Listener(p.certs.PKI, s.name(), "127.0.0.1", p.today)
		if err != nil {
			return fmt.Errorf("story %s: https: %w", p.story.Name, err)
		}
		l.Addr = p.beside.at(2+i, l.Addr)
		server.HTTPS = append(server.HTTPS, l)
	}
	if err := server.Open(); err != nil {
		return p.beside.where(err)
	}
	p.server = server
	p.values = p.addresses(server.TFTP(), server.HTTP(), server.HTTPSAt())
	return p.fillServer(core)
}

// now is the fleet's time, or the time of its start before there is a fleet.
func (p *play) now() int64 {
	if f := p.texts.fleet.Load(); f != nil {
		return f.Now()
	}
	return time.Now().UnixNano()
}

// today is the date by which servers judge certificates.
func (p *play) today() time.Time { return time.Unix(0, p.now()) }

// fillServer gives the server its files, and the devices its addresses.
func (p *play) fillServer(core *prov.Core) error {
	files, err := p.fill()
	if err == nil {
		err = core.SetFiles(files)
	}
	if err == nil {
		err = p.fillRC()
	}
	if err != nil {
		p.closeServer(false)
		return fmt.Errorf("story %s: %w", p.story.Name, err)
	}
	for i := range p.groups {
		if err := p.fillPresets(p.groups[i].Presets); err != nil {
			return err
		}
		if lease := &p.groups[i].Lease; lease.TFTPServer == "" && !p.noLease(p.groups[i].Name) {
			lease.TFTPServer = p.values["server.tftp"]
		}
	}
	return nil
}

// addresses returns what ${…} stands for. Plain servers go by address, those
// with a certificate by the name that is in it.
func (p *play) addresses(tftp, http netip.AddrPort, at []netip.AddrPort) map[string]string {
	s := p.story.Server
	values := map[string]string{"server.name": s.name(), "server.tftp": tftp.String(), "server.http": http.String()}
	for i, key := range s.secureKeys() {
		place := net.JoinHostPort(s.name(), strconv.Itoa(int(at[i].Port())))
		if i == 0 {
			values["server.https"] = place
		}
		if values[key] == "" {
			values[key] = place
		}
	}
	return values
}

func (s *Server) name() string { return cmpOr(s.Name, "prov.test") }

func (p *play) noLease(group string) bool {
	for _, g := range p.story.Fleet {
		if g.Name == group {
			return g.NoLease
		}
	}
	return false
}

// fillRC expands ${…} in the groups' customization URLs.
func (p *play) fillRC() (err error) {
	for i := range p.groups {
		g := &p.groups[i]
		if g.RCURL, err = placeholders(g.RCURL, p.values); err != nil {
			return fmt.Errorf("fleet.%s.rc: %w", g.Name, err)
		}
	}
	return nil
}

// fill expands ${…} in paths and bodies.
func (p *play) fill() (map[string]prov.Entry, error) {
	files := map[string]prov.Entry{}
	for path, e := range p.story.Server.Files {
		for _, text := range []*string{&path, &e.Body, &e.Key, &e.Location} {
			filled, err := placeholders(*text, p.values)
			if err != nil {
				return nil, err
			}
			*text = filled
		}
		files[path] = e
	}
	return files, nil
}

// fillPresets expands ${…} in what a group sets.
func (p *play) fillPresets(sets []device.Set) error {
	for i := range sets {
		filled, err := placeholders(sets[i].Value, p.values)
		if err != nil {
			return err
		}
		sets[i].Value = filled
	}
	return nil
}
