// Package tty is what a program does with its terminal beside writing to it: whether it may,
// no echo of what is typed, Ctrl-Z, and the end by a signal. Where a system has none of that,
// its functions do nothing.
package tty

import (
	"os"
	"time"
)

// Die ends this process by a signal, as one that does not catch it, or else with an exit code.
func Die(s os.Signal, code int) {
	if die(s) {
		time.AfterFunc(time.Second, func() { os.Exit(code) }) // of a signal that was ignored from the start
		select {}
	}
	os.Exit(code)
}
