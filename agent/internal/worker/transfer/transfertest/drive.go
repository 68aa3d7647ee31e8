package transfertest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
	"sync"

	"github.com/iscdesk/iscdesk/internal/chunk"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/cloudhttp"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Object is an object of a Drive.
type Object struct {
	Name, Kind string
	Versions   []string // manifests, oldest first
	Fence      int64
}

// Drive is one space in memory. It answers as the cloud does and trusts nothing:
// packs and manifests are verified, a commit needs all its chunks. It is a
// transfer.Doer.
type Drive struct {
	// Fault, when set, is asked before each call (done false) and after it was
	// carried out (done true): what it returns becomes the call's error.
	Fault func(r cloudhttp.Request, done bool) error
	// Token, when set, is the only one that is taken.
	Token string

	mu        sync.Mutex // guards what follows
	packs     map[string][]byte
	where     map[string]cloudapi.Location
	manifests map[string][]byte
	Objects   map[string]*Object
	commits   map[string]cloudapi.Committed
	Put       int64    // bytes of packs that were taken
	Calls     []string // method and path of every call
}

// NewDrive makes an empty one.
func NewDrive() *Drive {
	return &Drive{
		packs: make(map[string][]byte), where: make(map[string]cloudapi.Location), manifests: make(map[string][]byte),
		Objects: make(map[string]*Object), commits: make(map[string]cloudapi.Committed),
	}
}

// Do answers a call.
func (d *Drive) Do(ctx context.Context, r cloudhttp.Request) (cloudhttp.Reply, error) {
	if err := ctx.Err(); err != nil {
		return cloudhttp.Reply{}, err
	}
	if d.Fault != nil {
		if err := d.Fault(r, false); err != nil {
			return cloudhttp.Reply{}, err
		}
	}
	reply, err := d.answer(r)
	if err == nil && d.Fault != nil {
		err = d.Fault(r, true)
	}
	return reply, err
}

func (d *Drive) answer(r cloudhttp.Request) (cloudhttp.Reply, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.Calls = append(d.Calls, r.Method+" "+r.Path)
	if d.Token != "" && r.Token != d.Token {
		return cloudhttp.Reply{}, Refuse(http.StatusUnauthorized, cloudapi.ErrUnauthenticated, api.SessionExpired)
	}
	_, rest, ok := strings.Cut(strings.TrimPrefix(r.Path, "/v1/spaces/"), "/")
	if !ok {
		return cloudhttp.Reply{}, Refuse(http.StatusNotFound, cloudapi.ErrNotFound, api.NotFound)
	}
	switch kind, id := path.Dir(rest), path.Base(rest); {
	case rest == "chunks/missing":
		return d.missing(r)
	case rest == "chunks/locate":
		return d.locate(r)
	case rest == "commits":
		return d.commit(r)
	case kind == "packs" && r.Method == http.MethodPut:
		return d.putPack(r, id)
	case kind == "manifests" && r.Method == http.MethodPut:
		b, err := io.ReadAll(r.Body)
		if err != nil || chunk.Sum(b).String() != id {
			return cloudhttp.Reply{}, Refuse(http.StatusUnprocessableEntity, cloudapi.ErrContentDamaged, api.ContentDamaged)
		}
		if _, err := chunk.DecodeManifest(b); err != nil {
			return cloudhttp.Reply{}, Refuse(http.StatusUnprocessableEntity, cloudapi.ErrContentDamaged, api.ContentDamaged)
		}
		d.manifests[id] = b
		return cloudhttp.Reply{Status: http.StatusNoContent}, nil
	case kind == "packs":
		return d.get(r, d.packs[id])
	case kind == "manifests":
		return d.get(r, d.manifests[id])
	}
	return cloudhttp.Reply{}, Refuse(http.StatusNotFound, cloudapi.ErrNotFound, api.NotFound)
}

// Refuse makes the error of a refusal of the cloud.
func Refuse(status int, code string, local api.Code) error {
	return &cloudhttp.Refusal{Status: status, Cloud: cloudapi.Error{Code: code}, API: &api.Error{Code: local, Detail: code}}
}

// Away is the error of a cloud that cannot be reached.
func Away() error { return &api.Error{Code: api.CloudUnreachable, Detail: "planted"} }

func decode(r cloudhttp.Request, into any) error {
	b, err := json.Marshal(r.JSON)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, into)
}

func result(r cloudhttp.Request, v any) (cloudhttp.Reply, error) {
	b, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(b, r.Result)
	}
	return cloudhttp.Reply{Status: http.StatusOK}, err
}

