package scenarios

import (
	"fmt"
	"math"
	"net/netip"
	"runtime"
	"strings"
	"time"

	"spafleet/certs"
	"spafleet/device"
	"spafleet/device/model"
	"spafleet/fleet"
	"spafleet/host"
	"spafleet/resync"
	"spafleet/scenarios/report"
)

// A Forecast is what a story will ask of its server and of this machine, in the
// form of its JSON. It goes by what is known beforehand: presets, factory
// values and limits, not by what profiles will bring.
type Forecast struct {
	Format       int           `json:"format"`
	Name         string        `json:"name"`
	Seed         uint64        `json:"seed"`
	Clock        string        `json:"clock"` // rates are per second of the wall
	Devices      int           `json:"devices"`
	Models       []report.Make `json:"models"`
	Contacts     []Contact     `json:"contacts"`
	Start        Wave          `json:"start"`
	Steady       float64       `json:"steady_per_second"` // resyncs, once all have begun to repeat
	Memory       Memory        `json:"memory"`
	Descriptors  Descriptors   `json:"descriptors"`
	Certificates Certificates  `json:"certificates"`
	Addresses    Addresses     `json:"addresses"`
	Connections  Connections   `json:"connections"`
	CPU          CPU           `json:"cpu"`
	Misfits      []Misfit      `json:"misfits"`
}

// A Wave is the resyncs after power comes.
type Wave struct {
	AtOnce    int     `json:"at_once"`    // devices without a random delay
	PerSecond float64 `json:"per_second"` // of the others, at their peak
	Window    float64 `json:"window_seconds"`
	Waiting   int     `json:"waiting"` // devices that wait for power, or do not resync when it comes
	Rate      float64 `json:"rate_limit,omitempty"`
}

// Peak returns the most resyncs that become due within a second.
func (w Wave) Peak() float64 { return float64(w.AtOnce) + w.PerSecond }

// Memory is what the devices take.
type Memory struct {
	PerDevice int    `json:"bytes_per_device"` // measured: see Basis
	Fresh     int    `json:"bytes_per_fresh_device"`
	Attempts  int64  `json:"attempts_bytes"` // when as many as may be are at work
	Whole     int64  `json:"bytes"`          // with what the collector leaves
	Available int64  `json:"available_bytes"`
	Basis     string `json:"basis"`
}

// Descriptors are the files that may be open, and who has them.
type Descriptors struct {
	Limit    int    `json:"limit"` // RLIMIT_NOFILE
	Attempts int    `json:"attempts_at_once"`
	Bound    string `json:"bound_by"` // descriptors or outstanding
	Sockets  int    `json:"own_sockets"`
}

// Certificates are those that the devices show to servers that ask.
type Certificates struct {
	Known      bool    `json:"https"` // something known beforehand speaks HTTPS
	Devices    int     `json:"devices"`
	Keys       int     `json:"keys"`
	Kept       int     `json:"kept"`
	CPUSeconds float64 `json:"cpu_seconds"` // to make them all, by one made here and now
}

// Addresses are the devices' own.
type Addresses struct {
	Prefix string `json:"prefix"`
	First  string `json:"first"`
	Last   string `json:"last"`
	Own    bool   `json:"own"` // each device's traffic comes from its own
}

// Connections are those of the busiest source address to one server.
type Connections struct {
	PerSecond float64 `json:"per_second"`
	Sources   int     `json:"source_addresses"`
	Ports     int     `json:"ports"`
	Most      float64 `json:"most_per_second"` // Ports / 60 s
	Warn      float64 `json:"warn_per_second"`
}

// CPU is what the attempts of the peak second cost this machine.
type CPU struct {
	Cores      int     `json:"cores"`
	PerAttempt float64 `json:"seconds_per_attempt"` // about
	Peak       float64 `json:"cores_at_peak"`
}

// A Misfit is something that does not fit, with the flag that helps.
type Misfit struct {
	What    string `json:"what"`
	Why     string `json:"why"`
	Flag    string `json:"flag"`
	Refused bool   `json:"refused"` // the run would not start; else it would start and may be invalid
}

// Figures of this program, measured; TestFiguresOfTheForecast holds the first two.
const (
	freshBytes    = 220                    // live bytes of a device that has what its model shares
	ownBytes      = 340                    // of one after a profile of 25 values, 8 of them its own
	claimBytes    = 200                    // more where a story's claims or server's templates look at each device
	attemptBytes  = 24 << 10               // goroutine, buffers and body of an attempt
	attemptCost   = 200 * time.Microsecond // CPU of a resync by HTTP that brings a changed file
	timeWait      = 60 * time.Second       // a port rests that long after its connection
	warnPerSource = 400.0                  // connections per second from one address, with a margin to ports / 60 s
)

