package transfertest

import (
	"os/exec"
	"syscall"
)

// dieWithParent keeps a killed test from leaving a cloud behind.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
