//go:build !unix

package host

import "os/exec"

// KillWithChildren does nothing: when its context ends, the command alone is killed.
func KillWithChildren(*exec.Cmd) {}
