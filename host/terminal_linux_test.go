package host_test

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"spafleet/host"
)

// pseudoTerminal is a terminal of a size.
func pseudoTerminal(t *testing.T, columns, rows uint16) *os.File {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Col: columns, Row: rows}); err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { slave.Close() })
	return slave
}

func TestWhatATerminalCanShow(t *testing.T) {
	for _, tt := range []struct {
		columns, rows uint16
		term, noColor string
		ci            string
		want          host.Screen
	}{
		{40, 20, "xterm", "", "", host.Screen{Columns: 40, Rows: 20, Live: true, Colour: true}},
		{132, 50, "xterm", "1", "", host.Screen{Columns: 132, Rows: 50, Live: true}},
		{60, 20, "dumb", "", "", host.Screen{Columns: 60, Rows: 20}},
		{0, 0, "xterm", "", "", host.Screen{Columns: 80, Rows: 24, Live: true, Colour: true}},
		{80, 24, "xterm", "", "true", host.Screen{Columns: 80, Rows: 24}},
	} {
		t.Setenv("CI", tt.ci)
		t.Setenv("TERM", tt.term)
		t.Setenv("NO_COLOR", tt.noColor)
		if got, is := host.Terminal(pseudoTerminal(t, tt.columns, tt.rows)); !is || got != tt.want {
			t.Errorf("%+v: %t, %+v", tt, is, got)
		}
	}
}
