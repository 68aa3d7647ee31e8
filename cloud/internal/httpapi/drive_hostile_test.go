package httpapi_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/httpapi/apitest"
	"github.com/iscdesk/iscdesk/internal/chunk"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// edited is a pack with one change, named by its own right checksum: the cloud must look inside.
func edited(pack []byte, change func([]byte) []byte) []byte { return change(slices.Clone(pack)) }

func TestHostilePacksOverHTTP(t *testing.T) {
	d := newDrive(t)
	token, operation := d.transfer(t, d.editor, "write", "")
	c := newContent(t, "a.stl", bytes.Repeat([]byte("facet\n"), 50_000))
	const head = 8 // of the pack, before the first chunk's header
	for _, p := range []struct {
		name string
		sum  string
		body []byte
		want string
	}{
		{"not its checksum", c.packSum, append(slices.Clone(c.pack), 0), cloudapi.ErrContentDamaged},
		{"cut, under the whole pack's name", c.packSum, c.pack[:len(c.pack)-1], cloudapi.ErrContentDamaged},
		{"cut", "", c.pack[:len(c.pack)/2], cloudapi.ErrContentDamaged},
		{"empty", "", []byte{}, cloudapi.ErrContentDamaged},
		{"not a pack", "", []byte("<html>proxy log-in</html>"), cloudapi.ErrContentDamaged},
		{"lies about an id", "", edited(c.pack, func(b []byte) []byte { b[head+1] ^= 1; return b }), cloudapi.ErrContentDamaged},
		{"lies about a length", "", edited(c.pack, func(b []byte) []byte { b[head+36]++; return b }), cloudapi.ErrContentDamaged},
		{"length of a bomb", "", edited(c.pack, func(b []byte) []byte { binary.BigEndian.PutUint32(b[head+33:], 1<<31); return b }), cloudapi.ErrTooLarge},
		{"damaged chunk", "", edited(c.pack, func(b []byte) []byte { b[len(b)-20] ^= 0xff; return b }), cloudapi.ErrContentDamaged},
		{"one chunk more counted", "", edited(c.pack, func(b []byte) []byte { b[len(b)-1]++; return b }), cloudapi.ErrContentDamaged},
		{"bytes behind the end", "", append(slices.Clone(c.pack), 'x'), cloudapi.ErrContentDamaged},
		{"name in upper case", strings.ToUpper(c.packSum), c.pack, cloudapi.ErrInvalid},
		{"name too short", c.packSum[:63], c.pack, cloudapi.ErrInvalid},
	} {
		if p.sum == "" {
			p.sum = sum(p.body)
		}
		if got := d.Do(t, "PUT", d.at("/packs/"+p.sum), token, p.body); got.Code() != p.want {
			t.Errorf("%s: status %d %s", p.name, got.Status, got.Body)
		}
	}
	large := make([]byte, cloudapi.MaxPack+1)
	if got := d.Do(t, "PUT", d.at("/packs/"+sum(large)), token, large); got.Code() != cloudapi.ErrTooLarge {
		t.Errorf("oversized: status %d %s", got.Status, got.Body)
	}
	// Nothing of it counts.
	var ids, missing cloudapi.Chunks
	for _, k := range c.chunks {
		ids.IDs = append(ids.IDs, k.ID.String())
	}
	d.Must(t, "POST", d.at("/chunks/missing"), token, ids, &missing, http.StatusOK)
	if len(missing.IDs) != len(ids.IDs) {
		t.Errorf("%d of %d chunks of refused packs count", len(ids.IDs)-len(missing.IDs), len(ids.IDs))
	}
	d.put(t, token, c)
	d.Must(t, "POST", d.at("/commits"), token, cloudapi.Commit{Operation: operation, Manifest: c.manifestSum, Name: "a.stl", Kind: "file"}, nil, http.StatusOK)
}

