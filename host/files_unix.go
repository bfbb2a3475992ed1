//go:build unix

package host

import (
	"fmt"
	"syscall"
)

// OpenFileLimit returns how many files this process may have open. No limit counts
// as 2^20.
func OpenFileLimit() int {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 1024 // what most systems begin with
	}
	return int(min(uint64(l.Cur), mostFiles))
}

// RaiseOpenFileLimit allows as many open files as the system lets this process
// have, and fails where they are fewer than n.
func RaiseOpenFileLimit(n int) error {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return err
	}
	if uint64(l.Max) < uint64(n) {
		return fmt.Errorf("%d open files are allowed, %d are needed: ulimit -n %d", l.Max, n, n)
	}
	l.Cur = l.Max
	return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l)
}
