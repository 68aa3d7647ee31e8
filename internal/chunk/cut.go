package chunk

import (
	"errors"
	"fmt"
	"io"

	chunkers "github.com/PlakarKorp/go-cdc-chunkers"
	_ "github.com/PlakarKorp/go-cdc-chunkers/chunkers/fastcdc" // registers the algorithm
)

// The parameters of the cut, in bytes. They are part of the stored format.
const (
	MinSize = 128 << 10 // only the last chunk of a stream is shorter
	AvgSize = 512 << 10
	MaxSize = 2 << 20
)

// The library's name of FastCDC whose masks follow from AvgSize; its plain
// "fastcdc" keeps the masks of an 8 KiB average whatever is asked for.
const algorithm = "fastcdc-v1.0.0"

// Cutter cuts one stream after the other with the same memory. It is for one
// goroutine; its zero value is ready.
type Cutter struct{ buf []byte }

// Cut reads r to its end and hands each chunk to emit, in order. Boundaries
// depend on the bytes alone, not on how r delivers them. data is valid until
// emit returns. The first error of r or emit ends the cut and is returned
// wrapped; memory is 2 x MaxSize, whatever r holds.
func (k *Cutter) Cut(r io.Reader, emit func(data []byte) error) error {
	if k.buf == nil {
		k.buf = make([]byte, 2*MaxSize)
	}
	c, err := chunkers.NewChunkerBuffer(algorithm, r, &chunkers.ChunkerOpts{
		MinSize: MinSize, NormalSize: AvgSize, MaxSize: MaxSize,
	}, k.buf)
	if err != nil {
		return fmt.Errorf("cut chunks: %w", err)
	}
	for {
		data, err := c.Next()
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("cut chunks: %w", err)
		}
		if len(data) > 0 {
			if err := emit(data); err != nil {
				return err
			}
		}
		if err != nil { // EOF comes with the last short chunk, or alone
			return nil
		}
	}
}
