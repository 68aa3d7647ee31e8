//go:build linux

package winetest

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Path is a Linux path as Windows programs name it: below the prefix's drive C: with
// that letter, elsewhere with Z:, as winepath says it.
func (w *Wine) Path(linux string) string {
	c := filepath.Join(w.Prefix, "drive_c")
	if rest, below := strings.CutPrefix(linux, c); below && (rest == "" || rest[0] == '/') {
		return `C:` + backslashes(rest)
	}
	return `Z:` + backslashes(linux)
}

// Linux is a full Windows path of drive C: or Z: as Linux names it; anything else is
// returned as it is. The case of names is not looked at.
func (w *Wine) Linux(windows string) string {
	if len(windows) < 3 || windows[1] != ':' {
		return windows
	}
	rest := strings.ReplaceAll(windows[2:], `\`, "/")
	switch windows[0] {
	case 'C', 'c':
		return filepath.Join(w.Prefix, "drive_c", rest)
	case 'Z', 'z':
		return filepath.Clean(rest)
	}
	return windows
}

func backslashes(rest string) string {
	if rest == "" {
		rest = "/"
	}
	return strings.ReplaceAll(rest, "/", `\`)
}

// Processes are the Linux pids of the prefix's processes of a program, such as
// "iscdesk-agent.exe", whose arguments contain all of args; of every program when it is empty.
func (w *Wine) Processes(program string, args ...string) []int {
	var pids []int
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range all {
		env, err := os.ReadFile(dir + "/environ")
		if err != nil || !slices.ContainsFunc(bytes.Split(env, []byte{0}), func(v []byte) bool { return string(v) == "WINEPREFIX="+w.Prefix }) {
			continue
		}
		line, _ := os.ReadFile(dir + "/cmdline")
		if !runs(strings.Split(strings.TrimRight(string(line), "\x00"), "\x00"), program, args) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// runs compares a command line as Wine shows it: the program's Windows path, arguments.
func runs(line []string, program string, args []string) bool {
	if len(line) == 0 || line[0] == "" {
		return false // it is ending
	}
	name := line[0][strings.LastIndexAny(line[0], `\/`)+1:]
	if program == "" {
		return name != "wineserver64" && name != "wineserver"
	}
	// Whoever starts a program may leave the end of its name out.
	if !strings.EqualFold(name, program) && !strings.EqualFold(name+".exe", program) {
		return false
	}
	for _, a := range args {
		if !slices.Contains(line[1:], a) {
			return false
		}
	}
	return true
}

// Kill ends processes of the prefix as TerminateProcess would: at once, without a word
// to them. It tells how many there were.
func (w *Wine) Kill(program string, args ...string) int {
	n := 0
	for _, pid := range w.Processes(program, args...) {
		if syscall.Kill(pid, syscall.SIGKILL) == nil {
			n++
		}
	}
	return n
}
