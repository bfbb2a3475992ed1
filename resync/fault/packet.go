package fault

import (
	"time"

	"spafleet/resync/tftp/packet"
)

// Directions of a packet, as the device sees them.
const (
	outward = iota
	inward
)

// A fate is what becomes of one packet.
type fate struct{ lost, doubled, held bool }

// A copied packet is one that a fault has taken once already.
type copied struct {
	part   int
	what   Unit
	number uint32
}

// packet decides about the next packet of a TFTP transfer. Packets are counted
// as they pass the device, repeated ones too.
func (d *Disturbance) packet(direction int, p []byte) fate {
	place := d.next(direction)
	at := packet.Parse(p)
	place.op, place.number = at.Op, at.Number
	return d.fate(place)
}

// next counts a packet.
func (d *Disturbance) next(direction int) packetPlace {
	n := d.seen[direction]
	d.seen[direction]++
	return packetPlace{sequence: uint32(d.seen[outward] + d.seen[inward]), draw: n<<1 | uint64(direction)}
}

// A packetPlace is where a packet stands in its exchange.
type packetPlace struct {
	sequence uint32    // from 1, both directions together
	draw     uint64    // the number of its draws
	op       packet.Op // of TFTP
	number   uint16
}

// fate decides about a packet of TFTP.
func (d *Disturbance) fate(place packetPlace) fate {
	lost := d.loses(place)
	doubled := d.which(func(e *Effects) *Packets { return &e.Duplicate }, ofDouble, place, !lost)
	held := d.which(func(e *Effects) *Packets { return &e.Reorder }, ofOrder, place, !lost)
	return fate{lost, doubled, held}
}

// loses decides whether a packet is lost.
func (d *Disturbance) loses(place packetPlace) bool {
	return d.which(func(e *Effects) *Packets { return &e.Lose }, ofLoss, place, true)
}

// which reports whether a packet is one of those that a fault means. Where that
// counts, it is a hit.
func (d *Disturbance) which(packets func(*Effects) *Packets, why purpose, place packetPlace, counts bool) (hit bool) {
	for i := range d.parts {
		if p := packets(d.parts[i].effects); p.Given() && d.takes(i, p, why, place) {
			hit = true
			if counts {
				d.hit(i)
			}
		}
	}
	return hit
}

// takes reports whether a packet is one of those meant.
func (d *Disturbance) takes(i int, s *Packets, why purpose, place packetPlace) bool {
	number := uint32(place.number)
	switch s.Unit {
	case Every:
		return true
	case Some:
		return draw(d.parts[i].key, why, place.draw) < s.Share
	case Block:
		if place.op != packet.Data {
			return false
		}
	case Ack:
		if place.op != packet.Ack {
			return false
		}
	case Packet:
		number = place.sequence
	}
	if !s.Range.contains(number) {
		return false
	}
	if !s.Once {
		return true
	}
	this := copied{i<<3 | int(why), s.Unit, number}
	if d.lost[this] {
		return false
	}
	if d.lost == nil {
		d.lost = map[copied]bool{}
	}
	d.lost[this] = true
	return true
}

// Packets returns a socket with the exchange's disturbance. Now is the
// clock that the socket's deadlines follow; it is read only where a packet is
// delayed. The deadline may be set by another goroutine; of reading and writing
// there is one.
func (d *Disturbance) Packets(inner Datagrams, now func() time.Time) Datagrams {
	_, _, end := d.limits()
	return &packets{inner: inner, disturbance: d, now: now, end: end}
}

// Datagram decides about the next datagram of an exchange that has no socket of its own,
// one that the device sends (out) or one that comes to it: how often it arrives, and how
// much later. A nil Disturbance changes nothing.
func (d *Disturbance) Datagram(out bool, size int) (copies int, late time.Duration) {
	if d == nil {
		return 1, 0
	}
	direction := inward
	if out {
		direction = outward
	}
	place := d.next(direction)
	f := d.fate(place)
	switch {
	case f.lost:
		return 0, 0
	case f.doubled:
		copies = 2
	default:
		copies = 1
	}
	late = d.onLine(size)
	if !out {
		late += d.delay(place.draw >> 1)
	}
	return copies, late
}
