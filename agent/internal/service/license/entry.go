package license

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/internal/atomicfile"
	"github.com/iscdesk/iscdesk/internal/token"
	"github.com/iscdesk/iscdesk/sdk/api"
)

const (
	recordPrefix = "license-"
	timeRecord   = "time"
)

// record is what is sealed for one licence.
type record struct {
	UID      caller.UID         `json:"uid"`
	Product  string             `json:"product"`
	Account  string             `json:"account"`
	Lease    string             `json:"lease,omitempty"`    // compact JWS
	Contents map[string]content `json:"contents,omitempty"` // by form
	Refused  api.Code           `json:"refused,omitempty"`  // what the cloud said last, when it said no
	Why      string             `json:"why,omitempty"`      // of the refusal: one of api's Refused… words
	Detail   string             `json:"detail,omitempty"`
}

// content is the ISV's opaque word, as it was handed out last.
type content struct {
	Text     string `json:"text"`           // string form; an agent of before kept files here too
	Data     []byte `json:"data,omitempty"` // file form: any bytes
	FileName string `json:"fileName,omitempty"`
	For      string `json:"for"` // digest of fingerprint and devInfo that it was made for

	Event           string `json:"event,omitempty"`           // of the application at the publisher
	FingerprintForm string `json:"fingerprintForm,omitempty"` // how the publisher got the fingerprint: full, digest
}

// bytes are what goes into a licence file.
func (c content) bytes() []byte {
	if len(c.Data) > 0 {
		return c.Data
	}
	return []byte(c.Text)
}

// entry is a record in memory, with its lease verified.
type entry struct {
	rec       record
	lease     token.Lease
	untrusted string // why the lease is not believed, or empty

	failures int       // renewals that failed in a row
	next     time.Time // wall time before which no renewal is tried
}

func (k key) record() string { return recordPrefix + k.uid.Name() + "-" + k.product }

// keyOf is the inverse of key.record.
func keyOf(name string) (key, bool) {
	uid, product, ok := strings.Cut(strings.TrimPrefix(name, recordPrefix), "-")
	n, known := caller.UIDOfName(uid)
	return key{n, product}, ok && known
}

// checkProduct refuses what is no product id: 1 to 64 of a-z 0-9 . - _
func checkProduct(id string) error {
	if id == "" || len(id) > 64 || strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789.-_") != "" {
		return &api.Error{Code: api.InvalidArgument, Detail: fmt.Sprintf("%.80q is no product id; an application says which product it is when it opens", id)}
	}
	return nil
}

// madeFor names what a content depends on beside account, device and product.
func madeFor(fingerprint, devInfo string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d:%s%s", len(fingerprint), fingerprint, devInfo))
	return hex.EncodeToString(sum[:])
}

// loadEntries reads every sealed licence.
func (r *Room) loadEntries() error {
	names, err := r.cfg.Store.Names(recordPrefix)
	if err != nil {
		return err
	}
	for _, name := range names {
		k, ok := keyOf(name)
		if !ok {
			continue
		}
		var rec record
		err := r.cfg.Store.LoadSealed(name, &rec)
		if err == nil && (rec.UID != k.uid || rec.Product != k.product) {
			err = fmt.Errorf("record %s is another licence's", name)
		}
		if err != nil {
			r.cfg.Log.Error("licence cannot be read", "uid", k.uid, "product", k.product, "error", err)
			r.damaged[k] = true
			continue
		}
		r.entries[k] = r.entryOf(rec)
	}
	return nil
}

// entryOf verifies a record's lease with the keys that are known.
func (r *Room) entryOf(rec record) *entry {
	e := &entry{rec: rec}
	if rec.Lease == "" {
		return e
	}
	lease, err := r.verify(rec.Lease, rec.Product, rec.Account)
	if err != nil {
		e.untrusted = err.Error()
	}
	e.lease = lease
	return e
}

// save seals a record and then makes it the entry's.
func (r *Room) save(rec record) error {
	k := key{rec.UID, rec.Product}
	r.saving.Lock()
	defer r.saving.Unlock()
	if err := r.cfg.Store.SaveSealed(k.record(), rec); err != nil {
		return err
	}
	e := r.entryOf(rec)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.entries[k] = e
	delete(r.damaged, k)
	return nil
}

// current is a copy of the record of k, or an empty one for the account.
func (r *Room) current(k key, account string) record {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.entries[k]; e != nil && e.rec.Account == account {
		return e.rec
	}
	return record{UID: k.uid, Product: k.product, Account: account}
}

func (r *Room) loadTime() known {
	var k known
	if err := r.cfg.Store.LoadSealed(timeRecord, &k); err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			r.cfg.Log.Error("known time cannot be read; the leases' own times take its place", "error", err)
		}
		return known{}
	}
	return k
}

// saveTime writes the known time down.
func (r *Room) saveTime() { r.keepTime(true) }

func (r *Room) keepTime(force bool) {
	r.saving.Lock()
	defer r.saving.Unlock()
	k, ok := r.watch.keep(force)
	if !ok {
		return
	}
	if err := r.cfg.Store.SaveSealed(timeRecord, k); err != nil && !errors.Is(err, atomicfile.ErrTooLarge) {
		r.cfg.Log.Error("keep known time", "error", err)
	}
}
