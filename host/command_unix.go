//go:build unix

package host

import (
	"os/exec"
	"syscall"
)

// KillWithChildren has a command that has not started run in a process group of its
// own, all of which is killed when its context ends. A terminal's Ctrl-C does not reach it.
func KillWithChildren(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
}
