package license

import (
	"errors"
	"strings"
	"unicode"

	"github.com/iscdesk/iscdesk/internal/cloudhttp"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// maxSaid bounds what a publisher's own words may take, in characters.
const maxSaid = 500

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

// reasonOf is why the cloud refused a licence: one of api's Refused… words, or empty.
func reasonOf(err error) string {
	var no *cloudhttp.Refusal
	if !errors.As(err, &no) || no.API.Code != api.LicenseRefused {
		return ""
	}
	why := no.Cloud.Params["reason"]
	for _, known := range api.Refusals() {
		if why == known {
			return why
		}
	}
	return ""
}

// ofRequest says that a refusal is about this one application and not about the right: a publisher that
// has no licence left for another devInfo takes nothing away that was given.
func ofRequest(reason string) bool {
	switch reason {
	case api.RefusedQuota, api.RefusedDates, api.RefusedExpiry, api.RefusedFingerprint, api.RefusedISV:
		return true
	}
	return false
}

// said is a refusal's detail: what the publisher said, where it said anything, else what the cloud said.
func said(err error) string {
	var no *cloudhttp.Refusal
	if !errors.As(err, &no) {
		return ""
	}
	text := clean(no.Cloud.Params["text"])
	if text == "" {
		return clean(no.API.Detail)
	}
	if code := clean(no.Cloud.Params["result"]); code != "" {
		text = code + " " + text
	}
	return "the publisher: " + text
}

// clean makes one line of what somebody else wrote: no control characters, nothing that turns the
// direction of a text, and not without end.
func clean(text string) string {
	if len(text) > 16*maxSaid {
		text = text[:16*maxSaid]
	}
	text = strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) && c != unicode.ReplacementChar {
			return c
		}
		return ' '
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if chars := []rune(text); len(chars) > maxSaid {
		return string(chars[:maxSaid]) + "…"
	}
	return text
}

// refuse keeps the cloud's no. What was handed out before is forgotten with it, unless the no is
// about one application only.
func (r *Room) refuse(k key, account string, err error) {
	var no *api.Error
	errors.As(err, &no)
	why := reasonOf(err)
	if ofRequest(why) && r.current(k, account).Lease != "" || !r.mayRefuse(k) {
		return
	}
	rec := record{UID: k.uid, Product: k.product, Account: account, Refused: no.Code, Why: why, Detail: said(err)}
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
