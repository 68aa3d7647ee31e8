package atomicfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// Format of a log: the 8 bytes of logMagic, then frames. A frame is what one
// fsync made durable: records that were appended at the same time share one.
//
//	frameMark 4 bytes | seq uint64 | length uint32 | crc32c uint32 | payload
//	payload: per record length uint32 | bytes          (all little-endian)
//
// The checksum covers seq, length and payload. seq counts up from 1, so a frame
// from an older life of the file is not taken for the next one.
const (
	logMagic  = "ISCLOG1\n"
	frameMark = "\xf1SC\xa7"
	frameHead = 4 + 8 + 4 + 4
)

// Bounds of a log. A larger file is refused as ErrTooLarge before it is read.
const (
	MaxRecord = 16 << 20  // bytes of one record
	maxFrame  = 24 << 20  // bytes of one frame's payload
	maxLog    = 512 << 20 // bytes of a whole log
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendFrame adds one frame with the records to b.
func appendFrame(b []byte, seq uint64, records [][]byte) []byte {
	start := len(b)
	b = append(b, frameMark...)
	b = binary.LittleEndian.AppendUint64(b, seq)
	b = append(b, make([]byte, 8)...)
	for _, r := range records {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(r)))
		b = append(b, r...)
	}
	frame := b[start:]
	binary.LittleEndian.PutUint32(frame[12:], uint32(len(frame)-frameHead))
	binary.LittleEndian.PutUint32(frame[16:], sum(frame))
	return b
}

// sum is the checksum of a whole frame.
func sum(frame []byte) uint32 {
	return crc32.Update(crc32.Checksum(frame[4:16], castagnoli), castagnoli, frame[frameHead:])
}

// scanned is what a reading of a log's bytes found.
type scanned struct {
	records [][]byte // slices of the input
	good    int64    // bytes from the start that are whole
	seq     uint64   // of the last good frame
	damaged string   // not empty: why this is no torn tail
}

// scan reads a log's bytes; it never fails and never allocates by a number in b.
// Everything behind the last good frame is a torn tail, unless a later frame is
// good: only the last frame can be unacknowledged, so then something else than
// an interrupted write has damaged the file.
func scan(b []byte) scanned {
	var s scanned
	if len(b) < len(logMagic) {
		if logMagic[:len(b)] != string(b) {
			s.damaged = "not a log"
		}
		return s
	}
	if string(b[:len(logMagic)]) != logMagic {
		s.damaged = "not a log, or of another version"
		if len(bytes.Trim(b, "\x00")) == 0 {
			s.damaged = "" // the size was durable before the first bytes: nothing was acknowledged
		}
		return s
	}
	s.good = int64(len(logMagic))
	for int(s.good) < len(b) {
		rest := b[s.good:]
		n, ok := frameAt(rest, s.seq+1)
		if !ok {
			if laterFrame(rest, s.seq+1) {
				s.damaged = "a frame is broken and later ones are whole"
			}
			return s
		}
		records, err := split(rest[frameHead:n])
		if err != nil {
			s.damaged = err.Error()
			return s
		}
		s.records = append(s.records, records...)
		s.good += int64(n)
		s.seq++
	}
	return s
}

// frameAt tells the length of the whole, good frame with number seq that begins b.
func frameAt(b []byte, seq uint64) (int, bool) {
	n, got, ok := anyFrame(b)
	return n, ok && got == seq
}

func anyFrame(b []byte) (n int, seq uint64, ok bool) {
	if len(b) < frameHead || string(b[:4]) != frameMark {
		return 0, 0, false
	}
	size := binary.LittleEndian.Uint32(b[12:])
	if size > maxFrame || int(size) > len(b)-frameHead {
		return 0, 0, false
	}
	n = frameHead + int(size)
	if binary.LittleEndian.Uint32(b[16:]) != sum(b[:n]) {
		return 0, 0, false
	}
	return n, binary.LittleEndian.Uint64(b[4:]), true
}

// resyncWork bounds the bytes that laterFrame checks, so that made-up marks
// cannot make it quadratic. Past it the log counts as damaged, which loses nothing.
const resyncWork = 4 * maxLog

// laterFrame looks for a good frame after the broken one that begins b.
func laterFrame(b []byte, seq uint64) bool {
	work := int64(0)
	for i := 1; i < len(b); i++ {
		j := bytes.Index(b[i:], []byte(frameMark))
		if j < 0 {
			return false
		}
		i += j
		if _, got, ok := anyFrame(b[i:]); ok && got > seq {
			return true
		}
		if len(b)-i >= frameHead {
			if work += int64(min(binary.LittleEndian.Uint32(b[i+12:]), maxFrame)); work > resyncWork {
				return true
			}
		}
	}
	return false
}

var errPayload = errors.New("a frame's checksum is right and its records are not")

// split cuts a frame's payload into its records.
func split(payload []byte) ([][]byte, error) {
	var records [][]byte
	for len(payload) > 0 {
		if len(payload) < 4 {
			return nil, errPayload
		}
		n := binary.LittleEndian.Uint32(payload)
		payload = payload[4:]
		if n > MaxRecord || uint64(n) > uint64(len(payload)) {
			return nil, errPayload
		}
		records = append(records, payload[:n:n])
		payload = payload[n:]
	}
	return records, nil
}
