package sdktest

import (
	"os"
	"path/filepath"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// opened lays a small file in Folder and is the documented answer.
func (a *Agent) opened(object string, checkout bool) (Event, error) {
	name := "bracket.dxf"
	for _, list := range a.folders {
		for _, e := range list {
			if e.ID == object {
				name = e.Name
			}
		}
	}
	if object != "" && name == "bracket.dxf" && object != "o1" {
		return Event{}, Refusal(api.NotFound)
	}
	path := filepath.Join(a.folder, name)
	if err := os.WriteFile(path, []byte("cloud content\n"), 0o600); err != nil {
		return Event{}, err
	}
	params := map[string]string{
		"mainFile": path, "openType": api.OpenOnly, "workState": api.WorkCheckin, "assembly": "false",
		api.ParamStatus: api.StatusSuccess, "object": object, "version": "3",
	}
	if checkout {
		params["openType"], params["workState"] = api.OpenAndCheckout, api.WorkCheckout
	}
	return Event{Type: api.EventOpenResult, Operate: api.OperateOpenFile, Params: params}, nil
}

// saved sends the events of a whole save.
func (a *Agent) saved(op *operation, path string) {
	a.emit(Event{Type: api.EventUploadStart, Operate: api.OperateUploadStart, Operation: op.state.Operation,
		Params: map[string]string{"path": path}})
	a.emit(Event{Type: api.EventUploadEnd, Operate: api.OperateUploadEnd, Operation: op.state.Operation,
		Params: map[string]string{"path": path, api.ParamStatus: api.StatusSuccess}})
	a.finish(op, Event{Type: api.EventSaveResult, Operate: api.OperateSaveResult,
		Params: map[string]string{api.ParamStatus: api.StatusSuccess, "path": path, "object": "o9", "version": "1"}})
}
