package pages

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// problem is a refusal as a page shows it: cause, next step, and what support asks for.
type problem struct {
	Title, Do string
	Code      string
	Detail    string // the refusal's own English sentence
	Request   string
	Member    string // name of the form's field that it is about, or ""
	Status    int
	Wait      string // seconds, or ""
}

// explain puts an error into the visit's language.
func (c *Console) explain(v *Visit, err error) *problem {
	p := &problem{Request: v.ID}
	var no *meta.Refusal
	switch {
	case errors.As(err, &no):
		p.Code, p.Detail, p.Member, p.Status = no.Code, no.Message, no.Params["member"], statusOf(no.Code)
		if no.Code == cloudapi.ErrRateLimited {
			p.Wait = no.Params["seconds"]
		}
	case errors.Is(err, context.Canceled) && v.R.Context().Err() != nil:
		no, p.Code, p.Status = &meta.Refusal{}, cloudapi.ErrInvalid, 499 // the reader went away
	default:
		c.c.Log.Error("page failed", "request", v.ID, "pattern", v.R.Pattern, "error", err)
		no, p.Code, p.Status = &meta.Refusal{}, cloudapi.ErrInternal, http.StatusInternalServerError
	}
	key := c.refusalKey(p.Code, no.Params)
	if key == "" { // a code that this table does not know: its own words are better than none
		p.Title, p.Do = p.Detail, v.T("no.internal.do")
		return p
	}
	fill := fillIn(no.Params)
	p.Title, p.Do = fill.Replace(v.T(key)), fill.Replace(v.T(key+".do"))
	return p
}

// refusalKey is the most exact sentence for a code: by its param reason, state or member, or alone.
func (c *Console) refusalKey(code string, params map[string]string) string {
	for _, name := range []string{"reason", "state", "member"} {
		if key := "no." + code + "." + params[name]; params[name] != "" && c.words[key] != [2]string{} {
			return key
		}
	}
	if key := "no." + code; c.words[key] != [2]string{} {
		return key
	}
	return ""
}

// fillIn puts a refusal's params where a sentence has {name}.
func fillIn(params map[string]string) *strings.Replacer {
	var pairs []string
	for k, v := range params {
		pairs = append(pairs, "{"+k+"}", v)
	}
	return strings.NewReplacer(pairs...)
}

// statusOf is the HTTP status of a refusal's code.
func statusOf(code string) int {
	switch code {
	case cloudapi.ErrUnauthenticated, cloudapi.ErrWrongCredentials:
		return http.StatusUnauthorized
	case cloudapi.ErrForbidden, cloudapi.ErrLicenseNone, cloudapi.ErrLicenseRefused:
		return http.StatusForbidden
	case cloudapi.ErrNotFound, cloudapi.ErrProductUnknown:
		return http.StatusNotFound
	case cloudapi.ErrNameExists, cloudapi.ErrConflict:
		return http.StatusConflict
	case cloudapi.ErrTooLarge:
		return http.StatusRequestEntityTooLarge
	case cloudapi.ErrRateLimited:
		return http.StatusTooManyRequests
	case cloudapi.ErrInternal:
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}
