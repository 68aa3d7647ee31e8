package openapi

import (
	"fmt"
	"mime"
	"slices"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/seal"
	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// Codes of the pay-per-use push (marketplace: pay-per-use push): of a whole call, and of one record.
const (
	usageOK        = "MKT.0000"
	usageInvalid   = "MKT.0101"
	usageBadSign   = "MKT.0102"
	usageOther     = "MKT.0199"
	usageBroken    = "MKT.0999"
	usageForeign   = "MKT.0150"
	usageUnknown   = "MKT.9001"
	usageWrong     = "MKT.9002"
	usageTooMany   = "MKT.9003"
	usageTooOld    = "MKT.9004"
	usageFailed    = "94060999"
	recordUnknown  = "94060001"
	recordTime     = "94060002"
	recordSerial   = "94060005"
	recordRange    = "94060011"
	recordNotUsage = "94060012"
	recordState    = "94060013"
)

// smallUsage is the records of a push by Readings.SmallUsage.
const smallUsage = 100

// usageAge is how long ago a record may begin.
const usageAge = 21 * 24 * time.Hour

// HandleUsage adds the push of how much of a pay-per-use instance was used. Call it before the API serves.
func (a *API) HandleUsage() {
	broken := func(c *Call) { answerUsage(c, usageBroken) }
	a.Handle("POST "+wire.PathUsagePush, Route{Serve: a.usagePush, Broken: broken})
	a.Handle("POST "+wire.PathUsageOld, Route{Serve: a.usageOld, Broken: broken})
}

func answerUsage(c *Call, code string) { c.JSON(headOf(wire.GroupUsage, code)) }

// recordFailure is one record that was not taken. No page shows the list's shape.
type recordFailure struct {
	MeteringSN string `json:"metering_sn"`
	InstanceID string `json:"instance_id"`
	ErrorCode  string `json:"error_code"`
	ErrorMsg   string `json:"error_msg"`
}

// usagePush takes the records that are good and lists the others; a repeat of the whole changes nothing for
// those that were taken. Beside AK/SK the body is signed with the merchant's own key.
func (a *API) usagePush(c *Call) error {
	signed, err := a.usageSigned(c)
	if err != nil {
		return err
	}
	if !signed {
		answerUsage(c, usageBadSign)
		return nil
	}
	var in wire.UsagePush
	if !decodeUsage(c, &in, false) {
		return nil
	}
	if c.on.OldUsageCodes {
		return a.usageWhole(c, in, func(r wire.UsageRecord) string { return r.MeteringSN })
	}
	records := make([]meta.Usage, 0, len(in.UsageRecords))
	var failed []recordFailure
	fail := func(serial, instance, code string) {
		row, _ := wire.LookUp(wire.GroupUsage, code, 0)
		failed = append(failed, recordFailure{serial, instance, code, row.Cause})
	}
	known := metered{a.c.Store, c, map[string][]meta.Resource{}}
	for _, r := range in.UsageRecords {
		code, u, err := known.usageOf(r, r.MeteringSN)
		if err != nil {
			return err
		}
		if code != "" {
			fail(r.MeteringSN, r.InstanceID, code)
			continue
		}
		records = append(records, u)
	}
	conflicts, err := a.c.Store.AddUsage(c.R.Context(), records)
	if err != nil {
		return err
	}
	for _, serial := range conflicts {
		i := slices.IndexFunc(records, func(u meta.Usage) bool { return u.Serial == serial })
		fail(serial, records[i].Instance, recordSerial)
	}
	if len(failed) == 0 {
		answerUsage(c, usageOK)
		return nil
	}
	status, head := headOf(wire.GroupUsage, usageFailed)
	c.JSON(status, struct {
		wire.APIAnswer
		Records []recordFailure `json:"fail_records"`
	}{head, failed})
	return nil
}

// usageOld is the older form: no signature of its own, no serials, all records or none. What identifies a
// record there is its instance and its times.
func (a *API) usageOld(c *Call) error {
	var in wire.UsagePush
	if !decodeUsage(c, &in, true) {
		return nil
	}
	return a.usageWhole(c, in, func(r wire.UsageRecord) string { return r.InstanceID + " " + r.BeginTime + " " + r.EndTime })
}

// usageWhole takes all records or none, and has one code for the whole.
func (a *API) usageWhole(c *Call, in wire.UsagePush, serial func(wire.UsageRecord) string) error {
	var records []meta.Usage
	known := metered{a.c.Store, c, map[string][]meta.Resource{}}
	for _, r := range in.UsageRecords {
		code, u, err := known.usageOf(r, serial(r))
		if err != nil {
			return err
		}
		switch code {
		case "":
			records = append(records, u)
			continue
		case recordUnknown:
			answerUsage(c, usageUnknown)
		case recordRange:
			answerUsage(c, usageTooOld)
		default:
			answerUsage(c, usageForeign)
		}
		return nil
	}
	conflicts, err := a.c.Store.AddUsage(c.R.Context(), records)
	if err != nil {
		return err
	}
	if len(conflicts) > 0 {
		answerUsage(c, usageWrong)
		return nil
	}
	answerUsage(c, usageOK)
	return nil
}

// decodeUsage reads a push; false: it is answered.
func decodeUsage(c *Call, in *wire.UsagePush, old bool) bool {
	if t, _, err := mime.ParseMediaType(c.R.Header.Get("Content-Type")); err != nil || t != "application/json" {
		answerUsage(c, usageOther)
		return false
	}
	most := wire.MaxUsageRecords
	if c.on.SmallUsage {
		most = smallUsage
	}
	err := wire.DecodeAPI(c.Body, &pushed{in, old})
	if err == nil && len(in.UsageRecords) > most {
		err = fmt.Errorf("usage_records has more than %d items", most)
	}
	if err == nil {
		return true
	}
	code := usageInvalid
	if len(in.UsageRecords) > most {
		code = usageTooMany
	}
	status, head := headOf(wire.GroupUsage, code)
	head.ErrorMsg += ": " + err.Error()
	c.JSON(status, head)
	return false
}

// usageSigned says whether the body is signed with one of the merchant's good base keys.
func (a *API) usageSigned(c *Call) (bool, error) {
	keys, err := a.c.Store.MerchantKeys(c.R.Context(), c.Merchant)
	if err != nil {
		return false, err
	}
	for _, k := range keys {
		if k.Category != meta.KeyBase || !k.Revoked.IsZero() {
			continue
		}
		secret, err := a.c.Box.Open(seal.MerchantKey, k.ID, k.Sealed)
		if err != nil {
			return false, err
		}
		if _, err := sign.VerifyUsage(secret, c.R.Header, c.Body, c.Now); err == nil {
			return true, nil
		}
	}
	return false, nil
}

// pushed is a push that knows which of its two tables it is held against.
type pushed struct {
	*wire.UsagePush
	old bool
}

// Check implements wire.Checked.
func (p pushed) Check() error {
	if p.old {
		return p.CheckOld()
	}
	return p.UsagePush.Check()
}
