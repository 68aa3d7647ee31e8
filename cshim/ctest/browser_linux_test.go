package ctest

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/sdk/sdktest"
)

// The browser is started behind the host's back, with nothing of the host's.
func TestBrowserIsOpened(t *testing.T) {
	lib := library(t, plain)
	program := compile(t, lib, "browser.c", append(linked(lib), "-D_GNU_SOURCE")...)
	dir := t.TempDir()
	report := filepath.Join(dir, "report")
	// read is the shell's own: while it starts a program it blocks signals itself.
	script := "#!/bin/sh\n{\necho \"url=$1\"\nwhile read -r k v; do case $k in PPid:|Sig[BIC]*) printf '%s\\t%s\\n' $k $v;; esac; done </proc/$$/status\n" +
		"for f in /proc/$$/fd/*; do echo \"fd ${f##*/} $(readlink $f)\"; done\n" +
		"echo \"display=$DISPLAY\"\n} >" + report + ".new 2>&1\nmv " + report + ".new " + report + "\n"
	write(t, filepath.Join(dir, "xdg-open"), script, 0o755)

	t.Run("with a display", func(t *testing.T) {
		agent := sdktest.NewAgent(t)
		agent.Page("http://127.0.0.1:8123/p#t0ken&x=1")
		h := command(t, program, agent.Endpoint(), "open")
		h.cmd.Env = append(h.cmd.Env, "PATH="+dir+":/usr/bin:/bin", "DISPLAY=:77")
		h.run(t, 0)
		text := read(t, report)
		for _, want := range []string{"url=http://127.0.0.1:8123/p#t0ken&x=1\n", "SigBlk:\t0000000000000000\n", "display=:77\n"} {
			if !strings.Contains(text, want) {
				t.Errorf("the browser saw\n%s\nwant %q", text, want)
			}
		}
		// 32 and 33 are the C library's own: no program can set them, so the browser has
		// them as this test was given them. All others are at their default.
		if want := fmt.Sprintf("SigIgn:\t%016x\n", ignored(t)&(1<<31|1<<32)); !strings.Contains(text, want) {
			t.Errorf("the browser ignores signals, want %s\n%s", want, text)
		}
		for _, ours := range []string{"fd 77 ", "/etc/passwd", "socket:", "anon_inode:"} {
			if strings.Contains(text, ours) {
				t.Errorf("the browser inherited %q:\n%s", ours, text)
			}
		}
		if strings.Contains(text, fmt.Sprintf("PPid:\t%d\n", h.cmd.Process.Pid)) {
			t.Errorf("the browser is a child of the host:\n%s", text)
		}
	})
	for _, tt := range []struct {
		name string
		env  []string
		page string
	}{
		{"no display", []string{"PATH=" + dir + ":/usr/bin:/bin"}, "http://127.0.0.1:8123/p"},
		{"no program", []string{"PATH=/nowhere", "DISPLAY=:77"}, "http://127.0.0.1:8123/p"},
		{"relative folder in PATH", []string{"PATH=.:bin", "DISPLAY=:77"}, "http://127.0.0.1:8123/p"},
		{"an address with a blank", []string{"PATH=" + dir, "DISPLAY=:77"}, "http://127.0.0.1:8123/p --option"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			agent := sdktest.NewAgent(t)
			agent.Page(tt.page)
			h := command(t, program, agent.Endpoint(), "event")
			h.cmd.Env = append(h.cmd.Env, tt.env...)
			write(t, filepath.Join(h.cmd.Dir, "xdg-open"), "#!/bin/sh\n", 0o755) // bait for a relative PATH
			h.run(t, 0)
		})
	}
}

// ignored are the signals that this process was given ignored.
func ignored(t *testing.T) uint64 {
	t.Helper()
	m := regexp.MustCompile(`(?m)^SigIgn:\t([0-9a-f]{16})$`).FindStringSubmatch(read(t, "/proc/self/status"))
	if m == nil {
		t.Fatal("/proc/self/status tells no ignored signals")
	}
	mask, err := strconv.ParseUint(m[1], 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	return mask
}
