package host_test

import (
	"testing"

	"spafleet/host"
	"spafleet/host/tty/ttytest"
)

func TestWhatATerminalCanShow(t *testing.T) {
	for _, tt := range []struct {
		columns, rows int
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
		terminal, _ := ttytest.Open(t, tt.columns, tt.rows)
		if got, is := host.Terminal(terminal); !is || got != tt.want {
			t.Errorf("%+v: %t, %+v", tt, is, got)
		}
	}
}
