package license

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/service/events"
	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Bounds of a request.
const (
	cloudTimeout    = time.Minute // from the question to the cached answer
	maxRefusals     = 64          // kept for one user
	defaultFileName = "license.lic"
)

// asked is what is kept with the operation, so that a killed agent goes on with
// the same idempotency key. The last three are there once the cloud has taken the request and a
// publisher makes the licence.
type asked struct {
	Form     string    `json:"form"`
	FileName string    `json:"fileName,omitempty"`
	DevInfo  string    `json:"devInfo,omitempty"`
	Request  string    `json:"request"`
	Account  string    `json:"account,omitempty"` // whose request it is
	Accepted time.Time `json:"accepted,omitzero"` // since when it is waited for
	Event    string    `json:"event,omitempty"`   // of the application at the publisher
}

// Request gets the product's licence; EVENT_LICENSE_VERIFY ends it.
func (r *Room) Request(ctx context.Context, a caller.Actor, q api.LicenseRequest) (api.Started, error) {
	if err := checkProduct(a.Product); err != nil {
		return api.Started{}, err
	}
	if err := check(&q); err != nil {
		return api.Started{}, err
	}
	if account, err := r.cfg.Account(a.UID); account == "" && err != nil && r.document(key{a.UID, a.Product}) == nil {
		return api.Started{}, err
	}
	data := asked{Form: q.Form, FileName: q.FileName, DevInfo: q.DevInfo, Request: rand.Text()}
	owner := events.Owner{UID: a.UID, Product: a.Product, Session: a.Session, Language: a.Language}
	op, err := r.cfg.Events.Begin(owner, api.MethodLicenseRequest, q.ComeBack, data)
	if err != nil {
		return api.Started{}, err
	}
	worker := func(ctx context.Context) (Worker, error) { return r.cfg.Worker(ctx, a) }
	r.spawn(func() { r.serve(op, data, worker) })
	return api.Started{Operation: op.ID()}, nil
}

// check refuses what the cloud or the worker would have to refuse, and fills defaults.
func check(q *api.LicenseRequest) error {
	bad := func(detail string) error { return &api.Error{Code: api.InvalidArgument, Detail: detail} }
	switch {
	case q.Form != api.FormString && q.Form != api.FormFile:
		return bad("form is string or file")
	case len(q.DevInfo) > api.MaxDevInfo:
		return &api.Error{Code: api.TooLarge, Detail: "devInfo is longer than 5120 bytes"}
	case !utf8.ValidString(q.DevInfo) || !utf8.ValidString(q.FileName):
		return bad("devInfo and fileName are UTF-8")
	}
	if q.Form == api.FormString {
		q.FileName = ""
		return nil
	}
	if q.FileName == "" {
		q.FileName = defaultFileName
	}
	if len(q.FileName) > cloudapi.MaxName || strings.ContainsAny(q.FileName, "/\\:*?\"<>|\x00") ||
		strings.Trim(q.FileName, ". ") == "" {
		return &api.Error{Code: api.NameInvalid, Detail: "fileName is one path element"}
	}
	return nil
}

// resume goes on with a request after a restart of the agent.
func (r *Room) resume(op *events.Op) {
	var data asked
	if err := op.Data(&data); err != nil {
		r.fail(op, "", err)
		return
	}
	uid := op.Owner().UID
	r.serve(op, data, func(ctx context.Context) (Worker, error) { return r.cfg.WorkerUser(ctx, uid) })
}

// serve does the whole of a request and ends its operation, unless the agent
// stops: then the next one goes on with it.
func (r *Room) serve(op *events.Op, q asked, worker func(context.Context) (Worker, error)) {
	ctx, cancel := context.WithCancel(op.Context())
	defer cancel()
	defer context.AfterFunc(r.ctx, cancel)()
	got, st, err := r.obtain(ctx, op, q)
	path := ""
	if err == nil && q.Form == api.FormFile {
		path, err = r.write(ctx, op.Owner().Product, got, worker)
	}
	if r.ctx.Err() != nil {
		return
	}
	if cause := context.Cause(op.Context()); err != nil && cause != nil {
		var why *api.Error
		if !errors.As(cause, &why) || why.Code == api.AgentLost {
			return // the agent stops; the next one goes on
		}
		err = why
	}
	if err != nil {
		r.fail(op, q.Form, err)
		return
	}
	p := params(st)
	delete(p, api.ParamCode)
	delete(p, api.ParamReason)
	delete(p, api.ParamHint)
	p["Status"], p["LicenseType"] = api.StatusSuccess, q.Form
	if q.Form == api.FormFile {
		p["LicenseFilePath"] = path
	} else {
		p["LicenseContent"] = got.Text
	}
	if got.Event != "" {
		p["event"] = got.Event
	}
	if got.FingerprintForm != "" {
		p["fingerprintForm"] = got.FingerprintForm
	}
	r.end(op, p, false)
	r.heard(op.Owner().Session, st)
}

// fail ends a request with its reason; the documented member is written Status.
func (r *Room) fail(op *events.Op, form string, err error) {
	o := op.Owner()
	p := events.Failure(o.Language, err)
	delete(p, api.ParamStatus)
	p["Status"], p["LicenseType"] = api.StatusFailed, form
	if refused(err) {
		if detail := said(err); detail != "" {
			p["detail"] = detail
		}
	}
	if why := reasonOf(err); why != "" {
		p["refusal"] = why
		p[api.ParamReason], p[api.ParamHint] = api.RefusalText(why, o.Language)
	}
	st := r.state(key{o.UID, o.Product}, o.Language)
	maps.Copy(p, map[string]string{"state": st.State, "offline": params(st)["offline"]})
	r.end(op, p, true)
}

func (r *Room) end(op *events.Op, p map[string]string, failed bool) {
	if err := op.End(api.EventLicenseVerify, api.OperateLicenseVerify, p, failed); err != nil {
		r.cfg.Log.Error("end licence operation", "operation", op.ID(), "error", err)
	}
	r.announce()
}

// write lets the user's worker write the licence file, and returns its path.
func (r *Room) write(ctx context.Context, product string, got content, worker func(context.Context) (Worker, error)) (string, error) {
	w, err := worker(ctx)
	if err != nil {
		return "", err
	}
	defer w.Release()
	var written workerapi.WrittenFile
	err = w.Call(ctx, workerapi.MethodWriteFile,
		workerapi.WriteFile{Dir: "licenses/" + product, Name: got.FileName, Data: got.bytes()}, &written)
	if err != nil {
		return "", err
	}
	if len(written.Path) > api.MaxPath || !utf8.ValidString(written.Path) || !filepath.IsAbs(written.Path) ||
		strings.ContainsRune(written.Path, 0) {
		return "", &api.Error{Code: api.Internal, Detail: "the worker named an unusable path"}
	}
	return written.Path, nil
}
