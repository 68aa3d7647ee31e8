package pages

import (
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/market"
	"github.com/iscdesk/iscdesk/cloud/internal/members"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/token"
)

func (c *Console) applicationPages() []Page {
	return []Page{
		{Pattern: "POST /console/resources/apply", Need: OfAdmin, Handle: c.postApply, Back: c.getResource},
		{Pattern: "GET /console/resources/applications/{event}", Need: OfAdmin, Handle: c.getApplication},
		{Pattern: "GET /console/resources/applications/{event}/state", Need: OfAdmin, Handle: c.getApplicationState},
		{Pattern: "GET /console/resources/applications/{event}/content", Need: OfAdmin, Handle: c.getContent},
		{Pattern: "GET /console/resources/applications/{event}/document", Need: OfAdmin, Handle: c.getDocument},
	}
}

// maxDevice bounds a device string, in bytes: what a desk can show at most.
const maxDevice = 5120

func (c *Console) postApply(v *Visit) error {
	res, err := c.owned(v, v.In("resource"))
	if err != nil {
		return err
	}
	w := market.TypedRequest{Org: v.User.Org, Account: v.User.Account, Resource: res.ID, Form: v.In("form"), Why: v.Why("license.applied", "instance", res.ID, "form", v.In("form"))}
	switch device := v.In("device"); v.In("kind") {
	case "code":
		w.HardwareCode = device
	default:
		w.Fingerprint = device
	}
	if err := members.Text("device", v.In("device"), 0, maxDevice); err != nil {
		return err
	}
	if w.From, err = day("from", v.In("from"), res.From, false); err != nil {
		return err
	}
	if w.Until, err = day("until", v.In("until"), res.Until, true); err != nil {
		return err
	}
	app, err := c.c.Licenses.Apply(v.R.Context(), w)
	if err != nil {
		return err
	}
	return v.Redirect(applicationPath(app.Event))
}

func applicationPath(event string) string { return Root + "resources/applications/" + event }

// day reads a date as a page asks for it: its first second in UTC, or its last. The day on which a
// term begins or ends stands for that very moment; no date leaves it to the room.
func day(member, text string, border time.Time, last bool) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.DateOnly, text)
	if err != nil || t.Unix() <= 0 || t.Year() > 9999 {
		return time.Time{}, meta.Refuse(cloudapi.ErrInvalid, "this is no date", "member", member)
	}
	switch {
	case t.Format(time.DateOnly) == border.UTC().Format(time.DateOnly):
		return border, nil
	case last:
		return t.Add(24*time.Hour - time.Second), nil
	}
	return t, nil
}

type applicationData struct {
	meta.Application
	Name string // of the product
	Text string // of a licence in form of a string
}

// Waiting says whether the page has to ask again.
func (a applicationData) Waiting() bool {
	return a.State == meta.ApplicationAsking || a.State == meta.ApplicationMaking
}

func (c *Console) application(v *Visit) (applicationData, error) {
	app, err := c.c.Licenses.Application(v.R.Context(), v.User.Org, v.R.PathValue("event"))
	if err != nil {
		return applicationData{}, err
	}
	names, err := c.productNames(v)
	d := applicationData{Application: app, Name: names[app.Product]}
	if app.Form == token.FormString && app.State == meta.ApplicationDelivered {
		d.Text = string(app.Content)
	}
	return d, err
}

func (c *Console) getApplication(v *Visit) error {
	d, err := c.application(v)
	if err != nil {
		return err
	}
	if d.State == meta.ApplicationRefused { // why and what to do, as for any refusal
		refusal := meta.Refuse(cloudapi.ErrLicenseRefused, d.Message, "reason", d.Reason, "from", d.From.Format(time.DateOnly), "until", d.Until.Format(time.DateOnly))
		v.problem = c.explain(v, refusal)
		v.problem.Status = http.StatusOK
	}
	return v.Show("application", d)
}

// getApplicationState is the part that follows an application; when it is decided, the whole page is
// asked for instead.
func (c *Console) getApplicationState(v *Visit) error {
	d, err := c.application(v)
	if err != nil {
		return err
	}
	if !d.Waiting() {
		v.W.Header().Set("HX-Redirect", applicationPath(d.Event))
	}
	return v.Part("application-state", d)
}

func (c *Console) getContent(v *Visit) error {
	app, err := c.c.Licenses.Delivered(v.R.Context(), v.User.Org, v.R.PathValue("event"))
	if err != nil {
		return err
	}
	name := app.FileName
	switch {
	case app.Form == token.FormString:
		name = app.Product + ".txt"
	case name == "":
		name = app.Product + ".lic"
	}
	return v.attachment("application/octet-stream", name, app.Content)
}

func (c *Console) getDocument(v *Visit) error {
	doc, err := c.c.Licenses.Document(v.R.Context(), v.User.Org, v.R.PathValue("event"))
	if err != nil {
		return err
	}
	jws, err := c.c.Issuer.Import(doc)
	if err != nil {
		return err
	}
	if err := c.c.Store.Record(v.R.Context(), v.Why("license.downloaded", "event", doc.ID, "instance", doc.Instance)); err != nil {
		return err
	}
	return v.attachment("application/jose", doc.Product+"-"+doc.ID+".license", []byte(jws))
}

// attachment ends the visit with bytes that a browser saves and never shows: what is in them is a merchant's.
func (v *Visit) attachment(kind, name string, content []byte) error {
	disposition := mime.FormatMediaType("attachment", map[string]string{"filename": name})
	if disposition == "" {
		disposition = "attachment; filename*=UTF-8''" + url.PathEscape(name)
	}
	h := v.W.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", disposition)
	h.Set("Content-Length", strconv.Itoa(len(content)))
	v.W.WriteHeader(http.StatusOK)
	_, _ = v.W.Write(content) // the browser's loss only
	return nil
}
