//go:build !(linux || darwin || freebsd || netbsd || openbsd)

package tty

import "os"

// Foreground reports whether this process may draw on a terminal.
func Foreground(uintptr) bool { return true }

// Quiet does nothing here.
func Quiet(uintptr) (undo func()) { return func() {} }

// Stops are the signals that Ctrl-Z sends: none.
func Stops() []os.Signal { return nil }

// Hangup is the signal that says that the terminal is closed; nil: there is none.
func Hangup() os.Signal { return nil }

// Stop does nothing here.
func Stop() {}

func die(os.Signal) bool { return false }
