package run

import (
	"math"
	"runtime/metrics"
	"sync"
	"time"

	"spafleet/fleet"
	"spafleet/host"
	"spafleet/scenarios/report"
)

const sampleEvery = 500 * time.Millisecond

// A monitor samples how busy the process of a run is.
type monitor struct {
	fleet  *fleet.Fleet
	late   func() float64 // p99 so far, seconds
	began  time.Time
	cpu    time.Duration // at the beginning
	before sample
	pauses *metrics.Float64Histogram // at the beginning
	scheds *metrics.Float64Histogram

	mu   sync.Mutex
	load report.MachineLoad

	stop chan struct{}
	done sync.WaitGroup
}

// A sample is a moment's counters of the process.
type sample struct {
	at      time.Time
	cpu     time.Duration
	waiting time.Duration // of threads for a core
}

func takeSample() sample {
	return sample{at: time.Now(), cpu: host.CPUTime(), waiting: host.ThreadsWaited()}
}

// newMonitor begins to sample. Its owner calls end.
func newMonitor(f *fleet.Fleet, late func() float64) *monitor {
	n := &monitor{fleet: f, late: late, stop: make(chan struct{})}
	n.begin()
	n.done.Go(n.run)
	return n
}

// begin forgets what was before.
func (n *monitor) begin() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.before = takeSample()
	n.began, n.cpu = n.before.at, n.before.cpu
	n.scheds, n.pauses = runtimeHistograms()
	b := n.fleet.Budget()
	n.load = report.MachineLoad{Cores: host.Cores(), Files: b.Files, PlacesBy: b.Limit, Memory: b.Memory, PerAttempt: b.Attempt, Admission: n.fleet.Outstanding(), Ports: host.Ports()}
}

func (n *monitor) run() {
	ticker := time.NewTicker(sampleEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			n.add()
		case <-n.stop:
			return
		}
	}
}

func (n *monitor) end() {
	close(n.stop)
	n.done.Wait()
}

// shortestSample is a time over which shares say something.
const shortestSample = 20 * time.Millisecond

// add adds a sample.
func (n *monitor) add() {
	now, files, late := takeSample(), host.OpenFiles(), n.late()
	n.mu.Lock()
	defer n.mu.Unlock()
	h := &n.load
	h.Samples++
	h.LateP99 = late
	h.Descriptors = max(h.Descriptors, files)
	h.Outstanding = max(h.Outstanding, n.fleet.Running())
	h.Admission = min(h.Admission, n.fleet.Outstanding())
	h.Waited = n.fleet.Saturated()
	short := n.fleet.Limits()
	h.Shortages = report.Shortages{Descriptors: short["descriptors"], Ports: short["ports"], Addresses: short["addresses"]}
	if passed := now.at.Sub(n.began); passed > 0 {
		h.CPU = share(now.cpu-n.cpu, passed, h.Cores)
	}
	if passed := now.at.Sub(n.before.at); passed >= shortestSample {
		h.Latest = share(now.cpu-n.before.cpu, passed, h.Cores)
		h.CPUPeak = max(h.CPUPeak, h.Latest)
		queued := share(now.waiting-n.before.waiting, passed, h.Cores)
		h.RunQueue, h.Wanted = max(h.RunQueue, queued), max(h.Wanted, h.Latest+queued)
		n.before = now
	}
	scheds, pauses := runtimeHistograms()
	h.Scheduling = quantileSince(n.scheds, scheds, 0.99)
	h.GCPause = quantileSince(n.pauses, pauses, 1)
	h.GCPauses = count(pauses) - count(n.pauses)
}

// look returns the samples so far.
func (n *monitor) look() report.MachineLoad {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.load
}

// final samples once more, and returns all.
func (n *monitor) final() report.MachineLoad {
	n.add()
	return n.look()
}

func share(busy, passed time.Duration, cores float64) float64 {
	return max(busy.Seconds()/passed.Seconds()/cores, 0)
}

// runtimeHistograms returns how long goroutines waited to run, and how long the
// collector stopped them.
func runtimeHistograms() (scheds, pauses *metrics.Float64Histogram) {
	samples := []metrics.Sample{{Name: "/sched/latencies:seconds"}, {Name: "/sched/pauses/total/gc:seconds"}}
	metrics.Read(samples)
	of := func(s *metrics.Sample) *metrics.Float64Histogram {
		if s.Value.Kind() != metrics.KindFloat64Histogram {
			return &metrics.Float64Histogram{}
		}
		return s.Value.Float64Histogram()
	}
	return of(&samples[0]), of(&samples[1])
}

func count(h *metrics.Float64Histogram) (n uint64) {
	for _, c := range h.Counts {
		n += c
	}
	return n
}

// quantileSince returns the value below which a share of the samples lies that
// came after before: the upper end of its bucket.
func quantileSince(before, now *metrics.Float64Histogram, q float64) float64 {
	if len(before.Counts) != len(now.Counts) {
		return 0
	}
	rest := uint64(math.Ceil(q * float64(count(now)-count(before))))
	for i := range now.Counts {
		n := now.Counts[i] - before.Counts[i]
		if n >= rest && rest > 0 {
			if end := now.Buckets[i+1]; !math.IsInf(end, 1) {
				return end
			}
			return now.Buckets[i]
		}
		rest -= min(n, rest)
	}
	return 0
}
