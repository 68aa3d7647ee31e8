package market

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/produce"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/token"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// maxField is the most characters of deviceFingerprint.
const maxField = 1024

// digestPrefix stands before the digest of a fingerprint that is too long for the field.
const digestPrefix = "SHA256:"

// fingerprintField is how a fingerprint goes to the merchant: as it is, or when it is over 1024 characters as
// "SHA256:" and 64 upper-case hex digits of its UTF-8 bytes. It is never cut: two devices whose strings
// begin alike would get one licence.
func fingerprintField(fingerprint string) (field, form string) {
	switch {
	case fingerprint == "":
		return "", ""
	case utf8.RuneCountInString(fingerprint) <= maxField:
		return fingerprint, cloudapi.FingerprintFull
	}
	sum := sha256.Sum256([]byte(fingerprint))
	return digestPrefix + strings.ToUpper(hex.EncodeToString(sum[:])), cloudapi.FingerprintDigest
}

// fingerprintSum is token.FingerprintSum of the device string that an application is for, "" when it is bound
// to none that a desk could name.
func fingerprintSum(a meta.Application) string {
	switch a.FingerprintForm {
	case cloudapi.FingerprintFull:
		return token.FingerprintSum(a.Fingerprint)
	case cloudapi.FingerprintDigest:
		return strings.ToLower(strings.TrimPrefix(a.Fingerprint, digestPrefix))
	}
	return ""
}

// applicationKey names everything that makes two requests the same. The lengths stand in it, so that no two
// different requests can have the same key.
func applicationKey(parts ...string) meta.Hash {
	h := sha256.New()
	for _, s := range parts {
		fmt.Fprintf(h, "%d:%s,", len(s), s)
	}
	return meta.Hash(h.Sum(nil))
}

// call is the getLicenseAsync of an application at the merchant's instance. The body is made once and is
// the same on each attempt, testFlag is never set. The store gives it the key.
func (l *Licenses) call(a meta.Application, res meta.Resource, now time.Time) (meta.Call, error) {
	format := wire.FormatLicenseTime
	if l.Readings.LicenseDigits {
		format = wire.FormatTime
	}
	r := wire.GetLicenseAsync{EventID: a.Event, InstanceID: res.MerchantID, EffectiveTime: format(a.From), DeviceFingerprint: a.Fingerprint}
	if !a.Until.IsZero() {
		r.ExpireTime = format(a.Until)
	}
	return l.plans.Call(now, produce.About{Merchant: res.Merchant, Product: res.Product, Subject: a.Event}, r)
}

// refusedFor is the reason that the asker is told of a result code which refuses for good; ok is false for others.
func refusedFor(c wire.Code) (reason string, ok bool) {
	switch c {
	case wire.QuotaInsufficient:
		return meta.ReasonQuota, true
	case wire.OutsideValidity:
		return meta.ReasonDates, true
	case wire.ExpiryMissing:
		return meta.ReasonExpiry, true
	case wire.FingerprintMissing:
		return meta.ReasonFingerprint, true
	}
	return "", false
}

// refusal is what the asker of a refused application is told: why, and in the merchant's own words
// when it has said any.
func refusal(a meta.Application) error {
	sentence := "the merchant refused the licence"
	if a.GivenUp() {
		sentence = "the merchant did not make the licence"
	}
	no := meta.Refuse(cloudapi.ErrLicenseRefused, sentence, "reason", a.Reason, "event", a.Event)
	if a.Code != "" {
		no.Params["result"] = a.Code
	}
	if a.Message != "" {
		no.Params["text"] = a.Message
	}
	return no
}
