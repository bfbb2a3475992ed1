//go:build unix

package host

import (
	"syscall"
	"time"
)

// CPUTime returns the processor time that this process has had; 0 where the system
// does not tell.
func CPUTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
