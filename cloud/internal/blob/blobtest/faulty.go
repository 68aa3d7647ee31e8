package blobtest

import (
	"context"
	"io"
	"sync"

	"github.com/iscdesk/iscdesk/cloud/internal/blob"
)

// Point is where a Faulty store can fail.
type Point string

// The points.
const (
	BeforePut Point = "before put" // nothing was stored
	AfterPut  Point = "after put"  // the blob is stored, the answer is lost
	InGet     Point = "in get"     // half of the bytes, then the error
	InStat    Point = "in stat"
	InDelete  Point = "in delete"
)

// Faulty is a store that fails where a test has planted it. Fired counts, so
// that a test can show that its fault was met.
type Faulty struct {
	blob.Store

	// mu guards the plan and what was met of it.
	mu    sync.Mutex
	plan  map[Point][]error
	fired map[Point]int
}

// Plant makes the next calls at the point fail with these errors, one each.
func (f *Faulty) Plant(p Point, errs ...error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.plan == nil {
		f.plan, f.fired = make(map[Point][]error), make(map[Point]int)
	}
	f.plan[p] = append(f.plan[p], errs...)
}

// Fired says how many faults were met at the point.
func (f *Faulty) Fired(p Point) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fired[p]
}

func (f *Faulty) next(p Point) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.plan[p]) == 0 {
		return nil
	}
	err := f.plan[p][0]
	f.plan[p] = f.plan[p][1:]
	f.fired[p]++
	return err
}

// Put fails before or after the store's own Put.
func (f *Faulty) Put(ctx context.Context, n blob.Name, r io.Reader) error {
	if err := f.next(BeforePut); err != nil {
		return err
	}
	if err := f.Store.Put(ctx, n, r); err != nil {
		return err
	}
	return f.next(AfterPut)
}

// Get fails in the middle of the range.
func (f *Faulty) Get(ctx context.Context, n blob.Name, offset, length int64) (io.ReadCloser, error) {
	r, err := f.Store.Get(ctx, n, offset, length)
	if err != nil {
		return nil, err
	}
	if err := f.next(InGet); err != nil {
		info, serr := f.Store.Stat(ctx, n)
		if serr != nil {
			return nil, serr
		}
		if length < 0 {
			length = info.Size - offset
		}
		return &torn{ReadCloser: r, left: length / 2, err: err}, nil
	}
	return r, nil
}

// Stat fails instead of answering.
func (f *Faulty) Stat(ctx context.Context, n blob.Name) (blob.Info, error) {
	if err := f.next(InStat); err != nil {
		return blob.Info{}, err
	}
	return f.Store.Stat(ctx, n)
}

// Delete fails and deletes nothing.
func (f *Faulty) Delete(ctx context.Context, n blob.Name) error {
	if err := f.next(InDelete); err != nil {
		return err
	}
	return f.Store.Delete(ctx, n)
}

type torn struct {
	io.ReadCloser
	left int64
	err  error
}

func (t *torn) Read(b []byte) (int, error) {
	if t.left == 0 {
		return 0, t.err
	}
	n, err := t.ReadCloser.Read(b[:min(int64(len(b)), t.left)])
	t.left -= int64(n)
	return n, err
}
