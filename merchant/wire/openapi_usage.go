package wire

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// MaxUsageRecords is how many records one usage push may carry.
const MaxUsageRecords = 1000

// usageForm is the time of a usage record, UTC: 16 characters in a field of 17.
const usageForm = "20060102T150405Z"

// UsagePush reports pay-per-use (marketplace: pay-per-use push). Members stand in natural order
// of their names, as the interface's own signature asks for.
type UsagePush struct {
	UsageRecords []UsageRecord `json:"usage_records"`
}

// UsageRecord is what an instance used between two times. UsageValue is more than 0 with at most 4
// decimals. MeteringSN makes a record unique, on the new path; ProductID is the old path's.
type UsageRecord struct {
	BeginTime         string      `json:"begin_time"`
	EndTime           string      `json:"end_time"`
	InstanceID        string      `json:"instance_id"`
	MeteringSN        string      `json:"metering_sn,omitempty"`
	ProductID         string      `json:"product_id,omitempty"`
	RecordTime        string      `json:"record_time"`
	RelatePkgInstance string      `json:"relate_pkg_instance,omitempty"` // package products
	UsageValue        json.Number `json:"usage_value"`
}

// FormatUsageTime spells t as a usage record has it, in UTC.
func FormatUsageTime(t time.Time) string { return t.UTC().Format(usageForm) }

// ParseUsageTime reads it.
func ParseUsageTime(s string) (time.Time, error) {
	t, err := time.Parse(usageForm, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("read time: yyyyMMdd'T'HHmmss'Z' is wanted")
	}
	return t, nil
}

// Check implements Checked for the new path.
func (p UsagePush) Check() error { return p.check(false) }

// CheckOld is Check for the old path, whose records have product_id and no metering_sn.
func (p UsagePush) CheckOld() error { return p.check(true) }

func (p UsagePush) check(old bool) error {
	if err := count("usage_records", len(p.UsageRecords), MaxUsageRecords); err != nil {
		return err
	}
	for i, r := range p.UsageRecords {
		at := fmt.Sprintf("usage_records[%d].", i)
		if err := first(
			text(at+"instance_id", r.InstanceID, 64, true),
			text(at+"metering_sn", r.MeteringSN, 64, !old),
			text(at+"product_id", r.ProductID, 64, old),
			text(at+"relate_pkg_instance", r.RelatePkgInstance, 64, false),
			usageValue(at+"usage_value", string(r.UsageValue))); err != nil {
			return err
		}
		for _, f := range [][2]string{{"record_time", r.RecordTime}, {"begin_time", r.BeginTime}, {"end_time", r.EndTime}} {
			if _, err := ParseUsageTime(f[1]); err != nil {
				return &Problem{at + f[0], strings.TrimPrefix(err.Error(), "read time: ")}
			}
		}
		if r.EndTime < r.BeginTime { // digits of one length
			return &Problem{at + "end_time", "is before begin_time"}
		}
	}
	return nil
}

// usageValue takes digits with at most four decimals; not the exponents that JSON's numbers may have.
func usageValue(name, value string) error {
	whole, decimals, point := strings.Cut(value, ".")
	if !digits(whole) || point && (!digits(decimals) || len(decimals) > 4) || len(value) > 20 {
		return &Problem{name, "is not a number of at most 20 characters with 4 decimals"}
	}
	if strings.Trim(value, "0.") == "" {
		return &Problem{name, "is not more than 0"}
	}
	return nil
}
