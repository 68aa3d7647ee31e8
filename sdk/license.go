package sdk

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// GetLicenseStringRequest asks for the product's licence as a text. devInfo is
// the device information that the ISV wants, at most api.MaxDevInfo bytes,
// often empty. The end is EVENT_LICENSE_VERIFY.
func (c *Client) GetLicenseStringRequest(ctx context.Context, devInfo string) (api.Operation, error) {
	return c.requestLicense(ctx, api.LicenseRequest{Form: api.FormString, DevInfo: devInfo})
}

// GetLicenseFileRequest asks for the licence as a file that only this user can
// read; the event carries its path. fileName may be empty.
func (c *Client) GetLicenseFileRequest(ctx context.Context, fileName, devInfo string) (api.Operation, error) {
	return c.requestLicense(ctx, api.LicenseRequest{Form: api.FormFile, FileName: fileName, DevInfo: devInfo})
}

func (c *Client) requestLicense(ctx context.Context, r api.LicenseRequest) (api.Operation, error) {
	if err := firstOf(checkText("device information", r.DevInfo, api.MaxDevInfo),
		checkText("file name", r.FileName, api.MaxText)); err != nil {
		return 0, c.refusal(err)
	}
	s, err := c.start(ctx, api.MethodLicenseRequest, r)
	return s.Operation, err
}

// ImportLicense hands a licence document, the bytes of the file that the buyer downloaded, to the agent,
// which keeps it for this OS user. The product is the document's; the client's own does not
// matter. Refusals are those of the agent's door and the api.Import… codes.
func (c *Client) ImportLicense(ctx context.Context, document []byte) (api.LicenseImported, error) {
	if len(document) == 0 || len(document) > api.MaxImport {
		return api.LicenseImported{}, c.refusal(&api.Error{Code: api.ImportNotDocument,
			Detail: fmt.Sprintf("the file has %d bytes; a licence document has 1 to %d", len(document), api.MaxImport)})
	}
	for at := 0; ; at += api.MaxImportPart {
		part := document[at:min(at+api.MaxImportPart, len(document))]
		var r api.LicenseImported
		if err := c.call(ctx, api.MethodLicenseImport, api.LicenseImport{Part: part, Offset: at, Size: len(document)}, &r); err != nil {
			return api.LicenseImported{}, err
		}
		if at+len(part) == len(document) {
			return r, nil
		}
	}
}

// LicenseVerifyNotify reports the application's own verdict on the licence; it
// reaches the cloud's audit trail. errorMsg is required when ok is false.
func (c *Client) LicenseVerifyNotify(ctx context.Context, ok bool, errorMsg string) error {
	if !ok && errorMsg == "" {
		return c.refusal(&api.Error{Code: api.InvalidArgument, Detail: "a failed verification needs its error message"})
	}
	if err := checkText("error message", errorMsg, api.MaxText); err != nil {
		return c.refusal(err)
	}
	return c.call(ctx, api.MethodLicenseVerify, api.LicenseVerify{OK: ok, Error: errorMsg}, nil)
}

// LicenseState is what the client last heard of the product's licence, and how
// long ago. It asks nobody and never blocks on the agent; when the agent is
// away the age grows and Until tells how far the state can be believed.
func (c *Client) LicenseState() (state api.LicenseState, age time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.license, max(c.clock.Now().Sub(c.licenseAt), 0)
}

// RefreshLicenseState asks the agent, which answers from its own cache, and
// renews what LicenseState returns.
func (c *Client) RefreshLicenseState(ctx context.Context) (api.LicenseState, error) {
	var s api.LicenseState
	if err := c.call(ctx, api.MethodLicenseState, api.None{}, &s); err != nil {
		return api.LicenseState{}, err
	}
	c.learn(s)
	return s, nil
}

// learn keeps a licence state and tells it to the application.
func (c *Client) learn(s api.LicenseState) {
	c.telling.Lock()
	defer c.telling.Unlock()
	c.mu.Lock()
	c.license, c.licenseAt = s, c.clock.Now()
	c.mu.Unlock()
	if c.opt.OnLicense != nil {
		c.opt.OnLicense(s)
	}
}

// licenseOf reads the state out of an EVENT_LICENSE_STATE, or out of the answer
// to a request that succeeded: an application that has just got its licence
// must not find the state of before. A failed request says nothing of the state.
func licenseOf(e api.Event) (api.LicenseState, bool) {
	p := e.Envelope.Params
	told := e.Type == api.EventLicenseState || e.Type == api.EventLicenseVerify && p["Status"] == api.StatusSuccess
	if !told || p["state"] == "" {
		return api.LicenseState{}, false
	}
	s := api.LicenseState{
		State: p["state"], Offline: p["offline"] == "true",
		Source: p["source"], Reason: p[api.ParamReason], Hint: p[api.ParamHint],
	}
	if n, err := strconv.ParseInt(p[api.ParamCode], 10, 32); err == nil {
		s.Code = api.Code(n)
	} else if p[api.ParamCode] != "" {
		s.Code = api.Internal // a code that cannot be read is a failure
	}
	s.Until = timeOf(p["until"])
	s.Checked = timeOf(p["checked"])
	return s, true
}

// timeOf reads an RFC 3339 time; anything else is no time.
func timeOf(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}
	}
	return t
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