// Foresee says what a story will take. It starts nothing and sends nothing.
func Foresee(s *Story, o Options) (*Forecast, error) {
	p, err := newPlan(s)
	if err != nil {
		return nil, err
	}
	if err := p.inShards(o.Shard); err != nil {
		return nil, err
	}
	return p.foresee(&o)
}

// A part is a group of the fleet, as far as this machine works it.
type part struct {
	*fleet.Group
	count int
	first int // its first device in the fleet
}

// parts returns the groups that have devices here.
func (p *plan) parts(shard device.Shard) (list []part) {
	for i := range p.groups {
		first := p.firsts[i]
		if n := shard.Between(first, first+p.groups[i].Count); n > 0 {
			list = append(list, part{&p.groups[i], n, first})
		}
	}
	return list
}

func (p *plan) foresee(o *Options) (*Forecast, error) {
	parts := p.parts(o.Shard)
	f := p.traffic(parts, o)
	f.Descriptors = p.descriptors(o)
	f.Memory = p.memory(f)
	f.CPU = CPU{Cores: runtime.GOMAXPROCS(0), PerAttempt: attemptCost.Seconds(), Peak: f.held(f.Start.Peak()) * attemptCost.Seconds()}
	var err error
	if f.Certificates, err = p.certificates(parts, o); err != nil {
		return nil, err
	}
	f.judge(p)
	return f, nil
}

// traffic forecasts who asks whom, and how often.
func (p *plan) traffic(parts []part, o *Options) *Forecast {
	f := &Forecast{Format: 1, Name: p.story.Name, Seed: p.story.Seed, Clock: p.story.Clock.String(), Contacts: p.contacts(p.newGuard(o)), Misfits: []Misfit{}}
	for _, g := range parts {
		f.Devices += g.count
		f.Models = append(f.Models, report.Make{Model: g.Row.Model.Name, Firmware: g.Row.Firmware.Version, Devices: g.count})
	}
	f.Start, f.Steady = p.waves(parts, o.Shard)
	f.Addresses = p.ownAddresses(o)
	f.Connections = p.connections(f)
	return f
}

// warnOfPorts returns what is to be said before a run in which one source
// address will make too many connections; "" for nothing.
func (p *plan) warnOfPorts(o *Options) string {
	if p.story.Clock.jumps() {
		return ""
	}
	c := p.traffic(p.parts(o.Shard), o).Connections
	if c.Sources > 1 || c.PerSecond <= c.Warn {
		return ""
	}
	return c.Arithmetic() + "; see --addresses"
}

// held returns a rate within the story's limit.
func (f *Forecast) held(rate float64) float64 {
	if f.Start.Rate > 0 {
		return min(rate, f.Start.Rate)
	}
	return rate
}

// waves returns the resyncs after power and those that repeat.
func (p *plan) waves(parts []part, shard device.Shard) (start Wave, steady float64) {
	start.Rate = p.story.Rate / float64(max(shard.Count, 1))
	pace := p.story.Clock.pace()
	for _, g := range parts {
		s := resync.ScheduleOf(g.Row, p.presetParams(g.Group))
		customizing := g.RCURL != "" && g.Row.Customizable()
		switch {
		case g.Off || !customizing && !(s.Enabled && s.OnReset):
			start.Waiting += g.count
		case customizing || s.RandomDelay <= 0:
			start.AtOnce += g.count
		default:
			start.PerSecond += float64(g.count) * pace / s.RandomDelay.Seconds()
			start.Window = max(start.Window, s.RandomDelay.Seconds()/pace)
		}
		steady += float64(g.count) * pace * repeats(&s)
	}
	return start, steady
}

// repeats returns how often a device resyncs by itself, per second, once it is
// in the last element of its list.
func repeats(s *resync.Schedule) float64 {
	switch {
	case !s.Enabled:
		return 0
	case s.Daily != nil:
		return 1 / (24 * time.Hour).Seconds()
	}
	wait, ok := s.Periodic.Nth(len(s.Periodic), 0.5)
	if !ok || wait <= 0 {
		return 0
	}
	return 1 / wait.Seconds()
}

func (p *plan) descriptors(o *Options) Descriptors {
	most := p.story.Most
	if most > 0 {
		most = o.Shard.Part(most)
	}
	b := fleet.NewBudget(most)
	d := Descriptors{Limit: b.Files, Attempts: b.Most, Bound: b.Limit, Sockets: 1} // syslog
	if o.Web.Listen {
		d.Sockets++
	}
	if s := p.story.Server; s != nil {
		d.Sockets += 2 + len(s.HTTPS)
	}
	return d
}

