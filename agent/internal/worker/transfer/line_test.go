package transfer_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/worker/transfer"
	"github.com/iscdesk/iscdesk/agent/internal/worker/transfer/transfertest"
	"github.com/iscdesk/iscdesk/internal/chunk"
	"github.com/iscdesk/iscdesk/internal/cloudhttp"
)

// slowed is a drive behind a line of its own, and a clock: each pack moves it by as
// long as its bytes need, each look at it by as long as zstd takes for a chunk. It
// keeps the packs that it was sent.
type slowed struct {
	*transfertest.Drive
	speed int64         // bytes a second
	zstd  time.Duration // for a chunk

	mu    sync.Mutex // guards what follows
	now   time.Time
	packs [][]byte
}

func (s *slowed) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(s.zstd)
	return s.now
}

func (s *slowed) Do(ctx context.Context, r cloudhttp.Request) (cloudhttp.Reply, error) {
	if r.Method == http.MethodPut && strings.Contains(r.Path, "/packs/") {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return cloudhttp.Reply{}, err
		}
		s.mu.Lock()
		s.packs = append(s.packs, b)
		s.now = s.now.Add(time.Duration(float64(len(b)) / float64(s.speed) * 1e9))
		s.mu.Unlock()
		r.Body = bytes.NewReader(b)
	}
	return s.Drive.Do(ctx, r)
}

// s2 counts the chunks of the packs that were sent since the last call, and those of
// them that S2 compressed.
func (s *slowed) s2(t *testing.T) (all, quick int) {
	t.Helper()
	for _, p := range s.packs {
		if err := chunk.ReadPack(bytes.NewReader(p), chunk.MaxPack, func(c chunk.PackedChunk, _ []byte) error {
			if all++; bytes.HasPrefix(p[c.Offset:], []byte("ISS2")) {
				quick++
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	s.packs = nil
	return all, quick
}

func lines(seed, n int) []byte {
	var b bytes.Buffer
	for b.Len() < n {
		fmt.Fprintf(&b, "vertex %d %d\n", seed, b.Len())
	}
	return b.Bytes()
}

// An upload asks the line for each chunk and tells it what it learns. Every save here
// is one pack of several chunks: zstd takes a tick for each, a fast line one for all.
func TestCodecFollowsTheLine(t *testing.T) {
	const never = 1 << 50
	for _, c := range []struct {
		name   string
		speeds []int64 // of the line during each save
		fast   bool    // the codec after them
	}{
		{"slow line", []int64{1 << 20}, false},
		{"fast line", []int64{never}, true},
		{"a line that becomes fast", []int64{1 << 20, never}, true},
		{"one slow pack on a fast line", []int64{never, 1 << 20}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := &slowed{Drive: transfertest.NewDrive(t), zstd: time.Millisecond, now: time.Unix(1e9, 0)}
			cl := transfer.New(transfer.Config{Cloud: d, Space: "sp", Token: "t", Clock: d})
			for n, speed := range append(c.speeds, never) {
				d.speed = speed
				if _, err := send(cl, lines(n, 3<<20)); err != nil {
					t.Fatal(err)
				}
				all, quick := d.s2(t)
				if all < 4 || quick != 0 && quick != all || n == 0 && quick != 0 {
					t.Fatalf("save %d: %d of %d chunks are S2", n, quick, all)
				}
				if n == len(c.speeds) && (quick == all) != c.fast {
					t.Fatalf("after the line was seen: %d of %d chunks are S2", quick, all)
				}
			}
		})
	}
}

// Within one save the first pack is small, so that the line is known soon.
func TestLineIsKnownSoon(t *testing.T) {
	d := &slowed{Drive: transfertest.NewDrive(t), speed: 400 << 20, now: time.Unix(1e9, 0)}
	cl := transfer.New(transfer.Config{Cloud: d, Space: "sp", Token: "t", Clock: d})
	want := append(random(1, 2<<20), random(2, 22<<20)...)
	if _, err := send(cl, want); err != nil {
		t.Fatal(err)
	}
	if n := len(d.packs[0]); n > 1<<20+chunk.MaxSize {
		t.Errorf("the first pack has %d bytes", n)
	}
	if n := len(d.packs); n > 15 {
		t.Errorf("%d packs: they stay small after the line is known", n)
	}
}
