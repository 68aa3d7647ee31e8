package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/iscdesk/iscdesk/sdk/api"
)

type opsCmd struct {
	List    opsListCmd   `cmd:"" default:"1" help:"${opslist}"`
	Show    opsShowCmd   `cmd:"" help:"${opsshow}"`
	Cancel  opsCancelCmd `cmd:"" help:"${opscancel}"`
	Product string       `help:"${product}" placeholder:"ID"`
}

type opsListCmd struct{}

func (opsListCmd) Run(a *app, o *opsCmd) error {
	c, err := a.connect(o.Product)
	if err != nil {
		return err
	}
	list, err := c.Operations(context.Background())
	if err != nil {
		return err
	}
	if list == nil {
		list = []api.OperationState{}
	}
	a.show(api.Operations{Operations: list}, func() {
		if len(list) == 0 {
			a.printf("%s\n", a.say("No operations.", "没有操作。"))
			return
		}
		var t table
		t.row(a.say("NUMBER", "编号"), a.say("STATE", "状态"), a.say("STARTED", "开始于"), a.say("REQUEST", "请求"), a.say("ABOUT", "对象"))
		for _, s := range list {
			t.row(strconv.FormatInt(int64(s.Operation), 10), s.State, a.when(s.Started), s.Method, about(s))
		}
		t.print(a.env.out, "")
	})
	return nil
}

type opsShowCmd struct {
	Operation int64 `arg:"" help:"${operation}"`
}

func (s opsShowCmd) Run(a *app, o *opsCmd) error {
	c, err := a.connect(o.Product)
	if err != nil {
		return err
	}
	state, err := c.Operation(context.Background(), api.Operation(s.Operation))
	if err != nil {
		return err
	}
	if state.State == api.OpUnknown && !a.JSON {
		return &api.Error{Code: api.NotFound, Detail: fmt.Sprintf(a.say("operation %d is not of this user and product, or its result was read long ago",
			"操作 %d 不属于此用户和产品，或其结果早已被读取"), s.Operation)}
	}
	a.show(state, func() {
		var t table
		t.row(a.say("number", "编号"), strconv.FormatInt(int64(state.Operation), 10))
		t.row(a.say("request", "请求"), state.Method)
		t.row(a.say("state", "状态"), state.State)
		t.row(a.say("started", "开始于"), a.when(state.Started))
		if what := about(state); what != "" && state.Waits != nil && state.Waits.Type == api.EventLicensePending {
			t.row(a.say("waits", "等待"), what)
		} else if what != "" {
			t.row(a.say("file", "文件"), what)
		}
		t.print(a.env.out, "")
		if state.Event != nil {
			a.printEvent(*state.Event)
		} else if state.Waits != nil {
			a.printEvent(*state.Waits)
		}
	})
	if state.State == api.OpUnknown {
		return silentExit(exitRefused)
	}
	return nil
}

// about is the local file of an operation, as its newest event tells it, or what a licence
// waits for; empty while it has told nothing.
func about(s api.OperationState) string {
	for _, e := range []*api.Event{s.Event, s.Waits} {
		if e == nil {
			continue
		}
		if e.Type == api.EventLicensePending {
			return plain(e.Envelope.Params[api.ParamReason])
		}
		for _, name := range []string{"path", "mainFile", "LicenseFilePath"} {
			if v := e.Envelope.Params[name]; v != "" {
				return plain(v)
			}
		}
	}
	return ""
}

type opsCancelCmd struct {
	Operation int64 `arg:"" help:"${operation}"`
}

func (s opsCancelCmd) Run(a *app, o *opsCmd) error {
	c, err := a.connect(o.Product)
	if err != nil {
		return err
	}
	if err := c.Cancel(context.Background(), api.Operation(s.Operation)); err != nil {
		return err
	}
	a.show(api.OperationRef{Operation: api.Operation(s.Operation)}, func() {
		a.printf("%s\n", a.say("Cancelled.", "已取消。"))
	})
	return nil
}
