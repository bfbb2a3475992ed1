//go:build linux || darwin || freebsd || netbsd || openbsd

package tty

import (
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// Foreground reports whether this process may draw on a terminal: the shell has not put it
// into the background.
func Foreground(fd uintptr) bool {
	group, err := unix.IoctlGetInt(int(fd), unix.TIOCGPGRP)
	return err != nil || group == unix.Getpgrp()
}

// Quiet has a terminal show nothing of what is typed. Signals such as Ctrl-C work as before,
// but a terminal does not drop for them what it has not shown yet: a view needs all of its
// bytes. It returns how to undo that.
func Quiet(fd uintptr) (undo func()) {
	before, err := unix.IoctlGetTermios(int(fd), getTermios)
	if err != nil || before.Lflag&unix.ECHO == 0 || !Foreground(fd) {
		return func() {}
	}
	quiet := *before
	quiet.Lflag = quiet.Lflag&^unix.ECHO | unix.NOFLSH
	_ = unix.IoctlSetTermios(int(fd), setTermios, &quiet) // what is typed shows then
	return func() {
		if Foreground(fd) { // another than the one in the foreground is stopped for it
			_ = unix.IoctlSetTermios(int(fd), setTermios, before) // a terminal that is closed has no echo
		}
	}
}

// Stops are the signals that Ctrl-Z sends.
func Stops() []os.Signal { return []os.Signal{syscall.SIGTSTP} }

// Hangup is the signal that says that the terminal is closed.
func Hangup() os.Signal { return syscall.SIGHUP }

// Stop stops this process, as Ctrl-Z does. It returns when the process goes on.
func Stop() {
	goesOn := make(chan os.Signal, 1)
	signal.Notify(goesOn, syscall.SIGCONT)
	defer signal.Stop(goesOn)
	if unix.Kill(unix.Getpid(), unix.SIGSTOP) == nil {
		<-goesOn // this thread may run on for a moment before all are stopped
	}
}

func die(s os.Signal) bool {
	number, ok := s.(syscall.Signal)
	signal.Reset(s)
	return ok && unix.Kill(unix.Getpid(), number) == nil
}
