package license

import (
	"context"
	"errors"
	"maps"
	"unicode/utf8"

	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/cloudhttp"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// ask requests the licence from the cloud and keeps what it says.
func (r *Room) ask(ctx context.Context, k key, account, fingerprint, made string, q asked) (content, error) {
	ctx, cancel := context.WithTimeout(ctx, cloudTimeout)
	defer cancel()
	user, err := r.cfg.User(ctx, k.uid)
	if err != nil {
		return content{}, err
	}
	l, err := user.License(ctx, cloudapi.LicenseRequest{Product: k.product, Form: q.Form, FileName: q.FileName,
		Fingerprint: fingerprint, DevInfo: q.DevInfo, Request: q.Request})
	if err != nil {
		if refused(err) {
			r.refuse(k, account, err)
		}
		return content{}, err
	}
	if limit := map[string]int{api.FormString: 4 * api.MaxLicenseText, api.FormFile: maxFile}[q.Form]; len(l.Content) > limit ||
		q.Form == api.FormString && utf8.RuneCountInString(l.Content) > api.MaxLicenseText {
		return content{}, &api.Error{Code: api.CloudAnswer, Detail: "the licence is longer than its form allows"}
	}
	lease, err := r.accept(ctx, l.Lease, k.product, account)
	if err != nil {
		return content{}, err
	}
	r.watch.signed(lease.Issued)
	got := content{Text: l.Content, FileName: q.FileName, For: made}
	rec := r.current(k, account)
	rec.Lease, rec.Refused, rec.Detail = l.Lease, 0, ""
	rec.Contents = maps.Clone(rec.Contents)
	if rec.Contents == nil {
		rec.Contents = map[string]content{}
	}
	rec.Contents[q.Form] = got
	if err := r.save(rec); err != nil {
		return content{}, err // not acknowledged before it is kept
	}
	r.keepTime(true)
	r.look() // the next renewal has moved
	return got, nil
}

// refused says that the cloud itself said no about the licence: the only thing
// that ends a right before its time.
func refused(err error) bool {
	var no *cloudhttp.Refusal
	if !errors.As(err, &no) {
		return false
	}
	switch no.API.Code {
	case api.LicenseNone, api.LicenseRefused, api.ProductUnknown:
		return true
	}
	return false
}

// refuse keeps the cloud's no. What was handed out before is forgotten with it.
func (r *Room) refuse(k key, account string, err error) {
	var no *api.Error
	errors.As(err, &no)
	if !r.mayRefuse(k) {
		return
	}
	rec := record{UID: k.uid, Product: k.product, Account: account, Refused: no.Code, Detail: no.Detail}
	if err := r.save(rec); err != nil {
		r.cfg.Log.Error("keep refusal", "uid", k.uid, "product", k.product, "error", err)
	}
	r.announce()
}

// mayRefuse bounds what refusals take: a program may ask for any number of products
// that nobody has heard of, and each would be a file. One that is not kept is told
// all the same, and asked for again the next time.
func (r *Room) mayRefuse(k key) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.entries[k] != nil || r.damaged[k] {
		return true // it takes the place of what is there
	}
	n := 0
	for of, e := range r.entries {
		if of.uid == k.uid && e.rec.Lease == "" {
			n++
		}
	}
	return n < maxRefusals
}
