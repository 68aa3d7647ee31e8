//go:build linux

// Package machine boots a small Debian with a real systemd in a container, so that
// the service is tried under a real service manager. Tests only; root only.
//
// The container shares the host's network: a cloud on loopback is reachable from
// inside. It is booted without a registration at machined, because a test machine
// may have no system bus of its own.
package machine

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// packages that the root has beside Debian's minimal base.
const packages = "systemd,systemd-sysv,dbus,passwd,libsodium23"

// Machine is a booted container.
type Machine struct {
	Root   string // its root folder on the host
	leader int    // pid of its systemd
	nspawn *exec.Cmd
	log    string
	ended  chan struct{}
}

// Prepare makes (once, about a minute) a Debian root in cache and copies it to
// root. The package mirror is the host's own.
func Prepare(ctx context.Context, cache, root string) error {
	if _, err := os.Stat(filepath.Join(cache, "complete")); err != nil {
		if err := bootstrap(ctx, cache); err != nil {
			return err
		}
	}
	if out, err := exec.CommandContext(ctx, "cp", "-a", "--reflink=auto", filepath.Join(cache, "root"), root).CombinedOutput(); err != nil {
		return fmt.Errorf("copy the root: %w: %s", err, out)
	}
	return nil
}

func bootstrap(ctx context.Context, cache string) error {
	mirror, err := hostMirror()
	if err != nil {
		return err
	}
	if err := os.RemoveAll(cache); err != nil {
		return err
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "debootstrap", "--variant=minbase", "--include="+packages, "bookworm", filepath.Join(cache, "root"), mirror)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("debootstrap: %w: %s", err, last(out, 2000))
	}
	return os.WriteFile(filepath.Join(cache, "complete"), []byte("debootstrap ended without an error\n"), 0o644)
}

// hostMirror reads the first package source of the host.
func hostMirror() (string, error) {
	files, _ := filepath.Glob("/etc/apt/sources.list.d/*.sources")
	for _, f := range append(files, "/etc/apt/sources.list") {
		b, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		for s := bufio.NewScanner(bytes.NewReader(b)); s.Scan(); {
			w := strings.Fields(s.Text())
			if len(w) >= 2 && (w[0] == "URIs:" || w[0] == "deb") {
				return w[1], nil
			}
		}
	}
	return "", errors.New("no Debian package source on this machine")
}

// Boot starts systemd in root and waits until it has finished starting.
func Boot(ctx context.Context, root string) (*Machine, error) {
	m := &Machine{Root: root, log: root + ".log", ended: make(chan struct{})}
	// An id of its own; without one systemd would ask its first-boot questions.
	if err := os.WriteFile(filepath.Join(root, "etc/machine-id"), []byte(machineID()+"\n"), 0o444); err != nil {
		return nil, err
	}
	out, err := os.Create(m.log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	m.nspawn = exec.Command("systemd-nspawn", "-q", "-D", root, "--boot", "--console=pipe", "--register=no", "--keep-unit",
		"--kill-signal=SIGRTMIN+3", "--resolv-conf=off", "--timezone=off")
	m.nspawn.Stdout, m.nspawn.Stderr = out, out
	// A test that is ended must not leave a machine behind.
	m.nspawn.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := m.nspawn.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(m.ended)
		_ = m.nspawn.Wait()
	}()
	if err := m.wait(ctx); err != nil {
		m.Kill()
		log, _ := os.ReadFile(m.log)
		return nil, fmt.Errorf("boot %s: %w\n%s", root, err, last(log, 2000))
	}
	return m, nil
}

func (m *Machine) wait(ctx context.Context) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		if m.leader == 0 {
			m.leader = child(m.nspawn.Process.Pid)
		}
		if m.leader != 0 {
			out, _ := m.Command(ctx, "systemctl", "is-system-running").Output()
			switch s := strings.TrimSpace(string(out)); s {
			case "running":
				return nil
			case "degraded":
				failed, _ := m.Command(ctx, "systemctl", "--failed", "--no-legend", "--plain").Output()
				return fmt.Errorf("units failed: %s", failed)
			}
		}
		select {
		case <-m.ended:
			return errors.New("the container ended")
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func machineID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	return hex.EncodeToString(id[:])
}

// child is the first child of pid, 0 while there is none.
func child(pid int) int {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	first, _, _ := strings.Cut(strings.TrimSpace(string(b)), " ")
	n, _ := strconv.Atoi(first)
	return n
}

// Command prepares a program that runs inside as root.
func (m *Machine) Command(ctx context.Context, args ...string) *exec.Cmd {
	base := []string{"-t", strconv.Itoa(m.leader), "-m", "-u", "-i", "-p", "-C", "--", "/usr/bin/env", "-i",
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"}
	return exec.CommandContext(ctx, "nsenter", append(base, args...)...)
}

// Run runs a program inside as root; its output is part of the error.
func (m *Machine) Run(ctx context.Context, args ...string) (string, error) {
	out, err := m.Command(ctx, args...).CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, last(out, 2000))
	}
	return string(out), nil
}

// Stop shuts the machine down and waits; after 20 s it is killed.
func (m *Machine) Stop(ctx context.Context) {
	_, _ = m.Run(ctx, "systemctl", "poweroff")
	select {
	case <-m.ended:
	case <-time.After(20 * time.Second):
		m.Kill()
	}
}

// Kill ends the machine at once, as a power cut would.
func (m *Machine) Kill() {
	if m.leader != 0 {
		_ = syscall.Kill(m.leader, syscall.SIGKILL) // its pid namespace dies with it
	}
	_ = syscall.Kill(-m.nspawn.Process.Pid, syscall.SIGKILL)
	<-m.ended
}

func last(b []byte, n int) []byte {
	if len(b) > n {
		return b[len(b)-n:]
	}
	return b
}
