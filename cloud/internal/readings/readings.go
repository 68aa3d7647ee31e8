// Package readings has the platform's side of the places where the marketplace's pages contradict each other: which of
// them are read otherwise than docs/market.md says. The command line fills them in, package app hands them on,
// and produce, market and openapi each ask at one place. It must never decide anything itself. A leaf of the cloud's process.
package readings

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/iscdesk/iscdesk/merchant/sign"
)

// Readings are switches; the zero value is our reading of everything. Table has a row for each.
type Readings struct {
	Signature sign.Reading // of production calls and the kit's; LowerHex and Millis are for who receives, and mean nothing here

	ContentTypeParameter bool // contentType=application/json in the query of production calls
	TestFlagAlways       bool // testFlag 0 in each call that is none of debugging
	TestFlagDebugOnly    bool // no testFlag in such calls, orderNotify too
	LongTimes            bool // expireTime with milliseconds
	LicenseDigits        bool // getLicenseAsync's times as yyyyMMddHHmmss
	SevenDigits          bool // an answer 0000004 is 000004
	LicenseGuide         bool // online licences: neither queryInstance nor upgradeInstance
	SaaSRetries          bool // the plans of the pages on SaaS
	OrderTwoHours        bool // an order fails with its last call
	UndoneRenewal        bool // a renewal that is undone bears the renewal's order, whatever the kind
	UndoneUnsubscription bool // … the unsubscription's order
	FrozenDays           int  // 0 takes 15; at most 15
	NoFrozenPeriod       bool // released when it ends
	DeliveryYear         bool // a delivery ends after 365 days
	TrialsSaaS           bool // licences cannot be tried
	LongFingerprints     bool // fingerprints over 1024 characters are refused

	NeedFileName      bool // an upload of a file without file_name is refused
	NoFileCharacters  bool // … with characters
	HashUploads       bool // an upload's payload is hashed like any other body
	MultipartOnly     bool // characters do not come as application/json
	NeedHeartbeatInfo bool
	OldCodeStatuses   bool // 92020001 with status 500, 92020002 with 400
	SmallUsage        bool // 100 records a push
	OldUsageCodes     bool // a push with a wrong record is refused whole, with a code MKT.…
}

// Row is a switch by its name on the command line.
type Row struct {
	Name string // "NAME" or, with a value, "NAME=DAYS"
	Help string
	on   func(r *Readings) *bool
}

// frozenDays is the one switch with a value.
const frozenDays = "frozen-days"

// maxFrozen is what the pages promise at most.
const maxFrozen = 15

