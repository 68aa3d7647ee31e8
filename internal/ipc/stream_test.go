package ipc

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// A stream that is read in pieces of any size, by readers that leave in the
// middle, gives the frames that ReadFrame gives, and the same end.
func FuzzStream(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x02{}\x00\x00\x00\x02[]"), uint8(1))
	f.Add([]byte("\x00\x00\x00\x01a\x00\x00"), uint8(3))
	f.Add([]byte("\xff\xff\xff\xff"), uint8(0))
	f.Add([]byte("\x00\x00\x00\x00"), uint8(2))
	f.Add(append([]byte("\x00\x00\x20\x00"), make([]byte, 0x2001)...), uint8(200))
	f.Fuzz(func(t *testing.T, in []byte, piece uint8) {
		const limit = 1 << 16
		want := bytes.NewReader(in)
		s := stream{r: pieces{bytes.NewReader(in), int(piece) + 1}, max: limit}
		for {
			a, errA := ReadFrame(want, limit)
			for !s.whole() { // a reader that only fills, as one that leaves does
				if err := s.fill(s.r.Read); err != nil {
					break
				}
			}
			b, errB := s.next()
			if !bytes.Equal(a, b) || !sameEnd(errA, errB) {
				t.Fatalf("got %q, %v; want %q, %v", b, errB, a, errA)
			}
			if errA != nil {
				return
			}
		}
	})
}

func sameEnd(a, b error) bool {
	for _, end := range []error{io.EOF, io.ErrUnexpectedEOF, ErrFrameTooLarge, ErrFrameEmpty} {
		if errors.Is(a, end) != errors.Is(b, end) {
			return false
		}
	}
	return (a == nil) == (b == nil)
}

// pieces gives at most n bytes a read.
type pieces struct {
	r io.Reader
	n int
}

func (p pieces) Read(b []byte) (int, error) { return p.r.Read(b[:min(p.n, len(b))]) }

func TestStreamTakesOneByteAtATime(t *testing.T) {
	s := stream{r: iotest.OneByteReader(strings.NewReader("\x00\x00\x00\x03abc\x00\x00\x00\x01d")), max: 8}
	for _, want := range []string{"abc", "d"} {
		if got, err := s.next(); string(got) != want || err != nil {
			t.Errorf("got %q, %v; want %q", got, err, want)
		}
	}
	if _, err := s.next(); !errors.Is(err, io.EOF) {
		t.Errorf("got %v at the end", err)
	}
}

// A large frame's buffer is not kept for small ones.
func TestStreamLetsALargeBufferGo(t *testing.T) {
	var in bytes.Buffer
	for _, n := range []int{1 << 20, 1, 1} {
		if err := WriteFrame(&in, make([]byte, n), 1<<20); err != nil {
			t.Fatal(err)
		}
	}
	s := stream{r: &in, max: 1 << 20}
	for range 3 {
		if _, err := s.next(); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.fill(s.r.Read); !errors.Is(err, io.EOF) || cap(s.buf) > largeBuffer {
		t.Errorf("%d bytes kept, %v", cap(s.buf), err)
	}
}
