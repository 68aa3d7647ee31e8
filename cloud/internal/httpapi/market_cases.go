package httpapi

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/cases"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// maxTarget bounds where a case goes, in bytes.
const maxTarget = 512

// caseRoutes: the debugging of a merchant's server, for an ISV's own tests. The console's debugging page is
// the same room.
func (a *API) caseRoutes() []Route {
	return []Route{
		{Pattern: "GET /v1/market/cases", Need: OfMerchant, Handle: a.getCases},
		{Pattern: "POST /v1/market/cases/run", Need: OfMerchant, Handle: a.postRunCase},
		{Pattern: "POST /v1/market/cases/replay", Need: OfMerchant, Handle: a.postReplay},
	}
}

func (a *API) getCases(c *Call) error {
	list, err := a.c.Store.Cases(c.Context(), c.Merchant.ID)
	if err != nil {
		return err
	}
	out := cloudapi.SavedCases{Cases: make([]cloudapi.SavedCase, 0, len(list))}
	for _, m := range list {
		s := cloudapi.SavedCase{ID: m.ID, Product: m.Product, URL: m.URL, Scene: m.Scene, Instance: m.Instance, Saved: m.Saved, Last: given(m.Last),
			Passed: m.Passed, Verdict: m.Verdict, Text: m.Text}
		if err := json.Unmarshal([]byte(m.Params), &s.Parameters); err != nil {
			return fmt.Errorf("read case %s: %w", m.ID, err)
		}
		out.Cases = append(out.Cases, s)
	}
	return c.JSON(http.StatusOK, out)
}

func (a *API) postRunCase(c *Call) error {
	var in cloudapi.RunCase
	if err := c.Decode(&in); err != nil {
		return err
	}
	for _, v := range []struct{ member, value string }{{"product", in.Product}, {"url", in.URL}, {"key", in.Key}, {"scene", in.Scene}} {
		if err := text(v.member, v.value, 0, maxTarget); err != nil {
			return err
		}
	}
	w := cases.Wish{Merchant: c.Merchant.ID, Product: in.Product, URL: in.URL, Key: in.Key, Scene: in.Scene, Params: in.Parameters}
	why := c.Why("case.run", "product", in.Product, "scene", in.Scene)
	if in.Scene == "" {
		list, err := a.c.Cases.RunAll(c.Context(), w, why)
		return a.reports(c, list, err)
	}
	rep, err := a.c.Cases.Run(c.Context(), w, why)
	return a.reports(c, []cases.Report{rep}, err)
}

func (a *API) postReplay(c *Call) error {
	var in cloudapi.ReplayCases
	if err := c.Decode(&in); err != nil {
		return err
	}
	if err := text("id", in.ID, 0, maxID); err != nil {
		return err
	}
	if err := text("product", in.Product, 0, maxProduct); err != nil {
		return err
	}
	if in.ID == "" {
		list, err := a.c.Cases.ReplayAll(c.Context(), c.Merchant.ID, in.Product)
		return a.reports(c, list, err)
	}
	rep, err := a.c.Cases.Replay(c.Context(), c.Merchant.ID, in.ID)
	return a.reports(c, []cases.Report{rep}, err)
}

func (a *API) reports(c *Call, list []cases.Report, err error) error {
	if err != nil {
		return err
	}
	out := cloudapi.CaseReports{Passed: len(list) > 0, Reports: make([]cloudapi.CaseReport, 0, len(list))}
	for _, r := range list {
		out.Passed = out.Passed && r.Passed
		out.Reports = append(out.Reports, reportOf(r))
	}
	return c.JSON(http.StatusOK, out)
}

func reportOf(r cases.Report) cloudapi.CaseReport {
	out := cloudapi.CaseReport{Scene: r.Scene, Passed: r.Passed, Verdict: r.Verdict.Code, Text: r.Verdict.English(), Do: r.Verdict.EnglishStep(),
		Params: r.Verdict.Params, Case: r.Case.ID, Exchanges: []cloudapi.CaseExchange{}}
	for _, x := range r.Exchanges {
		out.Exchanges = append(out.Exchanges, cloudapi.CaseExchange{Method: x.Method, URL: x.URL, Headers: headersOf(x.Header), Body: string(x.Request), Status: x.Status,
			Given: headersOf(x.Given), Answer: strings.ToValidUTF8(string(x.Answer), "\uFFFD"), BodySign: string(x.Signed), Millis: int64(x.Took / time.Millisecond)})
	}
	if e := r.Event; !e.Received.IsZero() {
		out.Upload = uploadOf(e)
	}
	return out
}

func uploadOf(e meta.TestEvent) *cloudapi.CaseUpload {
	return &cloudapi.CaseUpload{Event: e.Event, Type: e.Type, FileName: e.FileName, Size: e.Size, SHA256: hex.EncodeToString(e.Sum[:]), Repeats: e.Repeats, Others: e.Others}
}

// headersOf writes an empty object for none, and no byte that JSON cannot hold.
func headersOf(h http.Header) map[string][]string {
	out := map[string][]string{}
	for name, values := range h {
		for _, v := range values {
			out[name] = append(out[name], strings.ToValidUTF8(v, "\uFFFD"))
		}
	}
	return out
}
