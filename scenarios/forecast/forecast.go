// Package forecast estimates what a scenario will take before it runs: the hosts
// that its devices will contact, its load on the server, and whether this machine
// is large enough.
package forecast

import (
	"fmt"
	"iter"
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"

	"spafleet/device"
	"spafleet/device/rule"
	"spafleet/fleet"
	"spafleet/host"
	"spafleet/resync"
	"spafleet/resync/fetch"
	"spafleet/scenarios"
	"spafleet/scenarios/tally"
)

// Of returns what a scenario will take on a machine. It starts nothing and sends
// nothing.
func Of(s *scenarios.Scenario, m scenarios.Machine) (*Forecast, error) {
	p, err := scenarios.NewPlan(s)
	if err != nil {
		return nil, err
	}
	if err := p.CheckShard(m.Shard); err != nil {
		return nil, err
	}
	return newPlan(p, m.Flags).forecast(&m)
}

// A plan is a checked scenario whose needs are estimated.
type plan struct {
	*scenarios.Plan
	flags  scenarios.Flags
	system *fetch.NameServers // what this machine knows of names
}

func newPlan(p *scenarios.Plan, flags scenarios.Flags) plan {
	return plan{p, flags.Named(), fetch.SystemNames()}
}

// A groupShare is the part of a group of the fleet that this machine runs.
type groupShare struct {
	*fleet.Group
	number int
	count  int
}

// shares returns the groups that have devices here.
func (p plan) shares(shard device.Shard) (list []groupShare) {
	for i := range p.Groups {
		if n := p.Share(i, shard); n > 0 {
			list = append(list, groupShare{&p.Groups[i], i, n})
		}
	}
	return list
}

// A setting is what a device is set to at the start, and how many it stands for.
type setting struct {
	*fleet.Group
	unit   device.Unit
	params device.Params
	count  int
}

// settings yields what devices of a group are set to at the start: the first one where
// all are set alike, else up to most, spread evenly. Together they stand for all.
func (p plan) settings(group, most int) iter.Seq[setting] {
	return func(yield func(setting) bool) {
		g, list := &p.Groups[group], p.List
		n := min(1, g.Count)
		if list.SetsParams() {
			n = min(most, g.Count)
		}
		presets := p.presetParams(g)
		for i := range n {
			dev := p.Device(group, i*g.Count/n)
			unit := list.Unit(g.Row, p.Scenario.Seed, dev, netip.IPv4Unspecified())
			if !yield(setting{g, unit, list.Params(dev, presets), (i+1)*g.Count/n - i*g.Count/n}) {
				return
			}
		}
	}
}

// few is how many settings of a group are looked at where a sample does: a part of
// mostSettings, by the group's part of the fleet.
func (p plan) few(group int) int {
	return 1 + mostSettings*p.Groups[group].Count/max(p.Devices(), 1)
}

const mostSettings = 2000

// sampled yields settings of groups, which stand for their devices here.
func (p plan) sampled(shares []groupShare) iter.Seq[setting] {
	return func(yield func(setting) bool) {
		for _, g := range shares {
			n := 0
			for d := range p.settings(g.number, p.few(g.number)) {
				before := n * g.count / g.Count
				n += d.count
				if d.count = n*g.count/g.Count - before; !yield(d) {
					return
				}
			}
		}
	}
}

func (p plan) forecast(o *scenarios.Machine) (*Forecast, error) {
	shares := p.shares(o.Shard)
	f := p.traffic(shares, o)
	f.Descriptors = p.descriptors(o)
	f.Memory = p.memory(f)
	f.CPU = CPU{Cores: host.Cores(), Limit: host.CPULimit(), PerAttempt: attemptCost.Seconds(), Peak: f.held(f.Start.Peak()) * attemptCost.Seconds()}
	if p.Scenario.Clock.Mode == fleet.Virtual {
		f.Simulation = f.simulation(p.Scenario.Duration)
	}
	var err error
	if f.Certificates, err = p.certificates(shares, o); err != nil {
		return nil, err
	}
	d, err := devicesOf(p, o)
	if err != nil {
		return nil, err
	}
	left := 0
	if f.Handshakes, left, err = handshakes(p, shares, d, o.Now); err != nil {
		return nil, err
	}
	if f.Notes, err = Notes(p.Plan, o); err != nil {
		return nil, err
	}
	if left > 0 {
		f.Notes = append(f.Notes, fmt.Sprintf("%d handshakes are judged, of the first models in the file; %d more are not", mostHandshakes, left))
	}
	f.judge(p)
	return f, nil
}

