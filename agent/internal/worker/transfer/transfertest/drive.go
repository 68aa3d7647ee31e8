package transfertest

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync"
	"testing"

	"github.com/iscdesk/iscdesk/internal/chunk"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/cloudapitest"
	"github.com/iscdesk/iscdesk/internal/cloudhttp"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Object is an object of a Drive.
type Object struct {
	Name, Kind string
	Versions   []string // manifests, oldest first
	Fence      int64
}

// Drive is one space in memory, behind HTTPS as the cloud is, each call held against
// cloud/openapi.yaml. It answers as the cloud does and trusts nothing: packs and
// manifests are verified, a commit needs all its chunks. It is a transfer.Doer.
type Drive struct {
	// Fault, when set, is asked before each call (done false) and after it was
	// carried out (done true): what it returns becomes the call's error.
	Fault func(r cloudhttp.Request, done bool) error
	// Token, when set, is the only one that is taken.
	Token string

	http *cloudhttp.Client

	mu        sync.Mutex // guards what follows
	packs     map[string][]byte
	where     map[string]cloudapi.Location
	manifests map[string][]byte
	Objects   map[string]*Object
	commits   map[string]cloudapi.Committed
	Put       int64    // bytes of packs that were taken
	Calls     []string // method and path of every call
}

// NewDrive makes an empty one; it ends with the test.
func NewDrive(t testing.TB) *Drive {
	t.Helper()
	d := &Drive{
		packs: make(map[string][]byte), where: make(map[string]cloudapi.Location), manifests: make(map[string][]byte),
		Objects: make(map[string]*Object), commits: make(map[string]cloudapi.Committed),
	}
	s := httptest.NewTLSServer(cloudapitest.For(t).Fake(d))
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	var err error
	if d.http, err = cloudhttp.New(cloudhttp.Config{Base: s.URL, CAPEM: ca, Proxy: cloudhttp.ProxyDirect, Build: "test"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.http.Close(); s.Close() })
	return d
}

// Do makes a call. Planted faults are the line's, not the cloud's: they are never sent.
func (d *Drive) Do(ctx context.Context, r cloudhttp.Request) (cloudhttp.Reply, error) {
	if err := ctx.Err(); err != nil {
		return cloudhttp.Reply{}, err
	}
	if d.Fault != nil {
		if err := d.Fault(r, false); err != nil {
			return cloudhttp.Reply{}, err
		}
	}
	reply, err := d.http.Do(ctx, r)
	if err == nil && d.Fault != nil {
		err = d.Fault(r, true)
	}
	return reply, err
}

// ServeHTTP is the cloud's side.
func (d *Drive) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set(cloudapi.HeaderAPI, "1")
	w.Header().Set("Iscdesk-Request", "fake")
	d.mu.Lock()
	defer d.mu.Unlock()
	d.Calls = append(d.Calls, r.Method+" "+r.URL.Path)
	if d.Token != "" && r.Header.Get("Authorization") != "Bearer "+d.Token {
		refuse(w, http.StatusUnauthorized, cloudapi.ErrUnauthenticated)
		return
	}
	_, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v1/spaces/"), "/")
	switch kind, id := path.Dir(rest), path.Base(rest); {
	case rest == "chunks/missing":
		d.missing(w, r)
	case rest == "chunks/locate":
		d.locate(w, r)
	case rest == "commits":
		d.commit(w, r)
	case kind == "packs" && r.Method == http.MethodPut:
		d.putPack(w, r, id)
	case kind == "manifests" && r.Method == http.MethodPut:
		d.putManifest(w, r, id)
	case kind == "packs":
		d.get(w, r, d.packs[id])
	case kind == "manifests":
		d.get(w, r, d.manifests[id])
	default:
		refuse(w, http.StatusNotFound, cloudapi.ErrNotFound)
	}
}

// Refuse makes the error of a refusal of the cloud.
func Refuse(status int, code string, local api.Code) error {
	return &cloudhttp.Refusal{Status: status, Cloud: cloudapi.Error{Code: code}, API: &api.Error{Code: local, Detail: code}}
}

// Away is the error of a cloud that cannot be reached.
func Away() error { return &api.Error{Code: api.CloudUnreachable, Detail: "planted"} }

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // a caller that has gone needs no answer
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	answer(w, cloudapi.ErrorBody{Error: cloudapi.Error{Code: code, Message: "refused by the fake"}})
}

// asked decodes a JSON body, or refuses it.
func asked(w http.ResponseWriter, r *http.Request, into any) bool {
	if json.NewDecoder(r.Body).Decode(into) != nil {
		refuse(w, http.StatusBadRequest, cloudapi.ErrInvalid)
		return false
	}
	return true
}

func (d *Drive) missing(w http.ResponseWriter, r *http.Request) {
	var ask, out cloudapi.Chunks
	if !asked(w, r, &ask) {
		return
	}
	for _, id := range ask.IDs {
		if _, ok := d.where[id]; !ok {
			out.IDs = append(out.IDs, id)
		}
	}
	answer(w, out)
}

func (d *Drive) locate(w http.ResponseWriter, r *http.Request) {
	var ask cloudapi.Chunks
	if !asked(w, r, &ask) {
		return
	}
	out := cloudapi.Locations{Locations: []cloudapi.Location{}}
	for _, id := range ask.IDs {
		if l, ok := d.where[id]; ok {
			out.Locations = append(out.Locations, l)
		}
	}
	answer(w, out)
}

