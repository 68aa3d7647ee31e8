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
// Windows processes. Once, in whole_way and restart, the cloud is one as well.
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
			w := winetest.New(t)
			windowsStage(t, w, name == "whole_way" || name == "restart").scenario(t, script)
		})
	}
}
