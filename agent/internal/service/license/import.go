package license

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/internal/token"
	"github.com/iscdesk/iscdesk/sdk/api"
)

const (
	maxImports  = 64               // documents of one user, one a product
	uploadLives = 5 * time.Minute  // between two parts of a file
	keysTimeout = 10 * time.Second // for the cloud's keys, when a document bears one that is not known
)

// upload is a file of which parts are still to come. A user has one at a time.
type upload struct {
	session string
	size    int
	file    []byte
	at      time.Time
}

// Import takes a part of a licence document; the last one is checked, sealed and from then on answers the
// user's requests of that product. It needs no sign-in and no cloud.
func (r *Room) Import(ctx context.Context, a caller.Actor, p api.LicenseImport) (api.LicenseImported, error) {
	file, err := r.collect(a, p)
	if file == nil || err != nil {
		return api.LicenseImported{More: err == nil}, err
	}
	doc, err := r.readDocument(ctx, file)
	if err != nil {
		return api.LicenseImported{}, err
	}
	d := &document{UID: a.UID, Import: doc}
	if err := r.checkDocument(ctx, d); err != nil {
		return api.LicenseImported{}, err
	}
	kept, err := r.saveDocument(d)
	if err != nil {
		return api.LicenseImported{}, err
	}
	r.cfg.Log.Info("licence imported", "uid", a.UID, "product", d.Product, "instance", d.Instance, "until", d.Until, "kept", kept)
	r.announce()
	r.look() // its end is one more thing to wake for
	return api.LicenseImported{Product: d.Product, Form: d.Form, From: d.From, Until: d.Until, Kept: kept, Bound: d.Fingerprint != ""}, nil
}

// collect puts the parts of a file together; it returns the whole of it with the last one, nil before.
func (r *Room) collect(a caller.Actor, p api.LicenseImport) ([]byte, error) {
	if p.Size < 1 || p.Size > api.MaxImport || len(p.Part) < 1 || len(p.Part) > api.MaxImportPart ||
		p.Offset < 0 || p.Offset > p.Size-len(p.Part) {
		return nil, &api.Error{Code: api.InvalidArgument, Detail: "a part of an import is outside its bounds"}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	u := r.uploads[a.UID]
	if p.Offset == 0 {
		u = &upload{session: a.Session, size: p.Size} // room is made as bytes come, not as they are promised
		r.uploads[a.UID] = u
	}
	if u == nil || u.session != a.Session || u.size != p.Size || len(u.file) != p.Offset {
		delete(r.uploads, a.UID)
		return nil, &api.Error{Code: api.InvalidArgument, Detail: "the parts of an import came out of order, or another import began; begin again"}
	}
	u.file, u.at = append(u.file, p.Part...), r.cfg.Clock.Now()
	if len(u.file) < u.size {
		return nil, nil
	}
	delete(r.uploads, a.UID)
	return u.file, nil
}

// forgetUploads drops files whose next part does not come.
func (r *Room) forgetUploads() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for uid, u := range r.uploads {
		if r.cfg.Clock.Now().Sub(u.at).Abs() > uploadLives {
			delete(r.uploads, uid)
		}
	}
}

// readDocument reads the file with every key that is known. A key that is not is asked for once where the
// cloud can be reached: a machine with a network need not have met it before.
func (r *Room) readDocument(ctx context.Context, file []byte) (token.Import, error) {
	r.mu.Lock()
	own := r.keys
	r.mu.Unlock()
	doc, err := read(file, own, r.cfg.ImportKeys)
	if api.CodeOf(err) != api.ImportKeyUnknown || !r.cfg.Cloud.Reachable() {
		return doc, err
	}
	ctx, cancel := context.WithTimeout(ctx, keysTimeout)
	defer cancel()
	if kerr := r.fetchKeys(ctx); kerr != nil {
		return token.Import{}, err // the document's own reason
	}
	r.mu.Lock()
	own = r.keys
	r.mu.Unlock()
	return read(file, own)
}

// checkDocument holds a document against this machine and the time.
func (r *Room) checkDocument(ctx context.Context, d *document) error {
	if err := checkProduct(d.Product); err != nil {
		return &api.Error{Code: api.ImportNotDocument, Detail: "its product is no product id"}
	}
	fp, err := r.cfg.Fingerprint(ctx)
	if err != nil {
		return err
	}
	if !d.fits(fp.Fingerprint) {
		return &api.Error{Code: api.ImportOtherMachine, Detail: fmt.Sprintf("it is for the fingerprint with SHA-256 %.12s…, this machine's has %.12s…",
			d.Fingerprint, token.FingerprintSum(fp.Fingerprint))}
	}
	now, suspect := r.watch.now()
	if r.watch.heard().IsZero() && now.Before(d.Issued.Add(-tolerance)) {
		suspect = true // a clock before the day on which the document was made
	}
	v := judgeDocument(d, now, suspect)
	if v.code == api.LicenseExpired {
		v.code = api.ImportEnded // whose next step is about the document
	}
	if v.code != api.OK {
		return &api.Error{Code: v.code, Detail: fmt.Sprintf("it counts from %s to %s; it is %s", stamp(d.From), stamp(d.Until), stamp(now))}
	}
	return nil
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "no end"
	}
	return t.UTC().Format(time.RFC3339)
}

// saveDocument seals a document, unless what is there is the same or newer.
func (r *Room) saveDocument(d *document) (kept string, err error) {
	k := key{d.UID, d.Product}
	r.saving.Lock()
	defer r.saving.Unlock()
	r.mu.Lock()
	have, others := r.imports[k], 0
	for of := range r.imports {
		if of.uid == k.uid && of != k {
			others++
		}
	}
	r.mu.Unlock()
	now, suspect := r.watch.now()
	switch {
	case have == nil && others >= maxImports:
		return "", &api.Error{Code: api.Busy, Detail: fmt.Sprintf("%d imported licences of this user are kept already", others)}
	case have != nil && have.ID == d.ID && have.Until.Equal(d.Until) && bytes.Equal(have.Content, d.Content):
		return api.KeptSame, nil
	case have != nil && d.older(have) && judgeDocument(have, now, suspect).code == api.OK:
		return api.KeptNewer, nil
	}
	if err := r.cfg.Store.SaveSealed(k.importRecord(), d); err != nil {
		return "", err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.imports[k] = d
	delete(r.damaged, k)
	return "", nil
}
