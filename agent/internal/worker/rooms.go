package worker

import (
	"github.com/iscdesk/iscdesk/agent/internal/worker/files"
	"github.com/iscdesk/iscdesk/agent/internal/worker/picker"
	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/internal/ipc"
)

// RealRooms makes the rooms that a worker works with.
func RealRooms(link *ipc.Link, start workerapi.Start, home string) (Files, Picker, error) {
	pages := picker.New(picker.Config{Service: link, Clock: clock.System{}, User: ownUser()})
	room, err := files.New(files.Config{
		Home: home, Start: start, Clock: clock.System{},
		Service: teller{Link: link, pages: pages},
	})
	if err != nil {
		pages.Close()
		return nil, nil, err
	}
	return room, pages, nil
}

// teller is the way to the service that shows progress in an open page as well.
type teller struct {
	*ipc.Link
	pages *picker.Room
}

// Notify tells the service, and the operation's page if there is one.
func (t teller) Notify(method string, params any) error {
	if p, ok := params.(workerapi.Progress); ok && method == workerapi.NoticeProgress {
		t.pages.Progress(p)
	}
	return t.Link.Notify(method, params)
}
