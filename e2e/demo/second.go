//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/iscdesk/iscdesk/e2e/browserless"
	"github.com/iscdesk/iscdesk/e2e/desk"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// secondUser lets another user of the machine try what is the engineer's.
func (d *demo) secondUser(ctx context.Context) error {
	if d.other == nil {
		d.say("Left out: it takes root to make a second user.")
		return nil
	}
	for _, try := range []func(context.Context) error{d.otherFiles, d.otherEvents, d.otherPage, d.otherCheckout} {
		if err := try(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) otherFiles(ctx context.Context) error {
	private := filepath.Join(d.engineer.Home, ".local/share/iscdesk")
	for _, path := range []string{d.file, private} {
		out, err := d.other.command(ctx, "ls", "-l", path).CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || !strings.Contains(string(out), "Permission denied") {
			return fmt.Errorf("the second user looked at %s: %v %s", path, err, out)
		}
	}
	d.say("%s cannot read the engineer's drawings, outbox or licences: permission denied.", d.other.Name)
	params, err := d.ends(ctx, d.other, "files", "save", d.file)
	if code := codeOf(err); code == api.OK {
		return fmt.Errorf("the second user saved the engineer's file: %v %v", params, err)
	}
	d.say("Nor can they have the agent save them: code %d, the worker has their rights only.", codeOf(err))
	return nil
}

// otherEvents asks for an operation of the engineer's by its number.
func (d *demo) otherEvents(ctx context.Context) error {
	for n := 1; n <= 6; n++ {
		var state api.OperationState
		if err := d.other.iscdesk(ctx, &state, "ops", "show", strconv.Itoa(n)); err == nil && state.State != api.OpUnknown {
			return fmt.Errorf("the second user saw operation %d: %+v", n, state)
		}
	}
	var ops api.Operations
	if err := d.other.iscdesk(ctx, &ops, "ops"); err != nil {
		return err
	}
	if len(ops.Operations) > 1 { // their own refused save
		return fmt.Errorf("the second user saw %d operations", len(ops.Operations))
	}
	d.say("The engineer's operations and events are unknown to them.")
	return nil
}

// otherPage steals the address of a picker page from the command line.
func (d *demo) otherPage(ctx context.Context) error {
	cmd := d.engineer.command(ctx, filepath.Join(d.bin, "iscdesk"), "--endpoint", d.agent.Socket, "--language", "en", "files", "open")
	for i, v := range cmd.Env { // no screen: the address is printed
		if strings.HasPrefix(v, "DISPLAY=") {
			cmd.Env = append(cmd.Env[:i:i], cmd.Env[i+1:]...)
			break
		}
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	address := ""
	for lines := bufio.NewScanner(stderr); address == "" && lines.Scan(); {
		if text := strings.TrimSpace(lines.Text()); strings.HasPrefix(text, "http://127.0.0.1:") {
			address = text
		}
	}
	out, err := d.other.command(ctx, filepath.Join(d.bin, browserName+"-thief"), "steal", address).CombinedOutput()
	if address == "" || err == nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return fmt.Errorf("the second user opened the engineer's page %q: %s", address, out)
	}
	d.say("They stole the address of a picker page, one-time token and all, and were not answered.")
	if err := d.engineer.will(browserless.Task{Do: "cancel"}); err != nil {
		return err
	}
	if out, err := d.engineer.command(ctx, filepath.Join(d.bin, browserName), address).CombinedOutput(); err != nil {
		return fmt.Errorf("the engineer's own browser: %w %s", err, out)
	}
	if _, err := d.engineer.saw(ctx); err != nil {
		return err
	}
	_ = cmd.Wait() // ends with the code of a cancelled page
	d.say("The engineer's own browser used it afterwards as if nothing had been.")
	return nil
}

// otherCheckout gives the second engineer a role in the space: what is checked out
// stays checked out.
func (d *demo) otherCheckout(ctx context.Context) error {
	owner, err := d.cloud.Login(ctx, desk.Engineer1)
	if err != nil {
		return err
	}
	path := "/v1/spaces/" + d.space + "/members/" + desk.Engineer2
	if err := owner.Call(ctx, "PUT", path, cloudapi.SpaceRole{Role: cloudapi.RoleEditor}, nil); err != nil {
		return err
	}
	cmd := d.other.command(ctx, filepath.Join(d.bin, "iscdesk"), "--endpoint", d.agent.Socket, "login", d.other.Account, "--password-stdin")
	cmd.Stdin = strings.NewReader(desk.Password + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("second sign-in: %w %s", err, out)
	}
	_, err = d.ends(ctx, d.other, "files", "open", "--checkout", desk.SpaceName+"/"+part)
	if code := codeOf(err); code != api.HeldByOther {
		return fmt.Errorf("check out what the engineer holds: %v, want code %d", err, api.HeldByOther)
	}
	d.say("Signed in as %s with a role in the space they are told who holds %s: code %d.", d.other.Account, part, api.HeldByOther)
	return nil
}

// forAPerson leaves everything up and says what can be done with it.
func (d *demo) forAPerson(ctx context.Context) {
	as := ""
	if d.engineer.made != nil {
		as = "runuser -u " + d.engineer.Name + " -- "
	}
	fmt.Printf(`
All of it stays up until you press Ctrl-C.
  cloud     %s (CA: %s; accounts %s, %s, %s; password %s)
  agent     %s
  drawings  %s
Try, each as the engineer:
  %[9]s%[10]s/iscdesk --endpoint %[7]s status
  %[9]s%[10]s/iscdesk --endpoint %[7]s files open
  %[9]s%[10]s/hello %[7]s
  %[9]s%[10]s/minicad --endpoint %[7]s --product %[12]s
hello is the README's example. minicad takes commands: license, open, info, scale 1.1, save,
save-as, help, quit. Where no browser opens, the address of the page is printed; only a browser of the same user is answered%[11]s
`, d.cloud.Base, d.cloud.CAFile, desk.AdminAccount, desk.Engineer1, desk.Engineer2, desk.Password,
		d.agent.Socket, d.engineer.Home, as, d.bin, browserHint(as), desk.Product)
	_ = os.Remove(filepath.Join(d.bin, browserName)) // the person's own browser, from here on
	<-ctx.Done()
	fmt.Println()
	d.last = time.Now()
}

func browserHint(as string) string {
	if as == "" {
		return "."
	}
	return ":\n  " + as + "chromium ADDRESS"
}
