//go:build linux

package ctest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/internal/need"
	"github.com/iscdesk/iscdesk/sdk/api"
	"github.com/iscdesk/iscdesk/sdk/sdktest"
)

// The program of docs/licence.md compiles without a warning, takes the content that
// stands there, and no other. cloud/internal/issue holds that content against the issuer.
func TestDocumentedLicenceCheck(t *testing.T) {
	need.Command(t, "pkg-config")
	lib := library(t, plain)
	if exec.Command("pkg-config", "--exists", "libsodium").Run() != nil {
		need.Missing(t, "needs libsodium for pkg-config")
	}
	page := read(t, filepath.Join(root, "docs/licence.md"))
	find := func(pattern string) string {
		m := regexp.MustCompile(pattern).FindStringSubmatch(page)
		if m == nil {
			t.Fatalf("docs/licence.md has no %s", pattern)
		}
		return m[1]
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "check.c"), find("(?s)```c\n(.*?)```"), 0o600)
	cmd := exec.Command("sh", "-c", `cc -Wall -Wextra -Werror -DPUBLISHER_KEY='"`+find(`(?m)^public key +(\S+)$`)+
		`"' check.c $(pkg-config --cflags --libs iscdesk libsodium) -o check`)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PKG_CONFIG_PATH="+filepath.Join(lib, "lib/pkgconfig"))
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	content := find(`(?m)^content +(\S+)$`)
	for _, tt := range []struct {
		name, text, want string
		exit, reports    int
	}{
		{"as documented", content, "licensed, features: draw,step", 0, 1},
		{"another end", strings.Replace(content, "2099", "2199", 1), "the signature is not the publisher's", 1, 1},
		{"no fields", "x|" + content[strings.LastIndexByte(content, '|')+1:], "the signature is not the publisher's", 1, 1},
		{"another text", "hello", "this is not a licence", 1, 1},
		{"nothing", "", "the licence is empty", 1, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			agent := sdktest.NewAgent(t)
			licensing(agent, tt.text)
			out := command(t, filepath.Join(dir, "check"), agent.Endpoint()).run(t, tt.exit)
			if !strings.Contains(out, tt.want) {
				t.Errorf("the program says %q, want %q", out, tt.want)
			}
			if calls := agent.Calls(api.MethodLicenseVerify); len(calls) != tt.reports {
				t.Errorf("%d reports, want %d", len(calls), tt.reports)
			}
		})
	}
}
