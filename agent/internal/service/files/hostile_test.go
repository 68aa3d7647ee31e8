package files

import (
	"context"
	"testing"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// A worker that its user has taken over says that a save of the outbox is queued, and
// not why: the agent goes on.
func TestQueuedWithoutACause(t *testing.T) {
	d := newDesk(t)
	call := func(method string, _, result any) error {
		if got, ok := result.(*workerapi.Stored); ok {
			*got = workerapi.Stored{Queued: true}
		}
		return nil
	}
	s := workerapi.Store{Operation: 1, Key: "a-save-of-an-old-agent", Path: "/home/li/part.stl", Space: "sp", Account: account}
	err := d.room.sendOrphan(context.Background(), uid, s, call)
	if api.CodeOf(err) != api.CloudUnreachable {
		t.Errorf("got %v", err)
	}
}

// A defect under one operation is logged; the agent, and this test, live on.
func TestDefectUnderAnOperation(t *testing.T) {
	d := newDesk(t)
	d.room.start(func() { panic("planted") })
	object := d.object("part.stl", "one")
	want(t, d.open(api.Open{Object: object}), api.ParamStatus, api.StatusSuccess)
}
