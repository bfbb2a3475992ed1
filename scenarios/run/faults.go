package run

import (
	"fmt"

	"spafleet/device"
	"spafleet/prov"
	"spafleet/resync/fault"
)

// disturbances are the faults of a scenario, of its network and its server.
type disturbances struct {
	network fault.Plan
	server  *server
	begun   []*disturbance // by step; nil: not begun
	past    []int          // by step: exchanges that it affected when it happened before
	notes   []string       // what went wrong
}

// A disturbance is a fault that was begun.
type disturbance struct {
	network, server *fault.Active // nil where it has nothing of that
	scheme          string        // whose server is down
	down            bool
	among           []*prov.Server // those that are down, of HTTP and HTTPS
}

// start begins the fault of a step, for some devices or, if chosen is nil, for all.
func (d *disturbances) start(step int, f fault.Fault, chosen []device.Index) {
	f.Number = uint32(step)
	d.stop(step) // of a step that happens again
	d.past[step] = d.affected(step)
	d.begun[step] = d.begin(f, chosen)
}

// begin begins a fault, for some devices or, if chosen is nil, for all. It is safe for
// concurrent use.
func (d *disturbances) begin(f fault.Fault, chosen []device.Index) *disturbance {
	if chosen != nil {
		among := make(map[uint32]bool, len(chosen))
		for _, dev := range chosen {
			among[uint32(dev)] = true
		}
		f.Devices = func(dev uint32) bool { return among[dev] }
	}
	b := &disturbance{scheme: f.Match.Scheme}
	if f.Replica > 0 {
		f.Server = replicas(d.server.plan.Scenario.Server)[f.Replica-1]
	}
	if f.OfNetwork() || f.Down { // that no server answers is seen by the devices
		b.network = d.network.Start(f)
	}
	if f.OfServer() {
		b.server = d.server.wrongs.Start(f)
		if b.down = f.Down && d.server.sockets != nil; b.down && b.scheme != "tftp" {
			b.among = d.server.listening(f.Replica)
			for _, s := range b.among {
				s.Down(b.scheme)
			}
		}
	}
	return b
}

// stop ends the fault of a step, if it was begun.
func (d *disturbances) stop(step int) {
	if b := d.begun[step]; b != nil {
		if err := b.end(); err != nil {
			d.notes = append(d.notes, err.Error())
		}
	}
}

// end ends a fault. The error says that the server could not come back.
func (b *disturbance) end() (err error) {
	if b.network != nil {
		b.network.Stop()
	}
	if b.server != nil {
		b.server.Stop()
	}
	if b.down {
		b.down = false
		for _, s := range b.among {
			if up := s.Up(b.scheme); up != nil {
				err = fmt.Errorf("the server could not come back: %w", up)
			}
		}
	}
	return err
}

// affected returns how many exchanges a fault has affected.
func (b *disturbance) affected() (n int) {
	for _, a := range []*fault.Active{b.network, b.server} {
		if a != nil {
			n += a.Affected()
		}
	}
	return n
}

// affected returns how many exchanges the fault of a step has affected.
func (d *disturbances) affected(step int) int {
	n := d.past[step]
	if b := d.begun[step]; b != nil {
		n += b.affected()
	}
	return n
}
