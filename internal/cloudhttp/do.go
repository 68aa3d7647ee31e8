package cloudhttp

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Request is one call. At most one of JSON and Body, and of Result and Into.
type Request struct {
	Method string
	Path   string     // from the base on: "/v1/…", already escaped
	Query  url.Values // may be nil
	Token  string     // bearer token, or empty
	Device string     // device token, or empty
	Header http.Header

	JSON any       // sent as the JSON body
	Body io.Reader // sent as it is, streaming; repeated only when it is an io.Seeker
	Size int64     // bytes of Body, when known

	Result any       // decoded from a JSON answer of at most Max bytes; 0 takes cloudapi.MaxJSON
	Into   io.Writer // takes the answer's bytes, at most Max
	Max    int64

	// Silence is how long the cloud may take for its answer to a call without content before it
	// counts as one that hangs; 0 takes the usual, which is for answers that are there at once.
	Silence time.Duration

	// Repeat allows the call to be sent again after a lost answer. GET, PUT and
	// DELETE always may; a POST may when it carries an idempotency key.
	Repeat bool
}

// Reply tells what came with a good answer.
type Reply struct {
	Status int
	Header http.Header
	Time   time.Time // the cloud's, whole seconds; zero when the answer bore none
	Bytes  int64     // written to Into
}

// Do sends the request, waits for the whole answer, and repeats what may be
// repeated after a lost connection, 429, 502, 503 and 504. Bytes that have
// reached Into end the repeats. The error carries an *api.Error; what the cloud
// itself refused is also a *Refusal.
func (c *Client) Do(ctx context.Context, r Request) (Reply, error) {
	if c.base == nil {
		return Reply{}, refuse(api.CloudNotSet, "no cloud address is configured")
	}
	var body []byte
	if r.JSON != nil {
		var err error
		if body, err = json.Marshal(r.JSON); err != nil {
			return Reply{}, fmt.Errorf("encode %s: %w", r.Path, err)
		}
		if len(body) > cloudapi.MaxJSON {
			return Reply{}, refuse(api.TooLarge, "%s: body of %d bytes", r.Path, len(body))
		}
	}
	for n := 0; ; n++ {
		reply, err := c.once(ctx, r, body)
		if ctx.Err() == nil { // a caller who left learned nothing about the cloud
			c.reachable.Store(!Away(err))
		}
		if errors.Is(err, errStalled) && r.Body == nil && r.Into == nil {
			return reply, err // a cloud that hangs is not asked again while somebody waits
		}
		if err == nil || n+1 == attempts || reply.Bytes > 0 || !repeatable(r) || ctx.Err() != nil {
			return reply, err
		}
		d, worth := pause(n, err)
		if !worth || c.wait(ctx, d) != nil {
			return reply, err
		}
		if s, ok := r.Body.(io.Seeker); ok {
			if _, serr := s.Seek(0, io.SeekStart); serr != nil {
				return reply, err
			}
		}
	}
}

func repeatable(r Request) bool {
	if r.Body != nil {
		if _, ok := r.Body.(io.Seeker); !ok {
			return false
		}
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete:
		return true
	}
	return r.Repeat
}

// once is one attempt.
func (c *Client) once(ctx context.Context, r Request, body []byte) (Reply, error) {
	limit := c.stall
	if r.Body == nil && r.Into == nil {
		limit = min(limit, cmp.Or(r.Silence, c.quiet))
	}
	moving, stop := watch(ctx, limit)
	defer stop()
	req, err := c.request(moving.ctx, r, body, moving)
	if err != nil {
		return Reply{}, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return Reply{}, lost(ctx, moving.ctx, err)
	}
	defer resp.Body.Close()
	resp.Body = moving.reader(resp.Body)
	reply := Reply{Status: resp.StatusCode, Header: resp.Header}
	if err := c.genuine(resp); err != nil {
		return reply, err
	}
	if t, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		reply.Time = t
		if c.onTime != nil {
			c.onTime(t)
		}
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return reply, refusal(resp)
	}
	reply.Bytes, err = take(resp, r)
	if moving.ctx.Err() != nil {
		// A server that sees us leave may end its answer in good order, cut short.
		err = context.Cause(moving.ctx)
	}
	if err != nil && api.CodeOf(err) == api.Internal {
		err = lost(ctx, moving.ctx, err)
	}
	return reply, err
}

// request builds one attempt's request.
func (c *Client) request(ctx context.Context, r Request, body []byte, m *motion) (*http.Request, error) {
	u := *c.base
	joined := u.EscapedPath() + r.Path
	if !strings.HasPrefix(r.Path, "/") {
		return nil, refuse(api.InvalidArgument, "path %q is not absolute", r.Path)
	}
	path, err := url.PathUnescape(joined)
	if err != nil {
		return nil, refuse(api.InvalidArgument, "path %q: %v", r.Path, err)
	}
	u.Path, u.RawPath, u.RawQuery = path, joined, r.Query.Encode()
	var content io.Reader
	switch {
	case body != nil:
		content = bytes.NewReader(body)
	case r.Body != nil:
		content = io.NopCloser(m.reader(io.NopCloser(r.Body))) // the caller closes its own
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, u.String(), content)
	if err != nil {
		return nil, refuse(api.InvalidArgument, "request: %v", err)
	}
	for k, v := range r.Header {
		req.Header[k] = v
	}
	req.Header.Set("User-Agent", c.agent)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	} else if r.Body != nil {
		req.ContentLength = -1
		if r.Size > 0 {
			req.ContentLength = r.Size
		}
		if req.Header.Get("Content-Type") == "" {
			req.Header.Set("Content-Type", "application/octet-stream")
		}
	}
	if r.Token != "" {
		req.Header.Set("Authorization", "Bearer "+r.Token)
	}
	if r.Device != "" {
		req.Header.Set(cloudapi.HeaderDevice, r.Device)
	}
	return req, nil
}

// take hands a good answer's body on.
func take(resp *http.Response, r Request) (int64, error) {
	switch {
	case r.Into != nil:
		n, err := io.Copy(r.Into, io.LimitReader(resp.Body, r.Max))
		if err != nil {
			return n, err
		}
		if more, _ := io.CopyN(io.Discard, resp.Body, 1); more > 0 {
			return n, refuse(api.TooLarge, "%s: answer of more than %d bytes", r.Path, r.Max)
		}
		return n, nil
	case r.Result != nil:
		limit := cmp.Or(r.Max, cloudapi.MaxJSON)
		b, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
		if err != nil {
			return 0, err
		}
		if int64(len(b)) > limit {
			return 0, refuse(api.CloudAnswer, "%s: JSON answer of more than %d bytes", r.Path, limit)
		}
		if err := json.Unmarshal(b, r.Result); err != nil {
			return 0, refuse(api.CloudAnswer, "%s: %v", r.Path, err)
		}
		return 0, nil
	}
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // lets the connection be used again
	return 0, nil
}