// simulation forecasts how long a time of the fleet takes in virtual time.
func (f *Forecast) simulation(whole time.Duration) *Simulation {
	s := &Simulation{Fleet: whole.Seconds(), PerAttempt: virtualCost.Seconds()}
	s.Attempts = float64(f.Devices) + f.Steady*s.Fleet
	s.Seconds = s.Attempts * s.PerAttempt
	return s
}

// traffic forecasts the requests of the devices, by server and by second.
func (p plan) traffic(shares []groupShare, o *scenarios.Machine) *Forecast {
	f := &Forecast{Format: 1, Name: p.Scenario.Name, About: p.Scenario.Redact(p.Scenario.About), Seed: p.Scenario.Seed, Clock: p.Scenario.Clock.String(), Contacts: p.contacts(Guard(p.Plan, o), o), Misfits: []Misfit{}}
	for _, g := range shares {
		f.Devices += g.count
		name, version := g.Row.Model.Name, g.Row.Firmware.Version
		at := slices.IndexFunc(f.Models, func(m tally.Make) bool { return m.Model == name && m.Firmware == version })
		if at < 0 {
			at = len(f.Models)
			f.Models = append(f.Models, tally.Make{Model: name, Firmware: version})
		}
		f.Models[at].Devices += g.count
	}
	for _, param := range p.Scenario.Params {
		f.Params = append(f.Params, Param{param.Name, param.Shown(), p.Scenario.Redact(param.About)})
	}
	f.Start, f.Steady = p.waves(shares, o.Shard)
	f.Failing = p.failing(shares)
	f.Extras = extrasOf(&p, shares)
	f.Commands = commandsOf(&p, o)
	f.SIP = registrationsOf(&p, shares, o)
	f.Addresses = p.ownAddresses(o)
	f.Connections = p.connections(f)
	return f
}

// PortWarning returns a warning before a run in which one source address will make
// too many connections; "" for none.
func PortWarning(of *scenarios.Plan, o *scenarios.Machine) string {
	p := newPlan(of, o.Flags)
	if p.Scenario.Clock.Jumps() {
		return ""
	}
	c := p.traffic(p.shares(o.Shard), o).Connections
	if c.PerSecond <= c.Warn {
		return ""
	}
	return c.Arithmetic() + "; see " + strings.TrimSuffix(p.moreAddresses(), " PREFIX")
}

// held returns a rate within the scenario's limit.
func (f *Forecast) held(rate float64) float64 {
	if f.Start.Rate > 0 {
		return min(rate, f.Start.Rate)
	}
	return rate
}

// waves returns the resyncs after power and those that repeat.
func (p plan) waves(shares []groupShare, shard device.Shard) (start Wave, steady float64) {
	start.Rate = p.Scenario.Rate / float64(max(shard.Count, 1))
	pace := p.Scenario.Clock.Pace()
	for d := range p.sampled(shares) {
		s := resync.ScheduleOf(d.Row, d.params)
		customizing := d.RCURL != "" && d.Row.Customizable()
		switch {
		case d.Off || !customizing && !(s.Enabled && s.OnReset):
			start.Waiting += d.count
		case customizing || s.RandomDelay <= 0:
			start.AtOnce += d.count
		default:
			start.PerSecond += float64(d.count) * pace / s.RandomDelay.Seconds()
			start.Window = max(start.Window, s.RandomDelay.Seconds()/pace)
		}
		steady += float64(d.count) * pace * repeats(&s)
	}
	return start, steady
}

// failing returns the load of devices whose server refuses them. A resync ends with the
// first file that fails.
func (p plan) failing(shares []groupShare) (f Failing) {
	for d := range p.sampled(shares) {
		s := resync.ScheduleOf(d.Row, d.params)
		wait, again := s.ErrorRetry.Nth(len(s.ErrorRetry), 0.5)
		if !again && s.RetryAtOnce {
			wait, again = time.Second, true
		}
		requests := 1
		if d.asksByHTTP() {
			requests += d.Row.Behaviour.HTTP.Repeats
		}
		f.InARow = max(f.InARow, requests)
		if s.Enabled && again && wait > 0 {
			rate := float64(d.count) * p.Scenario.Clock.Pace() / wait.Seconds()
			f.Resyncs += rate
			f.Requests += rate * float64(requests)
		}
	}
	return f
}

