package fleet

import (
	"net/netip"

	"spafleet/resync/unit"
)

// A pool is the addresses of a prefix, and how many devices live there.
type pool struct {
	prefix  netip.Prefix
	devices int
	nat     unit.NAT
	factor  int // scatters the devices of a NAT over its addresses: those of one group are not neighbours
	inverse int
}

// shareBy has the devices share addresses.
func (p *pool) shareBy(n unit.NAT) {
	block := n.Devices()
	p.nat, p.factor = n, max(block*61/100, 1)
	for {
		if inverse, ok := inverseOf(p.factor, block); ok {
			p.inverse = inverse
			return
		}
		p.factor++
	}
}

// inverseOf returns what a number is to be multiplied by to be 1 modulo another.
func inverseOf(n, modulo int) (inverse int, ok bool) {
	a, b, x, y := n%modulo, modulo, 1, 0
	if modulo == 1 {
		return 0, true
	}
	for a > 1 && b > 0 {
		q := a / b
		a, b, x, y = b, a-q*b, y, x-q*y
	}
	return (x%modulo + modulo) % modulo, a == 1
}

// needed returns how many addresses the devices would have, were there enough.
func (p *pool) needed() int {
	if p.nat == nil {
		return p.devices
	}
	return p.times() * p.nat.Addresses()
}

// times returns how often the NAT must be there for all devices.
func (p *pool) times() int {
	block := p.nat.Devices()
	return (p.devices + block - 1) / block
}

// used returns how many addresses the devices have.
func (p *pool) used() int { return min(p.needed(), room(p.prefix)) }

// place returns the place of the address of the n-th device.
func (p *pool) place(n int) int {
	if p.nat == nil {
		return n % room(p.prefix)
	}
	block, first := p.nat.Devices(), 0
	times := p.times()
	scattered := n / times * p.factor % block
	for _, c := range p.nat {
		if scattered < c.Devices*c.Addresses {
			first += scattered % c.Addresses
			break
		}
		scattered -= c.Devices * c.Addresses
		first += c.Addresses
	}
	return (n%times*p.nat.Addresses() + first) % room(p.prefix)
}

// alone returns the device that has the address of a place for itself, false where there
// is none or several are there.
func (p *pool) alone(place int) (n int, ok bool) {
	size := room(p.prefix)
	if place < 0 || place >= size {
		return 0, false
	}
	if p.nat == nil {
		return place, place < p.devices && place+size >= p.devices
	}
	if p.needed() > size {
		return 0, false
	}
	block, addresses, before := p.nat.Devices(), p.nat.Addresses(), 0
	at := place % addresses
	if place >= p.needed() {
		return 0, false
	}
	for _, c := range p.nat {
		if at < c.Addresses {
			n = (before+at)*p.inverse%block*p.times() + place/addresses
			return n, c.Devices == 1 && n < p.devices
		}
		at -= c.Addresses
		before += c.Devices * c.Addresses
	}
	return 0, false
}
