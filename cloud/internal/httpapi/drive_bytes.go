package httpapi

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/blob"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/chunk"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

func (a *API) putPack(c *Call) error {
	return a.put(c, func(sum meta.Hash, body io.Reader) error {
		return a.c.Files.PutPack(c.Context(), c.Transfer.Space, sum, body)
	})
}

func (a *API) putManifest(c *Call) error {
	return a.put(c, func(sum meta.Hash, body io.Reader) error {
		return a.c.Files.PutManifest(c.Context(), c.Transfer.Space, sum, body)
	})
}

func (a *API) put(c *Call, store func(meta.Hash, io.Reader) error) error {
	sum, err := pathSum(c)
	if err != nil {
		return err
	}
	body := &noted{r: c.R.Body}
	if err := store(sum, body); err != nil {
		if body.err != nil {
			return c.bodyError(body.err)
		}
		return err
	}
	return c.None()
}

// noted remembers why a body could not be read: that is the client's or the line's doing, and
// what the store made of it is not worth an answer.
type noted struct {
	r   io.Reader
	err error
}

func (n *noted) Read(b []byte) (int, error) {
	k, err := n.r.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		n.err = err
	}
	return k, err
}

func (a *API) getPack(c *Call) error {
	sum, err := pathSum(c)
	if err != nil {
		return err
	}
	offset, length, partial, err := byteRange(c.R.Header.Get("Range"))
	if err != nil {
		return err
	}
	r, size, err := a.c.Files.Pack(c.Context(), c.Transfer.meta(), sum, offset, length)
	if err == nil && partial && offset == size {
		err = errors.Join(blob.ErrRange, r.Close()) // the store gives nothing from there; HTTP calls that no range
	}
	if errors.Is(err, blob.ErrRange) {
		c.W.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", size))
		return &refusal{http.StatusRequestedRangeNotSatisfiable, cloudapi.Error{Code: cloudapi.ErrInvalid,
			Message: "the range is not inside the pack", Params: map[string]string{"member": "Range"}}}
	}
	if err != nil {
		return err
	}
	if length < 0 {
		length = size - offset
	}
	c.W.Header().Set("Accept-Ranges", "bytes")
	status := http.StatusOK
	if partial {
		status = http.StatusPartialContent
		c.W.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", offset, offset+length-1, size))
	}
	return c.bytes(status, "application/octet-stream", r, length)
}

func (a *API) getManifest(c *Call) error {
	sum, err := pathSum(c)
	if err != nil {
		return err
	}
	r, size, err := a.c.Files.Manifest(c.Context(), c.Transfer.meta(), sum)
	if err != nil {
		return err
	}
	return c.bytes(http.StatusOK, "application/octet-stream", r, size)
}

// bytes streams an answer of known length and closes r.
func (c *Call) bytes(status int, kind string, r io.ReadCloser, length int64) error {
	defer r.Close()
	c.unhurried()
	ctl := http.NewResponseController(c.W)
	_ = ctl.SetWriteDeadline(deadline(transferTime))
	defer ctl.SetWriteDeadline(time.Time{}) // else it would end a later answer on the same connection
	c.W.Header().Set("Content-Type", kind)
	c.W.Header().Set("Content-Length", strconv.FormatInt(length, 10))
	c.W.WriteHeader(status)
	if n, err := io.Copy(c.W, r); err != nil || n != length {
		if c.R.Context().Err() != nil {
			return nil // the client went away
		}
		// The length was promised: cutting the connection is how HTTP says that it was not kept.
		c.api.c.Log.Error("answer was cut", "request", c.ID, "pattern", c.Pattern, "bytes", n, "of", length, "error", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}

// unhurried takes the body's deadline away once the body is read: when it passes while an answer
// is still on its way, net/http takes the client for gone and ends the request.
func (c *Call) unhurried() { _ = http.NewResponseController(c.W).SetReadDeadline(time.Time{}) }

func pathSum(c *Call) (meta.Hash, error) {
	id, err := chunk.ParseID(c.Path("sum"))
	if err != nil {
		return meta.Hash{}, Invalid("sum", "the path does not end in 64 lower-case hex digits")
	}
	return meta.Hash(id), nil
}

// byteRange reads "bytes=a-b" and "bytes=a-": what the agent asks. Several ranges and ranges from
// the end are refused, not served whole: a client that asks for them would take the
// answer for what it is not.
func byteRange(h string) (offset, length int64, partial bool, err error) {
	if h == "" {
		return 0, -1, false, nil
	}
	wrong := &refusal{http.StatusRequestedRangeNotSatisfiable, cloudapi.Error{Code: cloudapi.ErrInvalid,
		Message: "the range is not one of the form bytes=first-last", Params: map[string]string{"member": "Range"}}}
	spec, ok := strings.CutPrefix(h, "bytes=")
	first, last, dash := strings.Cut(spec, "-")
	if !ok || !dash {
		return 0, 0, false, wrong
	}
	a, aerr := strconv.ParseUint(first, 10, 62)
	if aerr != nil {
		return 0, 0, false, wrong
	}
	if last == "" {
		return int64(a), -1, true, nil
	}
	b, berr := strconv.ParseUint(last, 10, 62)
	if berr != nil || b < a {
		return 0, 0, false, wrong
	}
	return int64(a), int64(b-a) + 1, true, nil
}
