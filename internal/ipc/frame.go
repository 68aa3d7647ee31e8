package ipc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// ErrFrameTooLarge is a frame whose announced or given length is over the limit.
// The stream cannot be used afterwards.
var ErrFrameTooLarge = errors.New("frame too large")

// ErrFrameEmpty is a frame that announces no byte: no message is that short.
var ErrFrameEmpty = errors.New("empty frame")

// headerSize is the 4-byte big-endian length before each frame.
const headerSize = 4

// ReadFrame reads one frame of 1 to max bytes. io.EOF means that the peer closed
// between two frames; a cut inside one is io.ErrUnexpectedEOF.
func ReadFrame(r io.Reader, max int) ([]byte, error) {
	var head [headerSize]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n, err := frameSize(head[:], max)
	if err != nil {
		return nil, err
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return body, nil
}

// frameSize is the size that a header announces, from 1 to max.
func frameSize(head []byte, max int) (int, error) {
	n := binary.BigEndian.Uint32(head)
	if n == 0 {
		return 0, fmt.Errorf("read frame: %w", ErrFrameEmpty)
	}
	if uint64(n) > uint64(max) {
		return 0, fmt.Errorf("read frame of %d bytes, limit %d: %w", n, max, ErrFrameTooLarge)
	}
	return int(n), nil
}

// WriteFrame writes body as one frame in a single Write, so that frames of two
// writers that share a lock never mix.
func WriteFrame(w io.Writer, body []byte, max int) error {
	if len(body) == 0 {
		return fmt.Errorf("write frame: %w", ErrFrameEmpty)
	}
	if len(body) > max {
		return fmt.Errorf("write frame of %d bytes, limit %d: %w", len(body), max, ErrFrameTooLarge)
	}
	_, err := w.Write(frame(body))
	return err
}

// frame puts the header before body.
func frame(body []byte) []byte {
	f := make([]byte, headerSize+len(body))
	binary.BigEndian.PutUint32(f, uint32(len(body)))
	copy(f[headerSize:], body)
	return f
}
