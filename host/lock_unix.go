//go:build unix && !solaris && !aix

package host

import (
	"errors"
	"os"
	"syscall"
)

// lockFile locks an open file at once or not at all. A file system without locks
// is no error.
func lockFile(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrLocked
	}
	return nil
}

// unlockFile removes the file while it is locked, so that nobody has locked it
// meanwhile.
func unlockFile(f *os.File, path string) {
	os.Remove(path)
	f.Close()
}
