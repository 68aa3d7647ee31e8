//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/iscdesk/iscdesk/e2e/desk"
)

// demo is one run.
type demo struct {
	begin  time.Time
	last   time.Time // end of the step before
	dir    string    // everything of the run; other users may enter it
	bin    string    // the programs, copied to where every user may run them
	build  string
	source string
	root   bool

	cloud     *desk.Cloud
	agent     *desk.Agent
	space     string
	app       *desk.Minicad // the engineer's running minicad
	document  string        // what it has open: a file, or an assembly's folder
	file      string        // the part, as it lies in the workspace
	makersKey string        // public key of the example's maker, hex

	engineer *person
	other    *person // second user; nil when not root

	mu  sync.Mutex // guards off
	off []error    // what was said to or by the cloud and is not what openapi.yaml says
}

// broke takes one such call, from any goroutine.
func (d *demo) broke(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.off = append(d.off, fmt.Errorf("cloud/openapi.yaml: %w", err))
}

// broken is what was found since the last time.
func (d *demo) broken() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	off := d.off
	d.off = nil
	return errors.Join(off...)
}

// newDemo makes the folder and copies the programs; it starts nothing.
func newDemo(build, source string) (*demo, error) {
	dir, err := os.MkdirTemp("", "iscdesk-demo-")
	if err != nil {
		return nil, err
	}
	d := &demo{begin: time.Now(), last: time.Now(), dir: dir, bin: filepath.Join(dir, "bin"), root: os.Geteuid() == 0}
	if err := os.Chmod(dir, 0o755); err != nil {
		return d, err
	}
	if d.build, err = filepath.Abs(build); err != nil {
		return d, err
	}
	if d.source, err = filepath.Abs(source); err != nil {
		return d, err
	}
	self, err := os.Executable()
	if err != nil {
		return d, err
	}
	for to, from := range map[string]string{
		"iscdesk":              filepath.Join(d.build, "bin", "iscdesk"),
		"iscdesk-agent":        filepath.Join(d.build, "bin", "iscdesk-agent"),
		"iscdesk-cloud":        filepath.Join(d.build, "bin", "iscdesk-cloud"),
		browserName:            self,
		browserName + "-thief": self,
	} {
		if err := copyProgram(from, filepath.Join(d.bin, to)); err != nil {
			return d, fmt.Errorf("prepare programs: %w", err)
		}
	}
	return d, nil
}

func copyProgram(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o755)
}

// say prints one sentence with the time since the step before.
func (d *demo) say(format string, args ...any) {
	now := time.Now()
	fmt.Printf("%8s  %s\n", seconds(now.Sub(d.last)), fmt.Sprintf(format, args...))
	d.last = now
}

// head begins a part of the way.
func (d *demo) head(text string) { fmt.Printf("\n%s\n", text) }

func seconds(t time.Duration) string { return fmt.Sprintf("%.2f s", t.Seconds()) }

// clean stops what runs, removes users and folder, and makes sure that no process
// of the run is left. After a failure the logs are kept and named.
func (d *demo) clean(failed bool) error {
	var errs []error
	d.app.Quit()
	if d.agent != nil && d.agent.Process != nil {
		errs = append(errs, d.agent.Stop())
	}
	if d.cloud != nil && d.cloud.Process != nil {
		errs = append(errs, d.cloud.Close())
	}
	errs = append(errs, d.broken()) // what an agent says at its end counts as well
	if left := d.processes(); len(left) > 0 {
		errs = append(errs, fmt.Errorf("still running: %s", strings.Join(left, ", ")))
		for _, one := range left {
			pid, _, _ := strings.Cut(one, " ")
			if n, err := strconv.Atoi(pid); err == nil {
				_ = syscall.Kill(n, syscall.SIGKILL)
			}
		}
	}
	for _, p := range []*person{d.engineer, d.other} {
		if p != nil {
			errs = append(errs, p.remove())
		}
	}
	if failed {
		fmt.Fprintf(os.Stderr, "demo: logs are kept in %s\n", d.dir)
	} else {
		errs = append(errs, os.RemoveAll(d.dir))
	}
	return errors.Join(errs...)
}

// processes lists what runs from the run's own programs. A worker ends a moment
// after the agent, so they get a second.
func (d *demo) processes() []string {
	var left []string
	for wait := time.Now().Add(time.Second); ; time.Sleep(20 * time.Millisecond) {
		left = left[:0]
		entries, _ := os.ReadDir("/proc")
		for _, e := range entries {
			exe, err := os.Readlink(filepath.Join("/proc", e.Name(), "exe"))
			if err == nil && strings.HasPrefix(exe, d.dir+"/") {
				left = append(left, e.Name()+" "+exe)
			}
		}
		if len(left) == 0 || time.Now().After(wait) {
			return left
		}
	}
}
