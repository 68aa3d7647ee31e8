package httpapi

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/iscdesk/iscdesk/cloud/internal/issue"
	"github.com/iscdesk/iscdesk/cloud/internal/market"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/token"
)

// Bounds of a licence request, in bytes.
const (
	maxFingerprint = 5120
	maxDevInfo     = 5120
	maxReport      = 4096
)

func (a *API) postLicense(c *Call) error {
	var in cloudapi.LicenseRequest
	if err := c.Decode(&in); err != nil {
		return err
	}
	if err := checkRequest(in); err != nil {
		return err
	}
	inst, err := a.choose(c, in.Product)
	if err != nil {
		return err
	}
	switch _, err := a.c.Store.Listing(c.Context(), in.Product); {
	case err == nil:
		return a.marketLicense(c, inst, in)
	case meta.CodeOf(err) != cloudapi.ErrNotFound:
		return err
	}
	content, err := a.c.Issuer.License(contentOf(inst, in.Fingerprint))
	if err != nil {
		return err
	}
	g, lease, err := a.lease(c, inst, "license.issued")
	if err != nil {
		return err
	}
	g.Why.Params["form"] = in.Form
	content, err = a.c.Store.GrantIssued(c.Context(), g, meta.Issued{Key: requestKey(c, inst, in), Content: content})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, cloudapi.License{Instance: inst.ID, Form: in.Form, FileName: in.FileName, Content: content, Lease: lease})
}

// holdTime is how long a device counts as the account's while the merchant makes its licence; the lease then
// holds longer.
const holdTime = time.Hour

// firstWait is how soon an agent is told that its licence is still to be made, so that a person can be told. Most
// merchants are faster.
const firstWait = 3 * time.Second

// marketLicense answers from the merchant's side: the content when it is there, else how far it is.
func (a *API) marketLicense(c *Call, inst meta.Instance, in cloudapi.LicenseRequest) error {
	app, err := a.c.Licenses.Ask(c.Context(), market.Request{
		Instance: inst, Account: c.User.Account, Device: c.Device, Form: in.Form, Fingerprint: in.Fingerprint, DevInfo: in.DevInfo,
		Hold: meta.Grant{Instance: inst.ID, Account: c.User.Account, Device: c.Device, Until: c.Now.Add(holdTime), Now: c.Now,
			Devices: a.c.Terms.Devices, Why: c.Why("")},
		Why:   c.Why("license.applied", "product", inst.Product, "instance", inst.ID, "form", in.Form),
		First: firstWait,
	}, a.c.LicenseWait)
	if err != nil {
		return err
	}
	if app.State != meta.ApplicationDelivered {
		const soon = 1 // the waiting was done here
		c.W.Header().Set("Retry-After", strconv.Itoa(soon))
		return c.JSON(http.StatusAccepted, cloudapi.LicensePending{Event: app.Event, State: app.State, RetryAfter: soon})
	}
	g, lease, err := a.lease(c, inst, "license.issued")
	if err != nil {
		return err
	}
	g.Why.Params["form"], g.Why.Params["event"] = in.Form, app.Event
	if err := a.c.Store.Grant(c.Context(), g); err != nil {
		return err
	}
	out := cloudapi.License{Instance: inst.ID, Form: in.Form, FileName: in.FileName, Content: string(app.Content), FingerprintForm: app.FingerprintForm,
		Event: app.Event, Lease: lease}
	if out.FileName == "" && in.Form == token.FormFile {
		out.FileName = app.FileName
	}
	if !utf8.Valid(app.Content) {
		out.Content, out.ContentEncoding = base64.StdEncoding.EncodeToString(app.Content), cloudapi.EncodingBase64
	}
	return c.JSON(http.StatusOK, out)
}

func checkRequest(in cloudapi.LicenseRequest) error {
	if err := name("product", in.Product, ".-_", maxProduct); err != nil {
		return err
	}
	if in.Form != "string" && in.Form != "file" {
		return Invalid("form", "the form is string or file")
	}
	if err := text("fileName", in.FileName, 0, cloudapi.MaxName); err != nil {
		return err
	}
	if err := text("fingerprint", in.Fingerprint, 0, maxFingerprint); err != nil {
		return err
	}
	if len(in.DevInfo) > maxDevInfo {
		return Invalid("devInfo", "the member is too long")
	}
	return text("request", in.Request, 8, maxID)
}

