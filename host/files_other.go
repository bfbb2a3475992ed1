//go:build !unix

package host

// OpenFileLimit returns how many files this process may have open. No limit counts
// as 2^20.
func OpenFileLimit() int { return mostFiles }

// RaiseOpenFileLimit does nothing: the system has no such limit.
func RaiseOpenFileLimit(int) error { return nil }
