//go:build linux

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/iscdesk/iscdesk/e2e/desk"
)

// shop is the example's ISV beside the stage, and its program as it was compiled for this ISV.
type shop struct {
	market  *desk.Market
	gearcad string
}

// sells is the script's command for the ISV: open makes the cloud a marketplace on which the ISV sells GearCAD;
// stop, kill and start are its server's.
func (s *theStage) sells(ts *testscript.TestScript, _ bool, args []string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if len(args) != 1 {
		ts.Fatalf("usage: isv open|start|stop|kill")
	}
	if args[0] == "open" {
		ts.Check(s.openShop(ctx))
		ts.Setenv("GEARCAD", s.gearcad)
		ts.Setenv("RESOURCE", s.market.Resource)
		ts.Setenv("ISVDIR", s.market.Dir)
		return
	}
	control(ts, args, s.market.Start, s.market.Process)
}

func (s *theStage) openShop(ctx context.Context) error {
	server, err := s.buildISV(ctx)
	if err != nil {
		return err
	}
	// The pages' own plan would soon ask every two minutes only.
	if s.market, err = s.OpenMarket(ctx, desk.Shop{Program: server, Flags: []string{"--retry-every", "1s"}}); err != nil {
		return err
	}
	// With the ISV's key, as docs/isv.md says.
	s.gearcad, err = s.compile("gearcad", "../merchant/examples/isvserver/gearcad/gearcad.c", `-DGEARCAD_KEY="`+s.market.Key+`"`)
	return err
}

// buildISV builds the ISV's server for the desk's system; on Wine with the overlay of all programs there.
func (s *theStage) buildISV(ctx context.Context) (string, error) {
	server := filepath.Join(s.Dir, "isvserver")
	args := []string{"build"}
	env := os.Environ()
	if s.bits != "" {
		server += ".exe"
		args = append(args, "-overlay", "../build/wine/overlay.json")
		env = append(env, "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0")
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "-o", server, "../merchant/examples/isvserver")...)
	cmd.Env = env
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build isvserver: %w\n%s", err, out)
	}
	return server, nil
}
