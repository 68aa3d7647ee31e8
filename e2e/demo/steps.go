//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/iscdesk/iscdesk/e2e/browserless"
	"github.com/iscdesk/iscdesk/e2e/desk"
	"github.com/iscdesk/iscdesk/internal/cloudapitest"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// steps is the whole way, one part after the other.
func (d *demo) steps(ctx context.Context) error {
	for _, part := range []struct {
		head string
		do   func(context.Context) error
	}{
		{"A cloud and an agent, in " + d.dir, d.start},
		{"The engineer signs in and brings drawings along", d.signIn},
		{"The application's licence", d.licence},
		{"Open, edit, save", d.edit},
		{"The cloud goes away", d.offline},
		{"A second user", d.secondUser},
	} {
		d.head(part.head)
		if err := errors.Join(part.do(ctx), d.broken()); err != nil {
			return err
		}
	}
	return nil
}

// start brings up cloud, users and agent.
func (d *demo) start(ctx context.Context) error {
	contract, err := cloudapitest.Load(d.source, d.broke)
	if err != nil {
		return err
	}
	if d.cloud, err = desk.StartCloud(ctx, d.bin, filepath.Join(d.dir, "cloud"), contract); err != nil {
		return err
	}
	d.say("The cloud runs at %s: one process, SQLite and a folder, a certificate of its own CA.", d.cloud.Base)
	d.say("Each request and answer is held against cloud/openapi.yaml on its way.")
	admin, err := d.cloud.Setup(ctx)
	if err != nil {
		return err
	}
	d.say("The one-time code that it printed made the first administrator.")
	if d.space, err = d.cloud.Seed(ctx, admin); err != nil {
		return err
	}
	d.say("The organisation has two engineers, the product %q with five seats, and the space %q.", desk.Product, desk.SpaceName)
	if err := d.people(); err != nil {
		return err
	}
	if d.root {
		d.say("Two unprivileged users were made for the run: %s and %s.", d.engineer.Name, d.other.Name)
	} else {
		d.say("Not root: agent and engineer are both %s, and the part with a second user is left out.", d.engineer.Name)
	}
	if err := d.compile(ctx); err != nil {
		return err
	}
	if d.agent, err = desk.StartAgent(ctx, d.bin, filepath.Join(d.dir, "agent"), d.cloud, os.Environ()); err != nil {
		return err
	}
	as := "as the system's service"
	if !d.root {
		as = "for this user"
	}
	d.say("The agent runs %s and answered %s after its start.", as, seconds(d.agent.Ready))
	return nil
}

// signIn goes over the sign-in page, as a browser would, and seeds the drawings.
func (d *demo) signIn(ctx context.Context) error {
	e := d.engineer
	var err error
	if d.app, err = e.minicad(ctx); err != nil {
		return err
	}
	said, err := d.app.Do("ls")
	if !errors.Is(err, desk.ErrRefused) || !strings.Contains(said, fmt.Sprintf("(code %d", api.NotSignedIn)) {
		return fmt.Errorf("listing files before signing in: %s %v, want code %d", said, err, api.NotSignedIn)
	}
	d.say("minicad runs. Before signing in every cloud call is refused: code %d.", api.NotSignedIn)
	if err := e.will(browserless.Task{Do: "signIn", Account: e.Account, Password: desk.Password}); err != nil {
		return err
	}
	if _, err := d.app.Do("sign-in"); err != nil {
		return fmt.Errorf("sign in over the page: %w", err)
	}
	saw, err := e.saw(ctx)
	if err != nil {
		return err
	}
	d.say("%s signed in on the page, answered over HTTP as a browser would: %q.", e.Account, saw.Title)
	drawings := filepath.Join(e.Home, "drawings")
	if err := d.bring(drawings); err != nil {
		return err
	}
	for _, name := range []string{part, assembly} {
		ev, err := d.ends(ctx, e, "files", "save-as", filepath.Join(drawings, name), "--to", desk.SpaceName)
		if err != nil {
			return fmt.Errorf("upload %s: %w", name, err)
		}
		d.say("iscdesk files save-as %s: in the cloud as version %s.", name, ev["version"])
	}
	return nil
}

// bring copies the example's drawings into a folder of the engineer's.
func (d *demo) bring(dir string) error {
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(d.source, "cshim", "examples", "data"))); err != nil {
		return err
	}
	return filepath.Walk(dir, func(path string, _ os.FileInfo, err error) error {
		return errors.Join(err, d.engineer.own(path))
	})
}

// ends runs a command that waits for its operation and returns the last event's params.
func (d *demo) ends(ctx context.Context, p *person, args ...string) (map[string]string, error) {
	var ev api.Event
	err := p.iscdesk(ctx, &ev, args...)
	return ev.Envelope.Params, err
}

// codeOf is the code that a failed command told.
func codeOf(err error) api.Code {
	var f *failure
	if errors.As(err, &f) {
		return api.Code(f.Code)
	}
	return api.OK
}
