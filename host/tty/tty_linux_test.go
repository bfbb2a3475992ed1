package tty

import (
	"io"
	"strings"
	"testing"
	"time"

	"spafleet/host/tty/ttytest"
)

// What a quiet terminal has not shown when Ctrl-C is typed, it shows later.
func TestCtrlCDropsNothing(t *testing.T) {
	program, window := ttytest.Open(t, 80, 24)
	undo := Quiet(program.Fd())
	if ttytest.Echoes(t, window) {
		t.Error("what is typed is shown")
	}
	want := strings.Repeat("x", 6000) // more than the other end has at once
	if _, err := io.WriteString(program, want); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(window, "\x03"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(program, "\x04"); err != nil {
		t.Fatal(err)
	}
	want += "\x04"
	_ = window.SetReadDeadline(time.Now().Add(10 * time.Second))
	got := make([]byte, len(want))
	for n := 0; n == 0 || got[n-1] != 4; {
		read, err := window.Read(got[n:])
		if err != nil {
			t.Fatalf("after %d bytes: %v", n, err)
		}
		n += read
	}
	if string(got) != want {
		t.Errorf("%q", got)
	}
	undo()
	if !ttytest.Echoes(t, window) {
		t.Error("undone, what is typed is not shown")
	}
}
