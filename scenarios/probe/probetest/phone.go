package probetest

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"spafleet/certs/trust"
	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/syslog"
	"spafleet/fleet"
	"spafleet/host"
	"spafleet/resync"
	"spafleet/resync/fetch"
	"spafleet/webui"
)

// Options say what a phone is.
type Options struct {
	Model, Firmware string // "": SPA942, and the newest firmware
	Switches        map[string]string
	Presets         map[string]string // parameters; they survive a factory reset
	Seed            uint64            // 0: 1
	Certs           *trust.Devices    // nil: https fails
	Lease           resync.Lease
	Hosts           map[string][]netip.Addr // names that it finds without a name server
	Off             bool                    // no power until SwitchOn
	WAN             bool                    // requests reach a router's web server on its WAN side
	Tell            func([]device.Event)    // as that of fleet.Config; may be nil
}

// A Phone is an emulated device, and what it has told.
type Phone struct {
	Fleet *fleet.Fleet // of this one device
	Host  *Host        // where it is: unplugged, it vanishes; nil: on sockets

	options Options
	mu      sync.Mutex
	events  []device.Event
	logs    *packetConn
	run     *fleet.Run
	ctx     context.Context // until Close
	stop    context.CancelFunc
	works   sync.WaitGroup // the web server, and what is done once something is so
}

// mostEvents bounds what a phone remembers: the newest.
const mostEvents = 1 << 16

// Phone starts a device at a host, until the test ends. Its web server is at port 80, and
// line 1 hears SIP at port 5060, unless a phone that shares the address is there already. It has a real clock, which in
// a bubble is the bubble's, and starts no random time after the others.
func (h *Host) Phone(t testing.TB, o Options) *Phone {
	t.Helper()
	p := &Phone{Host: h, options: o}
	guard := &fetch.Guard{}
	sockets := &fetch.Sockets{
		Hosts: o.Hosts, Certs: o.Certs, Guard: guard, NameServers: &fetch.NameServers{},
		ListenPacket: func(context.Context, netip.Addr) (net.PacketConn, error) { return h.packets(0) },
		Dial: func(ctx context.Context, _ netip.Addr, server netip.AddrPort, wait time.Duration) (net.Conn, error) {
			ctx, stop := context.WithTimeout(ctx, wait)
			defer stop()
			return h.Dial(ctx, server)
		},
		DialNameServer: func(ctx context.Context, _ netip.Addr, network, address string) (net.Conn, error) {
			return h.dialAny(ctx, network, address)
		},
	}
	logs, err := h.packets(0)
	ok(t, err)
	p.logs = logs
	// The fleet's own log lines would go to a real socket: it may send them nowhere.
	p.start(t, fleet.Config{Network: sockets, Guard: &fetch.Guard{Hosts: []string{}}}, h.Addr())
	if l, err := h.Listen(webPort); err == nil {
		site := &webui.Site{Devices: p.Fleet, WAN: o.WAN, Port: webPort}
		p.works.Go(func() { _ = site.Serve(p.ctx, l) })
	}
	if c, err := h.packets(sipPort); err == nil {
		p.works.Go(func() { p.hearSIP(c) })
	}
	return p
}

// webPort is where a phone's web server answers.
const webPort = 80

