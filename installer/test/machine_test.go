//go:build linux

package machine

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/internal/need"
)

// boot prepares and boots a machine of its own for one test.
func boot(t *testing.T) (context.Context, *Machine) {
	t.Helper()
	need.Root(t)
	need.Command(t, "systemd-nspawn")
	need.Command(t, "debootstrap")
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	cache, err := filepath.Abs("../../build/nspawn")
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(t.TempDir(), "root")
	if err := Prepare(ctx, cache, root); err != nil {
		t.Fatal(err)
	}
	m, err := Boot(ctx, root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Stop(context.Background()) })
	return ctx, m
}

func TestMachineRunsSystemd(t *testing.T) {
	ctx, m := boot(t)
	out, err := m.Run(ctx, "cat", "/proc/1/comm")
	if err != nil || strings.TrimSpace(out) != "systemd" {
		t.Fatalf("process 1 inside: %q, %v; want systemd", out, err)
	}
}