// asksByHTTP reports whether the first rule of a device's that asks for a file may do
// so by HTTP, with or without TLS.
func (s *setting) asksByHTTP() bool {
	for _, name := range profileRules {
		text, _ := s.params.Lookup(name)
		list := slices.DeleteFunc(device.Alternatives(&s.unit, s.params, text), func(d rule.Decision) bool { return !d.HasURL })
		if len(list) > 0 {
			return slices.ContainsFunc(list, func(d rule.Decision) bool { return d.URL.Scheme == "http" || d.URL.Scheme == "https" })
		}
	}
	return false
}

// repeats returns how often a device resyncs by itself, per second, once it is
// in the last element of its list.
func repeats(s *resync.Schedule) float64 {
	switch {
	case !s.Enabled:
		return 0
	case s.Daily():
		return 1 / (24 * time.Hour).Seconds()
	}
	wait, ok := s.Periodic.Nth(len(s.Periodic), 0.5)
	if !ok || wait <= 0 {
		return 0
	}
	return 1 / wait.Seconds()
}

func (p plan) descriptors(o *scenarios.Machine) Descriptors {
	most := p.Scenario.Most
	if most > 0 {
		most = o.Shard.Part(most)
	}
	b := fleet.NewBudget(most, 0, p.Groups)
	d := Descriptors{Limit: b.Files, Attempts: b.Most, Bound: b.Limit, Sockets: 1, // syslog
		Memory: b.Memory, PerAttempt: b.Attempt}
	if o.Web.Listen {
		d.Sockets++
	}
	if s := p.Scenario.Server; s != nil {
		d.Sockets += 2 + len(s.HTTPS)
	}
	return d
}

func (p plan) memory(f *Forecast) Memory {
	m := Memory{PerDevice: ownBytes, Fresh: freshBytes, Available: host.AvailableMemory(), Container: host.ContainerMemory(), Attempts: int64(min(f.Descriptors.Attempts, f.Devices)) * attemptBytes,
		Basis: "live bytes measured with a profile of 25 values of which 8 are the device's own, and with none"}
	if p.Watches() {
		m.PerDevice += watchedBytes
		m.Fresh += watchedBytes
	}
	alive := int64(f.Devices)*int64(m.PerDevice) + m.Attempts + int64(p.List.Size())
	m.Whole = alive + max(alive*host.GarbagePercent/100, host.GarbageRoom)
	return m
}

func (p plan) ownAddresses(o *scenarios.Machine) Addresses {
	all := fleet.NewAddresses(o.Addresses, p.List, p.Groups)
	first, last := all.Range(p.Devices())
	dhcp := o.LeasesOf(p.Scenario)
	a := Addresses{First: first.String(), Last: last.String(), Own: dhcp.On() || all.CanBind(), DHCP: dhcp.String()}
	if prefix, alone := all.Prefix(); alone {
		a.Prefix = prefix.String()
	}
	for _, s := range all.Shared() {
		a.Shared = append(a.Shared, SharedAddresses{s.Prefix.String(), s.Devices, s.Addresses})
	}
	return a
}

// moreAddresses is how devices get addresses that this machine can bind.
func (p plan) moreAddresses() string {
	if list := p.List; list.HasAddresses() {
		return "addresses that this machine has, in " + list.Name()
	}
	for _, g := range p.Groups {
		if g.Addresses.IsValid() {
			return "a wider prefix, such as 127.64.0.0/10, in fleet." + g.Name + ".addresses"
		}
	}
	return p.flags.Addresses + " PREFIX"
}

// connections returns what the busiest source address does. A device has its own
// unless this machine cannot bind it, or it is on loopback and the server is not.
func (p plan) connections(f *Forecast) Connections {
	ports := host.Ports()
	c := Connections{Ports: ports, Most: float64(ports) / timeWait.Seconds(), Warn: warnPerSource, Sources: f.Devices}
	first, err := netip.ParseAddr(f.Addresses.First)
	shared := !f.Addresses.Own
	for _, contact := range f.Contacts {
		if err == nil && first.IsLoopback() && contact.Where != whereEmbedded && contact.Where != whereLoopback {
			shared = true
		}
	}
	rate := f.held(max(f.Start.Peak(), f.Steady))
	c.PerSecond = rate
	if shared {
		c.Sources = 1
	} else if f.Devices > 0 {
		c.PerSecond /= float64(f.Devices)
		for _, s := range f.Addresses.Shared {
			c.Sources = max(c.Sources-(s.Devices-s.Addresses), 1)
			c.PerSecond = max(c.PerSecond, rate*float64(s.Devices)/float64(p.Devices())/float64(s.Addresses))
		}
	}
	return c
}

// speaksHTTPS reports whether a rule that a group starts with asks by https.
func (p plan) speaksHTTPS(group int) bool {
	for d := range p.requests(group) {
		if d.URL.Scheme == "https" {
			return true
		}
	}
	return false
}

