package fleet

import (
	"spafleet/host"
	"spafleet/resync/image"
	"spafleet/webui"
)

// A Budget is how many attempts this process may have at work at once, and
// where the number comes from.
type Budget struct {
	Files   int   // that the process may have open: RLIMIT_NOFILE
	Memory  int64 // bytes that all attempts together may hold; 0: the system does not tell
	Attempt int64 // bytes that one attempt may hold
	Most    int   // attempts at once, each with at most one socket
	Web     int   // connections to the devices' web servers at once
	// Limit is what bounds Most: descriptors, memory, or outstanding where the
	// caller or [MostOutstanding] does.
	Limit string
}

// MostOutstanding is how many attempts at once are enough for every server that
// answers; a goroutine each, they take about 20 kB.
const MostOutstanding = 16384

// spareFiles are descriptors for listeners, syslog, logs and the program itself.
const spareFiles = 64

// webShare is the part of the descriptors that connections to web servers may
// take: one of eight. Attempts have the rest, so that clients that keep their
// connections open hold up no resync.
const webShare = 8

// NewBudget returns the budget for a fleet of some groups whose Config.Outstanding
// is wanted, and whose Config.Memory is memory.
func NewBudget(wanted int, memory int64, groups []Group) Budget {
	b := Budget{Files: host.OpenFileLimit(), Memory: memory, Attempt: heldBytes(groups), Most: MostOutstanding, Limit: "outstanding"}
	b.Web = min(max(b.Files/webShare, 1), webui.MostConnections)
	if wanted > 0 {
		b.Most = wanted
	}
	if room := max(b.Files-b.Files/webShare-spareFiles, leastOutstanding); room < b.Most && wanted <= 0 {
		b.Most, b.Limit = room, "descriptors"
	}
	if memory <= 0 {
		b.Memory = host.MemoryLimit() / memoryShare
	}
	if room := max(b.Memory/b.Attempt, 1); b.Memory > 0 && room < int64(b.Most) {
		b.Most, b.Limit = int(room), "memory"
	}
	return b
}

// leastOutstanding is what a process gets along with however few files it may
// open: what it lacks then makes attempts wait, and is told.
const leastOutstanding = 16

// memoryShare is the part of the memory that attempts may hold: one of four. The
// rest is for devices, files that are kept, decoders and garbage.
const memoryShare = 4

// bareAttempt is what an attempt holds without a body: goroutine and buffers.
const bareAttempt = 24 << 10

// heldBytes returns what one attempt of the devices may hold: a body of the
// largest size that one of them takes, and once more what it is unpacked to, or what
// is kept of an image. What decoding takes beside that is bounded by the cores.
func heldBytes(groups []Group) int64 {
	largest := 0
	for i := range groups {
		if groups[i].Count > 0 {
			largest = max(largest, groups[i].Row.Behaviour.Files.Limit)
		}
	}
	return bareAttempt + max(2*int64(largest), image.Held)
}
