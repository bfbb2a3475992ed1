package fleet

import (
	"context"
	"fmt"
	"io"
	"maps"
	"time"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/fleet/state"
	"spafleet/host"
	"spafleet/resync/unit"
)

// Save says where and how often a fleet is saved.
type Save struct {
	File  string        // "": not at all
	Every time.Duration // of wall time; 0: a minute. It is saved at the end of the run too
	// Extra returns what is to be kept beside the fleet. It is called after the
	// devices have been copied; nil: nothing.
	Extra func() []byte
	// Told hears of every snapshot, or why there is none; may be nil. The run goes
	// on all the same. Why there is none of the run's end is what Run returns.
	Told func(Snapshot)
}

// A Snapshot is what became of saving a fleet once.
type Snapshot struct {
	Bytes int64
	Took  time.Duration
	Err   error
}

// A saver keeps a fleet in a file.
type saver struct {
	f *Fleet
	Save
	fingerprint state.Fingerprint // without its moment
	resumed     int64             // fleet time of the snapshot that the fleet goes on from, 0 for none
}

// keep saves the fleet again and again until ctx ends.
func (s *saver) keep(ctx context.Context) {
	every := s.Every
	if every <= 0 {
		every = time.Minute
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.tell(s.save())
		case <-ctx.Done():
			return
		}
	}
}

// save replaces the state file. Whatever happens, there is a whole file under
// its name: this snapshot or the one before.
func (s *saver) save() Snapshot {
	began := time.Now()
	n, err := host.WriteFrom(s.File, 0o600, s.write)
	if err != nil {
		err = fmt.Errorf("save the fleet: %w", err)
	}
	return Snapshot{n, time.Since(began), err}
}

func (s *saver) tell(done Snapshot) {
	if s.Told != nil {
		s.Told(done)
	}
}

// last saves the fleet at the end of its run.
func (s *saver) last() error {
	if s.File == "" {
		return nil
	}
	done := s.save()
	if done.Err == nil {
		s.tell(done)
	}
	return done.Err
}

// write writes a snapshot. Every device in it is whole; two devices may be
// some milliseconds apart, for the loops go on meanwhile.
func (s *saver) write(w io.Writer) error {
	fingerprint := s.fingerprint
	fingerprint.At = s.f.Now()
	sw, err := state.NewWriter(w, &fingerprint)
	if err != nil {
		return err
	}
	for _, l := range s.f.loops {
		if err := l.save(sw); err != nil {
			return err
		}
	}
	var extra []byte
	if s.Extra != nil {
		extra = s.Extra()
	}
	return sw.Close(extra)
}

// sliceOf is how many devices are copied at once: the loop waits for some
// microseconds.
const sliceOf = 256

// save writes a loop's devices.
func (l *loop) save(w *state.Writer) error {
	records := make([]unit.Record, 0, sliceOf)
	for from := 0; from < len(l.units); from += sliceOf {
		records = l.records(records[:0], from, min(from+sliceOf, len(l.units)))
		if err := w.Add(records); err != nil {
			return err
		}
	}
	return nil
}

// records appends copies of some devices.
func (l *loop) records(list []unit.Record, from, to int) []unit.Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := from; i < to; i++ {
		list = append(list, l.f.shared.Record(l.index(i), &l.units[i]))
	}
	return list
}

// fingerprint returns what makes this fleet the same as the one in a file.
func (f *Fleet) fingerprint() state.Fingerprint {
	p := state.Fingerprint{Seed: f.shared.Seed, List: f.shared.List.Digest(), Addresses: f.addresses.String(), Shard: device.Shard{Index: f.shard.Index, Count: max(f.shard.Count, 1)}}
	for i := range f.shared.Groups() {
		g := f.shared.Group(i)
		var u device.Unit
		if first := f.shared.Device(i, 0); g.Count > 0 {
			u = f.shared.List.Unit(g.Row, f.shared.Seed, first, f.addresses.Of(first))
		}
		sg := state.Group{Name: g.Name, Model: g.Row.Model.Name, Firmware: g.Row.Firmware.Version, Count: g.Count, Off: g.Off,
			MAC: u.MAC.String(), Serial: u.Serial, Scheme: device.Scheme(g.Row.Model), Switches: map[string]string{}, Presets: maps.Clone(g.Presets)}
		for _, s := range g.Row.Switches {
			if s.Turned {
				sg.Switches[s.Name] = s.Value
			}
		}
		p.Groups = append(p.Groups, sg)
	}
	return p
}

// resume takes the devices of a file into a fleet that was just built. After an
// error the fleet is of no use.
func (f *Fleet) resume(s *state.Saved) error {
	if err := s.Check(&f.saver.fingerprint); err != nil {
		return err
	}
	f.saver.resumed = s.At.UnixNano()
	return s.Load(state.Loader{
		Layers: &f.shared.Profiles.Layers, Len: f.Len(),
		Place: func(dev device.Index) (int, *model.Factory, bool) {
			if !f.has(dev) {
				return 0, nil, false
			}
			return f.shard.Place(dev), f.shared.Group(f.loop(dev).unit(dev).Group()).Row.Factory, true
		},
		Take: func(r *unit.Record) { f.shared.Restore(f.loop(r.Dev).unit(r.Dev), r) },
	})
}

// goesOn returns the fleet's date when it goes on from a file. The wall's time
// has passed meanwhile; any other begins where it stood.
func (c *Config) goesOn(now time.Time) time.Time {
	if at := c.Resume.At; c.Clock != Real || !c.Start.IsZero() || !now.After(at) {
		return at
	}
	return now
}
