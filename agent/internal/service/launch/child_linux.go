package launch

import "os/exec"

// child is a process of ours that the kernel kills with the service's spawning
// thread (Pdeathsig).
type child struct{ cmd *exec.Cmd }

// wait returns when the process has ended.
func (c *child) wait() error { return c.cmd.Wait() }

// kill ends the process at once; one that has ended is left alone.
func (c *child) kill() { _ = c.cmd.Process.Kill() }

// bound says whether the process ends with the service in any case.
func (c *child) bound() bool { return true }
