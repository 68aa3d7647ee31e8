package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/iscdesk/iscdesk/sdk/api"
)

type doctorCmd struct{}

// Run tries its own part first, what lies between this user and the agent, then
// has the agent try what lies behind it. The first failure decides the exit code.
func (doctorCmd) Run(a *app) error {
	checks := append(a.sockets(), a.workspace())
	c, err := a.connect("")
	checks = append(checks, a.agentCheck(err))
	if err == nil {
		more, err := c.Doctor(context.Background())
		if err != nil {
			return err
		}
		checks = append(checks, more...)
	}
	a.show(api.Doctor{Checks: checks}, func() { a.printChecks(checks) })
	for _, check := range checks {
		if check.Result != "failed" {
			continue
		}
		if code := exitCode(check.Code); code != exitOK && code != exitUsage {
			return silentExit(code)
		}
		return silentExit(exitFailed)
	}
	return nil
}

// sockets looks at each endpoint, without a word to whoever serves it. A missing one
// is no failure by itself: there are several places.
func (a *app) sockets() []api.Check {
	var checks []api.Check
	for _, path := range a.sdkOptions("").Endpoints() {
		check := api.Check{Name: "socket", Result: "ok", Tried: a.say("looked at ", "查看 ") + path}
		a.look(path, &check)
		checks = append(checks, check)
	}
	return checks
}

// Room on the disk of the workspace, in bytes.
const (
	roomLeast = 100 << 20 // with less, an open or a save of common size fails
	roomTight = 1 << 30   // an assembly, its versions and the saves that wait for the cloud need so much soon
)

// workspace looks at the disk on which this user's cloud files lie: the agent's own
// check sees only the disk of the agent's state.
func (a *app) workspace() api.Check {
	check := api.Check{Name: "workspace", Result: "ok"}
	home, err := os.UserHomeDir()
	dir := filepath.Join(home, "ISCDesk")
	if _, serr := os.Stat(dir); serr != nil {
		dir = home // the first open makes the workspace there
	}
	check.Tried = a.say("asked for the free space of ", "查询可用空间：") + dir
	var free int64
	if err == nil {
		free, err = a.env.free(dir)
	}
	check.Found = size(free) + a.say(" free", " 可用")
	switch {
	case err != nil:
		check.Result, check.Found = "warning", err.Error()
		check.Do = a.say("look at your home folder, its owner and its mode", "请检查您的主目录及其所有者和权限")
	case free < roomLeast:
		check.Result, check.Code = "failed", api.DiskFull
		check.Do = a.say("make room: cloud files are opened and saved there, at least 100 MiB are needed", "请释放空间：云端文件在此打开和保存，至少需要 100 MiB")
	case free < roomTight:
		check.Result = "warning"
		check.Do = a.say("make room soon: less than 1 GiB is left for cloud files", "请尽快释放空间：可供云端文件使用的空间不足 1 GiB")
	}
	return check
}

// agentCheck is the outcome of connecting.
func (a *app) agentCheck(err error) api.Check {
	check := api.Check{Name: "connection", Result: "ok", Tried: a.say("connected and said hello", "连接并握手")}
	if err == nil {
		s := a.client.Session()
		kind := a.say("the system's agent", "系统代理程序")
		if !s.Hello.System {
			kind = a.say("an agent run by a user", "由用户运行的代理程序")
		}
		check.Found = fmt.Sprintf("%s, %s %s, %s, %s", s.Endpoint, kind, s.Hello.Build, s.ServerUser,
			a.say("protocol ", "协议 ")+fmt.Sprint(s.Hello.Protocol))
		return check
	}
	var e *api.Error
	if !errors.As(err, &e) {
		e = &api.Error{Code: api.Internal, Message: err.Error()}
	}
	check.Result, check.Found, check.Do, check.Code = "failed", e.Message, e.Hint, e.Code
	return check
}

func (a *app) printChecks(checks []api.Check) {
	results := map[string]words{
		"ok": {"ok", "正常"}, "warning": {"warning", "警告"}, "failed": {"FAILED", "失败"}, "skipped": {"skipped", "跳过"},
	}
	worst := "ok"
	var t table
	for _, c := range checks {
		result := plain(c.Result)
		if w, ok := results[c.Result]; ok {
			result = pick(a.language, w)
		}
		t.row(result, plain(c.Name), a.say("tried", "尝试"), plain(c.Tried))
		if c.Found != "" {
			t.row("", "", a.say("found", "结果"), plain(c.Found))
		}
		if c.Do != "" {
			t.row("", "", a.say("do", "处理"), plain(c.Do))
		}
		if c.Result == "failed" || c.Result == "warning" && worst == "ok" {
			worst = c.Result
		}
	}
	t.print(a.env.out, "")
	switch worst {
	case "ok":
		a.printf("\n%s\n", a.say("Everything is in order.", "一切正常。"))
	case "warning":
		a.printf("\n%s\n", a.say("It works; mind the warnings.", "可以使用，请留意警告。"))
	default:
		a.printf("\n%s\n", a.say("Something is wrong: begin with the first line that failed.", "存在问题：请从第一个失败项开始处理。"))
	}
}
