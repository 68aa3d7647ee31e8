package httpapi

import (
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/market"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/token"
)

// applicationRoutes: licences that a buyer's administrators apply for by hand, and carry away. What agents
// ask for stands in leases.go.
func (a *API) applicationRoutes() []Route {
	return []Route{
		{Pattern: "POST /v1/market/applications", Need: OfAdmin, Handle: a.postApplication},
		{Pattern: "GET /v1/market/applications", Need: OfAdmin, Handle: a.getApplications},
		{Pattern: "GET /v1/market/applications/{event}", Need: OfAdmin, Handle: a.getApplication},
		{Pattern: "GET /v1/market/applications/{event}/content", Need: OfAdmin, Handle: a.getApplicationContent},
		{Pattern: "GET /v1/market/applications/{event}/document", Need: OfAdmin, Handle: a.getApplicationDocument},
	}
}

func (a *API) postApplication(c *Call) error {
	var in cloudapi.NewApplication
	if err := c.Decode(&in); err != nil {
		return err
	}
	for _, m := range []struct {
		name, value string
		low, high   int
	}{
		{"resource", in.Resource, 1, maxID}, {"fingerprint", in.Fingerprint, 0, maxFingerprint}, {"hardwareCode", in.HardwareCode, 0, maxFingerprint},
	} {
		if err := text(m.name, m.value, m.low, m.high); err != nil {
			return err
		}
	}
	w := market.TypedRequest{Org: c.User.Org, Account: c.User.Account, Resource: in.Resource, Form: in.Form, Fingerprint: in.Fingerprint, HardwareCode: in.HardwareCode,
		Why: c.Why("license.applied", "instance", in.Resource, "form", in.Form)}
	for _, t := range []struct {
		name string
		from *time.Time
		to   *time.Time
	}{{"from", in.From, &w.From}, {"until", in.Until, &w.Until}} {
		if t.from == nil {
			continue
		}
		if t.from.Unix() <= 0 || t.from.Year() > 9999 {
			return Invalid(t.name, "the time is out of range")
		}
		*t.to = *t.from
	}
	app, err := a.c.Licenses.Apply(c.Context(), w)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, applicationOf(app))
}

func applicationOf(a meta.Application) cloudapi.Application {
	out := cloudapi.Application{Event: a.Event, Resource: a.Resource, Product: a.Product, Account: a.Account, Device: a.Device, Form: a.Form,
		Fingerprint: a.Fingerprint, FingerprintForm: a.FingerprintForm, From: a.From, State: a.State, Reason: a.Reason, Result: a.Code, Text: a.Message,
		FileName: a.FileName, Created: a.Created}
	if !a.Until.IsZero() {
		out.Until = &a.Until
	}
	if !a.Decided.IsZero() {
		out.Decided = &a.Decided
	}
	return out
}

// Bounds of one page of applications.
const (
	applicationPage = 50
	maxApplications = 100
)

func (a *API) getApplications(c *Call) error {
	q := c.R.URL.Query()
	f := meta.ApplicationFilter{Org: c.User.Org, Resource: q.Get("resource"), State: q.Get("state"), Page: meta.Page{Before: q.Get("before"), Limit: applicationPage}}
	if s := q.Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > maxApplications {
			return Invalid("limit", "the limit is 1 to 100")
		}
		f.Limit = n
	}
	list, err := a.c.Store.Applications(c.Context(), f)
	if err != nil {
		return err
	}
	out := cloudapi.Applications{Applications: make([]cloudapi.Application, 0, len(list))}
	for _, app := range list {
		out.Applications = append(out.Applications, applicationOf(app))
	}
	return c.JSON(http.StatusOK, out)
}

func (a *API) getApplication(c *Call) error {
	app, err := a.c.Licenses.Application(c.Context(), c.User.Org, c.Path("event"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, applicationOf(app))
}

func (a *API) getApplicationContent(c *Call) error {
	app, err := a.c.Licenses.Delivered(c.Context(), c.User.Org, c.Path("event"))
	if err != nil {
		return err
	}
	if app.Form == token.FormString {
		return c.attachment("text/plain; charset=utf-8", app.Product+".txt", app.Content)
	}
	name := app.FileName
	if name == "" {
		name = app.Product + ".lic"
	}
	return c.attachment("application/octet-stream", name, app.Content)
}

func (a *API) getApplicationDocument(c *Call) error {
	doc, err := a.c.Licenses.Document(c.Context(), c.User.Org, c.Path("event"))
	if err != nil {
		return err
	}
	jws, err := a.c.Issuer.Import(doc)
	if err != nil {
		return err
	}
	if err := a.c.Store.Record(c.Context(), c.Why("license.downloaded", "event", doc.ID, "instance", doc.Instance)); err != nil {
		return err
	}
	return c.attachment("text/plain; charset=utf-8", doc.Product+"-"+doc.ID+".license", []byte(jws))
}

// attachment answers bytes that a browser saves and never shows: what is in them is a merchant's.
func (c *Call) attachment(kind, name string, content []byte) error {
	h := c.W.Header()
	h.Set("Content-Type", kind)
	disposition := mime.FormatMediaType("attachment", map[string]string{"filename": name})
	if disposition == "" {
		disposition = "attachment; filename*=UTF-8''" + url.PathEscape(name)
	}
	h.Set("Content-Disposition", disposition)
	h.Set("Content-Length", strconv.Itoa(len(content)))
	c.W.WriteHeader(http.StatusOK)
	_, _ = c.W.Write(content) // what the client does not take is the client's loss
	return nil
}
