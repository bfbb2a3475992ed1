//go:build !linux

package fetch

import (
	"context"
	"syscall"
)

// bindWithoutPort does nothing: the system has no such option.
func bindWithoutPort(context.Context, string, string, syscall.RawConn) error { return nil }
