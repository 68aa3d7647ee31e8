//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/iscdesk/iscdesk/e2e/browserless"
	"github.com/iscdesk/iscdesk/e2e/desk"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// edit opens a drawing by the picker, changes it, saves it back and under a new name.
func (d *demo) edit(ctx context.Context) error {
	e := d.engineer
	if err := e.will(browserless.Task{Do: "cancel"}); err != nil {
		return err
	}
	_, err := d.ends(ctx, e, "files", "open")
	if code := codeOf(err); code != api.Cancelled {
		return fmt.Errorf("a page that was cancelled: %v, want code %d", err, api.Cancelled)
	}
	if _, err := e.saw(ctx); err != nil {
		return err
	}
	d.say("The picker page was opened and cancelled: the application hears EVENT_OPEN_CANCELLED.")

	if err := e.will(browserless.Task{Do: "pick", Space: desk.SpaceName, Name: "flange.dxf", Checkout: true}); err != nil {
		return err
	}
	opened, err := d.ends(ctx, e, "files", "open")
	if err != nil {
		return fmt.Errorf("open by the picker: %w", err)
	}
	saw, err := e.saw(ctx)
	if err != nil {
		return err
	}
	d.say("In the picker flange.dxf was chosen with \"open and check out\"; the page says %q.", saw.Title)
	d.file = opened["mainFile"]
	d.say("It landed in %s (%s, %s).", d.shorten(d.file), opened["openType"], opened["workState"])
	if err := d.change(d.file, 22); err != nil {
		return err
	}
	saved, err := d.ends(ctx, e, "files", "save", d.file)
	if err != nil {
		return fmt.Errorf("save: %w", err)
	}
	d.say("A hole was added and the drawing saved: version %s.", saved["version"])
	return d.saveAs(ctx)
}

// saveAs puts the drawing into a new folder by the save-as page.
func (d *demo) saveAs(ctx context.Context) error {
	e := d.engineer
	if err := e.will(browserless.Task{Do: "saveAs", Space: desk.SpaceName, NewFolder: "Variants", Name: "flange DN60.dxf"}); err != nil {
		return err
	}
	saved, err := d.ends(ctx, e, "files", "save-as", d.file)
	if err != nil {
		return fmt.Errorf("save as: %w", err)
	}
	saw, err := e.saw(ctx)
	if err != nil {
		return err
	}
	d.say("On the save-as page a folder was made and a new name given; the page says %q, version %s.", saw.Title, saved["version"])
	return nil
}

// shorten names a path of the run as a person would.
func (d *demo) shorten(path string) string {
	if rest, ok := strings.CutPrefix(path, d.engineer.Home+"/"); ok {
		return "~/" + rest
	}
	return path
}

// change edits a drawing in place as a user of any editor would: a bolt hole more.
func (d *demo) change(path string, x float64) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	hole := &dxf{}
	hole.circle("HOLES", x, 0, 4)
	const end = "  0\nENDSEC\n  0\nEOF\n"
	body, ok := strings.CutSuffix(string(text), end)
	if !ok {
		return fmt.Errorf("%s does not end as a drawing does", filepath.Base(path))
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	if _, err := f.WriteString(body + hole.b.String() + end); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// offline saves while the cloud is away: the save is queued, and sent once the
// cloud is back.
func (d *demo) offline(ctx context.Context) error {
	e := d.engineer
	if err := d.cloud.Stop(); err != nil {
		return err
	}
	d.say("The cloud was stopped.")
	if err := d.change(d.file, 33); err != nil {
		return err
	}
	params, err := d.ends(ctx, e, "files", "save", d.file)
	if params["queued"] != "true" && codeOf(err) == api.OK {
		return fmt.Errorf("save without a cloud: %v %v, want a queued save", params, err)
	}
	d.say("A save now answers failed and queued, code %d: the local copy is kept, nothing is lost.", codeOf(err))
	waiting, err := d.queued(ctx)
	if err != nil {
		return err
	}
	d.say("Operation %d waits on disk; it would outlive a restart of the agent.", waiting)
	if err := d.cloud.Start(ctx); err != nil {
		return err
	}
	d.say("The cloud is back.")
	sent, err := d.sent(ctx, waiting)
	if err != nil {
		return err
	}
	d.say("The agent sent the queued save by itself: version %s, and the application hears EVENT_SAVE_RESULT.", sent["version"])
	return nil
}

// queued finds the number of the engineer's save that waits.
func (d *demo) queued(ctx context.Context) (api.Operation, error) {
	var ops api.Operations
	if err := d.engineer.iscdesk(ctx, &ops, "ops"); err != nil {
		return 0, err
	}
	for _, op := range ops.Operations {
		if op.State == api.OpQueued {
			return op.Operation, nil
		}
	}
	return 0, fmt.Errorf("no operation is queued: %+v", ops.Operations)
}

// sent waits for the result of a queued save.
func (d *demo) sent(ctx context.Context, op api.Operation) (map[string]string, error) {
	for {
		var state api.OperationState
		err := d.engineer.iscdesk(ctx, &state, "ops", "show", strconv.FormatInt(int64(op), 10))
		if err != nil {
			return nil, err
		}
		if state.Event != nil && state.State == api.OpDone {
			return state.Event.Envelope.Params, nil
		}
		if state.State != api.OpQueued && state.State != api.OpRunning {
			return nil, fmt.Errorf("the queued save became %q: %+v", state.State, state.Event)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("the queued save was not sent: %w", ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}
