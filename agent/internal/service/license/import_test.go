package license

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/service/cloud/cloudtest"
	"github.com/iscdesk/iscdesk/internal/atomicfile"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/token"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// keyFile is what an administrator lays beside agent.toml: the fake's GET /v1/keys.
func (b *bench) keyFile() jose.JSONWebKeySet {
	b.fake.Lock()
	defer b.fake.Unlock()
	var set jose.JSONWebKeySet
	for _, k := range b.fake.Keys {
		jwk := jose.JSONWebKey{Key: k.Public().(ed25519.PublicKey), Algorithm: "EdDSA", Use: "sig"}
		sum, err := jwk.Thumbprint(crypto.SHA256)
		if err != nil {
			b.t.Fatal(err)
		}
		jwk.KeyID = base64.RawURLEncoding.EncodeToString(sum)
		set.Keys = append(set.Keys, jwk)
	}
	return set
}

// lonely is a machine that has never met the cloud; its administrator named the key file.
func lonely(t *testing.T) *bench {
	t.Helper()
	b := newBench(t)
	b.keys = b.keyFile()
	b.fake.Set(cloudtest.Down)
	b.halt()
	b.dir = filepath.Join(t.TempDir(), "state")
	b.start()
	b.sign("", &api.Error{Code: api.NotSignedIn})
	return b
}

func (b *bench) doc(change func(*token.Import)) token.Import {
	now := b.world.real()
	d := token.Import{ID: application, Product: "minicad", Instance: "ins1", From: now.Add(-day), Until: now.Add(30 * day),
		Form: token.FormString, Content: []byte("MINICAD1|bought"), Fingerprint: token.FingerprintSum(b.print), Issued: now.Add(-time.Hour)}
	if change != nil {
		change(&d)
	}
	return d
}

func (b *bench) seals(d token.Import) []byte {
	b.fake.Lock()
	defer b.fake.Unlock()
	return []byte(b.fake.SignImport(d))
}

// importFile sends a file as the command line does.
func (b *bench) importFile(file []byte) (r api.LicenseImported, err error) {
	for at := 0; at < len(file) || at == 0; at += api.MaxImportPart {
		r, err = b.room.Import(ctx, app, api.LicenseImport{Part: file[at:min(at+api.MaxImportPart, len(file))], Offset: at, Size: len(file)})
		if err != nil || r.More != (at+api.MaxImportPart < len(file)) {
			return r, err
		}
	}
	return r, err
}

func TestImportOnAMachineWithoutNetwork(t *testing.T) {
	t.Parallel()
	b := lonely(t)
	b.want("before", api.StateNone, api.NotSignedIn)
	if _, err := b.room.Request(ctx, app, api.LicenseRequest{Form: api.FormString}); api.CodeOf(err) != api.NotSignedIn {
		t.Errorf("a request before: %v", err)
	}
	d := b.doc(nil)
	r, err := b.importFile(b.seals(d))
	if err != nil || r.Product != "minicad" || r.Form != api.FormString || !r.Until.Equal(d.Until) || !r.From.Equal(d.From) || r.Kept != "" || !r.Bound || r.More {
		t.Fatalf("imported %+v, %v", r, err)
	}
	for range 2 { // before and after a restart
		b.want("imported", api.StateValid, api.OK)
		if st := b.state(); st.Source != api.SourceImport || !st.Until.Equal(d.Until) {
			t.Errorf("state %+v", st)
		}
		p, state := b.request(api.FormString)
		if state != api.OpDone || p["LicenseContent"] != "MINICAD1|bought" || p["source"] != api.SourceImport || p["state"] != api.StateValid ||
			p["offline"] != "true" || p["event"] != application {
			t.Errorf("request: %s %v", state, p)
		}
		if p, state = b.request(api.FormFile); state != api.OpFailed || p["code"] != strconv.Itoa(int(api.NotSupported)) {
			t.Errorf("as a file: %s %v", state, p)
		}
		if other := b.room.State(ctx, caller.Actor{UID: "1001", Product: "minicad"}); other.State == api.StateValid {
			t.Errorf("another OS user: %+v", other)
		}
		b.start()
	}
	b.print = "ANOTHER|MACHINE||"
	if p, state := b.request(api.FormString); state != api.OpFailed || p["code"] != strconv.Itoa(int(api.ImportOtherMachine)) {
		t.Errorf("the disk was exchanged: %s %v", state, p)
	}
	b.print = "MAC|DISK||CPU"
	b.world.pass(30*day - time.Second)
	b.want("in its last second", api.StateValid, api.OK)
	b.world.pass(time.Second)
	b.want("ended", api.StateExpired, api.LicenseExpired)
	if p, state := b.request(api.FormString); state != api.OpFailed || p["code"] != strconv.Itoa(int(api.LicenseExpired)) {
		t.Errorf("ended: %s %v", state, p)
	}
}

