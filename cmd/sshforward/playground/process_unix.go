//go:build unix && !linux

package playground

import (
	"os"
	"os/exec"
	"syscall"
)

var terminate os.Signal = syscall.SIGTERM

// ownGroup keeps a Ctrl-C in the terminal from the child, which is ended in
// order instead.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
