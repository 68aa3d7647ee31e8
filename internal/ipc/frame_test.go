package ipc

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestReadFrame(t *testing.T) {
	const limit = 8
	tests := []struct {
		name string
		in   string
		want string
		err  error
	}{
		{"nothing", "", "", io.EOF},
		{"header cut", "\x00\x00\x00", "", io.ErrUnexpectedEOF},
		{"length 0", "\x00\x00\x00\x00", "", ErrFrameEmpty},
		{"one byte", "\x00\x00\x00\x01a", "a", nil},
		{"body cut", "\x00\x00\x00\x02a", "", io.ErrUnexpectedEOF},
		{"body missing", "\x00\x00\x00\x02", "", io.ErrUnexpectedEOF},
		{"limit", "\x00\x00\x00\x0812345678", "12345678", nil},
		{"limit+1", "\x00\x00\x00\x09123456789", "", ErrFrameTooLarge},
		{"4 GiB", "\xff\xff\xff\xffx", "", ErrFrameTooLarge},
		{"HTTP", "GET / HTTP/1.1\r\n", "", ErrFrameTooLarge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ReadFrame(strings.NewReader(tt.in), limit)
			if !errors.Is(err, tt.err) || string(got) != tt.want {
				t.Errorf("got %q, %v; want %q, %v", got, err, tt.want, tt.err)
			}
		})
	}
}

func TestWriteFrameBounds(t *testing.T) {
	for n, want := range map[int]error{0: ErrFrameEmpty, 9: ErrFrameTooLarge} {
		if err := WriteFrame(io.Discard, make([]byte, n), 8); !errors.Is(err, want) {
			t.Errorf("%d bytes: got %v", n, err)
		}
	}
	for _, n := range []int{1, 8} {
		var b bytes.Buffer
		if err := WriteFrame(&b, make([]byte, n), 8); err != nil || b.Len() != n+headerSize {
			t.Errorf("%d bytes: wrote %d, %v", n, b.Len(), err)
		}
	}
}

// What is read back must be what was there: a frame is never shortened,
// lengthened or taken from bytes that are none.
func FuzzReadFrame(f *testing.F) {
	for _, seed := range []string{"", "\x00\x00\x00\x01a", "\x00\x00\x00\x02a", "\xff\xff\xff\xff", "\x00\x00\x00\x02{}\x00\x00\x00\x02[]"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		r := bytes.NewReader(in)
		var out bytes.Buffer
		for {
			body, err := ReadFrame(r, 1<<16)
			if err != nil {
				break
			}
			if err := WriteFrame(&out, body, 1<<16); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.HasPrefix(in, out.Bytes()) {
			t.Errorf("frames %q are no prefix of %q", out.Bytes(), in)
		}
	})
}
