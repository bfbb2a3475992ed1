package fleet

import "spafleet/host"

// A Budget is how many attempts this process may have at work at once, and
// where the number comes from.
type Budget struct {
	Files int // that the process may have open: RLIMIT_NOFILE
	Most  int // attempts at once, each with at most one socket
	// Limit is what bounds Most: descriptors, or outstanding where the caller or
	// [MostOutstanding] does.
	Limit string
}

// MostOutstanding is how many attempts at once are enough for every server that
// answers; a goroutine each, they take about 20 kB.
const MostOutstanding = 16384

// spare descriptors are for the web servers, syslog, logs and the program itself.
const spareFiles = 64

// NewBudget returns the budget for a fleet whose Config.Outstanding is wanted.
func NewBudget(wanted int) Budget {
	b := Budget{Files: host.OpenFileLimit(), Most: MostOutstanding, Limit: "outstanding"}
	if wanted > 0 {
		b.Most = wanted
	}
	if room := max(b.Files-b.Files/8-spareFiles, leastOutstanding); room < b.Most && wanted <= 0 {
		b.Most, b.Limit = room, "descriptors"
	}
	return b
}

// leastOutstanding is what a process gets along with however few files it may
// open: what it lacks then makes attempts wait, and is told.
const leastOutstanding = 16
