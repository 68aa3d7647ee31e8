package license

import (
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"strings"
	"unicode/utf8"

	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// ask requests the licence from the cloud and keeps what it says. pending, when not nil, is
// there instead of the content: a publisher has to make it first.
func (r *Room) ask(ctx context.Context, k key, account, fingerprint, made string, q asked) (content, *cloudapi.LicensePending, error) {
	ctx, cancel := context.WithTimeout(ctx, cloudTimeout)
	defer cancel()
	user, err := r.cfg.User(ctx, k.uid)
	if err != nil {
		return content{}, nil, err
	}
	silence := cloudapi.LicenseSilence
	if cached, ok := r.usable(k, account, q.Form, made); ok && cached.Event == "" {
		silence = 0 // no publisher was ever asked: a cloud that hangs is not waited for while the cache can answer
	}
	l, pending, err := user.License(ctx, cloudapi.LicenseRequest{Product: k.product, Form: q.Form, FileName: q.FileName,
		Fingerprint: fingerprint, DevInfo: q.DevInfo, Request: q.Request}, silence)
	if err != nil {
		if refused(err) {
			r.refuse(k, account, err)
		}
		return content{}, nil, err
	}
	if pending != nil {
		if !eventName(pending.Event) {
			return content{}, nil, &api.Error{Code: api.CloudAnswer, Detail: "the cloud says that a licence is being made and does not say which"}
		}
		return content{}, pending, nil
	}
	got, err := contentOf(l, q.Form)
	if err != nil {
		return content{}, nil, err
	}
	got.FileName, got.For = q.FileName, made
	lease, err := r.accept(ctx, l.Lease, k.product, account)
	if err != nil {
		return content{}, nil, err
	}
	r.watch.signed(lease.Issued)
	rec := r.current(k, account)
	rec.Lease, rec.Refused, rec.Why, rec.Detail = l.Lease, 0, "", ""
	rec.Contents = maps.Clone(rec.Contents)
	if rec.Contents == nil {
		rec.Contents = map[string]content{}
	}
	rec.Contents[q.Form] = got
	if err := r.save(rec); err != nil {
		return content{}, nil, err // not acknowledged before it is kept
	}
	r.keepTime(true)
	r.look() // the next renewal has moved
	return got, nil, nil
}

// contentOf takes the ISV's content out of the cloud's answer, within its form's bounds.
func contentOf(l cloudapi.License, form string) (content, error) {
	bad := func(format string, args ...any) (content, error) {
		return content{}, &api.Error{Code: api.CloudAnswer, Detail: fmt.Sprintf(format, args...)}
	}
	c := content{}
	if eventName(l.Event) {
		c.Event = l.Event
	}
	if f := l.FingerprintForm; f == cloudapi.FingerprintFull || f == cloudapi.FingerprintDigest {
		c.FingerprintForm = f
	}
	data := []byte(l.Content)
	switch l.ContentEncoding {
	case "":
	case cloudapi.EncodingBase64:
		var err error
		if data, err = base64.StdEncoding.Strict().DecodeString(l.Content); err != nil {
			return bad("the licence is not base64 as its encoding says")
		}
	default:
		return bad("the licence has the encoding %.40q, which this agent does not know", l.ContentEncoding)
	}
	if form == api.FormFile {
		if len(data) > cloudapi.MaxLicenseFile {
			return bad("the licence file is longer than %d bytes", cloudapi.MaxLicenseFile)
		}
		c.Data = data
		return c, nil
	}
	// A program gets it as a C string.
	if !utf8.Valid(data) || utf8.RuneCount(data) > api.MaxLicenseText || strings.ContainsRune(string(data), 0) {
		return bad("the licence is no text of at most %d characters", api.MaxLicenseText)
	}
	c.Text = string(data)
	return c, nil
}

// eventName says whether an application's name can be told: short, and nothing but what is printed as it is.
func eventName(event string) bool {
	return event != "" && len(event) <= 128 && strings.Trim(event, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == ""
}
