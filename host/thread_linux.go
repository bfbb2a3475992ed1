package host

import (
	"time"

	"golang.org/x/sys/unix"
)

// ThreadCPUTime returns the processor time that the calling thread has had; 0 where
// the system does not tell. The caller has locked its goroutine to the thread. It is
// exact: what [CPUTime] reads lags by up to a tick of the kernel's clock.
func ThreadCPUTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
