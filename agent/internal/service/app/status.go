package app

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/service/config"
	"github.com/iscdesk/iscdesk/agent/internal/service/files"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/disk"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// doctorTimeout bounds the doctor's questions to the cloud.
const doctorTimeout = 8 * time.Second

// Results of a check.
const (
	checkOK      = "ok"
	checkWarning = "warning"
	checkFailed  = "failed"
	checkSkipped = "skipped"
)

const (
	clockSlack = 2 * time.Minute // between this machine's clock and the cloud's
	diskLeast  = 64 << 20        // bytes free where the agent keeps its state
)

// Status answers agent.status from memory.
func (r *rooms) Status(ctx context.Context, a caller.Actor) (api.Status, error) {
	auth, err := r.signin.Status(ctx, a)
	if err != nil {
		return api.Status{}, err
	}
	return api.Status{
		Build: r.cfg.Build, Protocol: api.ProtocolVersion, System: r.cfg.System,
		Started: r.started.UTC(), Endpoint: r.cfg.Socket,
		Cloud: r.http.Base(), Reachable: r.cloud.Reachable(), Device: r.cloud.DeviceID(),
		Auth: auth, Queued: r.events.Queued(a.UID),
	}, nil
}

// Doctor answers agent.doctor: what was tried, what came out, what to do.
func (r *rooms) Doctor(ctx context.Context, a caller.Actor) (api.Doctor, error) {
	ctx, cancel := context.WithTimeout(ctx, doctorTimeout)
	defer cancel()
	say := speaker(a.Language)
	checks := []api.Check{{
		Name: "agent", Result: checkOK, Tried: say("asked the agent at ", "询问代理程序 ") + r.cfg.Socket,
		Found: fmt.Sprintf(say("build %s, up since %s", "版本 %s，启动于 %s"), r.cfg.Build, r.started.UTC().Format(time.RFC3339)),
	}, r.checkState(say), r.checkDisk(say)}
	cloud := r.checkCloud(ctx, a.Language)
	checks = append(checks, cloud...)
	checks = append(checks, r.checkUser(ctx, a, !slices.ContainsFunc(cloud, func(c api.Check) bool { return c.Result == checkFailed }))...)
	checks = append(checks, r.checkSaves(r.files.Waiting(a.UID), a.Language)...)
	return api.Doctor{Checks: checks}, nil
}

// speaker picks a sentence by a session's language. What a system said itself, such
// as the text of an error, stays as it is.
func speaker(language string) func(en, zh string) string {
	if api.Chinese(language) {
		return func(_, zh string) string { return zh }
	}
	return func(en, _ string) string { return en }
}

// checkState writes and reads a record as every other one is written.
func (r *rooms) checkState(say func(en, zh string) string) api.Check {
	c := api.Check{Name: "state", Result: checkOK, Tried: say("wrote and read a sealed record in ", "写入并读回一条加密记录：") + r.cfg.State, Found: say("it came back", "读回无误")}
	const name = "doctor"
	var back time.Time
	err := r.store.SaveSealed(name, r.started)
	if err == nil {
		err = r.store.LoadSealed(name, &back)
	}
	if err == nil {
		err = r.store.Delete(name)
	}
	switch {
	case err != nil:
		c.Result, c.Found, c.Code = checkFailed, err.Error(), api.StoreDamaged
		c.Do = say("Look at the disk and at the folder's owner and permissions; the agent's log has more.", "请检查磁盘以及该目录的所有者和权限；代理程序的日志中有更多信息。")
	case r.store.Reset() != nil:
		c.Result, c.Found = checkWarning, say("the state was begun anew at this start: ", "本次启动时重建了状态：")+r.store.Reset().Error()
		c.Do = say("Sign in again. The old state was set aside in the same folder.", "请重新登录。原有状态已移至同一目录中保存。")
	}
	return c
}

func (r *rooms) checkDisk(say func(en, zh string) string) api.Check {
	c := api.Check{Name: "disk", Result: checkOK, Tried: say("asked for the free space of ", "查询可用空间：") + r.cfg.State}
	free, err := disk.Free(r.cfg.State)
	switch {
	case err != nil:
		c.Result, c.Found = checkSkipped, err.Error()
	case free < diskLeast:
		c.Result, c.Code = checkFailed, api.DiskFull
		c.Found = room(free) + say(" free", " 可用")
		c.Do = fmt.Sprintf(say("Make room: at least %d MiB are needed.", "请释放空间：至少需要 %d MiB。"), diskLeast>>20)
	default:
		c.Found = room(free) + say(" free", " 可用")
	}
	return c
}

