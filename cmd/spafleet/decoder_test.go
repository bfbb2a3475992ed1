package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"spafleet/device/profile"
)

// script writes a program for a test and returns its name.
func script(t *testing.T, lines string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "decode.sh")
	if err := os.WriteFile(name, []byte("#!/bin/sh\n"+lines+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestDecoderGetsTheFileAndTheDevice(t *testing.T) {
	d := decoder{Program: script(t, `printf '%s|%s|%s|' "$SPAFLEET_MAC" "$SPAFLEET_FAMILY" "$SPAFLEET_KEY"; cat`)}
	o := profile.Options{MAC: "000e08012345", Family: "phone 9xx", Key: "$(id)"}
	got, err := d.forDevice(t.Context(), o)([]byte("body\x00\n"))
	if want := "000e08012345|phone 9xx|$(id)|body\x00\n"; err != nil || got != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}

func TestDecoderThatFailsIsAnError(t *testing.T) {
	tests := []struct{ name, script, want string }{
		{"exit code", "exit 3", "exit status 3"},
		{"complaint", "echo 'no such key' >&2; echo more >&2; exit 1", "exit status 1: no such key"},
		{"too much", "exec cat /dev/zero", "more than 1000 bytes"},
		{"no end", "exec tail -f /dev/null", "it did not end within 200ms"},
		{"bytes", `printf '\377\376'`, "not text"},
	}
	for _, tt := range tests {
		d := decoder{Program: script(t, tt.script), Patience: 200 * time.Millisecond, Most: 1000}
		if tt.name != "no end" {
			d.Patience = 0
		}
		got, err := d.run(t.Context(), profile.Options{}, nil)
		if err == nil || got != "" || !strings.HasSuffix(err.Error(), tt.want) && !strings.Contains(err.Error(), tt.want+" ") {
			t.Errorf("%s: got %q, %v; want %s", tt.name, got, err, tt.want)
		}
	}
}

// A program that does not read its input is none that fails.
func TestDecoderNeedNotReadTheFile(t *testing.T) {
	d := decoder{Program: script(t, `echo 'GPP_A "x" ;'`)}
	got, err := d.run(t.Context(), profile.Options{}, make([]byte, 1<<20))
	if err != nil || got != "GPP_A \"x\" ;\n" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestDecoderEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d := decoder{Program: script(t, "exec tail -f /dev/null")}
	if _, err := d.run(ctx, profile.Options{}, nil); err == nil || !strings.Contains(err.Error(), "context canceled") {
		t.Errorf("got %v", err)
	}
}
