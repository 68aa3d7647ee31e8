package license

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/internal/token"
	"github.com/iscdesk/iscdesk/sdk/api"
)

const importPrefix = "import-"

// document is a licence document that a user imported, as it is sealed. Its signature was checked
// then; afterwards the seal vouches for it, so that a key which a cloud gives up ends no right.
type document struct {
	UID caller.UID `json:"uid"`
	token.Import
}

func (k key) importRecord() string {
	return importPrefix + strings.TrimPrefix(k.record(), recordPrefix)
}

// loadDocuments reads every imported document.
func (r *Room) loadDocuments() error {
	names, err := r.cfg.Store.Names(importPrefix)
	if err != nil {
		return err
	}
	for _, name := range names {
		k, ok := keyOf(recordPrefix + strings.TrimPrefix(name, importPrefix))
		if !ok {
			continue
		}
		var d document
		err := r.cfg.Store.LoadSealed(name, &d)
		if err == nil && (d.UID != k.uid || d.Product != k.product) {
			err = fmt.Errorf("record %s is another licence's", name)
		}
		if err != nil {
			r.cfg.Log.Error("imported licence cannot be read", "uid", k.uid, "product", k.product, "error", err)
			r.damaged[k] = r.damaged[k] || r.entries[k] == nil
			continue
		}
		r.imports[k] = &d
	}
	return nil
}

// document is what was imported for k, or nil.
func (r *Room) document(k key) *document {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.imports[k]
}

// judgeDocument decides from a document what judge decides from a lease. It is a pure function.
func judgeDocument(d *document, now time.Time, suspect bool) verdict {
	v := verdict{state: api.StateValid, until: d.Until, source: api.SourceImport}
	switch {
	case suspect:
		v.state, v.code = api.StateClockSuspect, api.ClockSuspect
	case now.Before(d.From.Add(-early)):
		v.state, v.code, v.until = api.StateNone, api.ImportNotBegun, d.From
	case !d.Until.IsZero() && !now.Before(d.Until):
		v.state, v.code = api.StateExpired, api.LicenseExpired
	}
	return v
}

// yields says that an imported document may stand in: the cloud did not say no to the account that is
// signed in. Only who was told so by the cloud itself cannot go on with a document.
func yields(rec record) bool { return rec.Refused == 0 }

// handOut answers a request from the document, which may be for another machine than this one has
// become, or have another form than the application wants.
func (d *document) handOut(q asked, fingerprint string, v verdict) (content, error) {
	switch {
	case v.code != api.OK:
		return content{}, &api.Error{Code: v.code, Detail: "by the imported document " + d.ID}
	case !d.fits(fingerprint):
		return content{}, &api.Error{Code: api.ImportOtherMachine, Detail: "the fingerprint of this machine has changed since the import"}
	case q.Form != d.Form:
		return content{}, &api.Error{Code: api.NotSupported, Detail: fmt.Sprintf("the imported licence has the form %s and the application asks for %s", d.Form, q.Form)}
	}
	c := content{FileName: q.FileName, Event: d.ID}
	if !eventName(d.ID) {
		c.Event = ""
	}
	if d.Form == api.FormFile {
		c.Data = d.Content
	} else {
		c.Text = string(d.Content)
	}
	return c, nil
}

// fits says that the document may be used on a machine of that fingerprint. One that names none is left to
// its content, which the publisher bound in its own way.
func (d *document) fits(fingerprint string) bool {
	return d.Fingerprint == "" || d.Fingerprint == token.FingerprintSum(fingerprint)
}

// older says that d was made before have, so that it does not take its place: of one licence instance the
// later end counts, and then, as between instances, the later signature.
func (d *document) older(have *document) bool {
	if d.Instance == have.Instance && !d.Until.Equal(have.Until) {
		return have.Until.IsZero() || !d.Until.IsZero() && d.Until.Before(have.Until)
	}
	return d.Issued.Before(have.Issued)
}

// read makes a document of a file's bytes, checked with keys. Its refusals tell a person who was handed a file
// what kind of wrong it is; they trust nothing of what they name.
func read(file []byte, keys ...jose.JSONWebKeySet) (token.Import, error) {
	text := string(bytes.TrimSpace(bytes.TrimPrefix(file, []byte("\xef\xbb\xbf"))))
	head, _, _ := strings.Cut(text, ".")
	kid, typ := header(head)
	if typ != token.ImportType {
		detail := "it does not begin as one"
		if typ != "" {
			detail = fmt.Sprintf("it is a signed text of type %s", clean(fmt.Sprintf("%.80q", typ)))
		}
		return token.Import{}, &api.Error{Code: api.ImportNotDocument, Detail: detail}
	}
	var cause error
	for _, set := range keys {
		if len(set.Key(kid)) == 0 {
			continue
		}
		doc, err := token.VerifyImport(text, set)
		if err == nil {
			return doc, nil
		}
		cause = err
	}
	if cause != nil {
		return token.Import{}, &api.Error{Code: api.ImportDamaged, Detail: cause.Error()}
	}
	return token.Import{}, &api.Error{Code: api.ImportKeyUnknown, Detail: "its key is " + clean(fmt.Sprintf("%.80q", kid))}
}

// header reads key and type out of a compact JWS's first part; both are empty when it is none.
func header(part string) (kid, typ string) {
	if len(part) > 4<<10 {
		return "", ""
	}
	plain, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return "", ""
	}
	var h struct {
		Kid string `json:"kid"`
		Typ string `json:"typ"`
	}
	if json.Unmarshal(plain, &h) != nil {
		return "", ""
	}
	return h.Kid, h.Typ
}

// maxKeys bounds a key file.
const maxKeys = 64

// ParseKeys reads a JSON Web Key Set, what GET /v1/keys of a cloud answers, for Config.ImportKeys.
// Every key of it must be a named public Ed25519 key: a file of something else is refused whole.
func ParseKeys(text []byte) (jose.JSONWebKeySet, error) {
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), &set); err != nil {
		return jose.JSONWebKeySet{}, errors.New("it is not the JSON Web Key Set that GET /v1/keys of the cloud answers")
	}
	if len(set.Keys) == 0 || len(set.Keys) > maxKeys {
		return jose.JSONWebKeySet{}, fmt.Errorf("it holds %d keys, not 1 to %d", len(set.Keys), maxKeys)
	}
	for _, k := range set.Keys {
		if _, ok := k.Key.(ed25519.PublicKey); !ok || k.KeyID == "" {
			return jose.JSONWebKeySet{}, errors.New("one of its keys is no public Ed25519 key with a name")
		}
	}
	return set, nil
}
