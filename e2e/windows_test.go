//go:build linux

package e2e

import (
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

// The kill loop over Windows programs, shorter: TerminateProcess has no more to show than
// SIGKILL, but what a killed program leaves open or locked is Windows' own.
func TestWindowsKillLoop(t *testing.T) {
	killLoop(t, windowsStage(t, winetest.New(t), "x64", false), windowsKills)
}

const windowsKills = 20
