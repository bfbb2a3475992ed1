// Package host is what this machine can do and how much of it is used: open
// files, ports, processor time, memory, addresses of the loopback interface, the
// terminal, and files that are written whole or not at all.
//
// It is the one place with code for a single operating system. Where a system
// does not tell something, the value is 0 and its function says so.
package host

import (
	"context"
	"errors"
	"time"
)

// Sleep returns after d, or with the context's error when that ends first.
func Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TimedOut reports whether a socket's error is the end of its deadline.
func TimedOut(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}