func TestHostileManifestsOverHTTP(t *testing.T) {
	d := newDrive(t)
	token, operation := d.transfer(t, d.editor, "write", "")
	c := newContent(t, "a.stl", bytes.Repeat([]byte("facet\n"), 5_000))
	good := string(c.manifest)
	for _, m := range []struct{ name, body, want string }{
		{"up", strings.Replace(good, `"a.stl"`, `"../a.stl"`, 1), cloudapi.ErrNameInvalid},
		{"absolute", strings.Replace(good, `"a.stl"`, `"/etc/passwd"`, 1), cloudapi.ErrNameInvalid},
		{"device", strings.Replace(good, `"a.stl"`, `"NUL"`, 1), cloudapi.ErrNameInvalid},
		{"blank behind", good + " ", cloudapi.ErrContentDamaged},
		{"mode of a program with rights", strings.Replace(good, "420", "2541", 1), cloudapi.ErrContentDamaged},
		{"size too large", strings.Replace(good, `"size":30000`, `"size":30001`, 1), cloudapi.ErrContentDamaged},
		{"not JSON", "<html>", cloudapi.ErrContentDamaged},
		{"empty", "", cloudapi.ErrContentDamaged},
	} {
		if m.body == good {
			t.Fatalf("%s: nothing changed", m.name)
		}
		if got := d.Do(t, "PUT", d.at("/manifests/"+sum([]byte(m.body))), token, []byte(m.body)); got.Code() != m.want {
			t.Errorf("%s: status %d %s", m.name, got.Status, got.Body)
		}
	}
	d.Refused(t, "PUT", d.at("/manifests/"+sum([]byte("x"))), token, c.manifest, cloudapi.ErrContentDamaged)
	// A manifest that states a wrong length for a chunk is valid by itself; the commit finds out.
	m, err := chunk.DecodeManifest(c.manifest)
	if err != nil {
		t.Fatal(err)
	}
	m.Files[0].Chunks[0].Size++
	m.Files[0].Size++
	b, id, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	d.put(t, token, c)
	d.Must(t, "PUT", d.at("/manifests/"+id.String()), token, b, nil, http.StatusNoContent)
	d.Refused(t, "POST", d.at("/commits"), token, cloudapi.Commit{Operation: operation, Manifest: id.String(), Name: "a.stl", Kind: "file"}, cloudapi.ErrContentDamaged)
}

// TestOtherSpacesStayShut: knowing checksums of another space's content gives nothing, to a
// member of both and to a member of one.
func TestOtherSpacesStayShut(t *testing.T) {
	d := newDrive(t)
	secret, c := d.create(t, "secret.stl", "secret")
	var mine cloudapi.Space
	d.Must(t, "POST", "/v1/spaces", d.stranger, cloudapi.NewSpace{Name: "Mine"}, &mine, http.StatusCreated)
	inMine := "/v1/spaces/" + mine.ID
	var out cloudapi.TransferToken
	op := d.operation()
	d.Must(t, "POST", inMine+"/transfer", d.stranger, cloudapi.NewTransfer{Mode: "write", Operation: op}, &out, http.StatusCreated)
	token := apitest.Bearer(out.Token)
	ids := cloudapi.Chunks{IDs: []string{c.chunks[0].ID.String()}}
	var missing cloudapi.Chunks
	d.Must(t, "POST", inMine+"/chunks/missing", token, ids, &missing, http.StatusOK)
	if len(missing.IDs) != 1 {
		t.Error("a chunk of another space is known")
	}
	d.Must(t, "PUT", inMine+"/manifests/"+c.manifestSum, token, c.manifest, nil, http.StatusNoContent)
	d.Refused(t, "POST", inMine+"/commits", token, cloudapi.Commit{Operation: op, Manifest: c.manifestSum, Name: "x", Kind: "file"}, cloudapi.ErrChunksMissing)
	var found cloudapi.Locations
	d.Must(t, "POST", inMine+"/chunks/locate", token, ids, &found, http.StatusOK)
	if len(found.Locations) != 0 {
		t.Errorf("located %v", found.Locations)
	}
	for _, path := range []string{"/packs/" + c.packSum, "/manifests/" + c.manifestSum} {
		d.Refused(t, "GET", inMine+path, token, nil, cloudapi.ErrNotFound)
		d.Refused(t, "GET", d.at(path), token, nil, cloudapi.ErrForbidden) // token of another space
	}
	d.Refused(t, "POST", inMine+"/transfer", d.stranger, cloudapi.NewTransfer{Mode: "read", Operation: op, Object: secret}, cloudapi.ErrNotFound)
	d.Refused(t, "POST", inMine+"/transfer", d.owner, cloudapi.NewTransfer{Mode: "read", Operation: op, Object: secret}, cloudapi.ErrNotFound)
}

