package files

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Content that describes itself: each block holds its generation and its place,
// and the checksum of both and of what follows them.
const (
	blockSize  = 4 << 10
	blockCount = 2048 // more than is read ahead, so that a writer comes between
)

func block(generation uint64, place int) []byte {
	b := make([]byte, blockSize)
	binary.BigEndian.PutUint64(b, generation)
	binary.BigEndian.PutUint64(b[8:], uint64(place))
	for n := 16; n < blockSize; n *= 2 {
		copy(b[n:], b[:n])
	}
	binary.BigEndian.PutUint32(b[blockSize-4:], crc32.ChecksumIEEE(b[:blockSize-4]))
	return b
}

func generation(n uint64) []byte {
	var b bytes.Buffer
	for place := range blockCount {
		b.Write(block(n, place))
	}
	return b.Bytes()
}

// generations are those of the blocks of what was stored; a block that is not whole,
// or not at its place, is an error.
func generations(content []byte) ([]uint64, error) {
	var all []uint64
	for place := 0; len(content) > 0; place++ {
		if len(content) < blockSize {
			return nil, fmt.Errorf("block %d is cut", place)
		}
		n := binary.BigEndian.Uint64(content)
		if !bytes.Equal(content[:blockSize], block(n, place)) {
			return nil, fmt.Errorf("block %d is damaged or not at its place", place)
		}
		all, content = append(all, n), content[blockSize:]
	}
	return all, nil
}

// blocks writes one block after the other, as a program does that has no buffer.
func blocks(path string, flag int, n uint64) error {
	f, err := os.OpenFile(path, flag, 0o644)
	if err != nil {
		return err
	}
	for place := range blockCount {
		if _, werr := f.WriteAt(block(n, place), int64(place)*blockSize); werr != nil {
			err = errors.Join(err, werr)
		}
	}
	return errors.Join(err, f.Close())
}

// A program writes on while its file is saved again and again, at its own pace.
// Each version that is stored is the file as it stood at one instant; any other
// save is refused with api.FileChanging.
//
// What "one instant" allows depends on how the program writes. By rename a file is
// always one whole generation. In place it may have been caught resting between two
// blocks, which nobody outside can tell from a finished file: then it begins with
// one generation and ends with the one before, never the other way round, never
// with a third. Emptied and written anew, it may be the beginning of one.
func TestWriterThatDoesNotWait(t *testing.T) {
	for _, c := range []struct {
		name  string
		write func(path string, n uint64) error
		state func(all []uint64) error
	}{
		{"by rename", func(path string, n uint64) error {
			return errors.Join(os.WriteFile(path+".new", generation(n), 0o644), renameOver(path+".new", path))
		}, func(all []uint64) error { return wholeWith(all, 0) }},
		{"in place", func(path string, n uint64) error { return blocks(path, os.O_WRONLY, n) },
			func(all []uint64) error { return wholeWith(all, 1) }},
		{"emptied and written anew", func(path string, n uint64) error { return blocks(path, os.O_WRONLY|os.O_TRUNC, n) },
			func(all []uint64) error { return steps(all, 0) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			path := w.path("part.stl")
			write(t, path, generation(1))
			first := w.store(w.create(path, false))
			stop, ended := make(chan struct{}), make(chan uint64)
			go func() {
				last := uint64(1)
				defer func() { ended <- last }()
				for {
					select {
					case <-stop:
						return
					case <-time.After(time.Duration(rand.IntN(60)) * time.Millisecond):
					}
					last++
					if err := c.write(path, last); err != nil {
						t.Errorf("write generation %d: %v", last, err)
						return
					}
				}
			}()
			stored, refused := 0, 0
			for range 8 {
				got, err := w.attempt(path)
				if api.CodeOf(err) == api.FileChanging {
					refused++
					continue
				}
				if err != nil || got.Object != first.Object {
					t.Errorf("save: %+v, %v", got, err)
					break
				}
				stored++
				all, err := generations(w.content(got.Object, got.Version)["part.stl"])
				if err == nil {
					err = c.state(all)
				}
				if err != nil {
					t.Errorf("version %d was never the file: %v", got.Version, err)
				}
			}
			close(stop)
			last := <-ended
			got, err := w.attempt(path) // at rest
			if err != nil || !bytes.Equal(w.content(got.Object, got.Version)["part.stl"], generation(last)) {
				t.Errorf("the file at rest: %+v, %v; want generation %d", got, err, last)
			}
			t.Logf("%d stored and %d refused, %d generations", stored, refused, last)
		})
	}
}

// attempt saves once; what was refused is discarded, as the service does.
func (w *world) attempt(path string) (workerapi.Stored, error) {
	ctx := context.Background()
	in, err := w.room.Inspect(ctx, workerapi.Inspect{Path: path})
	if err != nil {
		return workerapi.Stored{}, err
	}
	s := w.create(path, false)
	s.Object, s.Base, s.Fence = in.Object, in.Version, in.Fence
	got, err := w.room.Store(ctx, s)
	return got, errors.Join(err, w.room.Discard(ctx, workerapi.Staged{Operation: s.Operation, Key: s.Key}))
}

// wholeWith wants a file of full length, and of it what steps wants.
func wholeWith(all []uint64, most int) error {
	if len(all) != blockCount {
		return fmt.Errorf("%d of %d blocks", len(all), blockCount)
	}
	return steps(all, most)
}

// steps wants generations that go down at most so often from one block to the next,
// and by one only.
func steps(all []uint64, most int) error {
	found := 0
	for i := 1; i < len(all); i++ {
		if all[i-1] == all[i] {
			continue
		}
		if found++; all[i-1] != all[i]+1 || found > most {
			return fmt.Errorf("block %d is of generation %d, the one before of %d", i, all[i], all[i-1])
		}
	}
	return nil
}
