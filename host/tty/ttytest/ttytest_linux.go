// Package ttytest opens terminals of a size, for tests.
package ttytest

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// Open returns a terminal: what a program has, and the other end of it, which shows what the
// program writes and types what it reads. Both are closed when the test ends.
func Open(t testing.TB, columns, rows int) (program, window *os.File) {
	t.Helper()
	window, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { window.Close() })
	number := 0
	control(t, window, func(fd int) error {
		if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
			return err
		}
		number, err = unix.IoctlGetInt(fd, unix.TIOCGPTN)
		return err
	})
	Resize(t, window, columns, rows)
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { program.Close() })
	return program, window
}

// Resize changes the size of a terminal.
func Resize(t testing.TB, window *os.File, columns, rows int) {
	t.Helper()
	control(t, window, func(fd int) error {
		return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Col: uint16(columns), Row: uint16(rows)})
	})
}

// Echoes reports whether a terminal shows what is typed.
func Echoes(t testing.TB, window *os.File) (echoes bool) {
	t.Helper()
	control(t, window, func(fd int) error {
		state, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		echoes = err == nil && state.Lflag&unix.ECHO != 0
		return err
	})
	return echoes
}

// control does something with the descriptor of a file, which goes on not to block.
func control(t testing.TB, f *os.File, do func(fd int) error) {
	t.Helper()
	raw, err := f.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = do(int(fd)) }); err != nil || failed != nil {
		t.Fatal(err, failed)
	}
}
