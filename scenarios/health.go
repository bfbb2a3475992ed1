package scenarios

import (
	"fmt"
	"math"
	"runtime"
	"runtime/metrics"
	"strings"
	"sync"
	"time"

	"spafleet/fleet"
	"spafleet/host"
)

// Health is how this machine bore a run: what was sampled of the process while
// it went on, in the form of a report's JSON.
type Health struct {
	Samples     int     `json:"samples"`
	Cores       int     `json:"cores"`                  // that Go uses
	CPU         float64 `json:"cpu"`                    // share of the cores, over the run
	CPUPeak     float64 `json:"cpu_peak"`               // in the worst sample
	RunQueue    float64 `json:"run_queue"`              // share of the cores' time that threads waited for one, in the worst sample
	Wanted      float64 `json:"cpu_wanted"`             // CPU and run queue together, in the worst sample
	Scheduling  float64 `json:"scheduling_p99_seconds"` // how long goroutines that could run waited, p99
	GCPause     float64 `json:"gc_pause_max_seconds"`
	GCPauses    uint64  `json:"gc_pauses"`
	Descriptors int     `json:"descriptors_most"`
	Files       int     `json:"descriptors_limit"`
	Outstanding int     `json:"outstanding_most"`  // attempts at once, in the samples
	Admission   int     `json:"outstanding_least"` // what the limit shrank to
	Waited      int     `json:"waited_for_place"`  // attempts that waited for the end of another
	Lacked      Lacks   `json:"lacked"`
	PlacesBy    string  `json:"places_bound_by"` // descriptors or outstanding
	LateP99     float64 `json:"late_p99_seconds"`
	latest      float64 // CPU in the latest sample
}

// Lacks counts how often an attempt found that this machine had none left.
type Lacks struct {
	Descriptors int `json:"descriptors"`
	Ports       int `json:"ports"`
	Addresses   int `json:"addresses"` // source addresses that are not this machine's
}

const (
	sampleEvery = 500 * time.Millisecond
	// busyCPU of the cores, used or wanted while other programs had them, is all:
	// what is left goes to odd moments.
	busyCPU = 0.9
)

// A nurse samples the process of a run.
type nurse struct {
	fleet  *fleet.Fleet
	late   func() float64 // p99 so far, seconds
	began  time.Time
	cpu    time.Duration // at the beginning
	before pulse
	pauses *metrics.Float64Histogram // at the beginning
	scheds *metrics.Float64Histogram

	mu     sync.Mutex
	health Health

	stop chan struct{}
	done sync.WaitGroup
}

// A pulse is a moment's counters of the process.
type pulse struct {
	at      time.Time
	cpu     time.Duration
	waiting time.Duration // of threads for a core
}

func takePulse() pulse {
	return pulse{at: time.Now(), cpu: host.CPUTime(), waiting: host.ThreadsWaited()}
}

// newNurse begins to sample. Its owner calls end.
func newNurse(f *fleet.Fleet, late func() float64) *nurse {
	n := &nurse{fleet: f, late: late, stop: make(chan struct{})}
	n.begin()
	n.done.Go(n.run)
	return n
}

// begin forgets what was before.
func (n *nurse) begin() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.before = takePulse()
	n.began, n.cpu = n.before.at, n.before.cpu
	n.scheds, n.pauses = runtimeHistograms()
	b := n.fleet.Budget()
	n.health = Health{Cores: runtime.GOMAXPROCS(0), Files: b.Files, PlacesBy: b.Limit, Admission: n.fleet.Outstanding()}
}

func (n *nurse) run() {
	ticker := time.NewTicker(sampleEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			n.sample()
		case <-n.stop:
			return
		}
	}
}

func (n *nurse) end() {
	close(n.stop)
	n.done.Wait()
}

// shortestSample is a time over which shares say something.
const shortestSample = 20 * time.Millisecond

// sample adds what is now.
func (n *nurse) sample() {
	now, files, late := takePulse(), host.OpenFiles(), n.late()
	n.mu.Lock()
	defer n.mu.Unlock()
	h := &n.health
	h.Samples++
	h.LateP99 = late
	h.Descriptors = max(h.Descriptors, files)
	h.Outstanding = max(h.Outstanding, n.fleet.Running())
	h.Admission = min(h.Admission, n.fleet.Outstanding())
	h.Waited = n.fleet.Saturated()
	lacks := n.fleet.Limits()
	h.Lacked = Lacks{lacks["descriptors"], lacks["ports"], lacks["addresses"]}
	if passed := now.at.Sub(n.began); passed > 0 {
		h.CPU = share(now.cpu-n.cpu, passed, h.Cores)
	}
	if passed := now.at.Sub(n.before.at); passed >= shortestSample {
		h.latest = share(now.cpu-n.before.cpu, passed, h.Cores)
		h.CPUPeak = max(h.CPUPeak, h.latest)
		queued := share(now.waiting-n.before.waiting, passed, h.Cores)
		h.RunQueue, h.Wanted = max(h.RunQueue, queued), max(h.Wanted, h.latest+queued)
		n.before = now
	}
	scheds, pauses := runtimeHistograms()
	h.Scheduling = quantileSince(n.scheds, scheds, 0.99)
	h.GCPause = quantileSince(n.pauses, pauses, 1)
	h.GCPauses = count(pauses) - count(n.pauses)
}