func (d *Drive) putManifest(w http.ResponseWriter, r *http.Request, id string) {
	b, err := io.ReadAll(r.Body)
	if err == nil {
		_, err = chunk.DecodeManifest(b)
	}
	if err != nil || chunk.Sum(b).String() != id {
		refuse(w, http.StatusUnprocessableEntity, cloudapi.ErrContentDamaged)
		return
	}
	d.manifests[id] = b
	w.WriteHeader(http.StatusNoContent)
}

func (d *Drive) putPack(w http.ResponseWriter, r *http.Request, id string) {
	var locations []cloudapi.Location
	b, err := io.ReadAll(r.Body)
	if err == nil {
		err = chunk.ReadPack(bytes.NewReader(b), chunk.MaxPack, func(c chunk.PackedChunk, _ []byte) error {
			locations = append(locations, cloudapi.Location{ID: c.ID.String(), Pack: id, Offset: c.Offset, Stored: c.Stored, Size: c.Size})
			return nil
		})
	}
	if err != nil || chunk.Sum(b).String() != id {
		refuse(w, http.StatusUnprocessableEntity, cloudapi.ErrContentDamaged)
		return
	}
	d.packs[id] = b
	d.Put += int64(len(b))
	for _, l := range locations {
		if _, ok := d.where[l.ID]; !ok {
			d.where[l.ID] = l
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

func (d *Drive) get(w http.ResponseWriter, r *http.Request, b []byte) {
	if b == nil {
		refuse(w, http.StatusNotFound, cloudapi.ErrNotFound)
		return
	}
	status := http.StatusOK
	if h := r.Header.Get("Range"); h != "" {
		var from, to int
		if _, err := fmt.Sscanf(h, "bytes=%d-%d", &from, &to); err != nil || from < 0 || from > to || to >= len(b) {
			refuse(w, http.StatusRequestedRangeNotSatisfiable, cloudapi.ErrInvalid)
			return
		}
		b, status = b[from:to+1], http.StatusPartialContent
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.WriteHeader(status)
	_, _ = w.Write(b) // a caller that has gone needs no answer
}

func (d *Drive) commit(w http.ResponseWriter, r *http.Request) {
	var c cloudapi.Commit
	if !asked(w, r, &c) {
		return
	}
	if first, ok := d.commits[c.Operation]; ok {
		answer(w, first)
		return
	}
	m, err := chunk.DecodeManifest(d.manifests[c.Manifest])
	if err != nil {
		refuse(w, http.StatusConflict, cloudapi.ErrChunksMissing)
		return
	}
	for _, ref := range m.Refs() {
		if _, ok := d.where[ref.ID.String()]; !ok {
			refuse(w, http.StatusConflict, cloudapi.ErrChunksMissing)
			return
		}
	}
	o, id := d.Objects[c.Object], c.Object
	done := cloudapi.Committed{}
	switch {
	case c.Object == "":
		for _, other := range d.Objects {
			if other.Name == c.Name {
				refuse(w, http.StatusConflict, cloudapi.ErrNameExists)
				return
			}
		}
		id = fmt.Sprintf("obj-%d", len(d.Objects)+1)
		o = &Object{Name: c.Name, Kind: c.Kind, Fence: 1}
		d.Objects[id] = o
		done.Checkout = &cloudapi.Checkout{Fence: o.Fence}
	case o == nil:
		refuse(w, http.StatusNotFound, cloudapi.ErrNotFound)
		return
	case c.Fence != o.Fence:
		refuse(w, http.StatusConflict, cloudapi.ErrCheckoutLost)
		return
	case c.Base != int64(len(o.Versions)):
		refuse(w, http.StatusConflict, cloudapi.ErrConflict)
		return
	}
	o.Versions = append(o.Versions, c.Manifest)
	done.Object, done.Version = id, int64(len(o.Versions))
	d.commits[c.Operation] = done
	answer(w, done)
}

// Content puts the files of a version together, by path.
func (d *Drive) Content(manifest string) (map[string][]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	m, err := chunk.DecodeManifest(d.manifests[manifest])
	if err != nil {
		return nil, err
	}
	out := make(map[string][]byte)
	for _, f := range m.Files {
		content := []byte{}
		for _, ref := range f.Chunks {
			l := d.where[ref.ID.String()]
			if l.Pack == "" {
				return nil, fmt.Errorf("chunk %s is not stored", ref.ID)
			}
			plain, err := chunk.UnpackInto(nil, d.packs[l.Pack][l.Offset:l.Offset+l.Stored], ref.Size, ref.ID)
			if err != nil {
				return nil, err
			}
			content = append(content, plain...)
		}
		out[f.Path] = content
	}
	return out, nil
}

// Take returns the bytes of packs taken since the last call.
func (d *Drive) Take() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.Put
	d.Put = 0
	return n
}

// Version describes an object's version for a fetch; number 0 is the newest.
func (d *Drive) Version(object string, number int64) cloudapi.Version {
	d.mu.Lock()
	defer d.mu.Unlock()
	o := d.Objects[object]
	if number == 0 {
		number = int64(len(o.Versions))
	}
	return cloudapi.Version{Number: number, Manifest: o.Versions[number-1]}
}