func TestTransferTokenMisuse(t *testing.T) {
	d := newDrive(t)
	one, first := d.create(t, "one.stl", "one")
	two, second := d.create(t, "two.stl", "two")
	read, _ := d.transfer(t, d.viewer, "read", one)
	fetch := func(path string, want string) {
		t.Helper()
		if got := d.Do(t, "GET", d.at(path), read, nil); got.Code() != want {
			t.Errorf("GET %s: status %d %s, want %q", path, got.Status, got.Body, want)
		}
	}
	fetch("/packs/"+first.packSum, "")
	fetch("/manifests/"+first.manifestSum, "")
	fetch("/packs/"+second.packSum, cloudapi.ErrNotFound)
	fetch("/manifests/"+second.manifestSum, cloudapi.ErrNotFound)
	ask := cloudapi.Chunks{IDs: []string{first.chunks[0].ID.String(), second.chunks[0].ID.String()}}
	var found cloudapi.Locations
	d.Must(t, "POST", d.at("/chunks/locate"), read, ask, &found, http.StatusOK)
	if len(found.Locations) != 1 || found.Locations[0].ID != ask.IDs[0] {
		t.Errorf("located %v", found.Locations)
	}
	// A reading token does not write.
	fresh := newContent(t, "x", []byte("fresh"))
	d.Refused(t, "POST", d.at("/chunks/missing"), read, ask, cloudapi.ErrForbidden)
	d.Refused(t, "PUT", d.at("/packs/"+fresh.packSum), read, fresh.pack, cloudapi.ErrForbidden)
	d.Refused(t, "PUT", d.at("/manifests/"+fresh.manifestSum), read, fresh.manifest, cloudapi.ErrForbidden)
	d.Refused(t, "POST", d.at("/commits"), read, cloudapi.Commit{Operation: d.operation(), Manifest: first.manifestSum}, cloudapi.ErrForbidden)
	// It is no user's token, and a user's is no transfer token.
	d.Refused(t, "GET", "/v1/objects/"+one, read, nil, cloudapi.ErrUnauthenticated)
	d.Refused(t, "POST", d.at("/transfer"), read, cloudapi.NewTransfer{Mode: "read", Operation: d.operation(), Object: two}, cloudapi.ErrUnauthenticated)
	d.Refused(t, "GET", d.at("/packs/"+first.packSum), d.owner, nil, cloudapi.ErrUnauthenticated)
	d.Refused(t, "PUT", d.at("/packs/"+fresh.packSum), d.owner, fresh.pack, cloudapi.ErrUnauthenticated)
	d.Refused(t, "GET", d.at("/packs/"+first.packSum), nil, nil, cloudapi.ErrUnauthenticated)
	// A writing token is for its one operation and object.
	write, operation := d.transfer(t, d.editor, "write", one)
	d.put(t, write, fresh)
	var lease cloudapi.Checkout
	for _, object := range []string{one, two} {
		d.Must(t, "PUT", "/v1/objects/"+object+"/checkout", d.editor, nil, &lease, http.StatusOK)
	}
	d.Refused(t, "POST", d.at("/commits"), write, cloudapi.Commit{Operation: d.operation(), Manifest: fresh.manifestSum, Object: one, Base: 1, Fence: 1}, cloudapi.ErrForbidden)
	d.Refused(t, "POST", d.at("/commits"), write, cloudapi.Commit{Operation: operation, Manifest: fresh.manifestSum, Object: two, Base: 1, Fence: 1}, cloudapi.ErrForbidden)
	d.Refused(t, "POST", d.at("/commits"), write, cloudapi.Commit{Operation: operation, Manifest: fresh.manifestSum, Name: "new", Kind: "file"}, cloudapi.ErrForbidden)
	d.Refused(t, "POST", d.at("/commits"), write, cloudapi.Commit{Operation: operation, Manifest: fresh.manifestSum, Object: one, Name: "both"}, cloudapi.ErrInvalid)
	d.Refused(t, "GET", d.at("/packs/"+second.packSum), write, nil, cloudapi.ErrNotFound)
	// After its commit only the commit answers.
	commit := cloudapi.Commit{Operation: operation, Manifest: fresh.manifestSum, Object: one, Base: 1, Fence: 1}
	var done, again cloudapi.Committed
	d.Must(t, "POST", d.at("/commits"), write, commit, &done, http.StatusOK)
	d.Must(t, "POST", d.at("/commits"), write, commit, &again, http.StatusOK)
	if done.Version != 2 || again.Version != 2 {
		t.Errorf("versions %d and %d", done.Version, again.Version)
	}
	later := newContent(t, "x", []byte("later"))
	d.Refused(t, "PUT", d.at("/packs/"+later.packSum), write, later.pack, cloudapi.ErrForbidden)
	d.Refused(t, "PUT", d.at("/manifests/"+later.manifestSum), write, later.manifest, cloudapi.ErrForbidden)
	d.Refused(t, "POST", d.at("/chunks/missing"), write, ask, cloudapi.ErrForbidden)
	d.Refused(t, "GET", d.at("/packs/"+first.packSum), write, nil, cloudapi.ErrForbidden)
	// A role that went takes its tokens' use along, a sign-out the tokens.
	d.Must(t, "DELETE", d.at("/members/vic"), d.owner, nil, nil, http.StatusNoContent)
	fetch("/packs/"+first.packSum, cloudapi.ErrNotFound)
	d.Must(t, "PUT", d.at("/members/vic"), d.owner, cloudapi.SpaceRole{Role: "viewer"}, nil, http.StatusNoContent)
	fetch("/packs/"+first.packSum, "")
	d.Must(t, "POST", "/v1/logout", d.viewer, nil, nil, http.StatusNoContent)
	fetch("/packs/"+first.packSum, cloudapi.ErrUnauthenticated)
	// And they end.
	write, _ = d.transfer(t, d.editor, "write", two)
	d.Clock.Advance(15*time.Minute - time.Second)
	d.Must(t, "PUT", d.at("/packs/"+later.packSum), write, later.pack, nil, http.StatusNoContent)
	d.Clock.Advance(time.Second)
	d.Refused(t, "PUT", d.at("/manifests/"+later.manifestSum), write, later.manifest, cloudapi.ErrUnauthenticated)
	for _, bad := range []cloudapi.NewTransfer{
		{Mode: "admin", Operation: d.operation()}, {Mode: "read", Operation: d.operation()}, {Mode: "write"}, {Mode: "write", Operation: "short"},
		{Mode: "write", Operation: strings.Repeat("o", 65)}, {Mode: "write", Operation: "with blanks in the middle"},
	} {
		d.Refused(t, "POST", d.at("/transfer"), apitest.Bearer(d.Login(t, "eve").AccessToken), bad, cloudapi.ErrInvalid)
	}
}

