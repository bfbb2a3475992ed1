// Package live puts into words and bars how far a run is, while it goes on: a [Snapshot] has
// the values, [Snapshot.View] fills a window of a size with them, and [Snapshot.Line] is for
// logs. It knows no terminal and reads no clock.
package live

import (
	"time"

	"spafleet/scenarios/run"
)

// A Snapshot is what is shown of a run at a moment.
type Snapshot struct {
	run.Progress
	Name   string
	Jumps  bool          // the fleet's time is not the wall's
	Wall   time.Duration // since the devices have power
	Rate   float64       // resyncs per second of the wall's time, over the last seconds
	Speed  float64       // how many times as fast as the wall's the fleet's time goes
	Rates  []float64     // resyncs in each second of the wall's time, the last one last
	Late   time.Duration // the lateness above which the run is invalid; 0: not known
	Ending bool          // a person has asked for the end
}

// A Pace measures how fast a run goes. The zero Pace is ready.
type Pace struct {
	seen  []moment
	rates []float64
	until moment // of the last of the rates
}

// A moment is how far a run was.
type moment struct {
	wall    time.Duration
	passed  time.Duration // of the fleet's time
	resyncs int64
}

const (
	// paceOver is how long the moments are kept that a pace is measured over.
	paceOver = 5 * time.Second
	// mostRates is how many seconds a sparkline may show.
	mostRates = 60
)

// Add sets Rate, Speed and Rates of a snapshot, which is later than those before.
func (p *Pace) Add(s *Snapshot) {
	m := moment{s.Wall, s.Passed, s.Summary.Resyncs.OK + s.Summary.Resyncs.Failed}
	p.seen = append(p.seen, m)
	for len(p.seen) > 2 && m.wall-p.seen[1].wall >= paceOver {
		p.seen = p.seen[1:]
	}
	s.Rate, s.Speed = m.since(p.seen[0])
	if m.wall-p.until.wall >= time.Second {
		rate, _ := m.since(p.until)
		p.rates, p.until = append(p.rates, rate), m
		p.rates = p.rates[max(len(p.rates)-mostRates, 0):]
	}
	s.Rates = append([]float64(nil), p.rates...)
}

// since returns the resyncs per second since an earlier moment, and the speed.
func (m moment) since(o moment) (rate, speed float64) {
	seconds := (m.wall - o.wall).Seconds()
	if seconds <= 0 {
		return 0, 0
	}
	return float64(m.resyncs-o.resyncs) / seconds, (m.passed - o.passed).Seconds() / seconds
}
