//go:build unix

package prov_test

import (
	"syscall"
	"testing"
)

// makePipe makes a named pipe, which whoever opens it would wait at.
func makePipe(t *testing.T, name string) {
	t.Helper()
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
}
