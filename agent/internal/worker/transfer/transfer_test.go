package transfer_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/worker/transfer"
	"github.com/iscdesk/iscdesk/agent/internal/worker/transfer/transfertest"
	"github.com/iscdesk/iscdesk/internal/chunk"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/cloudhttp"
	"github.com/iscdesk/iscdesk/sdk/api"
)

func random(seed byte, n int) []byte {
	var key [32]byte
	key[0] = seed
	b := make([]byte, n)
	rand.NewChaCha8(key).Read(b)
	return b
}

func client(d transfer.Doer, token string, renew func(context.Context) (string, error)) *transfer.Client {
	return transfer.New(transfer.Config{Cloud: d, Space: "sp", Token: token, Renew: renew,
		Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }})
}

// send cuts b into an upload and returns the chunks.
func send(c *transfer.Client, b []byte) ([]chunk.Ref, error) {
	up := c.Upload(context.Background(), func(int64) {})
	var refs []chunk.Ref
	err := new(chunk.Cutter).Cut(bytes.NewReader(b), func(plain []byte) error {
		id := chunk.Sum(plain)
		refs = append(refs, chunk.Ref{ID: id, Size: int64(len(plain))})
		return up.Add(id, plain)
	})
	return refs, errors.Join(err, up.Close())
}

func receive(c *transfer.Client, refs []chunk.Ref) (map[chunk.ID][]byte, error) {
	var mu sync.Mutex
	got := make(map[chunk.ID][]byte)
	err := c.Chunks(context.Background(), refs, func(r chunk.Ref, plain []byte) error {
		mu.Lock()
		defer mu.Unlock()
		got[r.ID] = bytes.Clone(plain)
		return nil
	})
	return got, err
}

func TestThereAndBack(t *testing.T) {
	d := transfertest.NewDrive(t)
	c := client(d, "t", nil)
	want := random(1, 30<<20)
	refs, err := send(c, want)
	if err != nil {
		t.Fatal(err)
	}
	if sent := d.Take(); sent < int64(len(want)) || c.Sent() != sent {
		t.Fatalf("%d bytes arrived, %d were counted", sent, c.Sent())
	}
	if _, err := send(c, want); err != nil || d.Take() != 0 {
		t.Fatalf("known chunks were sent again (%v)", err)
	}
	got, err := receive(c, refs)
	if err != nil {
		t.Fatal(err)
	}
	var whole []byte
	for _, r := range refs {
		whole = append(whole, got[r.ID]...)
	}
	if !bytes.Equal(whole, want) {
		t.Fatal("other bytes came back")
	}
}

// Several requests that meet an expired token renew it once.
func TestExpiredTokenIsRenewedOnce(t *testing.T) {
	d := transfertest.NewDrive(t)
	d.Token = "new"
	var renewals atomic.Int32
	c := client(d, "old", func(context.Context) (string, error) { renewals.Add(1); return "new", nil })
	if _, err := send(c, random(2, 20<<20)); err != nil {
		t.Fatal(err)
	}
	if n := renewals.Load(); n != 1 {
		t.Fatalf("renewed %d times", n)
	}
	c = client(d, "old", func(context.Context) (string, error) { renewals.Add(1); return "useless", nil })
	if _, err := send(c, random(3, 1<<20)); api.CodeOf(err) != api.SessionExpired {
		t.Fatalf("a token that is refused after its renewal: %v", err)
	}
	c = client(d, "old", func(context.Context) (string, error) { return "", &api.Error{Code: api.NotFound} })
	if _, err := send(c, random(3, 1<<20)); api.CodeOf(err) != api.NotFound {
		t.Fatalf("a renewal that is refused: %v", err)
	}
}

func TestRepeats(t *testing.T) {
	for _, c := range []struct {
		name  string
		err   error
		times int32 // in a row
		want  api.Code
	}{
		{"unreachable twice", transfertest.Away(), 2, api.OK},
		{"unreachable for good", transfertest.Away(), 3, api.CloudUnreachable},
		{"busy once", &api.Error{Code: api.Busy}, 1, api.OK},
		{"refused", transfertest.Refuse(403, cloudapi.ErrForbidden, api.Forbidden), 1, api.Forbidden},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := transfertest.NewDrive(t)
			var fired atomic.Int32
			d.Fault = func(r cloudhttp.Request, done bool) error {
				if !done && strings.Contains(r.Path, "/packs/") && fired.Add(1) <= c.times {
					return c.err
				}
				return nil
			}
			_, err := send(client(d, "t", nil), random(4, 1<<20))
			if api.CodeOf(err) != c.want || fired.Load() < c.times {
				t.Fatalf("%v after %d faults", err, fired.Load())
			}
		})
	}
}

