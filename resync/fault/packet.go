package fault

import "encoding/binary"

// Directions of a packet, as the device sees them.
const (
	outward = iota
	inward
)

// The packets of TFTP that a fault can name.
const (
	opData = 3
	opAck  = 4
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
func (t *Trouble) packet(direction int, p []byte) fate {
	n := t.seen[direction]
	t.seen[direction]++
	place := packetPlace{sequence: uint32(t.seen[outward] + t.seen[inward]), draw: n<<1 | uint64(direction)}
	if len(p) >= 4 {
		place.op, place.number = binary.BigEndian.Uint16(p), binary.BigEndian.Uint16(p[2:])
	}
	return t.fate(place)
}

// A packetPlace is where a packet stands in its exchange.
type packetPlace struct {
	sequence   uint32 // from 1, both directions together
	draw       uint64 // the number of its draws
	op, number uint16 // of TFTP
}

func (t *Trouble) fate(place packetPlace) fate {
	var f fate
	for i, p := range t.parts {
		e := p.effects
		f.lost = f.lost || e.Lose.Given() && t.takes(i, &e.Lose, ofLoss, place)
		f.doubled = f.doubled || e.Duplicate.Given() && t.takes(i, &e.Duplicate, ofDouble, place)
		f.held = f.held || e.Reorder.Given() && t.takes(i, &e.Reorder, ofOrder, place)
	}
	return f
}

// takes reports whether a packet is one of those meant.
func (t *Trouble) takes(i int, s *Packets, why purpose, place packetPlace) bool {
	number := uint32(place.number)
	switch s.Unit {
	case Every:
		return true
	case Some:
		return draw(t.parts[i].key, why, place.draw) < s.Share
	case Block:
		if place.op != opData {
			return false
		}
	case Ack:
		if place.op != opAck {
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
	if t.lost[this] {
		return false
	}
	if t.lost == nil {
		t.lost = map[copied]bool{}
	}
	t.lost[this] = true
	return true
}