// judge notes what does not fit.
func (f *Forecast) judge(p plan) {
	misfit := func(refused bool, what, flag, format string, args ...any) {
		f.Misfits = append(f.Misfits, Misfit{What: what, Why: fmt.Sprintf(format, args...), Flag: flag, Refused: refused})
	}
	for i := range f.Contacts {
		c := &f.Contacts[i]
		if p.Scenario.Clock.Mode == fleet.Virtual {
			break // nothing is sent at all
		}
		for _, flag := range c.Needs {
			misfit(c.Where != whereDNS, "permission", flag, "%s (%s), for %s", c.Host, c.Where, strings.Join(c.For, ", "))
		}
	}
	if room, ok := roomFor(f.Addresses.Prefix); ok && p.Devices() > room {
		misfit(true, "addresses", p.flags.Addresses+" 127.64.0.0/10", "%s has room for %d devices", f.Addresses.Prefix, room)
	}
	if m := &f.Memory; m.Available > 0 && m.Whole > m.Available {
		misfit(false, "memory", p.flags.Count, "about %s, and %s are available", FormatSize(m.Whole), FormatSize(m.Available))
	}
	if p.Scenario.Clock.Jumps() {
		return // attempts wait for this machine, and time for them
	}
	peak := f.held(f.Start.Peak())
	if f.CPU.Peak > busy*f.CPU.Cores && f.busyFor() > p.Scenario.MaxLateness() {
		misfit(false, "cpu", f.spread(p), "the %.0f resyncs of the first second take about %.1f cores, and there are %.3g: attempts will start late", peak, f.CPU.Peak, f.CPU.Cores)
	}
	if d := &f.Descriptors; d.Bound == "descriptors" && float64(d.Attempts) < peak*shortest.Seconds() {
		misfit(false, "descriptors", fmt.Sprintf("ulimit -n %d", neededFiles(peak)), "%d open files allow %d attempts at once: at %.0f/s that is enough only for a server that answers within %s",
			d.Limit, d.Attempts, peak, time.Duration(float64(d.Attempts)/peak*float64(time.Second)).Round(time.Millisecond))
	}
	if c := &f.Connections; c.PerSecond > c.Warn {
		misfit(false, "ports", p.moreAddresses(), "%s", c.Arithmetic())
	}
}

// shortest is how long the attempts' places should last at the peak.
const shortest = time.Second

func neededFiles(peak float64) int { return int(peak*shortest.Seconds()*8/7) + 128 }

// busyFor returns how long the peak keeps this machine behind.
func (f *Forecast) busyFor() time.Duration {
	if f.Start.Window > 0 && f.Start.PerSecond*attemptCost.Seconds() > busy*f.CPU.Cores {
		return time.Duration(f.Start.Window * float64(time.Second))
	}
	return time.Duration(f.held(f.Start.Peak()) * attemptCost.Seconds() / f.CPU.Cores * float64(time.Second))
}

// Arithmetic says why one address is not enough.
func (c *Connections) Arithmetic() string {
	return fmt.Sprintf("%.0f connections/s from one address to one server, and more than %.0f/s is too near its end: %d ports / %.0f s of TIME_WAIT = %.0f/s",
		c.PerSecond, c.Warn, c.Ports, timeWait.Seconds(), c.Most)
}

// spread returns the flag that spreads the start until it fits.
func (f *Forecast) spread(p plan) string {
	window := float64(f.Devices) * attemptCost.Seconds() / (busy * f.CPU.Cores)
	unit := time.Duration(0)
	for i := range p.Groups {
		unit = max(unit, p.Groups[i].Row.Behaviour.RandomDelayUnit)
	}
	n := 0
	if unit > 0 {
		n = int(math.Ceil(window / unit.Seconds()))
	}
	return fmt.Sprintf("%s Resync_Random_Delay=%d", p.flags.Set, max(n, 1))
}

// busy is the share of the cores that a fleet may use and still be on time.
const busy = 0.7

// roomFor returns how many devices a prefix has addresses for.
func roomFor(prefix string) (int, bool) {
	p, err := netip.ParsePrefix(prefix)
	if err != nil || !p.Addr().Is4() {
		return 0, false
	}
	return max(1<<(32-p.Bits())-2, 0), true
}

// FormatSize writes a number of bytes for a person.
func FormatSize(n int64) string {
	switch {
	case n >= 10<<30:
		return fmt.Sprintf("%.0f GB", float64(n)/(1<<30))
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.0f MB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%d kB", (n+1023)>>10)
}
