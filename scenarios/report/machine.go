package report

import (
	"fmt"
	"strings"
	"time"
)

// MachineLoad is how busy this machine was during a run: samples of the process
// in the form of a report's JSON.
type MachineLoad struct {
	Samples     int       `json:"samples"`
	Cores       float64   `json:"cores"`                  // that Go uses, or the container's limit where that is less
	CPU         float64   `json:"cpu"`                    // share of the cores, over the run
	CPUPeak     float64   `json:"cpu_peak"`               // in the worst sample
	RunQueue    float64   `json:"run_queue"`              // share of the cores' time that threads waited for one, in the worst sample
	Wanted      float64   `json:"cpu_wanted"`             // CPU and run queue together, in the worst sample
	Scheduling  float64   `json:"scheduling_p99_seconds"` // how long goroutines that could run waited, p99
	GCPause     float64   `json:"gc_pause_max_seconds"`
	GCPauses    uint64    `json:"gc_pauses"`
	Descriptors int       `json:"descriptors_most"`
	Files       int       `json:"descriptors_limit"`
	Outstanding int       `json:"outstanding_most"`  // attempts at once, in the samples
	Admission   int       `json:"outstanding_least"` // what the limit shrank to
	Waited      int       `json:"waited_for_place"`  // attempts that waited for the end of another
	Shortages   Shortages `json:"shortages"`
	PlacesBy    string    `json:"places_bound_by"` // descriptors, memory or outstanding
	Memory      int64     `json:"memory_for_attempts"`
	PerAttempt  int64     `json:"bytes_per_attempt"` // at most
	LateP99     float64   `json:"late_p99_seconds"`
	Ports       int       `json:"ports_per_address"`
	Latest      float64   `json:"-"` // CPU in the latest sample
}

// Shortages counts how often an attempt found that this machine had none left.
type Shortages struct {
	Descriptors int `json:"descriptors"`
	Ports       int `json:"ports"`
	Addresses   int `json:"addresses"` // source addresses that are not this machine's
}

// busyCPU is the share of the cores, used or wanted while other programs had them,
// above which the machine counts as fully busy.
const busyCPU = 0.9

// Reached names the limits that made attempts late, the most telling first. It
// names at least one.
func (m *MachineLoad) Reached() []string {
	var hit []string
	note := func(limit string, is bool) {
		if is && (len(hit) == 0 || hit[len(hit)-1] != limit) {
			hit = append(hit, limit)
		}
	}
	note("cpu", m.Wanted >= busyCPU)
	note("descriptors", m.Shortages.Descriptors > 0)
	note("descriptors", m.Waited > 0 && m.PlacesBy == "descriptors")
	note("memory", m.Waited > 0 && m.PlacesBy == "memory")
	note("outstanding", m.Waited > 0 && m.PlacesBy == "outstanding")
	note("ports", m.Shortages.Ports > 0)
	note("addresses", m.Shortages.Addresses > 0)
	note("cpu", len(hit) == 0) // of this process or another: nothing else can
	return hit
}

// Why says what is known of a limit, and what helps.
func (m *MachineLoad) Why(limit string) string {
	switch limit {
	case "cpu":
		return fmt.Sprintf("cpu: %.0f%% of %.3g cores at the peak, threads waited %.0f%% of that time for one, and goroutines %s (p99); spread the starts, or take more cores or machines",
			100*m.CPUPeak, m.Cores, 100*m.RunQueue, roundSeconds(m.Scheduling))
	case "descriptors":
		return fmt.Sprintf("descriptors: open-file limit %d, enough for %d attempts at once; %d attempts waited for a place, and %d times there was no descriptor; raise 'ulimit -n'",
			m.Files, m.Admission, m.Waited, m.Shortages.Descriptors)
	case "memory":
		return fmt.Sprintf("memory: %d attempts waited for a place, of which there are %d: each may hold %d kB, and %d MB, a quarter of the memory, are for them; give the machine or container more, or the firmware a smaller profile_limit",
			m.Waited, m.Admission, m.PerAttempt>>10, m.Memory>>20)
	case "outstanding":
		return fmt.Sprintf("outstanding: %d attempts waited for a place, of which there are %d; the server is slow or silent, and each attempt keeps its place until it has an answer or gives up",
			m.Waited, m.Admission)
	case "ports":
		return fmt.Sprintf("ports: %d times a source address had none of its %d ports left for the server; give the devices addresses of their own", m.Shortages.Ports, m.Ports)
	}
	return fmt.Sprintf("addresses: %d times a device's address was not one of this machine's", m.Shortages.Addresses)
}

func roundSeconds(s float64) time.Duration {
	return time.Duration(s * float64(time.Second)).Round(10 * time.Microsecond)
}

// Line returns the load in a few words.
func (m *MachineLoad) Line() string {
	parts := []string{fmt.Sprintf("late p99 %s", roundSeconds(m.LateP99)), fmt.Sprintf("cpu %.0f%%", 100*m.Latest)}
	if m.Waited > 0 {
		parts = append(parts, fmt.Sprintf("%d waited for a place", m.Waited))
	}
	for _, l := range []struct {
		n    int
		what string
	}{{m.Shortages.Descriptors, "descriptors"}, {m.Shortages.Ports, "ports"}, {m.Shortages.Addresses, "addresses"}} {
		if l.n > 0 {
			parts = append(parts, fmt.Sprintf("%d× no %s", l.n, l.what))
		}
	}
	return strings.Join(parts, ", ")
}

// merge takes the worst of two machines, and the sum of what was counted.
func (m *MachineLoad) merge(o *MachineLoad) {
	m.Samples += o.Samples
	m.Cores += o.Cores
	m.CPU, m.CPUPeak = max(m.CPU, o.CPU), max(m.CPUPeak, o.CPUPeak)
	m.RunQueue, m.Wanted = max(m.RunQueue, o.RunQueue), max(m.Wanted, o.Wanted)
	m.Scheduling, m.GCPause, m.GCPauses = max(m.Scheduling, o.Scheduling), max(m.GCPause, o.GCPause), m.GCPauses+o.GCPauses
	m.Descriptors, m.Files = max(m.Descriptors, o.Descriptors), max(m.Files, o.Files)
	m.Outstanding, m.Admission = m.Outstanding+o.Outstanding, m.Admission+o.Admission
	m.Waited += o.Waited
	m.Shortages = Shortages{m.Shortages.Descriptors + o.Shortages.Descriptors, m.Shortages.Ports + o.Shortages.Ports, m.Shortages.Addresses + o.Shortages.Addresses}
	m.Memory, m.PerAttempt = max(m.Memory, o.Memory), max(m.PerAttempt, o.PerAttempt)
	m.PlacesBy, m.LateP99 = o.PlacesBy, max(m.LateP99, o.LateP99)
}
