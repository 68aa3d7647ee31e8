package market

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/token"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// maxText is the most characters of a licence in string form.
const maxText = 1024

// Deliver takes what a merchant brings for an application, and wakes who waits for it. It does not matter
// in which form it comes, only whether it can be handed over in the form that was asked for:
//
//	string  UTF-8 text without NUL of at most 1024 characters; a file that is such a text is handed over as the text
//	file    1 byte to 1 MiB of anything; characters are written into the file as UTF-8
//
// Refusals: those of meta's Deliver; invalid_argument with member content for what cannot be handed over.
func (l *Licenses) Deliver(ctx context.Context, u meta.Upload) error {
	a, err := l.store.Application(ctx, u.Event)
	if meta.CodeOf(err) == cloudapi.ErrNotFound {
		return l.deliverTest(ctx, u, err)
	}
	if err != nil {
		return err
	}
	// Only its own merchant learns anything more of the application; and what stands is compared, not judged.
	if a.Merchant == u.Merchant && a.State != meta.ApplicationDelivered {
		if why := unfit(a.Form, u.Content); why != "" {
			return meta.Refuse(cloudapi.ErrInvalid, why, "member", "content")
		}
	}
	u.Now = l.clock.Now()
	if _, err := l.store.Deliver(ctx, u); err != nil {
		return err
	}
	l.waits.wake(u.Event)
	return nil
}

// deliverTest takes an upload for an event of the debugging page; missing is the refusal for one that is none.
func (l *Licenses) deliverTest(ctx context.Context, u meta.Upload, missing error) error {
	if _, err := l.store.TestEvent(ctx, u.Merchant, u.Event); err != nil {
		if meta.CodeOf(err) == cloudapi.ErrNotFound {
			return missing
		}
		return err
	}
	form := token.FormFile
	if u.Type == wire.UploadCharacters {
		form = token.FormString
	}
	if why := unfit(form, u.Content); why != "" {
		return meta.Refuse(cloudapi.ErrInvalid, why, "member", "content")
	}
	u.Now = l.clock.Now()
	return l.store.DeliverTest(ctx, u)
}

// unfit says why content cannot be handed over in a form, "" when it can.
func unfit(form string, content []byte) string {
	switch {
	case len(content) == 0:
		return "the licence is empty"
	case len(content) > token.MaxImportContent:
		return "the licence is larger than 1 MiB"
	case form == token.FormFile:
		return ""
	case !utf8.Valid(content) || strings.ContainsRune(string(content), 0):
		return "a licence in string form is UTF-8 text without NUL"
	case utf8.RuneCount(content) > maxText:
		return "a licence in string form has at most 1024 characters"
	}
	return ""
}
