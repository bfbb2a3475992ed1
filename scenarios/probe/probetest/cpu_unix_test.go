//go:build unix

package probetest_test

import (
	"syscall"
	"testing"
	"time"
)

// cpu returns the time of the processor that this process has had.
func cpu(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