// look returns the samples so far.
func (n *nurse) look() Health {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.health
}

// final samples once more, and returns all.
func (n *nurse) final() Health {
	n.sample()
	return n.look()
}

func share(busy, passed time.Duration, cores int) float64 {
	return max(busy.Seconds()/passed.Seconds()/float64(cores), 0)
}

// limits names what made attempts late, most telling first: never nothing.
func (h *Health) limits() []string {
	var hit []string
	note := func(limit string, is bool) {
		if is && (len(hit) == 0 || hit[len(hit)-1] != limit) {
			hit = append(hit, limit)
		}
	}
	note("cpu", h.Wanted >= busyCPU)
	note("descriptors", h.Lacked.Descriptors > 0)
	note("descriptors", h.Waited > 0 && h.PlacesBy == "descriptors")
	note("outstanding", h.Waited > 0 && h.PlacesBy == "outstanding")
	note("ports", h.Lacked.Ports > 0)
	note("addresses", h.Lacked.Addresses > 0)
	note("cpu", len(hit) == 0) // of this process or another: nothing else can
	return hit
}

// why says what is known of a limit, and what helps.
func (h *Health) why(limit string) string {
	switch limit {
	case "cpu":
		return fmt.Sprintf("cpu: %.0f%% of %d cores at the peak, threads waited %.0f%% of that time for one, and goroutines %s (p99); spread the starts, or take more cores or machines",
			100*h.CPUPeak, h.Cores, 100*h.RunQueue, roundSeconds(h.Scheduling))
	case "descriptors":
		return fmt.Sprintf("descriptors: %d files may be open, which is room for %d attempts at once; %d attempts waited for a place, and %d times there was no descriptor; raise 'ulimit -n'",
			h.Files, h.Admission, h.Waited, h.Lacked.Descriptors)
	case "outstanding":
		return fmt.Sprintf("outstanding: %d attempts waited for a place, of which there are %d; the server is slow or silent, and each attempt keeps its place until it has an answer or gives up",
			h.Waited, h.Admission)
	case "ports":
		return fmt.Sprintf("ports: %d times a source address had none of its %d ports left for the server; give the devices addresses of their own with --addresses", h.Lacked.Ports, host.Ports())
	}
	return fmt.Sprintf("addresses: %d times a device's address was not one of this machine's; see --addresses", h.Lacked.Addresses)
}

func roundSeconds(s float64) time.Duration {
	return time.Duration(s * float64(time.Second)).Round(10 * time.Microsecond)
}

// Line says in a few words how this machine is.
func (h *Health) Line() string {
	parts := []string{fmt.Sprintf("late p99 %s", roundSeconds(h.LateP99)), fmt.Sprintf("cpu %.0f%%", 100*h.latest)}
	if h.Waited > 0 {
		parts = append(parts, fmt.Sprintf("%d waited for a place", h.Waited))
	}
	for _, l := range []struct {
		n    int
		what string
	}{{h.Lacked.Descriptors, "descriptors"}, {h.Lacked.Ports, "ports"}, {h.Lacked.Addresses, "addresses"}} {
		if l.n > 0 {
			parts = append(parts, fmt.Sprintf("%d× no %s", l.n, l.what))
		}
	}
	return strings.Join(parts, ", ")
}

// merge takes the worst of two machines, and the sum of what was counted.
func (h *Health) merge(o *Health) {
	h.Samples += o.Samples
	h.Cores += o.Cores
	h.CPU, h.CPUPeak = max(h.CPU, o.CPU), max(h.CPUPeak, o.CPUPeak)
	h.RunQueue, h.Wanted = max(h.RunQueue, o.RunQueue), max(h.Wanted, o.Wanted)
	h.Scheduling, h.GCPause, h.GCPauses = max(h.Scheduling, o.Scheduling), max(h.GCPause, o.GCPause), h.GCPauses+o.GCPauses
	h.Descriptors, h.Files = max(h.Descriptors, o.Descriptors), max(h.Files, o.Files)
	h.Outstanding, h.Admission = h.Outstanding+o.Outstanding, h.Admission+o.Admission
	h.Waited += o.Waited
	h.Lacked = Lacks{h.Lacked.Descriptors + o.Lacked.Descriptors, h.Lacked.Ports + o.Lacked.Ports, h.Lacked.Addresses + o.Lacked.Addresses}
	h.PlacesBy, h.LateP99 = o.PlacesBy, max(h.LateP99, o.LateP99)
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