func (d *Drive) missing(r cloudhttp.Request) (cloudhttp.Reply, error) {
	var ask, out cloudapi.Chunks
	if err := decode(r, &ask); err != nil {
		return cloudhttp.Reply{}, err
	}
	for _, id := range ask.IDs {
		if _, ok := d.where[id]; !ok {
			out.IDs = append(out.IDs, id)
		}
	}
	return result(r, out)
}

func (d *Drive) locate(r cloudhttp.Request) (cloudhttp.Reply, error) {
	var ask cloudapi.Chunks
	var out cloudapi.Locations
	if err := decode(r, &ask); err != nil {
		return cloudhttp.Reply{}, err
	}
	for _, id := range ask.IDs {
		if l, ok := d.where[id]; ok {
			out.Locations = append(out.Locations, l)
		}
	}
	return result(r, out)
}

func (d *Drive) putPack(r cloudhttp.Request, id string) (cloudhttp.Reply, error) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return cloudhttp.Reply{}, err
	}
	var locations []cloudapi.Location
	err = chunk.ReadPack(bytes.NewReader(b), chunk.MaxPack, func(c chunk.PackedChunk, _ []byte) error {
		locations = append(locations, cloudapi.Location{ID: c.ID.String(), Pack: id, Offset: c.Offset, Stored: c.Stored, Size: c.Size})
		return nil
	})
	if err != nil || chunk.Sum(b).String() != id {
		return cloudhttp.Reply{}, Refuse(http.StatusUnprocessableEntity, cloudapi.ErrContentDamaged, api.ContentDamaged)
	}
	d.packs[id] = b
	d.Put += int64(len(b))
	for _, l := range locations {
		if _, ok := d.where[l.ID]; !ok {
			d.where[l.ID] = l
		}
	}
	return cloudhttp.Reply{Status: http.StatusNoContent}, nil
}

func (d *Drive) get(r cloudhttp.Request, b []byte) (cloudhttp.Reply, error) {
	if b == nil {
		return cloudhttp.Reply{}, Refuse(http.StatusNotFound, cloudapi.ErrNotFound, api.NotFound)
	}
	if h := r.Header.Get("Range"); h != "" {
		var from, to int
		if _, err := fmt.Sscanf(h, "bytes=%d-%d", &from, &to); err != nil || from > to || to >= len(b) {
			return cloudhttp.Reply{}, Refuse(http.StatusRequestedRangeNotSatisfiable, cloudapi.ErrInvalid, api.InvalidArgument)
		}
		b = b[from : to+1]
	}
	n, err := r.Into.Write(b)
	return cloudhttp.Reply{Status: http.StatusOK, Bytes: int64(n)}, err
}

func (d *Drive) commit(r cloudhttp.Request) (cloudhttp.Reply, error) {
	var c cloudapi.Commit
	if err := decode(r, &c); err != nil {
		return cloudhttp.Reply{}, err
	}
	if first, ok := d.commits[c.Operation]; ok {
		return result(r, first)
	}
	m, err := chunk.DecodeManifest(d.manifests[c.Manifest])
	if err != nil {
		return cloudhttp.Reply{}, Refuse(http.StatusConflict, cloudapi.ErrChunksMissing, api.ContentDamaged)
	}
	for _, ref := range m.Refs() {
		if _, ok := d.where[ref.ID.String()]; !ok {
			return cloudhttp.Reply{}, Refuse(http.StatusConflict, cloudapi.ErrChunksMissing, api.ContentDamaged)
		}
	}
	o, id := d.Objects[c.Object], c.Object
	done := cloudapi.Committed{}
	switch {
	case c.Object == "":
		for _, other := range d.Objects {
			if other.Name == c.Name {
				return cloudhttp.Reply{}, Refuse(http.StatusConflict, cloudapi.ErrNameExists, api.NameExists)
			}
		}
		id = fmt.Sprintf("obj-%d", len(d.Objects)+1)
		o = &Object{Name: c.Name, Kind: c.Kind, Fence: 1}
		d.Objects[id] = o
		done.Checkout = &cloudapi.Checkout{Fence: o.Fence}
	case o == nil:
		return cloudhttp.Reply{}, Refuse(http.StatusNotFound, cloudapi.ErrNotFound, api.NotFound)
	case c.Fence != o.Fence:
		return cloudhttp.Reply{}, Refuse(http.StatusConflict, cloudapi.ErrCheckoutLost, api.CheckoutLost)
	case c.Base != int64(len(o.Versions)):
		return cloudhttp.Reply{}, Refuse(http.StatusConflict, cloudapi.ErrConflict, api.Conflict)
	}
	o.Versions = append(o.Versions, c.Manifest)
	done.Object, done.Version = id, int64(len(o.Versions))
	d.commits[c.Operation] = done
	return result(r, done)
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
			plain, err := chunk.Unpack(d.packs[l.Pack][l.Offset:l.Offset+l.Stored], ref.Size, ref.ID)
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
