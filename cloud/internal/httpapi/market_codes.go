package httpapi

import (
	"net/http"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// codePage is how many codes one answer lists.
const codePage = 100

// codeRoutes: authorization codes, as the merchant's staff and the buyer see them. The ISV's software speaks
// to package openapi.
func (a *API) codeRoutes() []Route {
	return []Route{
		{Pattern: "GET /v1/market/codes", Need: OfMerchant, Handle: a.getCodes},
		{Pattern: "POST /v1/market/codes", Need: OfMerchant, Handle: a.postTestCodes},
		{Pattern: "PUT /v1/market/codes/{code}/delivered", Need: OfMerchant, Handle: a.putCodeDelivered},
		{Pattern: "PUT /v1/market/codes/{code}/until", Need: OfMerchant, Handle: a.putCodeUntil},
		{Pattern: "GET /v1/market/resources/{id}/code", Need: OfAdmin, Handle: a.getResourceCode},
		{Pattern: "POST /v1/market/resources/{id}/code/collect", Need: OfAdmin, Handle: a.collectCode},
	}
}

func codeOf(c meta.Code) cloudapi.Code {
	return cloudapi.Code{Code: c.Code, Product: c.Product, Resource: c.Resource, Order: c.Order, Test: c.Test, State: c.State,
		Until: maybe(c.Expire), Activated: maybe(c.Activated), Seen: maybe(c.Seen), Created: c.Created}
}

func codesOf(list []meta.Code) cloudapi.Codes {
	out := cloudapi.Codes{Codes: make([]cloudapi.Code, 0, len(list))}
	for _, c := range list {
		out.Codes = append(out.Codes, codeOf(c))
	}
	return out
}

func (a *API) getCodes(c *Call) error {
	q := c.R.URL.Query()
	after := q.Get("after")
	if err := text("after", after, 0, maxID); err != nil {
		return err
	}
	list, err := a.c.Store.MerchantCodes(c.Context(), c.Merchant.ID, q.Get("test") == "1", after, codePage)
	if err != nil {
		return err
	}
	out := codesOf(list)
	if len(list) == codePage {
		out.Next = list[codePage-1].Code
	}
	return c.JSON(http.StatusOK, out)
}

func (a *API) postTestCodes(c *Call) error {
	var in cloudapi.NewTestCodes
	if err := c.Decode(&in); err != nil {
		return err
	}
	if err := name("product", in.Product, ".-_", maxProduct); err != nil {
		return err
	}
	list, err := a.c.Codes.AddTests(c.Context(), c.Merchant.ID, in.Product, in.Count, in.Until, c.Now, c.Why("code.test_added", "product", in.Product))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, codesOf(list))
}

func (a *API) putCodeDelivered(c *Call) error {
	code := c.Path("code")
	got, err := a.c.Codes.Delivered(c.Context(), c.Merchant.ID, code, c.Why("code.delivered", "code", code))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, codeOf(got))
}

func (a *API) putCodeUntil(c *Call) error {
	var in cloudapi.TestEnd
	if err := c.Decode(&in); err != nil {
		return err
	}
	code := c.Path("code")
	got, err := a.c.Codes.SetTestEnd(c.Context(), c.Merchant.ID, code, in.Until, c.Now, c.Why("code.test_end", "code", code))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, codeOf(got))
}

func (a *API) getResourceCode(c *Call) error {
	got, err := a.c.Codes.OfBuyer(c.Context(), c.User.Org, c.Path("id"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, codeOf(got))
}

func (a *API) collectCode(c *Call) error {
	id := c.Path("id")
	got, err := a.c.Codes.Collect(c.Context(), c.User.Org, id, c.Why("code.collected", "resource", id))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, codeOf(got))
}
