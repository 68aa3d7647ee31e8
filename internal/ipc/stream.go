package ipc

import (
	"errors"
	"io"
)

// Sizes of a stream's buffer: what it starts with, and what it keeps after a
// large frame.
const (
	smallBuffer = 4 << 10
	largeBuffer = 64 << 10
)

// stream reads frames of 1 to max bytes. What has come of a frame stays in it, so
// that one reader can leave in the middle and another go on. Not for two
// goroutines at once.
type stream struct {
	r   io.Reader
	max int

	buf  []byte // arrived and not taken: buf[from:]
	from int
}

// next returns the next frame and reads until it has it. The bytes are good until
// next or fill is called again. Errors are those of ReadFrame.
func (s *stream) next() ([]byte, error) {
	for !s.whole() {
		if err := s.fill(s.r.Read); err != nil {
			return nil, err
		}
	}
	size, err := s.size()
	if err != nil {
		return nil, err
	}
	at := s.from + headerSize
	s.from = at + size
	return s.buf[at:s.from:s.from], nil
}

// whole tells whether next would return without reading.
func (s *stream) whole() bool {
	have := len(s.buf) - s.from
	if have < headerSize {
		return false
	}
	size, err := s.size()
	return err != nil || have >= headerSize+size
}

// size is the announced size of the frame whose header has arrived.
func (s *stream) size() (int, error) {
	return frameSize(s.buf[s.from:], s.max)
}

// fill calls read once. io.EOF means that the peer closed between two frames; a cut
// inside one is io.ErrUnexpectedEOF.
func (s *stream) fill(read func([]byte) (int, error)) error {
	s.makeRoom()
	n, err := read(s.buf[len(s.buf):cap(s.buf)])
	s.buf = s.buf[:len(s.buf)+n]
	if n > 0 {
		return nil // an error that came along comes again
	}
	if errors.Is(err, io.EOF) && len(s.buf) > s.from {
		return io.ErrUnexpectedEOF
	}
	return err
}

// makeRoom moves what is left to the front of a buffer that holds the frame.
func (s *stream) makeRoom() {
	rest := s.buf[s.from:]
	need := smallBuffer
	if len(rest) >= headerSize {
		if size, err := s.size(); err == nil {
			need = max(need, headerSize+size)
		}
	}
	if cap(s.buf) < need || cap(s.buf) > max(need, largeBuffer) {
		s.buf = append(make([]byte, 0, need), rest...)
	} else {
		s.buf = append(s.buf[:0], rest...)
	}
	s.from = 0
}