func TestImportTable(t *testing.T) {
	t.Parallel()
	b := lonely(t)
	good := b.seals(b.doc(nil))
	flip := func(at int) []byte {
		f := bytes.Clone(good)
		if f[at]++; f[at] > 'y' {
			f[at] = 'b'
		}
		return f
	}
	parts := strings.Split(string(good), ".")
	foreign := newBench(t)
	for _, c := range []struct {
		name string
		file []byte
		want api.Code
	}{
		{"the publisher's own licence", []byte("MINICAD1|minicad|ins_1|2027-12-31T00:00:00Z|…"), api.ImportNotDocument},
		{"the publisher's own file", []byte{0, 1, 2, 0xff, '.', 'x'}, api.ImportNotDocument},
		{"a web page", []byte("<!doctype html><title>log in</title>"), api.ImportNotDocument},
		{"one byte", []byte("x"), api.ImportNotDocument},
		{"blanks", []byte("  \n"), api.ImportNotDocument},
		{"a lease", []byte(func() string { b.fake.Lock(); defer b.fake.Unlock(); return b.fake.Sign(goodLease()) }()), api.ImportNotDocument},
		{"a key file", []byte(`{"keys":[]}`), api.ImportNotDocument},
		{"no dots", []byte(parts[0]), api.ImportDamaged},
		{"cut in its middle", good[:len(good)/2], api.ImportDamaged},
		{"without its last byte", good[:len(good)-1], api.ImportDamaged},
		{"with one byte more", append(bytes.Clone(good), 'A'), api.ImportDamaged},
		{"one changed byte in the claims", flip(len(parts[0]) + 20), api.ImportDamaged},
		{"one changed byte in the signature", flip(len(good) - 20), api.ImportDamaged},
		{"wrapped by a mail program", []byte(string(good[:100]) + "\r\n" + string(good[100:])), api.ImportDamaged},
		{"another's claims under our signature", []byte(parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{}`)) + "." + parts[2]), api.ImportDamaged},
		{"another cloud's", foreign.seals(b.doc(nil)), api.ImportKeyUnknown},
		{"another machine's", b.seals(b.doc(func(d *token.Import) { d.Fingerprint = token.FingerprintSum("OTHER") })), api.ImportOtherMachine},
		{"ended", b.seals(b.doc(func(d *token.Import) { d.Until = b.world.real() })), api.ImportEnded},
		{"not begun", b.seals(b.doc(func(d *token.Import) { d.From = b.world.real().Add(time.Hour) })), api.ImportNotBegun},
		{"made in the future", b.seals(b.doc(func(d *token.Import) { d.Issued = b.world.real().Add(day) })), api.ClockSuspect},
		{"a product that is a path", b.seals(b.doc(func(d *token.Import) { d.Product = "../x" })), api.ImportNotDocument},
		{"good", good, api.OK},
		{"good, with a line end and a byte order mark", []byte("\xef\xbb\xbf" + string(good) + "\r\n"), api.OK},
		{"begins in the clocks' difference", b.seals(b.doc(func(d *token.Import) { d.From = b.world.real().Add(early) })), api.OK},
		{"without an end", b.seals(b.doc(func(d *token.Import) { d.Until = time.Time{} })), api.OK},
		{"for no machine by name", b.seals(b.doc(func(d *token.Import) { d.Fingerprint = "" })), api.OK},
		{"the largest", b.seals(b.doc(func(d *token.Import) {
			d.Product, d.Form, d.Content = "large", token.FormFile, bytes.Repeat([]byte{0xff}, token.MaxImportContent)
		})), api.OK},
	} {
		r, err := b.importFile(c.file)
		if api.CodeOf(err) != c.want {
			t.Errorf("%s: %+v, %v; want %d", c.name, r, err, c.want)
		}
		if st := b.room.State(ctx, app); (st.State == api.StateValid) != (b.room.document(key{"1000", "minicad"}) != nil) {
			t.Errorf("%s: state %+v", c.name, st)
		}
		if c.want != api.OK && b.room.document(key{"1000", "minicad"}) != nil {
			t.Fatalf("%s was kept", c.name)
		}
	}
	b.start()
	large := app
	large.Product = "large"
	st, err := b.room.Request(ctx, large, api.LicenseRequest{Form: api.FormFile})
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		o := b.owner()
		o.Product = "large"
		if got := b.events.Get(o, st.Operation); got.Event != nil {
			if got.State != api.OpDone || len(b.worker.wrote) != 1 || len(b.worker.wrote[0].Data) != token.MaxImportContent {
				t.Errorf("the largest file: %+v, %d files", got, len(b.worker.wrote))
			}
			return
		}
	}
	t.Error("the request never ended")
}

func goodLease() token.Lease {
	at := newWorld().real
	return token.Lease{ID: "l", Device: "d", KeyThumb: "t", Account: "a", Product: "minicad", Instance: "i", From: at, Until: at.Add(day), Grace: at.Add(day), Issued: at, Refresh: at}
}

func TestWhichDocumentStays(t *testing.T) {
	t.Parallel()
	b := lonely(t)
	now := b.world.real()
	for _, c := range []struct {
		name   string
		change func(*token.Import)
		kept   string
		want   string // content afterwards
	}{
		{"the first", nil, "", "MINICAD1|bought"},
		{"the same again", nil, api.KeptSame, "MINICAD1|bought"},
		{"the same, downloaded again", func(d *token.Import) { d.Issued = now }, api.KeptSame, "MINICAD1|bought"},
		{"renewed", func(d *token.Import) { d.ID, d.Until, d.Content = "2", now.Add(60*day), []byte("renewed") }, "", "renewed"},
		{"the one of before", nil, api.KeptNewer, "renewed"},
		{"the one of before, downloaded today", func(d *token.Import) { d.Issued = now }, api.KeptNewer, "renewed"},
		{"another purchase, signed earlier", func(d *token.Import) { d.ID, d.Instance, d.Issued = "3", "ins2", now.Add(-2*time.Hour) }, api.KeptNewer, "renewed"},
		{"another purchase", func(d *token.Import) { d.ID, d.Instance, d.Issued, d.Content = "4", "ins2", now, []byte("other") }, "", "other"},
		{"without an end", func(d *token.Import) {
			d.ID, d.Instance, d.Until, d.Content = "5", "ins2", time.Time{}, []byte("for ever")
		}, "", "for ever"},
		{"with one again", func(d *token.Import) { d.ID, d.Instance, d.Until = "6", "ins2", now.Add(90*day) }, api.KeptNewer, "for ever"},
	} {
		r, err := b.importFile(b.seals(b.doc(c.change)))
		if err != nil || r.Kept != c.kept {
			t.Errorf("%s: %+v, %v", c.name, r, err)
		}
		if p, state := b.request(api.FormString); state != api.OpDone || p["LicenseContent"] != c.want {
			t.Errorf("%s: %s %v", c.name, state, p)
		}
	}
}

// TestImportBesideTheCloud: who is signed in gets the cloud's word; the document stands in for its absence.
func TestImportBesideTheCloud(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.keys = b.keyFile()
	b.start()
	if _, err := b.importFile(b.seals(b.doc(nil))); err != nil {
		t.Fatal(err)
	}
	b.want("not asked yet", api.StateValid, api.OK)
	if st := b.state(); st.Source != api.SourceImport {
		t.Errorf("not asked yet: %+v", st)
	}
	b.fake.Set(cloudtest.Down)
	if p, state := b.request(api.FormString); state != api.OpDone || p["LicenseContent"] != "MINICAD1|bought" || p["source"] != api.SourceImport {
		t.Errorf("cloud away, nothing cached: %s %v", state, p)
	}
	b.fake.Set(cloudtest.Up)
	if p, state := b.request(api.FormString); state != api.OpDone || p["LicenseContent"] != "MINICAD1|text" || p["source"] != "" {
		t.Errorf("cloud there: %s %v", state, p)
	}
	b.fake.Set(cloudtest.Down)
	if p, state := b.request(api.FormString); state != api.OpDone || p["LicenseContent"] != "MINICAD1|text" || p["source"] != "" {
		t.Errorf("cloud away, its own cached: %s %v", state, p)
	}
	b.world.pass(11 * day)
	b.want("the lease has ended", api.StateValid, api.OK)
	if p, state := b.request(api.FormString); state != api.OpDone || p["LicenseContent"] != "MINICAD1|bought" {
		t.Errorf("the lease has ended: %s %v", state, p)
	}
	b.sign(cloudtest.Account, &api.Error{Code: api.SessionExpired})
	if p, state := b.request(api.FormString); state != api.OpDone || p["LicenseContent"] != "MINICAD1|bought" {
		t.Errorf("the sign-in has ended: %s %v", state, p)
	}
	b.sign(cloudtest.Account, nil)
	b.fake.Set(cloudtest.Up)
	b.product(func(p *cloudtest.Product) { p.Refuse = cloudapi.ErrLicenseRefused })
	if p, state := b.request(api.FormString); state != api.OpFailed || p["code"] != strconv.Itoa(int(api.LicenseRefused)) {
		t.Errorf("the cloud says no: %s %v", state, p)
	}
	b.fake.Set(cloudtest.Down)
	b.want("the cloud said no to this account", api.StateRefused, api.LicenseRefused)
	b.sign("", &api.Error{Code: api.NotSignedIn})
	b.want("nobody is signed in", api.StateValid, api.OK) // cannot be withdrawn offline
}

// TestKeysOfAnImport: keys that the agent has from its cloud do as well, and a reachable cloud is asked.
func TestKeysOfAnImport(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if _, err := b.importFile(b.seals(b.doc(nil))); err != nil {
		t.Errorf("the cloud can be asked for its keys: %v", err)
	}
	b.fake.Set(cloudtest.Down)
	b.start()
	if r, err := b.importFile(b.seals(b.doc(func(d *token.Import) { d.ID = "2" }))); err != nil || r.Kept != "" {
		t.Errorf("keys of an earlier contact: %+v, %v", r, err)
	}
}

func TestPartsOfAnImport(t *testing.T) {
	t.Parallel()
	b := lonely(t)
	file := b.seals(b.doc(nil))
	part := func(a caller.Actor, from, to, size int) error {
		_, err := b.room.Import(ctx, a, api.LicenseImport{Part: file[from:to], Offset: from, Size: size})
		return err
	}
	other := app
	other.Session = "another"
	for _, c := range []struct {
		name     string
		a        caller.Actor
		from, to int
		size     int
		want     api.Code
	}{
		{"no first part", app, 10, 20, len(file), api.InvalidArgument},
		{"first", app, 0, 10, len(file), api.OK},
		{"a hole", app, 11, 20, len(file), api.InvalidArgument},
		{"what was begun is gone", app, 10, 20, len(file), api.InvalidArgument},
		{"first again", app, 0, 10, len(file), api.OK},
		{"another size", app, 10, 20, len(file) + 1, api.InvalidArgument},
		{"first once more", app, 0, 10, len(file), api.OK},
		{"another session goes on", other, 10, 20, len(file), api.InvalidArgument},
		{"first of one session", app, 0, 10, len(file), api.OK},
		{"first of another", other, 0, 10, len(file), api.OK},
		{"the rest of it", other, 10, len(file), len(file), api.OK},
	} {
		if err := part(c.a, c.from, c.to, c.size); api.CodeOf(err) != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if err := part(app, 0, 10, len(file)); err != nil {
		t.Fatal(err)
	}
	b.world.pass(uploadLives + time.Second)
	b.room.tick(ctx)
	if len(b.room.uploads) != 0 {
		t.Error("a file whose parts do not come is kept")
	}
}

func TestImportsAreBounded(t *testing.T) {
	t.Parallel()
	b := lonely(t)
	for i := range maxImports + 1 {
		_, err := b.importFile(b.seals(b.doc(func(d *token.Import) { d.Product = "p" + strconv.Itoa(i) })))
		if want := map[bool]api.Code{true: api.Busy}[i == maxImports]; api.CodeOf(err) != want {
			t.Fatalf("document %d: %v", i, err)
		}
	}
	if _, err := b.importFile(b.seals(b.doc(func(d *token.Import) { d.Product, d.ID, d.Until = "p0", "2", d.Until.Add(day) }))); err != nil {
		t.Errorf("one in the place of another: %v", err)
	}
}

func TestDamagedImport(t *testing.T) {
	t.Parallel()
	b := lonely(t)
	file := b.seals(b.doc(nil))
	if _, err := b.importFile(file); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(b.dir, "sealed", "import-1000-minicad.sealed")
	if err := os.WriteFile(path, []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.start()
	b.want("damaged", api.StateStoreDamaged, api.StoreDamaged)
	if _, err := b.importFile(file); err != nil {
		t.Fatal(err)
	}
	b.want("imported again", api.StateValid, api.OK)
}

// TestKilledWhileImporting: what was answered as imported is there after a kill, at whichever step of the disk it comes.
func TestKilledWhileImporting(t *testing.T) {
	t.Parallel()
	b := lonely(t)
	if _, err := b.importFile(b.seals(b.doc(nil))); err != nil {
		t.Fatal(err)
	}
	next := b.seals(b.doc(func(d *token.Import) { d.ID, d.Until, d.Content = "2", d.Until.Add(day), []byte("second") }))
	for nth := 1; nth < 10; nth++ {
		steps := 0
		b.disk.Fault = func(atomicfile.Step, string) error {
			if steps++; steps >= nth {
				return errors.New("planted: the disk is gone")
			}
			return nil
		}
		b.start()
		_, err := b.importFile(next)
		b.disk.Fault = nil
		b.start()
		p, state := b.request(api.FormString)
		if state != api.OpDone || err == nil && p["LicenseContent"] != "second" {
			t.Errorf("step %d: answered %v, afterwards %s %v", nth, err, state, p)
		}
		if err == nil {
			return
		}
	}
	t.Error("no step was the last")
}

// TestClockOfALonelyMachine: the day on which the document was made is a floor.
func TestClockOfALonelyMachine(t *testing.T) {
	t.Parallel()
	b := lonely(t)
	if _, err := b.importFile(b.seals(b.doc(nil))); err != nil {
		t.Fatal(err)
	}
	b.world.set(-10 * day)
	b.want("set back before the document", api.StateClockSuspect, api.ClockSuspect)
	if p, state := b.request(api.FormString); state != api.OpFailed || p["code"] != strconv.Itoa(int(api.ClockSuspect)) {
		t.Errorf("request: %s %v", state, p)
	}
	b.world.set(0)
	b.want("put right", api.StateValid, api.OK)
}

// TestImportIsTold: sessions hear of it at once.
func TestImportIsTold(t *testing.T) {
	t.Parallel()
	b := lonely(t)
	s, _, err := b.events.Attach(b.owner(), "")
	if err != nil {
		t.Fatal(err)
	}
	who := app
	who.Session = s.ID()
	b.room.State(ctx, who)
	if _, err := b.importFile(b.seals(b.doc(nil))); err != nil {
		t.Fatal(err)
	}
	at, end := context.WithTimeout(ctx, 10*time.Second)
	defer end()
	raw, _, _, err := s.Next(at, 0)
	if err != nil || len(raw) != 1 || !bytes.Contains(raw[0], []byte(`"source":"import"`)) {
		t.Errorf("told %s, %v", raw, err)
	}
}

func TestParseKeys(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	good, err := json.Marshal(b.keyFile())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, text string
		ok         bool
	}{
		{"the cloud's answer", string(good), true},
		{"with a byte order mark", "\xef\xbb\xbf" + string(good), true},
		{"nothing", "", false},
		{"no keys", `{"keys":[]}`, false},
		{"another object", `{"ed25519":"00"}`, false},
		{"a certificate", "-----BEGIN CERTIFICATE-----", false},
		{"a key without a name", strings.Replace(string(good), `"kid"`, `"no"`, 1), false},
		{"a secret", `{"keys":[{"kty":"oct","kid":"a","k":"AAAA"}]}`, false},
		{"a private key", `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}]}`, false},
	} {
		if set, err := ParseKeys([]byte(c.text)); (err == nil) != c.ok {
			t.Errorf("%s: %d keys, %v", c.name, len(set.Keys), err)
		}
	}
}

// FuzzImport: whatever lies in the file, it is refused with one of the import's codes or is exactly what
// the cloud signed, and nothing breaks.
func FuzzImport(f *testing.F) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		f.Fatal(err)
	}
	keys := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: public, KeyID: "k", Algorithm: "EdDSA", Use: "sig"}}}
	at := newWorld().real
	d := token.Import{ID: "e", Product: "minicad", Instance: "i", From: at, Until: at.Add(day), Form: token.FormFile, Content: []byte{0, 0xff}, Issued: at}
	claims, err := d.Claims()
	if err != nil {
		f.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: private}, (&jose.SignerOptions{}).WithType(token.ImportType).WithHeader("kid", "k"))
	if err != nil {
		f.Fatal(err)
	}
	sig, err := signer.Sign(claims)
	if err != nil {
		f.Fatal(err)
	}
	good, err := sig.CompactSerialize()
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(good))
	f.Add([]byte("\xef\xbb\xbf" + good + "\r\n"))
	f.Add([]byte(good[:len(good)/2]))
	f.Add([]byte("MINICAD1|minicad|ins_1|2027-12-31T00:00:00Z||"))
	f.Add([]byte(base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"iscdesk-license+jwt","kid":"\u202e","alg":"none"}`)) + ".."))
	f.Add([]byte{0xff, '.', '.'})
	f.Fuzz(func(t *testing.T, file []byte) {
		got, err := read(file, jose.JSONWebKeySet{}, keys)
		switch api.CodeOf(err) {
		case api.OK:
			if string(bytes.TrimSpace(bytes.TrimPrefix(file, []byte("\xef\xbb\xbf")))) != good || got.Product != "minicad" {
				t.Fatalf("%q was taken as %+v", file, got)
			}
		case api.ImportNotDocument, api.ImportDamaged, api.ImportKeyUnknown:
			var refusal *api.Error
			if errors.As(err, &refusal); len(refusal.Detail) > 2000 || strings.ContainsAny(refusal.Detail, "\n\x1b\u202e") {
				t.Fatalf("detail %q", refusal.Detail)
			}
		default:
			t.Fatalf("%q: %v", file, err)
		}
	})
}
