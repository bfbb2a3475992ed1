package host

import (
	"errors"
	"fmt"
	"os"
)

// ErrLocked says that another process holds a lock.
var ErrLocked = errors.New("another process uses it")

// Lock takes a file for this process, until unlock. Where another process has it,
// the error is [ErrLocked]. The end of a process, also by kill -9, unlocks.
//
// The lock is on a file of its own, NAME.lock, because [WriteFile] replaces the
// file itself. What is not a regular file, such as a device, is not locked; nor is
// anything where the system or the file system has no locks.
func Lock(name string) (unlock func(), err error) {
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		return func() {}, nil
	}
	target, err := resolve(name)
	if err != nil {
		return nil, pathError(name, err)
	}
	path := target + ".lock"
	for range mostLinks { // who unlocks removes the file
		file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, pathError(name, err)
		}
		if err := lockFile(file); err != nil {
			file.Close()
			return nil, fmt.Errorf("lock %s: %w", name, err)
		}
		if isAt(file, path) {
			return func() { unlockFile(file, path) }, nil
		}
		file.Close()
	}
	return nil, fmt.Errorf("lock %s: %w", name, ErrLocked)
}

// isAt reports whether an open file is still the one of that name.
func isAt(file *os.File, path string) bool {
	opened, err := file.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(opened, there)
}
