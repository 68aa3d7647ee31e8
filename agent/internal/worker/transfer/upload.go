package transfer

import (
	"bytes"
	"context"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/iscdesk/iscdesk/internal/chunk"
)

// Sizes of the upload. Together they bound its memory: batches and packs are
// re-used, and Add waits while all are full.
const (
	batchBytes  = 4 << 20 // plain bytes whose ids are asked for at once
	batchChunks = 1024
	batches     = packers + 2 // one is filled, one waits
	packBytes   = 8 << 20     // a pack is closed when it holds as much
	firstBytes  = 1 << 20     // or as much, while none has crossed: the sooner the line is known
	packers     = 2           // compression costs most of a save: two cores share it
	senders     = 2
)

// Upload sends the chunks that the cloud lacks while the caller still cuts. Use:
// Add from any goroutine, then Close once; Close waits and tells the first error.
// Chunks that were sent when a save then fails are no version's and harmless.
type Upload struct {
	c     *Client
	ctx   context.Context // ends at the first failure
	work  *errgroup.Group
	known func(plain int64) // progress: so many plain bytes are now in the cloud

	free chan *batch
	full chan *batch

	mu   sync.Mutex // guards what follows; held while a chunk is copied, not while anything is sent
	seen map[chunk.ID]bool
	cur  *batch
}

// batch is a run of chunks on their way to the question.
type batch struct {
	buf  []byte
	refs []chunk.Ref
}

// pack is a finished pack and how many plain bytes it brings.
type pack struct {
	id    chunk.ID
	body  *bytes.Buffer
	plain int64
}

// Upload begins one. known is called from several goroutines.
func (c *Client) Upload(ctx context.Context, known func(plain int64)) *Upload {
	work, ctx := errgroup.WithContext(ctx)
	u := &Upload{
		c: c, ctx: ctx, work: work, known: known,
		free: make(chan *batch, batches), full: make(chan *batch, batches),
		seen: make(map[chunk.ID]bool),
	}
	for range batches {
		u.free <- &batch{}
	}
	empty := make(chan *bytes.Buffer, packers+senders) // some are filled while the others are sent
	for range cap(empty) {
		empty <- new(bytes.Buffer)
	}
	packs := make(chan pack)
	var packing sync.WaitGroup
	packing.Add(packers)
	for range packers {
		work.Go(func() error {
			defer packing.Done()
			return u.pack(empty, packs)
		})
	}
	work.Go(func() error {
		packing.Wait()
		close(packs)
		return nil
	})
	for range senders {
		work.Go(func() error { return u.send(packs, empty) })
	}
	return u
}

// Add takes a chunk; plain is copied before it returns. It waits while the cloud
// is slower than the reader, and fails when sending has failed.
func (u *Upload) Add(id chunk.ID, plain []byte) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.seen[id] {
		u.known(int64(len(plain)))
		return nil
	}
	if u.cur != nil && (len(u.cur.buf)+len(plain) > batchBytes || len(u.cur.refs) >= batchChunks) {
		u.full <- u.cur // has room for every batch there is
		u.cur = nil
	}
	if u.cur == nil {
		select {
		case u.cur = <-u.free:
		case <-u.ctx.Done():
			return context.Cause(u.ctx)
		}
		if u.cur.buf == nil {
			u.cur.buf = make([]byte, 0, batchBytes)
		}
		u.cur.buf, u.cur.refs = u.cur.buf[:0], u.cur.refs[:0]
	}
	u.seen[id] = true
	u.cur.buf = append(u.cur.buf, plain...)
	u.cur.refs = append(u.cur.refs, chunk.Ref{ID: id, Size: int64(len(plain))})
	return nil
}

// Close sends the rest and waits for all of it. No Add may run or follow.
func (u *Upload) Close() error {
	u.mu.Lock()
	if u.cur != nil {
		u.full <- u.cur
		u.cur = nil
	}
	close(u.full)
	u.mu.Unlock()
	return u.work.Wait()
}

// pack asks which chunks of each batch are missing and packs those. Several run.
func (u *Upload) pack(empty chan *bytes.Buffer, packs chan<- pack) error {
	var w *chunk.PackWriter
	var p pack
	flush := func() error {
		info, err := w.Close()
		if err != nil {
			return err
		}
		p.id, w = info.SHA256, nil
		select {
		case packs <- p:
			return nil
		case <-u.ctx.Done():
			return context.Cause(u.ctx)
		}
	}
	for b := range u.full {
		ids := make([]chunk.ID, len(b.refs))
		for i, r := range b.refs {
			ids[i] = r.ID
		}
		missing, err := u.c.Missing(u.ctx, ids)
		if err != nil {
			return err
		}
		rest := b.buf
		for _, r := range b.refs {
			plain := rest[:r.Size]
			rest = rest[r.Size:]
			if len(missing) == 0 || missing[0] != r.ID {
				u.known(r.Size)
				continue
			}
			missing = missing[1:] // same order as asked
			if w == nil {
				select {
				case body := <-empty:
					body.Reset()
					if len(b.buf) > batchBytes/2 {
						body.Grow(packBytes + chunk.MaxSize + 64<<10) // the whole pack at once: growing would copy, and end larger
					}
					p, w = pack{body: body}, chunk.NewPack(body)
				case <-u.ctx.Done():
					return context.Cause(u.ctx)
				}
			}
			w.Fast = u.c.line.fast()
			begun := u.c.cfg.Clock.Now()
			stored, err := w.Add(r.ID, plain)
			if err != nil {
				return err
			}
			if !w.Fast {
				u.c.line.packed(stored, u.c.cfg.Clock.Now().Sub(begun))
			}
			p.plain += r.Size
			if w.Size() >= packBytes || w.Full() || w.Size() >= firstBytes && !u.c.line.known() {
				if err := flush(); err != nil {
					return err
				}
			}
		}
		u.free <- b // has room for every batch there is
	}
	if w != nil {
		return flush()
	}
	return nil
}

// send puts packs until there are no more.
func (u *Upload) send(packs <-chan pack, empty chan<- *bytes.Buffer) error {
	for p := range packs {
		if err := u.c.PutPack(u.ctx, p.id, p.body.Bytes()); err != nil {
			return err
		}
		u.known(p.plain)
		empty <- p.body // has room for every buffer there is
	}
	return nil
}