func TestCancelledUploadEnds(t *testing.T) {
	d := transfertest.NewDrive(t)
	ctx, cancel := context.WithCancel(context.Background())
	d.Fault = func(r cloudhttp.Request, _ bool) error {
		if r.Method == http.MethodPut {
			cancel()
		}
		return nil
	}
	up := client(d, "t", nil).Upload(ctx, func(int64) {})
	var err error
	for n := 0; err == nil && n < 1000; n++ {
		b := random(byte(n), chunk.MaxSize)
		b[0], b[1] = byte(n), byte(n>>8)
		err = up.Add(chunk.Sum(b), b)
	}
	if err == nil {
		t.Fatal("an upload without an end took 2 GB")
	}
	if up.Close() == nil {
		t.Fatal("a cancelled upload succeeded")
	}
}

// bending is a drive whose answer to locate is bent.
type bending struct {
	*transfertest.Drive
	bend func(l *cloudapi.Locations)
}

func (b *bending) Do(ctx context.Context, r cloudhttp.Request) (cloudhttp.Reply, error) {
	reply, err := b.Drive.Do(ctx, r)
	if l, ok := r.Result.(*cloudapi.Locations); ok && err == nil {
		b.bend(l)
	}
	return reply, err
}

func TestImpossibleLocations(t *testing.T) {
	d := transfertest.NewDrive(t)
	refs, err := send(client(d, "t", nil), random(5, 5<<20))
	if err != nil {
		t.Fatal(err)
	}
	for name, bend := range map[string]func(l *cloudapi.Locations){
		"one is left out":     func(l *cloudapi.Locations) { l.Locations = l.Locations[1:] },
		"none":                func(l *cloudapi.Locations) { l.Locations = nil },
		"one twice":           func(l *cloudapi.Locations) { l.Locations = append(l.Locations, l.Locations[0]) },
		"one not asked for":   func(l *cloudapi.Locations) { l.Locations[0].ID = strings.Repeat("ab", 32) },
		"negative offset":     func(l *cloudapi.Locations) { l.Locations[0].Offset = -1 },
		"offset past a pack":  func(l *cloudapi.Locations) { l.Locations[0].Offset = cloudapi.MaxPack },
		"offset overflows":    func(l *cloudapi.Locations) { l.Locations[0].Offset = 1<<63 - 1 },
		"no stored bytes":     func(l *cloudapi.Locations) { l.Locations[0].Stored = 0 },
		"more stored than is": func(l *cloudapi.Locations) { l.Locations[0].Stored = l.Locations[0].Size + 1 },
		"another length":      func(l *cloudapi.Locations) { l.Locations[0].Size++ },
		"a pack of no name":   func(l *cloudapi.Locations) { l.Locations[0].Pack = "../../etc/passwd" },
		"at its neighbour":    func(l *cloudapi.Locations) { l.Locations[0].Offset = l.Locations[1].Offset },
	} {
		t.Run(name, func(t *testing.T) {
			_, err := receive(client(&bending{d, bend}, "t", nil), refs)
			if api.CodeOf(err) != api.ContentDamaged {
				t.Fatalf("%v", err)
			}
		})
	}
}

func TestForeignManifest(t *testing.T) {
	d := transfertest.NewDrive(t)
	c := client(d, "t", nil)
	for _, id := range []string{"", "xyz", strings.Repeat("AB", 32)} {
		if _, err := c.Manifest(context.Background(), id); api.CodeOf(err) != api.CloudAnswer {
			t.Errorf("%q: %v", id, err)
		}
	}
	if _, err := c.Manifest(context.Background(), strings.Repeat("ab", 32)); api.CodeOf(err) != api.NotFound {
		t.Errorf("unknown: %v", err)
	}
}
