package ctest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/internal/need"
	"github.com/iscdesk/iscdesk/internal/winetest"
)

// texts compiles hosts/text.c, with sources of the C layer from folder before those
// of the tree.
func texts(t *testing.T, cc, folder, out string, flags ...string) {
	t.Helper()
	shim := filepath.Join(root, "cshim")
	args := slices.Concat(strict, []string{"-std=gnu11", "-D_GNU_SOURCE", "-DISCDESK_NO_IMPORT", "-Wno-unused-parameter",
		"-I" + folder, "-I" + shim, "-I" + include, "-o", out, "hosts/text.c"}, flags)
	if text, err := exec.Command(need.Command(t, cc), args...).CombinedOutput(); err != nil || len(text) > 0 {
		t.Fatalf("compile text.c: %v\n%s", err, text)
	}
}

// The conversions with iconv's code pages, under the sanitizers: no byte is read that
// is not the text's.
func TestTexts(t *testing.T) {
	program := filepath.Join(t.TempDir(), "text")
	texts(t, "gcc", filepath.Join(root, "cshim"), program, "-fsanitize=address,undefined", "-fno-sanitize-recover")
	if out := command(t, program).run(t, 0); out != "" {
		t.Error(out)
	}
}

// The same with each strict part taken out.
func TestTextsSeePlantedFaults(t *testing.T) {
	source := read(t, filepath.Join(root, "cshim/shim_text.c"))
	for _, tt := range []struct{ name, from, to string }{
		{"the way back is not compared", "memcmp(wide, back, count * sizeof *back) == 0", "1"},
		{"pages without flags are believed", "back_size == size && memcmp(back, text, size) == 0", "1"},
		{"a lone surrogate passes", "        if (w == NULL)\n            return ISCDESK_E_INVALID_ARGUMENT;\n", "        if (w == NULL) { w = wide + 1; *made = NULL; bytes = limit; }\n"},
		{"the limit is not looked at", "bytes > limit", "bytes > limit + 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if strings.Count(source, tt.from) != 1 {
				t.Fatalf("shim_text.c has %q %d times, want once", tt.from, strings.Count(source, tt.from))
			}
			dir := t.TempDir()
			write(t, filepath.Join(dir, "shim_text.c"), strings.Replace(source, tt.from, tt.to, 1), 0o600)
			texts(t, "gcc", dir, filepath.Join(dir, "text"))
			h := command(t, filepath.Join(dir, "text"))
			defer h.cancel()
			if err := h.cmd.Run(); err == nil {
				t.Error("text.c did not see it")
			}
		})
	}
}

// The same with the code pages of Windows.
func TestWindowsTexts(t *testing.T) {
	w := winetest.New(t)
	for _, b := range bitnesses {
		t.Run(b.arch, func(t *testing.T) {
			if b.arch == "x86" {
				w.Need32(t)
			}
			program := filepath.Join(t.TempDir(), "text.exe")
			texts(t, b.gcc, filepath.Join(root, "cshim"), program)
			out, code := w.Run(t, time.Minute, program)
			if t.Log(strings.TrimSpace(out)); code != 0 {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

// chinese makes the locale that gives Windows programs code page 936, and says how
// to choose it. Without the locale itself Wine could not write a name that is not ASCII.
func chinese(t *testing.T) []string {
	t.Helper()
	if _, err := os.Stat("/usr/share/i18n/locales/zh_CN"); err != nil {
		need.Missing(t, "needs the package locales")
	}
	dir := t.TempDir()
	if out, err := exec.Command(need.Command(t, "localedef"), "-i", "zh_CN", "-f", "UTF-8", filepath.Join(dir, "zh_CN.UTF-8")).CombinedOutput(); err != nil {
		t.Fatalf("localedef: %v\n%s", err, out)
	}
	return []string{"LC_ALL=zh_CN.UTF-8", "LOCPATH=" + dir}
}

// Programs that choose the code page of their process, with two of them.
func TestWindowsCodePages(t *testing.T) {
	w := winetest.New(t)
	program := tests(t, w)
	for _, b := range bitnesses {
		dir := t.TempDir()
		b.build(t, filepath.Join(dir, "lib"))
		plain := filepath.Join(dir, "plain")
		if err := os.Mkdir(plain, 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(plain, b.dll+".dll"), read(t, filepath.Join(dir, "lib", b.arch, b.dll+".dll")), 0o755)
		b.host(t, filepath.Join(dir, "lib"), plain, "ansi.c", false)
		for page, env := range map[string][]string{"936": chinese(t), "1252": {"LC_ALL=C.UTF-8"}} {
			t.Run(b.arch+" "+page, func(t *testing.T) {
				if b.arch == "x86" {
					w.Need32(t)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				cmd := w.Command(ctx, program, "-test.v", "-test.run", "TestHosts/code_page", "-programs", w.Path(dir))
				cmd.Env = append(cmd.Env, env...)
				out, err := winetest.Output(t, cmd)
				if err != nil || !strings.Contains(out, "code page "+page) {
					t.Errorf("%v, want code page %s\n%s", err, page, out)
				}
			})
		}
	}
}

// The hosts of texts and windows fail where a guard is taken out of the DLL.
func TestWindowsTextHostsSeePlantedFaults(t *testing.T) {
	w := winetest.New(t)
	program := tests(t, w)
	b := bitnesses[0]
	for _, tt := range []struct{ name, file, from, to, row, host string }{
		{"a message for each event", "shim_events.c", "    c->called = rc == ISCDESK_OK;", "    c->called = 0;", "message", "window.c"},
		{"no message a second time", "shim_events.c", "        c->last = NULL;\n        c->called = 0;", "        c->last = NULL;", "message", "window.c"},
		{"a name that does not fit is given all the same", "shim_text.c", "    if (!good) {\n        free(bytes);", "    if (0) {\n        free(bytes);", "code_page", "ansi.c"},
		{"an event's JSON is not escaped", "shim_text.c", "        if (c < 0x80)\n            *at++ = (char)c;", "        if (c < 0x10000)\n            *at++ = (char)c;", "code_page", "ansi.c"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			source, err := filepath.Abs(filepath.Join(root, "cshim", tt.file))
			if err != nil {
				t.Fatal(err)
			}
			text := read(t, source)
			if strings.Count(text, tt.from) != 1 {
				t.Fatalf("%s has %q %d times, want once", tt.file, tt.from, strings.Count(text, tt.from))
			}
			dir := t.TempDir()
			write(t, filepath.Join(dir, tt.file), strings.Replace(text, tt.from, tt.to, 1), 0o600)
			overlay := filepath.Join(dir, "overlay.json")
			write(t, overlay, fmt.Sprintf(`{"Replace":{%q:%q}}`, source, filepath.Join(dir, tt.file)), 0o600)
			b.build(t, filepath.Join(dir, "lib"), "GOEXTRA=-overlay="+overlay)
			plain := filepath.Join(dir, "plain")
			if err := os.Mkdir(plain, 0o755); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(plain, b.dll+".dll"), read(t, filepath.Join(dir, "lib", b.arch, b.dll+".dll")), 0o755)
			b.host(t, filepath.Join(dir, "lib"), plain, tt.host, false)
			out, code := w.Run(t, 2*time.Minute, program, "-test.v", "-test.run", "TestHosts/"+tt.row, "-programs", w.Path(dir))
			if code == 0 || !strings.Contains(out, "does not hold") {
				t.Errorf("%s did not see it: exit code %d\n%s", tt.host, code, out)
			}
		})
	}
}