// start starts the phone's fleet, with the rest of its Config, at an address.
func (p *Phone) start(t testing.TB, c fleet.Config, at netip.Addr) {
	t.Helper()
	o := &p.options
	if o.Model == "" {
		o.Model = "SPA942"
	}
	row, err := model.NewRow(o.Model, o.Firmware, o.Switches)
	ok(t, err)
	c.Seed, c.Loops, c.Tell = max(o.Seed, 1), 1, p.hear
	if o.Certs != nil && o.Certs.Holder != nil {
		c.CCERT = o.Certs.Holder.Status
	}
	c.Groups = []fleet.Group{{Name: "phone", Row: row, Count: 1, Presets: o.Presets, Lease: o.Lease, Off: o.Off, Addresses: netip.PrefixFrom(at, 32)}}
	p.Fleet, err = fleet.New(c)
	ok(t, err)
	ok(t, p.Fleet.Open())
	p.ctx, p.stop = context.WithCancel(context.Background())
	p.run = p.Fleet.Begin(context.Background())
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Close ends the phone before the test does.
func (p *Phone) Close() error {
	p.stop()
	p.works.Wait()
	err := p.run.Close()
	if p.logs != nil {
		p.logs.Close()
	}
	return err
}

// View returns a copy of the device.
func (p *Phone) View() device.View {
	v, _ := p.Fleet.View(0) // there is one
	return v
}

// Get returns the value of a parameter, "" for one that the model has not.
func (p *Phone) Get(name string) string {
	value, _ := p.View().Params.Lookup(name)
	return value
}

// Do gives the device a command, and returns fleet.ErrNoPower where it does not hear it.
func (p *Phone) Do(ctx context.Context, c device.Command) error {
	if c.Cause == 0 {
		c.Cause = model.ByStep
	}
	return p.Fleet.Ask(ctx, 0, c)
}

// PowerOff takes the power away, at once: its connections end without a word.
func (p *Phone) PowerOff(ctx context.Context) error {
	if p.Host != nil {
		p.Host.Unplug()
		p.Host.Forget()
	}
	return p.Do(ctx, device.Command{Order: device.SwitchOff})
}

// PowerOn gives it back.
func (p *Phone) PowerOn(ctx context.Context) error {
	if p.Host != nil {
		p.Host.Plug()
	}
	return p.Do(ctx, device.Command{Order: device.SwitchOn})
}

// Once does something as soon as held is true, which is asked after each event. It is
// left undone where the phone ends first, and its context ends then.
func (p *Phone) Once(held func() bool, do func(ctx context.Context)) {
	p.works.Go(func() {
		if p.Fleet.Await(p.ctx, held) == nil {
			do(p.ctx)
		}
	})
}

// Outage takes the power away after a while, for so long.
func (p *Phone) Outage(after, long time.Duration) {
	p.works.Go(func() {
		if host.Sleep(p.ctx, after) != nil || p.PowerOff(p.ctx) != nil {
			return
		}
		if host.Sleep(p.ctx, long) == nil {
			_ = p.PowerOn(p.ctx) // the phone may be at its end
		}
	})
}

// Events returns what the phone has done, of some kinds or, for none, of all; of more
// than 65,536 events the newest.
func (p *Phone) Events(kinds ...device.Kind) (list []device.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.events {
		if len(kinds) == 0 && e.Kind != device.Late || slices.Contains(kinds, e.Kind) {
			list = append(list, e)
		}
	}
	return list
}

// hear takes the events of the fleet, in its loop.
func (p *Phone) hear(events []device.Event) {
	p.mu.Lock()
	if len(p.events) >= mostEvents {
		p.events = append(p.events[:0], p.events[mostEvents/2:]...)
	}
	p.events = append(p.events, events...)
	p.mu.Unlock()
	if p.logs != nil {
		for i := range events {
			if events[i].Kind == device.Syslog {
				p.log(&events[i])
			}
		}
	}
	if p.options.Tell != nil {
		p.options.Tell(events)
	}
}

// log sends a line to the servers of the parameters. One with a name must be among
// Options.Hosts.
func (p *Phone) log(e *device.Event) {
	v := p.View()
	line := v.Unit.Row.Behaviour.Syslog.Append(nil, syslog.Line{Priority: e.Log, Text: e.Text})
	for i, name := range [...]string{"Syslog_Server", "Debug_Server"} {
		server, _ := v.Params.Lookup(name)
		if server == "" || i == 0 && e.Log.DebugOnly() {
			continue
		}
		name, port, _ := syslog.SplitServer(server)
		addr, err := netip.ParseAddr(name)
		if known := p.options.Hosts[name]; err != nil && len(known) > 0 {
			addr = known[0]
		}
		_, _ = p.logs.WriteToUDPAddrPort(line, netip.AddrPortFrom(addr, port)) // as UDP does: lost where nobody is
	}
}
