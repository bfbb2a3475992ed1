package host

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lockFile locks an open file at once or not at all. A file system without locks
// is no error.
func lockFile(f *os.File) error {
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, new(windows.Overlapped))
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return ErrLocked
	}
	return nil
}

// unlockFile leaves the file: one that is open cannot be removed.
func unlockFile(f *os.File, _ string) { f.Close() }
