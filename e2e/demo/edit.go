//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/iscdesk/iscdesk/e2e/browserless"
	"github.com/iscdesk/iscdesk/e2e/desk"
)

// The drawings of the example: a part, and an assembly of several.
const (
	part     = "gear_m2.5_z24.dxf"
	assembly = "flange"
)

// edit opens drawings by the picker, changes them, saves them back and one of them
// under a new name.
func (d *demo) edit(ctx context.Context) error {
	if err := d.cancelled(ctx); err != nil {
		return err
	}
	if err := d.pick(ctx, part); err != nil {
		return err
	}
	if err := d.saveBack("add-circle 0 0 6"); err != nil {
		return err
	}
	d.file = d.document
	if err := d.pick(ctx, assembly); err != nil {
		return err
	}
	if err := d.saveBack("scale 1.25"); err != nil {
		return err
	}
	return d.saveAs(ctx)
}

// cancelled opens the picker and changes its mind.
func (d *demo) cancelled(ctx context.Context) error {
	if err := d.engineer.will(browserless.Task{Do: "cancel"}); err != nil {
		return err
	}
	if said, err := d.app.Do("open"); !errors.Is(err, desk.ErrRefused) {
		return fmt.Errorf("a page that was cancelled: %s %v", said, err)
	}
	if _, err := d.engineer.saw(ctx); err != nil {
		return err
	}
	d.say("The picker page was opened and cancelled: minicad hears EVENT_OPEN_CANCELLED and has no drawing.")
	return nil
}

// pick answers the picker page with an object and checks it out.
func (d *demo) pick(ctx context.Context, name string) error {
	if err := d.engineer.will(browserless.Task{Do: "pick", Space: desk.SpaceName, Name: name, Checkout: true}); err != nil {
		return err
	}
	said, err := d.app.Do("open")
	if err != nil {
		return err
	}
	saw, err := d.engineer.saw(ctx)
	if err != nil {
		return err
	}
	d.say("In the picker %s was chosen with \"open and check out\"; the page says %q.", name, saw.Title)
	opened := strings.TrimPrefix(line(said, "opened "), "opened ")
	path, state, ok := strings.Cut(opened, " OpenAndCheckout ")
	if !ok {
		return fmt.Errorf("open %s: %s", name, said)
	}
	d.document = path
	d.say("minicad reads it from %s (%s): %s.", d.shorten(path), state, strings.Join(counts(said), ", "))
	return nil
}

// counts are the lines of minicad's info that count entities.
func counts(said string) []string {
	var out []string
	for _, kind := range []string{"LINE", "CIRCLE", "POLYLINE", "VERTEX", "INSERT"} {
		if l := strings.TrimSpace(line(said, "  "+kind+" ")); l != "" {
			out = append(out, l)
		}
	}
	return out
}

// saveBack changes the drawing's geometry and saves it.
func (d *demo) saveBack(change string) error {
	if _, err := d.app.Do("%s", change); err != nil {
		return err
	}
	said, err := d.app.Do("save")
	if err != nil {
		return err
	}
	d.say("%q and save: %s.", change, d.shortenIn(line(said, "saved ")))
	return nil
}

// saveAs puts the assembly into a new folder by the save-as page.
func (d *demo) saveAs(ctx context.Context) error {
	task := browserless.Task{Do: "saveAs", Space: desk.SpaceName, NewFolder: "Variants", Name: assembly}
	if err := d.engineer.will(task); err != nil {
		return err
	}
	said, err := d.app.Do("save-as")
	if err != nil {
		return err
	}
	saw, err := d.engineer.saw(ctx)
	if err != nil {
		return err
	}
	told := line(said, "saved as a new cloud object")
	if told == "" {
		return fmt.Errorf("save as: minicad does not say where it went: %s", said)
	}
	d.say("Save as: on the page the folder %q was made; the page says %q, minicad: %s.", task.NewFolder, saw.Title, d.shortenIn(told))
	return nil
}

// shorten names a path of the run as a person would.
func (d *demo) shorten(path string) string {
	if rest, ok := strings.CutPrefix(path, d.engineer.Home+"/"); ok {
		return "~/" + rest
	}
	return path
}

func (d *demo) shortenIn(text string) string { return strings.ReplaceAll(text, d.engineer.Home, "~") }

// offline saves while the cloud is away: the save is queued, and sent once the
// cloud is back.
func (d *demo) offline(ctx context.Context) error {
	if err := d.cloud.Stop(); err != nil {
		return err
	}
	d.say("The cloud was stopped.")
	said, err := d.app.Do("license")
	if err != nil {
		return err
	}
	away := line(said, "the cloud is away")
	if away == "" {
		return fmt.Errorf("a licence without a cloud does not say so: %s", said)
	}
	d.say("A licence is still to be had; minicad says %q and accepts it.", away)
	if _, err := d.app.Do("add-circle 10 10 3"); err != nil {
		return err
	}
	said, err = d.app.Do("save")
	if !errors.Is(err, desk.ErrRefused) || !strings.Contains(said, "(queued)") {
		return fmt.Errorf("save without a cloud: %s %v, want a queued save", said, err)
	}
	d.say("A save answers: %s", line(said, "not saved:"))
	if err := d.cloud.Start(ctx); err != nil {
		return err
	}
	d.say("The cloud is back.")
	for {
		said, err := d.app.Do("events")
		if err != nil {
			return err
		}
		if l := line(said, "event EVENT_SAVE_RESULT"); strings.Contains(l, `"success"`) {
			break
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the queued save was not sent: %w", ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
	d.say("The agent sent the queued save by itself, and minicad heard EVENT_SAVE_RESULT with success.")
	return d.tomorrow(ctx)
}

// tomorrow starts minicad again and saves what its list of recent files names.
func (d *demo) tomorrow(ctx context.Context) error {
	d.app.Quit()
	var err error
	if d.app, err = d.engineer.minicad(ctx); err != nil {
		return err
	}
	if _, err := d.app.Do("recent %s", d.file); err != nil {
		return err
	}
	if _, err := d.app.Do("move 5 5"); err != nil {
		return err
	}
	said, err := d.app.Do("save")
	if err != nil {
		return err
	}
	d.say("minicad was started again and opened %s from its recent files: %s.", filepath.Base(d.file), d.shortenIn(line(said, "saved ")))
	return nil
}
