// Package tty is what a program does with its terminal beside writing to it: whether it may,
// no echo of what is typed, Ctrl-Z, and the end by a signal. Where a system has none of that,
// its functions do nothing.
package tty

import (
	"context"
	"os"
	"time"
)

// Die ends this process by a signal, as one that does not catch it, or else with an exit code.
func Die(s os.Signal, code int) {
	if die(s) {
		soon, cancel := context.WithTimeout(context.Background(), time.Second)
		<-soon.Done() // no further, but for a signal that was ignored from the start
		cancel()
	}
	os.Exit(code)
}
