package httpapi

import (
	"net/http"
	"slices"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// callRoutes: the calls that the merchant's server gets, and the notices of what went wrong.
func (a *API) callRoutes() []Route {
	return []Route{
		{Pattern: "GET /v1/market/calls", Need: OfMerchant, Handle: a.getCalls},
		{Pattern: "GET /v1/market/calls/{id}", Need: OfMerchant, Handle: a.getCall},
		{Pattern: "POST /v1/market/calls/{id}/restart", Need: OfMerchant, Handle: a.postRestart},
		{Pattern: "GET /v1/market/notices", Need: OfMerchant, Handle: a.getNotices},
		{Pattern: "POST /v1/market/notices/read", Need: OfMerchant, Handle: a.postNoticesRead},
	}
}

func merchantCallOf(m meta.Call) cloudapi.MerchantCall {
	return cloudapi.MerchantCall{ID: m.ID, Product: m.Product, Activity: m.Activity, Subject: m.Subject, Body: string(m.Body), State: m.State,
		Attempts: m.Attempts, Created: m.Created, Next: given(m.Next), End: m.End, Last: given(m.LastTime), Status: m.LastStatus,
		Result: m.LastResult, Error: m.LastError}
}

func (a *API) getCalls(c *Call) error {
	p, err := c.page()
	if err != nil {
		return err
	}
	q := c.R.URL.Query()
	f := meta.CallFilter{Merchant: c.Merchant.ID, Subject: q.Get("subject"), State: q.Get("state"), Page: p}
	if f.State != "" && !slices.Contains([]string{meta.CallWaiting, meta.CallDone, meta.CallFailed, meta.CallStopped}, f.State) {
		return Invalid("state", "a call is waiting, done, failed or stopped")
	}
	list, err := a.c.Store.Calls(c.Context(), f)
	if err != nil {
		return err
	}
	out := cloudapi.MerchantCalls{Calls: make([]cloudapi.MerchantCall, 0, len(list))}
	for _, m := range list {
		out.Calls = append(out.Calls, merchantCallOf(m))
	}
	return c.JSON(http.StatusOK, out)
}

func (a *API) getCall(c *Call) error {
	m, err := a.c.Store.Call(c.Context(), c.Path("id"))
	if err == nil && m.Merchant != c.Merchant.ID {
		err = meta.Refuse(cloudapi.ErrNotFound, "there is no such call")
	}
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, merchantCallOf(m))
}

func (a *API) postRestart(c *Call) error {
	m, err := a.c.Orders.Queue.Restart(c.Context(), c.Merchant.ID, c.Path("id"), c.Why("call.restarted", "call", c.Path("id")))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, merchantCallOf(m))
}

func (a *API) getNotices(c *Call) error {
	p, err := c.page()
	if err != nil {
		return err
	}
	list, err := a.c.Store.Notices(c.Context(), c.Merchant.ID, p)
	if err != nil {
		return err
	}
	out := cloudapi.Notices{Notices: make([]cloudapi.Notice, 0, len(list))}
	for _, n := range list {
		out.Notices = append(out.Notices, cloudapi.Notice{ID: n.ID, Category: n.Category, Event: n.Event, Params: n.Params, Count: n.Count,
			Time: n.Time, Read: given(n.Read)})
	}
	return c.JSON(http.StatusOK, out)
}

func (a *API) postNoticesRead(c *Call) error {
	var in cloudapi.ReadNotices
	if err := c.Decode(&in); err != nil {
		return err
	}
	if len(in.IDs) < 1 || len(in.IDs) > maxRows {
		return Invalid("ids", "1 to 100 notices can be marked at a time")
	}
	for _, id := range in.IDs {
		if err := text("ids", id, 1, maxID); err != nil {
			return err
		}
	}
	if err := a.c.Store.ReadNotices(c.Context(), c.Merchant.ID, in.IDs, c.Now); err != nil {
		return err
	}
	return c.None()
}
