package transfer

import (
	"bytes"
	"cmp"
	"context"
	"net/http"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/iscdesk/iscdesk/internal/chunk"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/cloudhttp"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Sizes of the download.
const (
	spanBytes = packBytes + 3<<20 // one ranged read asks for at most as much: a pack of ours, whole
	spanGap   = 128 << 10         // unwanted bytes between two chunks that are cheaper to read than to skip
	readers   = 2
)

// span is one ranged read of a pack and the chunks in it, by offset.
type span struct {
	pack   string
	from   int64
	size   int64
	chunks []cloudapi.Location
}

// Chunks reads the chunks refs, each named once, and hands every one to each,
// verified against its id and length. each runs on several goroutines at once, in
// no certain order; plain is valid until it returns. The first error ends it all.
func (c *Client) Chunks(ctx context.Context, refs []chunk.Ref, each func(r chunk.Ref, plain []byte) error) error {
	work, ctx := errgroup.WithContext(ctx)
	spans := make(chan span)
	work.Go(func() error {
		defer close(spans)
		for len(refs) > 0 {
			part := refs[:min(len(refs), cloudapi.MaxAskMissing)]
			refs = refs[len(part):]
			where, err := c.locate(ctx, part)
			if err != nil {
				return err
			}
			for _, s := range coalesce(where) {
				select {
				case spans <- s:
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			}
		}
		return nil
	})
	for range readers {
		work.Go(func() error {
			var buf bytes.Buffer
			plain := make([]byte, 0, chunk.MaxSize)
			for s := range spans {
				if err := c.read(ctx, s, &buf, plain, each); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return work.Wait()
}

// locate asks where chunks lie and believes nothing that cannot be: every one
// asked for, once, with the plain length that the manifest names.
func (c *Client) locate(ctx context.Context, refs []chunk.Ref) ([]cloudapi.Location, error) {
	ask := cloudapi.Chunks{IDs: make([]string, len(refs))}
	want := make(map[string]int64, len(refs))
	for i, r := range refs {
		ask.IDs[i] = r.ID.String()
		want[ask.IDs[i]] = r.Size
	}
	var answer cloudapi.Locations
	r := cloudhttp.Request{Method: http.MethodPost, Path: "/chunks/locate", JSON: ask, Result: &answer}
	if err := c.call(ctx, r, func() { answer = cloudapi.Locations{} }); err != nil {
		return nil, err
	}
	for _, l := range answer.Locations {
		size, ok := want[l.ID]
		if !ok {
			return nil, damaged("the cloud located chunk %.64q, which was not asked for", l.ID)
		}
		delete(want, l.ID)
		if _, err := chunk.ParseID(l.Pack); err != nil || l.Size != size || l.Stored < 1 || l.Stored > l.Size ||
			l.Offset < 0 || l.Offset > cloudapi.MaxPack-l.Stored {
			return nil, damaged("the cloud located chunk %s at %d+%d of pack %.64q, which cannot be", l.ID, l.Offset, l.Stored, l.Pack)
		}
	}
	if len(want) > 0 {
		return nil, damaged("the cloud does not hold %d of the version's chunks", len(want))
	}
	return answer.Locations, nil
}

// coalesce makes few reads of neighbours. Packs keep the order in which their
// first chunk was asked for, so a file is written roughly from its beginning.
func coalesce(where []cloudapi.Location) []span {
	first := make(map[string]int)
	for i, l := range where {
		if _, ok := first[l.Pack]; !ok {
			first[l.Pack] = i
		}
	}
	slices.SortFunc(where, func(a, b cloudapi.Location) int {
		return cmp.Or(cmp.Compare(first[a.Pack], first[b.Pack]), cmp.Compare(a.Offset, b.Offset))
	})
	var spans []span
	for _, l := range where {
		if n := len(spans); n > 0 {
			s := &spans[n-1]
			end := s.from + s.size
			if s.pack == l.Pack && l.Offset >= end && l.Offset-end <= spanGap && l.Offset+l.Stored-s.from <= spanBytes {
				s.size = l.Offset + l.Stored - s.from
				s.chunks = append(s.chunks, l)
				continue
			}
		}
		spans = append(spans, span{pack: l.Pack, from: l.Offset, size: l.Stored, chunks: []cloudapi.Location{l}})
	}
	return spans
}

// read gets one span whole, then opens its chunks, into space where they fit. An answer that ends early,
// however cleanly, is no answer: it is asked for again.
func (c *Client) read(ctx context.Context, s span, buf *bytes.Buffer, space []byte, each func(chunk.Ref, []byte) error) error {
	buf.Reset()
	buf.Grow(int(s.size)) // at most spanBytes, or one chunk
	r := cloudhttp.Request{
		Method: http.MethodGet, Path: "/packs/" + s.pack,
		Header: http.Header{"Range": {byteRange(s.from, s.size)}},
		Into:   buf, Max: s.size,
	}
	for n := 0; ; n++ {
		if err := c.call(ctx, r, buf.Reset); err != nil {
			return err
		}
		if int64(buf.Len()) == s.size {
			break
		}
		if n+1 == rounds {
			return &api.Error{Code: api.CloudAnswer, Detail: "pack " + s.pack + ": the answer ended early"}
		}
		if err := c.cfg.Wait(ctx, firstPause<<n); err != nil {
			return err
		}
		buf.Reset()
	}
	for _, l := range s.chunks {
		id, err := chunk.ParseID(l.ID)
		if err != nil {
			return damaged("chunk %.64q: %v", l.ID, err)
		}
		at := l.Offset - s.from
		plain, err := chunk.UnpackInto(space, buf.Bytes()[at:at+l.Stored], l.Size, id)
		if err != nil {
			return damaged("chunk %s of pack %s: %v", l.ID, s.pack, err)
		}
		if err := each(chunk.Ref{ID: id, Size: l.Size}, plain); err != nil {
			return err
		}
	}
	return nil
}
