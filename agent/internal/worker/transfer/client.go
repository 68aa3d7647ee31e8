package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/iscdesk/iscdesk/internal/chunk"
	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/cloudhttp"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Doer sends one request; *cloudhttp.Client is one.
type Doer interface {
	Do(ctx context.Context, r cloudhttp.Request) (cloudhttp.Reply, error)
}

// Config of a Client. Wait may be nil, then a timer waits; Clock may be nil, then it
// is the machine's.
type Config struct {
	Cloud Doer
	Space string
	Token string                                           // transfer token
	Renew func(ctx context.Context) (string, error)        // a fresh token for the same operation
	Wait  func(ctx context.Context, d time.Duration) error // between repeats
	Clock clock.Clock                                      // times the packs
}

// Client makes the drive calls of one operation in one space. Its methods may be
// used from any goroutine.
type Client struct {
	cfg  Config
	sent atomic.Int64 // bytes of packs and manifests that the cloud took
	line line

	mu    sync.Mutex // guards token; held over a renewal, so that several 401 renew once
	token string
}

// New makes a client. It sends nothing yet.
func New(cfg Config) *Client {
	if cfg.Wait == nil {
		cfg.Wait = clock.Wait
	}
	if cfg.Clock == nil {
		cfg.Clock = clock.System{}
	}
	return &Client{cfg: cfg, token: cfg.Token}
}

// Sent is the number of content bytes that crossed the network and were taken.
func (c *Client) Sent() int64 { return c.sent.Load() }

// rounds of one call. Each round holds the quick repeats of cloudhttp already;
// these outlast a cloud that restarts, not one that is away.
const (
	rounds     = 3
	firstPause = time.Second
)

// call sends r with the token, renews it once when it has expired, and repeats
// while the cloud cannot be reached or is busy. again is called before each
// further attempt to rewind what r writes to or reads from; it may be nil.
func (c *Client) call(ctx context.Context, r cloudhttp.Request, again func()) error {
	r.Path = "/v1/spaces/" + url.PathEscape(c.cfg.Space) + r.Path
	r.Repeat = true // every call of this package is idempotent
	renewed := false
	for n := 0; ; n++ {
		r.Token = c.bearer()
		_, err := c.cfg.Cloud.Do(ctx, r)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%s %s: %w", r.Method, r.Path, context.Cause(ctx))
		}
		switch code := api.CodeOf(err); {
		case code == api.SessionExpired && !renewed && c.cfg.Renew != nil:
			renewed = true
			n-- // an expired token says nothing about the line
			if err := c.renew(ctx, r.Token); err != nil {
				return err
			}
		case code != api.CloudUnreachable && code != api.CloudAnswer && code != api.Busy, n+1 == rounds:
			return fmt.Errorf("%s %s: %w", r.Method, r.Path, err)
		default:
			if err := c.cfg.Wait(ctx, firstPause<<n); err != nil {
				return fmt.Errorf("%s %s: %w", r.Method, r.Path, context.Cause(ctx))
			}
		}
		if again != nil {
			again()
		}
	}
}

func (c *Client) bearer() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.token
}

// renew replaces the token that was refused, unless another call already has.
func (c *Client) renew(ctx context.Context, refused string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token != refused {
		return nil
	}
	token, err := c.cfg.Renew(ctx)
	if err != nil {
		return fmt.Errorf("renew transfer token: %w", err)
	}
	c.token = token
	return nil
}

