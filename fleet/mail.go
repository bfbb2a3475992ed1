package fleet

import (
	"cmp"
	ordered "container/heap"
	"net/netip"
	"strings"

	"spafleet/device"
	"spafleet/device/sip"
	"spafleet/resync/modelled"
	"spafleet/resync/unit"
)

// mail is SIP in virtual time: datagrams on their way between the devices and the
// registrar. It belongs to the loop.
type mail struct {
	l         *loop
	registrar Registrar // nil: nobody answers
	at        netip.AddrPort
	network   *modelled.Network
	faults    *sipFaults
	letters   letters
	count     uint64
}

// A letter is a datagram on its way. In is to a device, else it is to the registrar.
type letter struct {
	at     int64
	dev    device.Index
	number uint64
	in     *datagram
	from   netip.AddrPort
	text   []byte
}

func newMail(l *loop, c *Config) *mail {
	return &mail{l: l, registrar: c.SIP.Registrar, at: c.SIP.At, network: c.InProcess, faults: newSIPFaults(c.SIP.Faults)}
}

// before orders letters: those of one device as they were sent, so that it makes no
// difference which others are in the same process.
func (a *letter) before(b *letter) bool {
	return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.dev, b.dev), cmp.Compare(a.number, b.number)) < 0
}

// take sends what a device's lines say. A request to a name that nobody has comes back to
// its line.
func (p *mail) take(dev device.Index, u *unit.Unit, list []sip.Message) {
	for _, m := range list {
		port := sip.Port(u.Params(), m.Line)
		to, ok := m.To, true
		if m.Server != "" {
			to, ok = p.find(m.Server)
		}
		if !ok {
			p.post(letter{dev: dev, in: &datagram{failed: m.Line, server: m.Server}}, 1, 0)
			continue
		}
		copies, late := p.faults.fate(dev, port, true, m.Text)
		if to == p.at && p.registrar != nil {
			p.post(letter{dev: dev, from: netip.AddrPortFrom(p.l.f.addresses.Of(dev), port), text: m.Text}, copies, int64(late))
		}
	}
}

// find returns the address of a server.
func (p *mail) find(server string) (netip.AddrPort, bool) {
	host, port, ok := sipServer(server)
	if addr, err := netip.ParseAddr(host); err == nil {
		return netip.AddrPortFrom(addr, port), ok
	}
	addrs := p.network.Hosts[strings.TrimSuffix(strings.ToLower(host), ".")]
	if len(addrs) == 0 {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(addrs[0], port), ok
}

// deliver sends a datagram of the registrar to a device.
func (p *mail) deliver(to netip.AddrPort, text []byte) {
	dev, ok := p.l.f.addresses.Device(to.Addr())
	if !ok || !p.l.f.has(dev) {
		return
	}
	copies, late := p.faults.fate(dev, to.Port(), false, text)
	p.post(letter{dev: dev, in: &datagram{port: to.Port(), from: p.at, text: text}}, copies, int64(late))
}

// post sends a letter, which takes half a round trip.
func (p *mail) post(m letter, copies int, late int64) {
	m.at = p.l.clock.Now() + int64(p.network.OneWay()) + late
	for range copies {
		p.count++
		m.number = p.count
		ordered.Push(&p.letters, m)
	}
}

// next returns when a letter arrives, or the registrar has something to do.
func (p *mail) next() int64 {
	at := never
	if len(p.letters) > 0 {
		at = p.letters[0].at
	}
	if p.registrar != nil {
		if due, ok := p.registrar.Next(); ok {
			at = min(at, due)
		}
	}
	return at
}

// arrive hands over what has come by now.
func (p *mail) arrive(now int64) {
	for len(p.letters) > 0 && p.letters[0].at <= now {
		m := ordered.Pop(&p.letters).(letter)
		if m.in == nil {
			p.registrar.Receive(now, m.from, m.text, p.deliver)
			continue
		}
		p.l.mu.Lock()
		hearSIP(p.l, m.dev, m.in, now)
		p.l.mu.Unlock()
	}
	if p.registrar != nil {
		if due, ok := p.registrar.Next(); ok && due <= now {
			p.registrar.Due(now, p.deliver)
		}
	}
}

// Deliver sends a datagram of the registrar to a device in virtual time. Config.Conduct
// alone may call it.
func Deliver(f *Fleet, to netip.AddrPort, text []byte) {
	if s := f.loops[0].simulation; s != nil {
		s.mail.deliver(to, text)
	}
}

// letters are a heap, the first first.
type letters []letter

func (l letters) Len() int           { return len(l) }
func (l letters) Less(i, j int) bool { return l[i].before(&l[j]) }
func (l letters) Swap(i, j int)      { l[i], l[j] = l[j], l[i] }
func (l *letters) Push(m any)        { *l = append(*l, m.(letter)) }

func (l *letters) Pop() any {
	last := len(*l) - 1
	m := (*l)[last]
	(*l)[last] = letter{}
	*l = (*l)[:last]
	return m
}
