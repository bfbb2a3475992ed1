//go:build !unix

package host

// syncFolder does nothing: the system cannot sync a folder.
func syncFolder(string) error { return nil }
