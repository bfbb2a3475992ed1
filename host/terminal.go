package host

import (
	"io"
	"os"
	"runtime"

	"golang.org/x/term"
)

// A Screen is what a terminal can show.
type Screen struct {
	Columns, Rows int  // 80 and 24 where the terminal does not tell
	Live          bool // text can be drawn over: not where TERM is dumb or not set, and not in CI, which keeps a log
	Colour        bool // colours are wanted: not where NO_COLOR is set
}

// Terminal returns what the terminal w can show; false where w is no terminal.
func Terminal(w io.Writer) (Screen, bool) {
	f, ok := w.(interface{ Fd() uintptr })
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return Screen{}, false
	}
	s := Screen{Columns: 80, Rows: 24, Live: drawsOver(), Colour: os.Getenv("NO_COLOR") == ""}
	if columns, rows, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 && rows > 0 {
		s.Columns, s.Rows = columns, rows
	}
	s.Colour = s.Colour && s.Live
	return s, true
}

// drawsOver reports whether the terminal moves its cursor as VT100 does. The old
// console of Windows does not; terminals that do set one of these variables there.
func drawsOver() bool {
	name := os.Getenv("TERM")
	if ci := os.Getenv("CI"); ci != "" && ci != "false" && ci != "0" {
		return false
	}
	return name != "dumb" && (name != "" || runtime.GOOS == "windows" && os.Getenv("WT_SESSION") != "")
}