func (p *plan) memory(f *Forecast) Memory {
	m := Memory{PerDevice: ownBytes, Fresh: freshBytes, Available: host.AvailableMemory(), Attempts: int64(min(f.Descriptors.Attempts, f.Devices)) * attemptBytes,
		Basis: "live bytes measured with a profile of 25 values of which 8 are the device's own, and with none"}
	if p.watches() {
		m.PerDevice += claimBytes
		m.Fresh += claimBytes
	}
	alive := int64(f.Devices)*int64(m.PerDevice) + m.Attempts
	m.Whole = alive + max(alive*host.GarbagePercent/100, host.GarbageRoom)
	return m
}

func (p *plan) ownAddresses(o *Options) Addresses {
	prefix := o.Addresses
	if !prefix.IsValid() {
		prefix = fleet.DefaultAddresses
	}
	first := prefix.Masked().Addr().Next()
	last := first
	if first.Is4() {
		last = fleet.AddressAt(prefix, device.Index(max(p.devices()-1, 0)))
	}
	return Addresses{Prefix: prefix.String(), First: first.String(), Last: last.String(), Own: fleet.CanBind(prefix)}
}

// connections returns what the busiest source address does. A device has its own
// unless this machine cannot bind it, or it is on loopback and the server is not.
func (p *plan) connections(f *Forecast) Connections {
	ports := host.Ports()
	c := Connections{Ports: ports, Most: float64(ports) / timeWait.Seconds(), Warn: warnPerSource, Sources: f.Devices}
	prefix, err := netip.ParsePrefix(f.Addresses.Prefix)
	shared := !f.Addresses.Own
	for _, contact := range f.Contacts {
		if err == nil && prefix.Addr().IsLoopback() && (contact.Where == wherePrivate || contact.Where == wherePublic || contact.Where == whereDNS) {
			shared = true
		}
	}
	rate := f.held(max(f.Start.Peak(), f.Steady))
	if shared {
		c.Sources = 1
	} else if f.Devices > 0 {
		rate /= float64(f.Devices)
	}
	c.PerSecond = rate
	return c
}

// certificates counts those that the devices will show, and makes one or two to
// know what they cost.
func (p *plan) certificates(parts []part, o *Options) (c Certificates, err error) {
	c.Known = p.story.Server != nil && len(p.story.Server.HTTPS) > 0
	own, err := p.material(o)
	if err != nil {
		return c, err
	}
	pki := o.PKI
	if pki == nil {
		pki = certs.New(1)
	}
	h := &certs.Holder{PKI: pki, Seed: p.story.Seed, Pool: o.KeyPool, Unique: o.UniqueKeys, Own: own}
	var sample *model.Row
	for _, g := range parts {
		c.Known = c.Known || p.speaksHTTPS(g.Group)
		if !g.Row.Speaks("https") {
			continue
		}
		if n := p.holders(h, g); n > 0 {
			c.Devices += n
			sample = g.Row
		}
	}
	c.Kept = min(c.Devices, certs.Kept)
	if o.KeepCerts > 0 {
		c.Kept = min(c.Devices, o.KeepCerts)
	}
	c.Keys = min(c.Devices, max(o.KeyPool, 0))
	if o.KeyPool <= 0 {
		c.Keys = min(c.Devices, certs.DefaultPool)
	}
	if o.UniqueKeys {
		c.Keys = c.Devices
	}
	if c.Known && sample != nil {
		c.CPUSeconds, err = c.cost(sample, p.story.Seed)
	}
	return c, err
}

// mostSampled is how many devices of a group are asked what they hold.
const mostSampled = 1000

// holders estimates how many devices of a group have a certificate to make.
func (p *plan) holders(h *certs.Holder, g part) int {
	n := min(g.count, mostSampled)
	with := 0
	for i := range n {
		u := device.NewUnit(g.Row, p.story.Seed, device.Index(g.first+i*g.Count/n), netip.IPv4Unspecified())
		if k := h.Kind(&u); k == certs.OwnCertificate || k == certs.DefectiveCertificate {
			with++
		}
	}
	return with * g.count / n
}

// cost makes two certificates of a model, one of them with a key of its own.
func (c *Certificates) cost(row *model.Row, seed uint64) (float64, error) {
	pki := certs.New(seed)
	runtime.LockOSThread() // whose CPU time it is
	defer runtime.UnlockOSThread()
	at := func(h *certs.Holder, dev device.Index) (time.Duration, error) {
		u := device.NewUnit(row, seed, dev, netip.IPv4Unspecified())
		began := host.ThreadCPUTime()
		_, _, err := h.Certificate(&u)
		return host.ThreadCPUTime() - began, err
	}
	shared, unique := &certs.Holder{PKI: pki, Seed: seed, Pool: 1}, &certs.Holder{PKI: pki, Seed: seed, Unique: true}
	if _, err := at(shared, 0); err != nil { // the authority and the pool's key
		return 0, err
	}
	signing, err := at(shared, 1)
	if err != nil {
		return 0, err
	}
	whole, err := at(unique, 2)
	key := max(whole-signing, 0)
	return float64(c.Devices)*signing.Seconds() + float64(c.Keys)*key.Seconds(), err
}