func TestPackRanges(t *testing.T) {
	d := newDrive(t)
	object, c := d.create(t, "a.stl", "a")
	token, _ := d.transfer(t, d.viewer, "read", object)
	size := len(c.pack)
	for _, r := range []struct {
		header      string
		first, last int // last -1: refused
		status      int
	}{
		{"", 0, size - 1, 200}, {"bytes=0-0", 0, 0, 206}, {"bytes=3-9", 3, 9, 206}, {fmt.Sprintf("bytes=%d-", size-1), size - 1, size - 1, 206}, {"bytes=0-", 0, size - 1, 206},
		{fmt.Sprintf("bytes=%d-%d", size-1, size), 0, -1, 416}, {fmt.Sprintf("bytes=%d-", size), 0, -1, 416}, {"bytes=-5", 0, -1, 416}, {"bytes=0-1,3-4", 0, -1, 416},
		{"bytes=5-4", 0, -1, 416}, {"bytes=9223372036854775807-", 0, -1, 416}, {"bytes=0-9223372036854775807", 0, -1, 416}, {"bytes=99999999999999999999-", 0, -1, 416},
		{"lines=0-1", 0, -1, 416}, {"bytes=a-b", 0, -1, 416}, {"bytes=+1-2", 0, -1, 416},
	} {
		h := token.Clone()
		if r.header != "" {
			h.Set("Range", r.header)
		}
		got := d.Do(t, "GET", d.at("/packs/"+c.packSum), h, nil)
		if got.Status != r.status || r.last >= 0 && !bytes.Equal(got.Body, c.pack[r.first:r.last+1]) {
			t.Errorf("%q: status %d, %d bytes", r.header, got.Status, len(got.Body))
		}
	}
}

