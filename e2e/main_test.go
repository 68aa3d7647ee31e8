//go:build linux

package e2e

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/e2e/desk"
	"github.com/iscdesk/iscdesk/internal/cloudapitest"
	"github.com/iscdesk/iscdesk/internal/need"
	"github.com/iscdesk/iscdesk/internal/winetest"
)

// programs is where the programs are; make race has built its own with the detector,
// whose reports fail the test that they come in.
var programs = flag.String("programs", "../build/bin", "folder of iscdesk, iscdesk-agent and iscdesk-cloud")

type theStage struct {
	*desk.Stage
	bits   string // x64 or x86 on Windows: of programs that carry the library
	data   string // what workers keep, in an engineer's home
	player string // the program of roles

	screen
	shop
}

// stage starts cloud, agent and engineers for one test. With described set, what
// anyone says to the cloud is held against cloud/openapi.yaml.
func stage(t *testing.T, prefix string, described bool) *theStage {
	t.Helper()
	bin, err := filepath.Abs(*programs)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(bin, "iscdesk-agent")); err != nil {
		need.Missing(t, "needs the programs in "+*programs+" (make build)")
	}
	return set(t, prefix, described, func(ctx context.Context, dir string, contract *cloudapitest.Contract) (*theStage, error) {
		// Two runs on one machine must not share their users.
		s, err := desk.SetUp(ctx, bin, dir, fmt.Sprint(prefix, os.Getpid()), contract)
		if err != nil {
			return nil, err
		}
		player, err := s.CopyProgram(os.Args[0], "player")
		return &theStage{Stage: s, data: ".local/share/iscdesk", player: player}, err
	})
}

// windowsStage starts a desk on a Windows system, with one engineer; its cloud is there too,
// or here. Programs that carry the library are of bits x64 or x86.
func windowsStage(t *testing.T, w *winetest.Wine, bits string, cloudToo bool) *theStage {
	t.Helper()
	for _, program := range []string{"wine/x64/iscdesk-agent.exe", "wine/x64/player.exe", "bin/iscdesk-cloud"} {
		if _, err := os.Stat(filepath.Join(w.Build, program)); err != nil {
			need.Missing(t, "needs build/"+program+" (make test-windows)")
		}
	}
	return set(t, "iscwin", true, func(ctx context.Context, dir string, contract *cloudapitest.Contract) (*theStage, error) {
		player := filepath.Join(w.Build, "wine/x64/player.exe")
		s, err := desk.SetUpWindows(ctx, w, dir, cloudToo, contract)
		return &theStage{Stage: s, bits: bits, data: "AppData/Local/ISCDesk", player: player}, err
	})
}

// set starts a stage in a folder of its own and ends it with the test.
func set(t *testing.T, prefix string, described bool, up func(context.Context, string, *cloudapitest.Contract) (*theStage, error)) *theStage {
	t.Helper()
	// Not t.TempDir: its parents are closed to other users.
	dir, err := os.MkdirTemp("", prefix)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	var contract *cloudapitest.Contract
	if described {
		contract = cloudapitest.For(t)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := os.CopyFS(filepath.Join(dir, "examples"), os.DirFS("../cshim/examples/data")); err != nil {
		t.Fatal(err)
	}
	s, err := up(ctx, dir, contract)
	if err != nil {
		_ = os.RemoveAll(dir)
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s.market != nil {
			_ = s.market.Stop() // it may have been killed by the test
		}
		s.Close()
		for _, p := range []*desk.Process{s.Agent.Process, s.Cloud.Process} {
			if log, err := os.ReadFile(p.Log); err != nil || bytes.Contains(log, []byte("WARNING: DATA RACE")) {
				t.Errorf("%s: a data race, or no log (%v):\n%s", p.Name, err, log)
			}
		}
		if t.Failed() {
			t.Logf("logs are kept in %s", dir)
			return
		}
		_ = os.RemoveAll(dir)
	})
	return s
}
