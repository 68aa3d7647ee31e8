package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/iscdesk/iscdesk/sdk/api"
)

type statusCmd struct{}

func (statusCmd) Run(a *app) error {
	c, err := a.connect("")
	if err != nil {
		return err
	}
	s, err := c.Status(context.Background())
	if err != nil {
		return err
	}
	if s.Endpoint == "" {
		s.Endpoint = c.Session().Endpoint
	}
	a.show(s, func() {
		var t table
		kind := a.say("run by a user", "由用户运行")
		if s.System {
			kind = a.say("system service", "系统服务")
		}
		t.row(a.say("agent", "代理程序"), s.Build+", "+kind)
		t.row(a.say("since", "启动于"), a.when(s.Started))
		t.row(a.say("endpoint", "端点"), s.Endpoint)
		cloud := a.say("not configured", "未配置")
		if s.Cloud != "" {
			cloud = plain(s.Cloud) + ", " + a.say("cannot be reached", "无法连接")
			if s.Reachable {
				cloud = plain(s.Cloud) + ", " + a.say("reachable", "可连接")
			}
		}
		t.row(a.say("cloud", "云端"), cloud)
		if s.Device != "" {
			t.row(a.say("device", "设备"), plain(s.Device))
		}
		t.row(a.say("signed in", "已登录"), a.who(s.Auth))
		t.row(a.say("saves waiting", "待上传"), strconv.Itoa(s.Queued))
		t.print(a.env.out, "")
	})
	return nil
}

// who says who is signed in, and whose sign-in ended: that one has to sign in again.
func (a *app) who(auth api.AuthStatus) string {
	switch {
	case auth.SignedIn && auth.Organisation != "":
		return plain(auth.Account) + ", " + plain(auth.Organisation)
	case auth.SignedIn:
		return plain(auth.Account)
	case auth.Account != "":
		return fmt.Sprintf(a.say("nobody; the sign-in of %s has ended", "无人登录；%s 的登录已失效"), plain(auth.Account))
	}
	return a.say("nobody", "无人登录")
}

type fingerprintCmd struct {
	Parts bool `help:"${parts}" short:"v"`
}

func (f fingerprintCmd) Run(a *app) error {
	c, err := a.connect("")
	if err != nil {
		return err
	}
	r, err := c.Fingerprint(context.Background())
	if err != nil {
		return err
	}
	a.show(r, func() {
		a.printf("%s\n", plain(r.Fingerprint))
		if !f.Parts {
			return
		}
		var t table
		for _, p := range r.Parts {
			if len(p.Values) == 0 {
				t.row(p.Name, "-", plain(p.Absent))
			}
			for _, v := range p.Values {
				t.row(p.Name, plain(v), plain(p.Absent))
			}
		}
		t.print(a.env.out, "")
	})
	return nil
}
