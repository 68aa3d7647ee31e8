//go:build linux

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/internal/winetest"
)

// The scenarios that need two users, or Linux's mounts. What they hold on Windows: the
// service compares user, logon and elevation of client and worker, see docs/building.md.
const oneUser = "a Wine system has one user, who is its administrator"

// The same scenarios over the Windows programs: agent, workers and command line are
// Windows processes, and so are the browser and the C program of 64 and of 32 bit. Once,
// in whole_way and restart, the cloud is one as well.
func TestWindowsScenarios(t *testing.T) {
	scripts, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scenarios found: %v", err)
	}
	for _, script := range scripts {
		name := strings.TrimSuffix(filepath.Base(script), ".txtar")
		t.Run(name, func(t *testing.T) {
			if needsRoot(t, script) {
				t.Skip("not run: " + oneUser)
			}
			windowsStage(t, winetest.New(t), "x64", name == "whole_way" || name == "restart").scenario(t, script)
		})
	}
	t.Run("minicad of 32 bit", func(t *testing.T) {
		w := winetest.New(t)
		w.Need32(t)
		windowsStage(t, w, "x86", false).scenario(t, "testdata/minicad.txtar")
	})
}

// buildPlayer builds the program of roles for Windows.
func buildPlayer(w *winetest.Wine, out string) error {
	cmd := exec.Command("go", "test", "-c", "-overlay", w.Overlay(), "-o", out, ".")
	cmd.Env = append(os.Environ(), "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the program of roles: %w\n%s", err, text)
	}
	return nil
}

// The kill loop over Windows programs, shorter: TerminateProcess has no more to show than
// SIGKILL, but what a killed program leaves open or locked is Windows' own.
func TestWindowsKillLoop(t *testing.T) {
	killLoop(t, windowsStage(t, winetest.New(t), "x64", false), windowsKills)
}

const windowsKills = 40
