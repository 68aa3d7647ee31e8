package launch

import (
	"errors"
	"fmt"
	"sync"
	"unsafe"

	"golang.org/x/sys/windows"
)

// child is a process of ours, in a job that ends it with the service.
type child struct {
	mu      sync.Mutex // guards what follows against kill while wait closes it
	process windows.Handle
	job     windows.Handle // 0 where the system does not take the process into one
	ended   bool
}

// bind makes a job whose end is the end of its processes, and puts the process into it:
// the service holds the only handle, and the system closes that however the service
// ends. A job per worker: all processes of one belong to one session. A Windows that
// wants that session to be the service's own refuses; such a worker still ends with
// its pipe, unless it does not read.
func bind(process windows.Handle) (windows.Handle, error) {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return 0, fmt.Errorf("make a job: %w", err)
	}
	var limits windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION
	limits.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation, uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits)))
	if err == nil {
		err = windows.AssignProcessToJobObject(job, process)
	}
	switch {
	case errors.Is(err, windows.ERROR_ACCESS_DENIED):
		return 0, windows.CloseHandle(job)
	case err != nil:
		return 0, errors.Join(fmt.Errorf("put it into a job: %w", err), windows.CloseHandle(job))
	}
	return job, nil
}

// wait returns when the process has ended. What it started ends then, too.
func (c *child) wait() error {
	var code uint32
	_, err := windows.WaitForSingleObject(c.process, windows.INFINITE)
	if err == nil {
		err = windows.GetExitCodeProcess(c.process, &code)
	}
	if err == nil && code != 0 {
		err = fmt.Errorf("exit status %d", code)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	if c.job != 0 {
		err = errors.Join(err, windows.CloseHandle(c.job))
	}
	return errors.Join(err, windows.CloseHandle(c.process))
}

// kill ends the process at once; one that has ended is left alone.
func (c *child) kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended {
		_ = windows.TerminateProcess(c.process, 1)
	}
}

// bound says whether the process ends with the service in any case.
func (c *child) bound() bool { return c.job != 0 }
