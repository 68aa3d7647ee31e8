package openapi

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// PushUsage reports up to 1000 records of pay-per-use (marketplace: pay-per-use push). Each record's
// metering_sn makes it one, so records that were perhaps taken are sent again, and told to be repeats:
// then the call succeeds. A number that was used before this call is an *Error. Codes of single records are
// in its Body.
func (c *Client) PushUsage(ctx context.Context, p wire.UsagePush) error {
	if err := p.Check(); err != nil {
		return refuse(callUsage, err)
	}
	if c.config.Readings.SmallUsage && len(p.UsageRecords) > smallUsage {
		return refuse(callUsage, &wire.Problem{Field: "usage_records", Why: "has more than 100 items"})
	}
	if c.config.UsageKey == "" {
		return refuse(callUsage, &wire.Problem{Why: "the configuration has no UsageKey"})
	}
	body, err := json.Marshal(p)
	if err != nil {
		return refuse(callUsage, err)
	}
	_, failed := c.do(ctx, callUsage, message{
		target: callUsage.path,
		kind:   "application/json",
		body:   body,
		head:   func(h http.Header) { sign.SignUsage(h, c.config.UsageKey, sign.NewNonce(), c.config.Now(), body) },
	})
	switch {
	case failed == nil, failed.Maybe && (failed.Code == codeSerialTwice || failed.Code == codeRecordTwice):
		return nil
	}
	return failed
}

// smallUsage is the records of one push by Readings.SmallUsage.
const smallUsage = 100

const (
	codeSerialTwice = "94060005"
	codeRecordTwice = "94060010"
)

// PushUsageOld is PushUsage on the old path: records have product_id and no metering_sn. Nothing tells a
// repeat there, so it is sent once more only when it surely was not taken. An error with Maybe has to be
// cleared by a person, or the usage is billed twice.
func (c *Client) PushUsageOld(ctx context.Context, p wire.UsagePush) error {
	if err := p.CheckOld(); err != nil {
		return refuse(callUsageOld, err)
	}
	if _, failed := c.post(ctx, callUsageOld, p); failed != nil {
		return failed
	}
	return nil
}
