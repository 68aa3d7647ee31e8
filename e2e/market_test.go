//go:build linux

package e2e

import (
	"context"
	"fmt"
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
	if s.market, err = s.OpenMarket(ctx, desk.Shop{Program: server}); err != nil {
		return err
	}
	s.gearcad, err = s.compileGearCAD()
	return err
}

func (s *theStage) buildISV(ctx context.Context) (string, error) {
	server := filepath.Join(s.Dir, "isvserver")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", server, "../merchant/examples/isvserver").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build isvserver: %w\n%s", err, out)
	}
	return server, nil
}

// compileGearCAD builds the ISV's program with the ISV's key, as docs/isv.md says.
func (s *theStage) compileGearCAD() (string, error) {
	build, err := filepath.Abs("../build")
	if err != nil {
		return "", err
	}
	out := filepath.Join(s.Dir, "gearcad")
	cc := exec.Command("cc", "-O2", "-o", out, `-DGEARCAD_KEY="`+s.market.Key+`"`, "../merchant/examples/isvserver/gearcad/gearcad.c",
		"-I"+build+"/include", "-L"+build+"/lib", "-liscdesk", "-Wl,-rpath,$ORIGIN", "-lsodium")
	if text, err := cc.CombinedOutput(); err != nil {
		return "", fmt.Errorf("compile gearcad: %w\n%s", err, text)
	}
	_, err = s.CopyProgram(filepath.Join(build, "lib/libiscdesk.so.1"), "libiscdesk.so.1")
	return out, err
}
