//go:build !unix

package playground

import (
	"os"
	"os/exec"
)

// terminate is what this system has in place of SIGTERM.
var terminate = os.Kill

// There is nothing here that stops a process where it is.
var pauseSignal, resumeSignal os.Signal

func ownGroup(*exec.Cmd) {}
