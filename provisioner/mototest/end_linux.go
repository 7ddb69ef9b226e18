package mototest

import (
	"os"
	"os/exec"
	"syscall"
)

// endWithUs has the kernel kill the server when the test binary ends, also when
// it is killed or panics. The server gets a process group of its own, since
// what is called moto_server may be a launcher.
func endWithUs(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

func killAll(p *os.Process) { _ = syscall.Kill(-p.Pid, syscall.SIGKILL) }