// Table lists the switches.
func Table() []Row {
	return []Row{
		{"plain-digest", "sign production calls over SHA-256 of the body instead of HMAC", func(r *Readings) *bool { return &r.Signature.PlainDigest }},
		{"order-ascending", "sign bodies with their members ordered a to z", func(r *Readings) *bool { return &r.Signature.Ascending }},
		{"order-descending", "sign bodies with their members ordered z to a", func(r *Readings) *bool { return &r.Signature.Descending }},
		{"kit-digest", "sign kit calls over the body's digest instead of the body", func(r *Readings) *bool { return &r.Signature.KitDigest }},
		{"timestamp-seconds", "send timestamps in seconds", func(r *Readings) *bool { return &r.Signature.Seconds }},
		{"upper-hex", "send signatures in upper case", func(r *Readings) *bool { return &r.Signature.UpperHex }},
		{"content-type-parameter", "send contentType=application/json in the query", func(r *Readings) *bool { return &r.ContentTypeParameter }},
		{"test-flag-always", "send testFlag 0 with each call", func(r *Readings) *bool { return &r.TestFlagAlways }},
		{"test-flag-debug-only", "send no testFlag with orderNotify either", func(r *Readings) *bool { return &r.TestFlagDebugOnly }},
		{"long-times", "send expireTime with milliseconds", func(r *Readings) *bool { return &r.LongTimes }},
		{"license-digits", "send the times of getLicenseAsync as yyyyMMddHHmmss", func(r *Readings) *bool { return &r.LicenseDigits }},
		{"seven-digits", "take the answer 0000004 for 000004", func(r *Readings) *bool { return &r.SevenDigits }},
		{"license-guide", "call neither queryInstance nor upgradeInstance for licences", func(r *Readings) *bool { return &r.LicenseGuide }},
		{"saas-retries", "repeat calls as the pages on SaaS say", func(r *Readings) *bool { return &r.SaaSRetries }},
		{"order-two-hours", "fail an order 2 hours after it was placed instead of 3", func(r *Readings) *bool { return &r.OrderTwoHours }},
		{"undone-renewal", "send the renewal's order when it is undone", func(r *Readings) *bool { return &r.UndoneRenewal }},
		{"undone-unsubscription", "send the unsubscription's order when a renewal is undone", func(r *Readings) *bool { return &r.UndoneUnsubscription }},
		{frozenDays + "=DAYS", "release a frozen resource after 0 to 15 days", nil},
		{"delivery-year", "end a delivery after 365 days", func(r *Readings) *bool { return &r.DeliveryYear }},
		{"trials-saas", "sell trials of software as a service only", func(r *Readings) *bool { return &r.TrialsSaaS }},
		{"refuse-long-fingerprints", "refuse fingerprints over 1024 characters", func(r *Readings) *bool { return &r.LongFingerprints }},
		{"need-file-name", "refuse uploads of files without file_name", func(r *Readings) *bool { return &r.NeedFileName }},
		{"no-file-characters", "refuse uploads of files with characters", func(r *Readings) *bool { return &r.NoFileCharacters }},
		{"hash-uploads", "refuse uploads that are signed as UNSIGNED-PAYLOAD", func(r *Readings) *bool { return &r.HashUploads }},
		{"multipart-only", "refuse uploads as application/json", func(r *Readings) *bool { return &r.MultipartOnly }},
		{"need-heartbeat-info", "refuse heartbeats without heartbeatInfo", func(r *Readings) *bool { return &r.NeedHeartbeatInfo }},
		{"old-code-statuses", "answer 92020001 with status 500 and 92020002 with 400", func(r *Readings) *bool { return &r.OldCodeStatuses }},
		{"small-usage", "take 100 records in a usage push instead of 1000", func(r *Readings) *bool { return &r.SmallUsage }},
		{"old-usage-codes", "refuse a usage push whole, with a code MKT.", func(r *Readings) *bool { return &r.OldUsageCodes }},
	}
}

// Parse reads what the command line has, NAME or NAME=VALUE each. The error lists what there is.
func Parse(list []string) (r Readings, err error) {
	for _, text := range list {
		if err := r.set(text); err != nil {
			return Readings{}, err
		}
	}
	for _, both := range [][2]bool{{r.Signature.Ascending, r.Signature.Descending}, {r.TestFlagAlways, r.TestFlagDebugOnly}, {r.UndoneRenewal, r.UndoneUnsubscription}} {
		if both[0] && both[1] {
			return Readings{}, fmt.Errorf("use --reading: two of %s exclude each other", strings.Join(list, ", "))
		}
	}
	return r, nil
}

func (r *Readings) set(text string) error {
	name, value, valued := strings.Cut(text, "=")
	if name == frozenDays {
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 || n > maxFrozen {
			return fmt.Errorf("use --reading %s: 0 to %d", frozenDays, maxFrozen)
		}
		r.FrozenDays, r.NoFrozenPeriod = n, n == 0
		return nil
	}
	var names []string
	for _, row := range Table() {
		if row.Name == name && !valued {
			*row.on(r) = true
			return nil
		}
		names = append(names, row.Name+": "+row.Help)
	}
	return fmt.Errorf("use --reading: there is no %q, there are\n  %s", text, strings.Join(names, "\n  "))
}
