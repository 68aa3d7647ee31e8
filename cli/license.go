package main

import (
	"context"
	"time"

	"github.com/iscdesk/iscdesk/sdk"
	"github.com/iscdesk/iscdesk/sdk/api"
)

type licenseCmd struct {
	Product string            `help:"${product}" placeholder:"ID"`
	State   licenseStateCmd   `cmd:"" default:"1" help:"${licensestate}"`
	Request licenseRequestCmd `cmd:"" help:"${licenserequest}"`
	Import  licenseImportCmd  `cmd:"" help:"${licenseimport}"`
}

// licensee connects as the product whose licence it is about.
func (a *app) licensee(product string) (*sdk.Client, error) {
	if product == "" {
		return nil, &api.Error{Code: api.InvalidArgument,
			Message: a.say("A licence is a product's.", "许可证属于某个产品。"),
			Hint:    a.say("Give --product ID, such as --product minicad.", "请给出 --product ID，例如 --product minicad。")}
	}
	return a.connect(product)
}

type licenseStateCmd struct{}

func (licenseStateCmd) Run(a *app, l *licenseCmd) error {
	c, err := a.licensee(l.Product)
	if err != nil {
		return err
	}
	s, err := c.RefreshLicenseState(context.Background())
	if err != nil {
		return err
	}
	a.show(s, func() {
		var t table
		t.row(a.say("state", "状态"), a.stateName(s.State))
		t.row(a.say("until", "有效至"), a.when(s.Until))
		t.row(a.say("checked", "上次核对"), a.when(s.Checked))
		if s.Source == api.SourceImport {
			t.row(a.say("source", "来源"), a.say("imported document", "导入的文档"))
		} else if s.Offline {
			t.row(a.say("source", "来源"), a.say("cache, because the cloud is away", "缓存（无法连接云端）"))
		}
		if s.Reason != "" {
			t.row(a.say("reason", "原因"), plain(s.Reason))
		}
		if s.Hint != "" {
			t.row(a.say("what to do", "处理办法"), plain(s.Hint))
		}
		t.print(a.env.out, "")
	})
	if s.Code != api.OK {
		return silentExit(exitCode(s.Code))
	}
	return nil
}

func (a *app) stateName(state string) string {
	names := map[string]words{
		api.StateUnknown:      {"unknown", "未知"},
		api.StateNone:         {"none", "无"},
		api.StateValid:        {"valid", "有效"},
		api.StateRefreshDue:   {"valid, refresh due", "有效，待续期"},
		api.StateGrace:        {"in grace", "宽限期内"},
		api.StateExpired:      {"expired", "已过期"},
		api.StateRefused:      {"refused", "被拒绝"},
		api.StateClockSuspect: {"clock set back", "时钟异常"},
		api.StateStoreDamaged: {"store damaged", "存储损坏"},
	}
	if w, ok := names[state]; ok {
		return pick(a.language, w)
	}
	return plain(state)
}

type licenseRequestCmd struct {
	Form     string        `help:"${form}" enum:"string,file" default:"string"`
	FileName string        `help:"${filename}" placeholder:"NAME"`
	DevInfo  string        `help:"${devinfo}" placeholder:"TEXT"`
	Wait     time.Duration `help:"${wait}" default:"1m"`
}

func (r licenseRequestCmd) Run(a *app, l *licenseCmd) error {
	c, err := a.licensee(l.Product)
	if err != nil {
		return err
	}
	var op api.Operation
	if r.Form == api.FormFile {
		op, err = c.GetLicenseFileRequest(context.Background(), r.FileName, r.DevInfo)
	} else {
		op, err = c.GetLicenseStringRequest(context.Background(), r.DevInfo)
	}
	if err != nil {
		return err
	}
	return a.await(op, r.Wait)
}
