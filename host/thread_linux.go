package host

import (
	"time"

	"golang.org/x/sys/unix"
)

// ThreadCPUTime returns the processor time that the calling thread has had; 0 where
// the system does not tell. The caller has locked its goroutine to the thread.
func ThreadCPUTime() time.Duration { return cpuTime(unix.RUSAGE_THREAD) }