// requestKey names everything that decides about the content. The lengths stand in it, so
// that no two different requests can have the same key.
func requestKey(c *Call, inst meta.Instance, in cloudapi.LicenseRequest) meta.Hash {
	h := sha256.New()
	for _, s := range []string{inst.ID, c.User.Account, c.Device, in.Product, in.Form, in.Fingerprint, in.DevInfo} {
		fmt.Fprintf(h, "%d:%s,", len(s), s)
	}
	return meta.Hash(h.Sum(nil))
}

func contentOf(i meta.Instance, fingerprint string) issue.Content {
	return issue.Content{Product: i.Product, Instance: i.ID, Until: i.Until, Fingerprint: fingerprint, Features: i.Features}
}

func (a *API) postLease(c *Call) error {
	var in cloudapi.Renew
	if err := c.Decode(&in); err != nil {
		return err
	}
	if err := name("product", in.Product, ".-_", maxProduct); err != nil {
		return err
	}
	inst, err := a.choose(c, in.Product)
	if err != nil {
		return err
	}
	g, lease, err := a.lease(c, inst, "") // renewals come daily from every desk: not audited
	if err != nil {
		return err
	}
	if err := a.c.Store.Grant(c.Context(), g); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, cloudapi.Lease{Lease: lease})
}

// choose picks the instance that lets the account work, of several the one that ends last. When
// none does, the refusal tells why the most promising one does not.
func (a *API) choose(c *Call, product string) (meta.Instance, error) {
	list, err := a.c.Store.Assigned(c.Context(), c.User.Account, product)
	if err != nil {
		return meta.Instance{}, err
	}
	var best meta.Instance
	var bestNo error
	for _, i := range list {
		no := i.Usable(c.Now)
		better := best.ID == "" || (no == nil && bestNo != nil) || ((no == nil) == (bestNo == nil) && i.Until.After(best.Until))
		if better {
			best, bestNo = i, no
		}
	}
	if best.ID == "" {
		return meta.Instance{}, meta.Refuse(cloudapi.ErrLicenseNone, "no licence of this product is assigned to the account")
	}
	return best, bestNo
}

// lease signs the right to use an instance on the calling device, and says what the store has to note.
// The lease leaves the cloud only when the store has agreed.
func (a *API) lease(c *Call, inst meta.Instance, action string) (meta.Grant, string, error) {
	d, err := a.c.Store.Device(c.Context(), c.Device)
	if err != nil {
		return meta.Grant{}, "", err
	}
	now, t := c.Now.UTC().Truncate(time.Second), a.c.Terms
	until := earlier(now.Add(t.Lease), inst.Until)
	l := token.Lease{
		ID: meta.NewID("lease"), Device: d.ID, KeyThumb: d.Thumb, Account: c.User.Account, Product: inst.Product, Instance: inst.ID,
		Features: inst.Features, From: inst.From, Until: until,
		// Grace bridges an unreachable cloud; it never reaches past what was bought.
		Grace: earlier(until.Add(t.Grace), inst.Until), Issued: now, Refresh: earlier(now.Add(t.Refresh), until),
	}
	jws, err := a.c.Issuer.Lease(l)
	if err != nil {
		return meta.Grant{}, "", err
	}
	g := meta.Grant{Instance: inst.ID, Account: c.User.Account, Device: d.ID, Until: until, Now: c.Now, Devices: t.Devices,
		Why: c.Why(action, "product", inst.Product, "instance", inst.ID)}
	return g, jws, nil
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func (a *API) postReport(c *Call) error {
	var in cloudapi.VerifyReport
	if err := c.Decode(&in); err != nil {
		return err
	}
	if err := text("report", in.Report, 8, maxID); err != nil {
		return err
	}
	if err := name("product", in.Product, ".-_", maxProduct); err != nil {
		return err
	}
	if in.Time.Unix() <= 0 || in.Time.Year() > 9999 {
		return Invalid("time", "the time is missing or out of range")
	}
	if len(in.Error) > maxReport {
		return Invalid("error", "the member is too long")
	}
	why := c.Why("license.verified", "product", in.Product, "ok", strconv.FormatBool(in.OK), "reported", meta.Stamp(in.Time).Format(time.RFC3339))
	if in.Error != "" {
		why.Params["error"] = in.Error
	}
	if err := a.c.Store.Report(c.Context(), c.User.Account, in.Report, why); err != nil {
		return err
	}
	return c.None()
}

func (a *API) getKeys(c *Call) error { return c.JSON(http.StatusOK, a.c.Issuer.Keys()) }

func (a *API) getIssuerKey(c *Call) error {
	return c.JSON(http.StatusOK, cloudapi.IssuerKey{Ed25519: a.c.Issuer.IssuerKey()})
}
