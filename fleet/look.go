package fleet

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"time"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/fsm"
)

// Start returns the fleet's date at its beginning, in nanoseconds since the Unix
// epoch.
func (f *Fleet) Start() int64 { return f.start }

// Now returns the fleet's time in nanoseconds since the Unix epoch.
func (f *Fleet) Now() int64 { return f.loops[0].clock.Now() }

// Len returns how many devices this process works: those of its shard.
func (f *Fleet) Len() int { return f.shard.Len(f.total) }

// Total returns how many devices the whole fleet has.
func (f *Fleet) Total() int { return f.total }

// Shard returns the part of the fleet that this process works. Its n-th device
// is Shard().At(n).
func (f *Fleet) Shard() device.Shard { return f.shard }

// Group returns the group of a device, of this shard or another.
func (f *Fleet) Group(dev device.Index) *Group {
	if int(dev) >= f.total {
		return nil
	}
	return f.shared.Group(f.shared.GroupOf(dev))
}

// Unit returns who a device is as it left the factory, of this shard or another.
func (f *Fleet) Unit(dev device.Index) device.Unit { return f.shared.Identity(f.Group(dev).Row, dev) }

// MAC returns the MAC address of a device, of this shard or another.
func (f *Fleet) MAC(dev device.Index) model.MAC {
	return f.shared.List.MAC(f.Group(dev).Row.Model, f.shared.Seed, dev)
}

// View returns a copy of a device, false where this process has none. It never
// waits for what a device is doing.
func (f *Fleet) View(dev device.Index) (device.View, bool) {
	if !f.has(dev) {
		return device.View{}, false
	}
	l := f.loop(dev)
	l.mu.Lock()
	defer l.mu.Unlock()
	return f.shared.View(dev, l.unit(dev), l.clock.Now()), true
}

// At returns a copy of the device with that address, if it has power and has
// started.
func (f *Fleet) At(addr netip.Addr) (device.View, bool) {
	dev, ok := f.addresses.Device(addr)
	if !ok {
		return device.View{}, false
	}
	v, ok := f.View(dev)
	return v, ok && v.Answers()
}

// Running returns how many attempts run now.
func (f *Fleet) Running() int { return int(f.attempts.running.Load()) }

// Budget returns what bounds the attempts at once.
func (f *Fleet) Budget() Budget { return f.budget }

// Outstanding returns how many attempts may run at once: as many as the budget
// says, or fewer for a while after this machine had no descriptor for one.
func (f *Fleet) Outstanding() int { return int(f.attempts.most.Load()) }

// Saturated returns how often an attempt had to wait for the end of another.
func (f *Fleet) Saturated() int { return int(f.attempts.saturated.Load()) }

// Aborted returns how many attempts were cut off, by power loss, reboot, factory
// reset or the end of the run.
func (f *Fleet) Aborted() int { return int(f.attempts.aborted.Load()) }

// Unheard returns how many commands devices have not heard, because they had no
// power or had not started yet.
func (f *Fleet) Unheard() int { return int(f.attempts.unheard.Load()) }

// State returns where in its life a device of this process stands. It is for
// those who count devices before the fleet runs; see [Fleet.View].
func (f *Fleet) State(dev device.Index) fsm.State {
	l := f.loop(dev)
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.unit(dev).State()
}

// Resumed returns the fleet time of the snapshot that the fleet goes on from,
// false where it began without one.
func (f *Fleet) Resumed() (at time.Time, ok bool) {
	return time.Unix(0, f.saver.resumed), f.saver.resumed != 0
}

// Limits returns how often an attempt had to wait for this machine, by what was
// missing: descriptors, ports.
func (f *Fleet) Limits() map[string]int {
	s := &f.shortages
	s.mu.Lock()
	defer s.mu.Unlock()
	m := maps.Clone(s.counts)
	if m == nil {
		m = map[string]int{}
	}
	return m
}

// LogLinesDropped returns how many log lines could not be sent.
func (f *Fleet) LogLinesDropped() int {
	if f.logs == nil {
		return 0
	}
	return int(f.logs.dropped.Load())
}

// WebPort returns the port of the devices' web servers, 0 where they do not
// answer. It is known once Open has returned.
func (f *Fleet) WebPort() uint16 {
	if f.sites == nil {
		return 0
	}
	return netip.MustParseAddrPort(f.sites.listener.Addr().String()).Port()
}

// WebURL returns where a device's web server answers, "" where it does not.
func (f *Fleet) WebURL(dev device.Index) string {
	if f.sites == nil {
		return ""
	}
	return fmt.Sprintf("http://%s:%d/", f.addresses.Of(dev), f.WebPort())
}

// Idle reports whether no attempt runs or waits, and no device has anything due
// before a moment of fleet time. Every event before has been told. Of a fleet whose
// clock jumps it is false.
func (f *Fleet) Idle(ctx context.Context, until int64) bool {
	if !f.started.once.Load() || f.mode != Real {
		return false
	}
	for _, l := range f.loops {
		next := make(chan int64, 1)
		select {
		case l.inbox <- message{next: next}:
		case <-f.done:
			return false
		case <-ctx.Done():
			return false
		}
		select {
		case at := <-next:
			if at < until {
				return false
			}
		case <-f.done:
			return false
		}
	}
	return true
}

// Overdue has a [device.Late] told for each attempt that is due and has not
// started, or waits for a descriptor or a port: else it would be missing among
// those that did. It returns once they are told. The wait for a rate that the
// user asked for is not late. Where time jumps nothing is.
func (f *Fleet) Overdue(ctx context.Context) {
	if !f.started.once.Load() || f.mode != Real {
		return
	}
	for _, l := range f.loops {
		told := make(chan struct{})
		select {
		case l.inbox <- message{overdue: told}:
		case <-f.done:
			return
		case <-ctx.Done():
			return
		}
		select {
		case <-told:
		case <-f.done:
			return
		}
	}
}

// Identity returns who a device is, of this shard or another, without what it says of its
// certificate: it costs half as much as [Fleet.Unit].
func Identity(f *Fleet, dev device.Index) device.Unit {
	return f.shared.List.Unit(f.Group(dev).Row, f.shared.Seed, dev, f.addresses.Of(dev))
}
