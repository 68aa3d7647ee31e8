package files

import (
	"bufio"

	"errors"
	"io"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/chunk"
)

// verifier is a pack on its way into the blob store: each byte that the store reads also goes
// through chunk.ReadPack, and the end of the pack is told to the store only after ReadPack
// has agreed. So a store, which keeps what it has read to the end, never keeps a pack
// with one wrong chunk.
type verifier struct {
	src    io.Reader
	pipe   *io.PipeWriter
	done   chan struct{} // closed when ReadPack has returned
	err    error         // its result, after done
	chunks []meta.PackedChunk
	read   int64
}

// pipeBuffer keeps the small reads of ReadPack away from the pipe, where each costs a switch.
const pipeBuffer = 256 << 10

// verify starts the check; end ends it, whatever happened.
func verify(src io.Reader) *verifier {
	r, w := io.Pipe()
	v := &verifier{src: src, pipe: w, done: make(chan struct{})}
	go func() { // ends with the pipe, which Read or end closes; end waits
		defer close(v.done)
		v.err = chunk.ReadPack(bufio.NewReaderSize(r, pipeBuffer), chunk.MaxPack, func(c chunk.PackedChunk, _ []byte) error {
			v.chunks = append(v.chunks, meta.PackedChunk{ID: meta.Hash(c.ID), Offset: c.Offset, Stored: c.Stored, Size: c.Size})
			return nil
		})
		r.CloseWithError(v.err) // nil becomes an error too: nothing may follow the end
	}()
	return v
}

// Read is for the store.
func (v *verifier) Read(b []byte) (int, error) {
	n, err := v.src.Read(b)
	v.read += int64(n)
	if n > 0 {
		if _, werr := v.pipe.Write(b[:n]); werr != nil {
			return 0, v.verdict()
		}
	}
	if err == nil {
		return n, nil
	}
	if !errors.Is(err, io.EOF) {
		v.pipe.CloseWithError(err)
		<-v.done
		return n, err
	}
	v.pipe.Close()
	if err := v.verdict(); err != nil {
		return 0, err
	}
	return n, io.EOF
}

// verdict waits for ReadPack, which has seen its end or has refused.
func (v *verifier) verdict() error {
	<-v.done
	return v.err
}

var errAbandoned = errors.New("the store stopped reading")

// end makes sure that the check has ended. After it, chunks is complete when the store's Put
// succeeded.
func (v *verifier) end() {
	v.pipe.CloseWithError(errAbandoned)
	<-v.done
}
