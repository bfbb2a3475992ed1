//go:build unix

package certs_test

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"spafleet/certs"
)

func TestAPipeAmongTheMaterialDoesNotHang(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, mac+".pem"), 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := certs.ReadMaterial(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	h := &certs.Holder{PKI: certs.New(1), Own: m}
	if _, _, err := h.Certificate(made(t, "SPA2102", "FM500H100001", nil)); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("%v", err)
	}
}
