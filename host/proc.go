package host

import (
	"fmt"
	"os"
	"time"
)

// mostFiles is what an open-file limit without end counts as.
const mostFiles = 1 << 20

// What follows is read from Linux's /proc. Elsewhere the files do not exist.

// OpenFiles returns how many files this process has open; 0 where the system does
// not tell.
func OpenFiles() int {
	d, err := os.Open("/proc/self/fd")
	if err != nil {
		return 0
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1) // those that were read count
	return len(names)
}

// Ports returns how many ports the system gives out for connections from one
// address to one server.
func Ports() int {
	const usual = 60999 - 32768 + 1
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return usual
	}
	var first, last int
	if _, err := fmt.Sscan(string(text), &first, &last); err != nil || last < first {
		return usual
	}
	return last - first + 1
}

// ThreadsWaited returns how long the threads of this process have waited for a
// processor while they could have run; 0 where the system does not tell.
func ThreadsWaited() (sum time.Duration) {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return 0
	}
	for _, t := range tasks {
		text, err := os.ReadFile("/proc/self/task/" + t.Name() + "/schedstat")
		if err != nil {
			continue // it has ended
		}
		var ran, waited int64
		if _, err := fmt.Sscan(string(text), &ran, &waited); err == nil {
			sum += time.Duration(waited)
		}
	}
	return sum
}