// Missing returns those of ids that the space does not hold, in the order asked.
func (c *Client) Missing(ctx context.Context, ids []chunk.ID) ([]chunk.ID, error) {
	var missing []chunk.ID
	for len(ids) > 0 {
		part := ids[:min(len(ids), cloudapi.MaxAskMissing)]
		ids = ids[len(part):]
		ask := cloudapi.Chunks{IDs: make([]string, len(part))}
		for i, id := range part {
			ask.IDs[i] = id.String()
		}
		var answer cloudapi.Chunks
		r := cloudhttp.Request{Method: http.MethodPost, Path: "/chunks/missing", JSON: ask, Result: &answer}
		if err := c.call(ctx, r, func() { answer = cloudapi.Chunks{} }); err != nil {
			return nil, err
		}
		lacks := make(map[string]bool, len(answer.IDs))
		for _, id := range answer.IDs {
			lacks[id] = true
		}
		for i, id := range part {
			if lacks[ask.IDs[i]] {
				missing = append(missing, id)
			}
		}
	}
	return missing, nil
}

// PutPack sends one whole pack, and times it.
func (c *Client) PutPack(ctx context.Context, id chunk.ID, pack []byte) error {
	begun := c.cfg.Clock.Now()
	if err := c.put(ctx, "/packs/"+id.String(), pack); err != nil {
		return err
	}
	c.line.crossed(len(pack), c.cfg.Clock.Now().Sub(begun))
	return nil
}

// PutManifest sends a version's manifest.
func (c *Client) PutManifest(ctx context.Context, id chunk.ID, manifest []byte) error {
	return c.put(ctx, "/manifests/"+id.String(), manifest)
}

func (c *Client) put(ctx context.Context, path string, b []byte) error {
	body := bytes.NewReader(b)
	r := cloudhttp.Request{Method: http.MethodPut, Path: path, Body: body, Size: int64(len(b))}
	if err := c.call(ctx, r, func() { body.Reset(b) }); err != nil {
		return err
	}
	c.sent.Add(int64(len(b)))
	return nil
}

// Commit makes the version appear. The same m.Operation always gets the first
// answer again, so a lost answer is asked for by the same call.
func (c *Client) Commit(ctx context.Context, m cloudapi.Commit) (cloudapi.Committed, error) {
	var done cloudapi.Committed
	r := cloudhttp.Request{Method: http.MethodPost, Path: "/commits", JSON: m, Result: &done}
	if err := c.call(ctx, r, func() { done = cloudapi.Committed{} }); err != nil {
		return cloudapi.Committed{}, err
	}
	if done.Object == "" || done.Version < 1 {
		return cloudapi.Committed{}, &api.Error{Code: api.CloudAnswer, Detail: "the cloud's answer to a commit names no version"}
	}
	return done, nil
}

// Manifest reads and verifies a version's manifest. id is the hex name that the
// version bears.
func (c *Client) Manifest(ctx context.Context, id string) (chunk.Manifest, error) {
	want, err := chunk.ParseID(id)
	if err != nil {
		return chunk.Manifest{}, &api.Error{Code: api.CloudAnswer, Detail: "the cloud names a manifest by no checksum: " + err.Error()}
	}
	var b bytes.Buffer
	r := cloudhttp.Request{Method: http.MethodGet, Path: "/manifests/" + id, Into: &b, Max: chunk.MaxManifest}
	if err := c.call(ctx, r, b.Reset); err != nil {
		return chunk.Manifest{}, err
	}
	if chunk.Sum(b.Bytes()) != want {
		return chunk.Manifest{}, damaged("manifest %s: %d bytes that do not have its checksum", id, b.Len())
	}
	m, err := chunk.DecodeManifest(b.Bytes())
	if errors.Is(err, chunk.ErrName) { // made by another program: no cloud of ours takes it
		return chunk.Manifest{}, &api.Error{Code: api.NameInvalid, Detail: fmt.Sprintf("manifest %s: %v", id, err)}
	}
	if err != nil {
		return chunk.Manifest{}, damaged("manifest %s: %v", id, err)
	}
	return m, nil
}

func damaged(format string, args ...any) error {
	return &api.Error{Code: api.ContentDamaged, Detail: fmt.Sprintf(format, args...)}
}

// byteRange is the Range header of size bytes from an offset.
func byteRange(from, size int64) string { return fmt.Sprintf("bytes=%d-%d", from, from+size-1) }
