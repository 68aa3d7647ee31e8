package market

import (
	"context"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/token"
)

// TypedRequest is an application that a buyer's administrator types, for a machine that may have no desk and no network.
type TypedRequest struct {
	Org          string
	Account      string
	Resource     string
	Form         string    // token.FormString, token.FormFile
	Fingerprint  string    // device string as a desk shows it; goes as a digest when it is over 1024 characters
	HardwareCode string    // or a code of the merchant's own, at most 1024 characters
	From         time.Time // zero takes the beginning of the resource's term; whole seconds count
	Until        time.Time // zero takes its end
	Why          meta.Entry
}

// Apply finds or makes the application of a buyer. The same request is the same (resource, term, form, fingerprint
// or code, from, until), whoever of the organisation types it. It does not wait for the merchant. An application
// that was refused is returned as it is while meta.RefusalStands; then the same request makes a new one. Refusals:
// those of meta's Apply, license_refused with reason fingerprint_missing, invalid_argument.
func (l *Licenses) Apply(ctx context.Context, w TypedRequest) (meta.Application, error) {
	field, form := fingerprintField(w.Fingerprint)
	switch {
	case w.Form != token.FormString && w.Form != token.FormFile:
		return meta.Application{}, meta.Refuse(cloudapi.ErrInvalid, "the form is string or file", "member", "form")
	case w.HardwareCode != "" && w.Fingerprint != "":
		return meta.Application{}, meta.Refuse(cloudapi.ErrInvalid, "there is a fingerprint or a hardware code, not both", "member", "hardwareCode")
	case utf8.RuneCountInString(w.HardwareCode) > maxField:
		return meta.Application{}, meta.Refuse(cloudapi.ErrInvalid, "a hardware code has at most 1024 characters", "member", "hardwareCode")
	case w.HardwareCode != "":
		field, form = w.HardwareCode, cloudapi.FingerprintCode
	}
	res, err := l.Owned(ctx, w.Org, w.Resource)
	if err != nil {
		return meta.Application{}, err
	}
	return l.apply(ctx, res.Product, res.ID, func(res meta.Resource) (meta.Apply, error) {
		from, until := w.From, w.Until
		if from.IsZero() {
			from = res.From
		}
		if until.IsZero() {
			until = res.Until
		}
		from, until = begin(from), begin(until)
		return meta.Apply{
			Application: meta.Application{
				Key: applicationKey("page", res.ID, strconv.Itoa(res.Term), res.Product, w.Form, form, field, stampText(from), stampText(until)),
				Org: w.Org, Account: w.Account, Form: w.Form, Fingerprint: field, FingerprintForm: form, From: from, Until: until,
			},
			Why: w.Why,
		}, nil
	})
}

func stampText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return strconv.FormatInt(t.Unix(), 10)
}

// Owned finds a resource of an organisation; refusal not_found, also for another organisation's.
func (l *Licenses) Owned(ctx context.Context, org, resource string) (meta.Resource, error) {
	res, err := l.store.Resource(ctx, resource)
	if err == nil && (res.Org != org || res.Kind != meta.KindLicense) {
		err = meta.Refuse(cloudapi.ErrNotFound, "there is no such resource")
	}
	return res, err
}

// Application finds an application of an organisation with its content; refusal not_found, also for another
// organisation's.
func (l *Licenses) Application(ctx context.Context, org, event string) (meta.Application, error) {
	a, err := l.store.Application(ctx, event)
	if err == nil && a.Org != org {
		return meta.Application{}, meta.Refuse(cloudapi.ErrNotFound, "there is no such application")
	}
	return a, err
}

// Delivered is Application of one whose licence is there; refusal conflict with param state for others.
func (l *Licenses) Delivered(ctx context.Context, org, event string) (meta.Application, error) {
	a, err := l.Application(ctx, org, event)
	if err == nil && a.State != meta.ApplicationDelivered {
		return a, meta.Refuse(cloudapi.ErrConflict, "the application has no licence", "state", a.State)
	}
	return a, err
}

// Document is a delivered application as the statement that a machine without network takes, still to be
// signed by package issue. Refusals: those of Delivered.
func (l *Licenses) Document(ctx context.Context, org, event string) (token.Import, error) {
	a, err := l.Delivered(ctx, org, event)
	if err != nil {
		return token.Import{}, err
	}
	list, err := l.store.Instances(ctx, org)
	if err != nil {
		return token.Import{}, err
	}
	i := token.Import{ID: a.Event, Product: a.Product, Instance: a.Resource, From: a.From, Until: a.Until, Form: a.Form, Content: a.Content,
		Fingerprint: fingerprintSum(a), Issued: begin(l.clock.Now())}
	for _, instance := range list {
		if instance.ID == a.Resource {
			i.Features = instance.Features
		}
	}
	if a.Form == token.FormFile {
		i.FileName = a.FileName
	}
	return i, nil
}
