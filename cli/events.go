package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/iscdesk/iscdesk/sdk/api"
)

type eventsCmd struct {
	Count   int           `help:"${count}" placeholder:"N" short:"n"`
	For     time.Duration `help:"${for}" placeholder:"DURATION"`
	Product string        `help:"${product}" placeholder:"ID"`
}

func (e eventsCmd) Run(a *app) error {
	c, err := a.connect(e.Product)
	if err != nil {
		return err
	}
	ctx := context.Background()
	if e.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, e.For)
		defer cancel()
	}
	for n := 0; e.Count == 0 || n < e.Count; n++ {
		event, err := c.NextEvent(ctx)
		switch {
		case api.CodeOf(err) == api.Timeout && e.Count == 0:
			return nil // the asked time is over
		case err != nil:
			return err
		}
		a.printEvent(event)
	}
	return nil
}

// printEvent prints one line: JSON, or time, type and what it says.
func (a *app) printEvent(e api.Event) {
	if a.JSON {
		text, err := json.Marshal(e)
		if err == nil {
			a.printf("%s\n", text)
		}
		return
	}
	names := make([]string, 0, len(e.Envelope.Params))
	for name := range e.Envelope.Params {
		names = append(names, name)
	}
	sort.Strings(names)
	said := make([]string, 0, len(names)+1)
	if e.Operation != 0 {
		said = append(said, "operation="+strconv.FormatInt(int64(e.Operation), 10))
	}
	for _, name := range names {
		if v := e.Envelope.Params[name]; v != "" {
			said = append(said, plain(name)+"="+quoted(v))
		}
	}
	a.printf("%s  %-28s %s\n", e.Time.Local().Format("15:04:05"), plain(e.Type), strings.Join(said, " "))
}

func quoted(v string) string {
	if strings.ContainsAny(v, " \"") {
		return `"` + plain(v) + `"`
	}
	return plain(v)
}

// speaking is the flag without which an operation of a product is unknown.
func (a *app) speaking() string {
	if a.product == "" {
		return ""
	}
	return " --product " + a.product
}

// await waits for the end of op, showing its progress, and turns a failure that
// the event tells into the command's own.
func (a *app) await(op api.Operation, wait time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	shown := ""
	for {
		e, err := a.client.NextEvent(ctx)
		if api.CodeOf(err) == api.Timeout {
			var known *api.Error
			if errors.As(err, &known) {
				known.Detail = fmt.Sprintf("operation %d goes on; see \"iscdesk ops show %d%s\"", op, op, a.speaking())
			}
			return err
		}
		if err != nil {
			return err
		}
		if e.Operation != op {
			continue
		}
		p := e.Envelope.Params
		switch e.Type {
		case api.EventOpenProgress, api.EventUploadProgress:
			if text := percent(p["done"], p["total"]); text != "" && text != shown && !a.JSON {
				fmt.Fprintf(a.env.err, "  %s\n", text)
				shown = text
			}
			continue
		case api.EventUploadStart, api.EventUploadEnd, api.EventPage:
			continue
		case api.EventLicensePending:
			if text := p[api.ParamReason]; text != shown && !a.JSON {
				fmt.Fprintf(a.env.err, "  %s\n", plain(text))
				shown = text
			}
			continue
		}
		return a.ended(e)
	}
}

// ended prints the last event of an operation.
func (a *app) ended(e api.Event) error {
	p := e.Envelope.Params
	failed := p[api.ParamStatus] == api.StatusFailed || p["Status"] == api.StatusFailed || e.Type == api.EventOpenCancelled
	if failed {
		code := api.Internal
		if n, err := strconv.ParseInt(p[api.ParamCode], 10, 32); err == nil && n != 0 {
			code = api.Code(n)
		} else if e.Type == api.EventOpenCancelled {
			code = api.Cancelled
		}
		refused := &api.Error{Code: code, Message: p[api.ParamReason], Hint: p[api.ParamHint], Detail: p["detail"]}
		if p["queued"] == "true" {
			// The work is safe: that comes first, and what it waits for is the detail.
			kept := fmt.Sprintf(a.say("Kept on this computer; it is uploaded when the cloud can take it (operation %d).",
				"已保留在此计算机上；云端可用后会自动上传（操作 %d）。"), e.Operation)
			cause := refused.Message
			if refused.Detail != "" {
				cause += " (" + refused.Detail + ")"
			}
			refused.Message, refused.Detail = kept, cause
		}
		return refused
	}
	if a.JSON {
		a.printJSON(e)
		return nil
	}
	switch e.Type {
	case api.EventOpenResult:
		a.printf("%s\n", plain(p["mainFile"]))
	case api.EventSaveResult:
		text := a.say("Saved.", "已保存。")
		if p["version"] != "" {
			text = a.say("Saved as version "+plain(p["version"])+".", "已保存为版本 "+plain(p["version"])+"。")
		}
		a.printf("%s\n", text)
		for _, name := range strings.Split(p["skipped"], "\n") {
			if name != "" {
				a.printf("%s\n", a.say("Left out, because an application's lock: ", "未保存（应用程序的锁文件）：")+plain(name))
			}
		}
	case api.EventLicenseVerify:
		if path := p["LicenseFilePath"]; path != "" {
			a.printf("%s\n", plain(path))
		} else {
			a.printf("%s\n", plain(p["LicenseContent"]))
		}
	case api.EventSignIn:
		a.printf("%s\n", a.say("Signed in as ", "已登录：")+plain(p["account"]))
	default:
		a.printEvent(e)
	}
	return nil
}

// percent prints progress in steps of ten, and never all of it: when every byte is
// there the cloud may still refuse the name, so the end of the operation tells of that.
func percent(done, total string) string {
	d, err1 := strconv.ParseInt(done, 10, 64)
	n, err2 := strconv.ParseInt(total, 10, 64)
	if err1 != nil || err2 != nil || n <= 0 || d < 0 || d >= n {
		return ""
	}
	return fmt.Sprintf("%3d %%", int64(float64(d)/float64(n)*10)*10)
}