// TestUploadsTogether has many clients send the same and different packs at once.
func TestUploadsTogether(t *testing.T) {
	d := newDrive(t)
	var contents []content
	for i := range 4 {
		contents = append(contents, newContent(t, "a.stl", bytes.Repeat([]byte{byte(i), 1, 2}, 200_000)))
	}
	var wg sync.WaitGroup
	for w := range 8 {
		token, _ := d.transfer(t, d.editor, "write", "")
		wg.Go(func() {
			for i := range contents {
				c := contents[(i+w)%len(contents)]
				if a := d.Do(t, "PUT", d.at("/packs/"+c.packSum), token, c.pack); a.Status != http.StatusNoContent {
					t.Errorf("status %d: %s", a.Status, a.Body)
				}
			}
		})
	}
	wg.Wait()
}

// TestSlowAndBrokenUploads: a client that goes away in the middle leaves nothing behind.
func TestSlowAndBrokenUploads(t *testing.T) {
	d := newDrive(t)
	token, _ := d.transfer(t, d.editor, "write", "")
	c := newContent(t, "a.stl", bytes.Repeat([]byte("facet\n"), 100_000))
	for _, cut := range []int{0, 1, 8, 50, len(c.pack) / 2, len(c.pack) - 1} {
		r, w := io.Pipe()
		go func() { // ends when the request is cut
			_, _ = w.Write(c.pack[:cut])
			w.CloseWithError(io.ErrClosedPipe)
		}()
		req, err := http.NewRequestWithContext(t.Context(), "PUT", d.URL+d.at("/packs/"+c.packSum), r)
		if err != nil {
			t.Fatal(err)
		}
		req.Header = token.Clone()
		req.Header.Set("Content-Type", "application/octet-stream")
		if res, err := d.Plain.Do(req); err == nil {
			res.Body.Close()
			if res.StatusCode < 400 {
				t.Errorf("cut after %d bytes: status %d", cut, res.StatusCode)
			}
		}
	}
	d.put(t, token, c)
	deadline := time.Now().Add(5 * time.Second)
	for {
		left, err := os.ReadDir(filepath.Join(d.Data, "blobs", "unfinished"))
		if err != nil {
			t.Fatal(err)
		}
		if len(left) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d unfinished files are left", len(left))
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestDriveSyntax(t *testing.T) {
	d := newDrive(t)
	token, operation := d.transfer(t, d.editor, "write", "")
	for _, r := range []struct {
		path string
		body any
		want string
	}{
		{"/chunks/missing", cloudapi.Chunks{IDs: []string{"x"}}, cloudapi.ErrInvalid},
		{"/chunks/missing", cloudapi.Chunks{IDs: slices.Repeat([]string{strings.Repeat("0", 64)}, cloudapi.MaxAskMissing+1)}, cloudapi.ErrInvalid},
		{"/chunks/missing", cloudapi.Chunks{IDs: slices.Repeat([]string{strings.Repeat("0", 64)}, cloudapi.MaxAskMissing)}, ""},
		{"/chunks/missing", cloudapi.Chunks{}, ""},
		{"/chunks/locate", json.RawMessage(`{"ids":[1]}`), cloudapi.ErrInvalid},
		{"/chunks/locate", json.RawMessage(`{"ids":["` + strings.Repeat("0", cloudapi.MaxJSON) + `"]}`), cloudapi.ErrTooLarge},
		{"/commits", cloudapi.Commit{Operation: operation, Manifest: "x"}, cloudapi.ErrInvalid},
		{"/commits", cloudapi.Commit{Operation: operation, Manifest: strings.Repeat("0", 64), Object: "o", Base: -1}, cloudapi.ErrInvalid},
		{"/commits", json.RawMessage(`[`), cloudapi.ErrInvalid},
	} {
		if got := d.Do(t, "POST", d.at(r.path), token, r.body); got.Code() != r.want {
			t.Errorf("POST %s: status %d %s, want %q", r.path, got.Status, got.Body, r.want)
		}
	}
}