// room prints bytes as the doctor's other lines do, in steps of 1024.
func room(n int64) string {
	if n < 1<<30 {
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}

// checkCloud asks the cloud once and reads four things from how that went: proxy,
// TLS, cloud and clock.
func (r *rooms) checkCloud(ctx context.Context, language string) []api.Check {
	say := speaker(language)
	proxy := api.Check{Name: "proxy", Result: checkOK, Tried: say("read the setting proxy", "读取代理服务器设置"), Found: r.http.Proxy()}
	tls := api.Check{Name: "tls", Result: checkSkipped, Tried: say("verified the certificate of ", "验证证书：") + r.http.Base(), Found: say("no connection to verify", "没有可验证的连接")}
	cloud := api.Check{Name: "cloud", Tried: say("asked who it is: ", "询问云端身份：") + r.http.Base()}
	clock := api.Check{Name: "clock", Result: checkSkipped, Tried: say("compared with the cloud's time", "与云端时间比较"), Found: say("no answer to compare with", "没有可比较的应答")}
	if r.http.Base() == "" {
		cloud.Tried, cloud.Result, cloud.Code = say("looked for the setting cloud", "查找云端地址设置"), checkFailed, api.CloudNotSet
		cloud.Found, _ = api.Text(api.CloudNotSet, language)
		cloud.Do = r.advice(api.CloudNotSet, language)
		tls.Tried = say("nothing: no cloud is set", "未尝试：没有设置云端地址")
		return []api.Check{cloud, tls, proxy, clock}
	}
	server, err := r.cloud.Server(ctx)
	code := api.CodeOf(err)
	if err != nil {
		hint := r.advice(code, language)
		cloud.Result, cloud.Code, cloud.Found, cloud.Do = checkFailed, code, err.Error(), hint
		switch code {
		case api.CloudUntrusted:
			tls.Result, tls.Code, tls.Found, tls.Do = checkFailed, code, err.Error(), hint
		case api.CloudAnswer: // something answered over a verified connection
			tls.Result, tls.Found = checkOK, say("signed by a trusted authority", "由受信任的机构签发")
		case api.CloudUnreachable:
			if r.http.Proxy() != "direct" {
				proxy.Result, proxy.Do = checkWarning, say("Connections go through this proxy: see that it is up and lets the agent through.", "连接经由此代理服务器：请确认其正在运行并允许代理程序通过。")
			}
		}
		return []api.Check{cloud, tls, proxy, clock}
	}
	cloud.Result, cloud.Found = checkOK, fmt.Sprintf(say("build %s, API %d", "版本 %s，API %d"), server.Build, server.API)
	tls.Result, tls.Found = checkOK, say("signed by a trusted authority", "由受信任的机构签发")
	return []api.Check{cloud, tls, proxy, r.checkClock(say, clock, server)}
}

// advice is the next step after a code, for one who is at the doctor's already: the
// code's own hint may send there.
func (r *rooms) advice(code api.Code, language string) string {
	say := speaker(language)
	switch code {
	case api.CloudUnreachable:
		return fmt.Sprintf(say("See that the name in %s resolves here and that its port is open; local work can go on.",
			"请确认 %s 中的主机名可以解析且端口可以连通；本地工作可以继续。"), r.cfg.Cloud)
	case api.CloudAnswer:
		return fmt.Sprintf(say("See that %s is the cloud's address and that no proxy or log-in page of the network answers in its place; try again later.",
			"请确认 %s 是云端的地址，且没有代理服务器或网络登录页面代为应答；请稍后重试。"), r.cfg.Cloud)
	case api.CloudNotSet:
		file, err := config.File(r.cfg.System)
		if err != nil {
			break
		}
		return fmt.Sprintf(say("Set cloud = \"https://…\" in %s, or the file given with --config, and start the agent again.",
			"请在 %s（或 --config 指定的文件）中设置 cloud = \"https://…\"，然后重新启动代理程序。"), file)
	}
	_, hint := api.Text(code, language)
	return hint
}

// checkSaves says of the caller's queued saves what they wait for.
func (r *rooms) checkSaves(waiting []files.Waiting, language string) []api.Check {
	say := speaker(language)
	tried := say("counted the saves that wait", "统计等待上传的保存")
	if len(waiting) == 0 {
		return []api.Check{{Name: "saves", Result: checkOK, Tried: tried, Found: say("none waits", "没有等待的保存")}}
	}
	checks := make([]api.Check, 0, len(waiting))
	for _, w := range waiting {
		reason, _ := api.Text(w.Code, language)
		c := api.Check{Name: "saves", Result: checkWarning, Tried: tried, Do: r.advice(w.Code, language), Code: w.Code}
		c.Found = fmt.Sprintf(say("%d of account %s wait: %s", "%d 个，属于账号 %s：%s"), w.Saves, w.Account, reason)
		switch w.Code {
		case api.OK: // not looked at since the agent began
			c.Found = fmt.Sprintf(say("%d of account %s wait", "%d 个，属于账号 %s"), w.Saves, w.Account)
		case api.NotSignedIn, api.SessionExpired:
			c.Do = fmt.Sprintf(say("Sign in as %s; they are sent by themselves then.", "请以 %s 登录；随后会自动发送。"), w.Account)
		}
		checks = append(checks, c)
	}
	return checks
}

func (r *rooms) checkClock(say func(en, zh string) string, c api.Check, server cloudapi.Server) api.Check {
	off := r.cfg.Clock.Now().Sub(server.Time)
	c.Result, c.Found = checkOK, fmt.Sprintf(say("%s apart", "相差 %s"), off.Abs().Round(time.Second))
	if off.Abs() > clockSlack {
		c.Result, c.Code = checkWarning, api.ClockSuspect
		c.Do = say("Set this machine's clock, or let it follow a time server.", "请校正本机时钟，或使其与时间服务器同步。")
	}
	return c
}
