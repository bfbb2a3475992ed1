package fault

import "time"

// A Disturbance is what faults do to one exchange. It belongs to that exchange,
// and is not safe for concurrent use except where its sockets are.
type Disturbance struct {
	parts  []part
	seen   [2]uint64 // packets so far, by direction
	lost   map[copied]bool
	stream *stream // of its connection
}

// part is what one fault does to an exchange.
type part struct {
	effects *Effects
	key     uint64 // of its chances
	active  *Active
	hit     bool
}

// hit notes that a fault has changed something.
func (d *Disturbance) hit(i int) {
	if p := &d.parts[i]; !p.hit {
		p.hit = true
		p.active.affected.Add(1)
	}
}

// hitWhere notes it of all faults with some effect.
func (d *Disturbance) hitWhere(has func(*Effects) bool) {
	for i, p := range d.parts {
		if has(p.effects) {
			d.hit(i)
		}
	}
}

// Server returns what a server has to do: of each effect, what the first of the
// exchange's faults says. Who does it says so by Did. A nil Disturbance is nothing.
func (d *Disturbance) Server() Effects {
	var e Effects
	if d == nil {
		return e
	}
	for _, p := range d.parts {
		f := p.effects
		if f.HasStatus && !e.HasStatus {
			e.HasStatus, e.Status = true, f.Status
		}
		if e.Alert == 0 {
			e.Alert = f.Alert
		}
		if e.Hostile == "" {
			e.Hostile = f.Hostile
		}
		e.StallAfter = e.StallAfter.least(f.StallAfter)
		e.Corrupt = e.Corrupt || f.Corrupt
		e.Down = e.Down || f.Down
	}
	return e
}

// Did notes that the server has done something, as Server said: the fault that
// wanted it has affected the exchange.
func (d *Disturbance) Did(done Effects) {
	for _, row := range table {
		if !row.Given(&done) {
			continue
		}
		for i, p := range d.parts {
			if row.Given(p.effects) && (row.Same == nil || row.Same(p.effects, &done)) {
				d.hit(i)
				break
			}
		}
	}
}

// Down reports whether nobody listens. Where that is why a device found nobody, it
// is noted by Did. A nil Disturbance is nothing.
func (d *Disturbance) Down() bool { return d.Server().Down }

// Corrupt flips bits of a body in place: of one byte in 256 or so, at least one.
func (d *Disturbance) Corrupt(body []byte) {
	if len(body) == 0 {
		return
	}
	key := d.parts[0].key
	for i := range uint64(1 + len(body)/256) {
		at := int(draw(key, ofBytes, 2*i) * float64(len(body)))
		body[at] ^= 1 + byte(draw(key, ofBytes, 2*i+1)*255) // never 0
	}
}

// Noise fills b with bytes that have no meaning.
func (d *Disturbance) Noise(b []byte) {
	for i := range b {
		b[i] = byte(draw(d.parts[0].key, ofBytes, uint64(i)) * 256)
	}
}

// limits returns where an exchange's bytes end, and how.
func (d *Disturbance) limits() (reset, shut, end Limit) {
	for _, p := range d.parts {
		reset = reset.least(p.effects.ResetAfter)
		shut = shut.least(p.effects.CloseAfter)
		end = end.least(p.effects.Truncate)
	}
	return reset, shut, end
}

// ended notes that a connection has ended early.
func (d *Disturbance) ended(e Ending) {
	reset, _, end := d.limits()
	switch e {
	case Reset:
		d.hitWhere(func(e *Effects) bool { return e.ResetAfter == reset })
	case Cut:
		d.hitWhere(func(e *Effects) bool { return e.Truncate == end })
	case Whole, Silent:
	}
}

// shut notes that the device's half was closed early.
func (d *Disturbance) shut(after Limit) {
	d.hitWhere(func(e *Effects) bool { return e.CloseAfter == after })
}

// delay returns how much later the n-th answer arrives.
func (d *Disturbance) delay(n uint64) (late time.Duration) {
	for i, p := range d.parts {
		if !p.effects.Delay.Given() {
			continue
		}
		if more := p.effects.Delay.at(draw(p.key, ofDelay, n)); more > 0 {
			late += more
			d.hit(i)
		}
	}
	return late
}

// onLine returns how long n bytes are on the line.
func (d *Disturbance) onLine(n int) (took time.Duration) {
	for i, p := range d.parts {
		if b := p.effects.Bandwidth; b > 0 && n > 0 {
			took = max(took, time.Duration(float64(n)*8/b*1e9))
			d.hit(i)
		}
	}
	return took
}

// Lookup returns how much later a name is resolved, which takes a question and
// its answer, each a packet. The question is asked so often, and each time waited
// for so long; without an answer to any the name is not found.
func (d *Disturbance) Lookup(wait time.Duration, tries int) (late time.Duration, found bool) {
	const size = 64
	for range tries {
		lost := d.loses(d.next(outward))
		lost = lost || d.loses(d.next(inward))
		if !lost {
			if after := d.delay(d.seen[outward]-1) + d.onLine(2*size); after < wait {
				return late + after, true
			}
		}
		late += wait
	}
	return late, false
}
