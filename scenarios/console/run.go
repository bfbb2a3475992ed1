package console

import (
	"bytes"
	"context"
	"encoding/json"
	"sync"

	"spafleet/device"
	"spafleet/fleet"
	"spafleet/fsm"
	"spafleet/scenarios/run"
	"spafleet/scenarios/tally"
)

// mostKept is how many events a Recorder keeps of all devices together, and mostOfDevice
// how many it returns of one.
const (
	mostKept     = 1 << 14
	mostOfDevice = 100
)

// A Recorder keeps the latest events of a fleet. The zero value is ready.
type Recorder struct {
	// Redact replaces what no answer may show; nil: nothing.
	Redact func(string) string

	mu   sync.Mutex
	kept []device.Event
	next int // where the next one goes
	came map[device.Index]life
}

// A life is when a device came to each state up to the one that it is in, and by which move.
type life struct {
	in fsm.State
	at [states]int64
	by [states]fsm.Event
}

const states = int(fsm.SecPrv2) + 1

// move notes a move. One that leads back to the same state is none.
func (l life) move(e *device.Event) life {
	if l.in == e.State && l.at[e.State] != 0 {
		return l
	}
	l.in, l.at[e.State], l.by[e.State] = e.State, e.At, e.Move
	clear(l.at[e.State+1:])
	return l
}

// Tell keeps events, and nothing of the slice.
func (r *Recorder) Tell(events []device.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range events {
		if e := &events[i]; e.Kind == device.Moved {
			if r.came == nil {
				r.came = map[device.Index]life{}
			}
			r.came[e.Dev] = r.came[e.Dev].move(e)
		}
		switch {
		case !events[i].Kind.Counted(): // lateness, reasons and lines of servers
		case len(r.kept) < mostKept:
			r.kept = append(r.kept, events[i])
		default:
			r.kept[r.next] = events[i]
			r.next = (r.next + 1) % mostKept
		}
	}
}

// of returns what is kept of a device, oldest first.
func (r *Recorder) of(dev device.Index) []device.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []device.Event
	for i := range r.kept {
		if e := &r.kept[(r.next+i)%len(r.kept)]; e.Dev == dev {
			list = append(list, *e)
		}
	}
	return list[max(0, len(list)-mostOfDevice):]
}

// Of returns a run as a Source, with the events that the recorder has heard.
func Of(l *run.Live, r *Recorder) Source { return &source{Fleet: l.Fleet, live: l, recorder: r} }

type source struct {
	*fleet.Fleet
	live     *run.Live
	recorder *Recorder
	rate     rate // of resyncs that end
	keypads  keypads
	faults   faults
}

// Name returns the name of the scenario.
func (s *source) Name() string {
	name, _ := s.live.Scenario()
	return s.Shown(name)
}

func (s *source) Nth(n int) device.Index { return s.Shard().At(n) }

func (s *source) Identity(dev device.Index) device.Unit { return fleet.Identity(s.Fleet, dev) }

func (s *source) Ask(ctx context.Context, dev device.Index, c device.Command) error {
	if s.live.Virtual {
		return ErrVirtual
	}
	err := s.Fleet.Ask(ctx, dev, c)
	if err == nil {
		s.live.Ordered()
	}
	return err
}

func (s *source) Do(ctx context.Context, dev device.Index, c device.Command) error {
	if s.live.Virtual {
		return ErrVirtual
	}
	err := s.Fleet.Do(ctx, dev, c)
	if err == nil {
		s.live.Ordered()
	}
	return err
}

// Moves returns when a device came to its states.
func (s *source) Moves(dev device.Index) []device.Event {
	s.recorder.mu.Lock()
	defer s.recorder.mu.Unlock()
	l, known := s.recorder.came[dev]
	var list []device.Event
	for state, at := range l.at {
		if known && at != 0 {
			list = append(list, device.Event{Dev: dev, At: at, Kind: device.Moved, State: fsm.State(state), Move: l.by[state]})
		}
	}
	return list
}

func (s *source) Events(dev device.Index) []json.RawMessage {
	var b bytes.Buffer
	log := tally.NewEventLog(&b, s.MAC)
	log.Redact = s.recorder.Redact
	log.Tell(s.recorder.of(dev))
	_ = log.Flush() // to memory
	var list []json.RawMessage
	for line := range bytes.Lines(b.Bytes()) {
		list = append(list, json.RawMessage(bytes.TrimSpace(line)))
	}
	return list
}