// speaksHTTPS reports whether a rule that a group starts with asks by https.
func (p *plan) speaksHTTPS(g *fleet.Group) bool {
	params := p.presetParams(g)
	unit := device.NewUnit(g.Row, p.story.Seed, 0, netip.IPv4Unspecified())
	for _, name := range rules {
		text, _ := params.Lookup(name)
		for _, d := range alternativesOf(text, &unit, params) {
			if d.URL.Scheme == "https" {
				return true
			}
		}
	}
	return false
}

// judge notes what does not fit.
func (f *Forecast) judge(p *plan) {
	misfit := func(refused bool, what, flag, format string, args ...any) {
		f.Misfits = append(f.Misfits, Misfit{What: what, Why: fmt.Sprintf(format, args...), Flag: flag, Refused: refused})
	}
	for i := range f.Contacts {
		c := &f.Contacts[i]
		if p.story.Clock.Mode == fleet.Virtual {
			break // nothing is sent at all
		}
		for _, flag := range c.Needs {
			misfit(c.Where != whereDNS, "permission", flag, "%s (%s), for %s", c.Host, c.Where, strings.Join(c.For, ", "))
		}
	}
	if room, ok := roomFor(f.Addresses.Prefix); ok && p.devices() > room {
		misfit(true, "addresses", "--addresses 127.64.0.0/10", "%s has room for %d devices", f.Addresses.Prefix, room)
	}
	if m := &f.Memory; m.Available > 0 && m.Whole > m.Available {
		misfit(false, "memory", "--count", "about %s, and %s are available", SizeText(m.Whole), SizeText(m.Available))
	}
	if p.story.Clock.jumps() {
		return // attempts wait for this machine, and time for them
	}
	peak := f.held(f.Start.Peak())
	if f.CPU.Peak > busy*float64(f.CPU.Cores) && f.busyFor() > p.story.limit() {
		misfit(false, "cpu", f.spread(p), "the %.0f resyncs of the first second take about %.1f cores, and there are %d: attempts will start late", peak, f.CPU.Peak, f.CPU.Cores)
	}
	if d := &f.Descriptors; d.Bound == "descriptors" && float64(d.Attempts) < peak*shortest.Seconds() {
		misfit(false, "descriptors", fmt.Sprintf("ulimit -n %d", neededFiles(peak)), "%d open files allow %d attempts at once: at %.0f/s that is enough only for a server that answers within %s",
			d.Limit, d.Attempts, peak, time.Duration(float64(d.Attempts)/peak*float64(time.Second)).Round(time.Millisecond))
	}
	if c := &f.Connections; c.PerSecond > c.Warn && c.Sources == 1 {
		misfit(false, "ports", "--addresses PREFIX", "%s", c.Arithmetic())
	}
}

// shortest is how long the attempts' places should last at the peak.
const shortest = time.Second

func neededFiles(peak float64) int { return int(peak*shortest.Seconds()*8/7) + 128 }

// busyFor returns how long the peak keeps this machine behind.
func (f *Forecast) busyFor() time.Duration {
	if f.Start.Window > 0 && f.Start.PerSecond*attemptCost.Seconds() > busy*float64(f.CPU.Cores) {
		return time.Duration(f.Start.Window * float64(time.Second))
	}
	return time.Duration(f.held(f.Start.Peak()) * attemptCost.Seconds() / float64(f.CPU.Cores) * float64(time.Second))
}

// Arithmetic says why one address is not enough.
func (c *Connections) Arithmetic() string {
	return fmt.Sprintf("%.0f connections/s from one address to one server, and more than %.0f/s is too near its end: %d ports / %.0f s of TIME_WAIT = %.0f/s",
		c.PerSecond, c.Warn, c.Ports, timeWait.Seconds(), c.Most)
}

// spread returns the flag that spreads the start until it fits.
func (f *Forecast) spread(p *plan) string {
	window := float64(f.Devices) * attemptCost.Seconds() / (busy * float64(f.CPU.Cores))
	unit := time.Duration(0)
	for i := range p.groups {
		unit = max(unit, p.groups[i].Row.Behaviour.RandomDelayUnit)
	}
	n := 0
	if unit > 0 {
		n = int(math.Ceil(window / unit.Seconds()))
	}
	return fmt.Sprintf("--set Resync_Random_Delay=%d", max(n, 1))
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

// SizeText prints a number of bytes for a person.
func SizeText(n int64) string {
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
