package fetch

import (
	"errors"
	"os"
	"syscall"
)

// LocalLimit tells the failures of this machine from those of a server. The
// limit is "descriptors" (the process or system has no more files to open),
// "ports" (the source address has none left for this server), or "addresses"
// (the source address is not one of this machine's).
func LocalLimit(err error) (limit string, ok bool) {
	switch {
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return "descriptors", true
	case errors.Is(err, syscall.EADDRINUSE):
		return "ports", true
	case !errors.Is(err, syscall.EADDRNOTAVAIL):
		return "", false
	}
	var call *os.SyscallError
	if errors.As(err, &call) && call.Syscall == "bind" {
		return "addresses", true
	}
	return "ports", true
}
