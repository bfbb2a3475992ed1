//go:build unix

package prov_test

import (
	"syscall"
	"testing"
)

// makePipe makes a named pipe: opening it would wait for a writer.
func makePipe(t *testing.T, name string) {
	t.Helper()
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
}
