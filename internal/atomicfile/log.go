package atomicfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// Errors of a log, found with errors.Is.
var (
	ErrDamaged = errors.New("file is damaged")               // see DamagedError
	ErrLocked  = errors.New("log is open elsewhere")         // by this or another process
	ErrClosed  = errors.New("log is closed")                 // Append after Close
	ErrBroken  = errors.New("log cannot be appended to now") // a sync failed; Rewrite heals
)

// DamagedError tells what was damaged, and where its bytes were kept.
type DamagedError struct {
	Path   string
	Aside  string // the copy set aside
	Reason string
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("read %s: %s; kept as %s", e.Path, e.Reason, filepath.Base(e.Aside))
}

// Is makes errors.Is(err, ErrDamaged) true.
func (e *DamagedError) Is(target error) bool { return target == ErrDamaged }

// Log is an append log that this process owns alone. Its methods may be used
// from any goroutine.
type Log struct {
	disk Disk
	path string
	perm os.FileMode

	flush sync.Mutex // held while the file is written; guards f, size, seq and state
	f     *os.File
	size  int64 // bytes of good frames
	seq   uint64
	state error // nil, ErrClosed, or why appending is refused

	mu   sync.Mutex // guards open; never held during I/O
	open *batch     // what the next flush will write; nil when nobody waits
}

// batch is the set of records that one fsync makes durable.
type batch struct {
	records [][]byte
	bytes   int
	done    chan struct{} // closed when err is set
	err     error
}

// Append adds a record of at most MaxRecord bytes and returns when it is
// durable. Records of one goroutine keep their order; concurrent calls share one
// fsync. After an error the record is not in the log, except after a failed sync
// (ErrBroken), where only the next OpenLog can tell.
func (l *Log) Append(record []byte) error {
	if len(record) > MaxRecord {
		return fmt.Errorf("append to %s: record of %d bytes: %w", l.path, len(record), ErrTooLarge)
	}
	b, leader := l.join(record)
	if leader {
		l.write(b)
	}
	<-b.done
	if b.err != nil {
		return fmt.Errorf("append to %s: %w", l.path, b.err)
	}
	return nil
}

// join puts record into the waiting batch; whoever opened the batch writes it.
func (l *Log) join(record []byte) (b *batch, leader bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 4 + len(record)
	if l.open == nil || l.open.bytes+n > maxFrame {
		l.open = &batch{done: make(chan struct{})}
		leader = true
	}
	l.open.records = append(l.open.records, record)
	l.open.bytes += n
	return l.open, leader
}

// write makes one batch durable. While it waits for the flush before it, others join.
func (l *Log) write(b *batch) {
	l.flush.Lock()
	defer l.flush.Unlock()
	l.mu.Lock()
	if l.open == b {
		l.open = nil
	}
	l.mu.Unlock()
	b.err = l.writeFrame(b.records)
	close(b.done)
}

func (l *Log) writeFrame(records [][]byte) error {
	if l.state != nil {
		return l.state
	}
	frame := appendFrame(nil, l.seq+1, records)
	if l.size+int64(len(frame)) > maxLog {
		return ErrTooLarge
	}
	if err := l.disk.write(l.f, frame); err != nil {
		// A full disk: take the half frame back, and the log goes on.
		if terr := l.disk.truncate(l.f, l.size); terr != nil {
			l.state = fmt.Errorf("%w: %w", ErrBroken, terr)
		}
		return err
	}
	if err := l.disk.sync(l.f); err != nil {
		// The kernel may have dropped the pages: nobody knows what is on the disk.
		l.state = fmt.Errorf("%w: %w", ErrBroken, err)
		return l.state
	}
	l.size += int64(len(frame))
	l.seq++
	return nil
}

// Size is the log's length in bytes: compaction's measure.
func (l *Log) Size() int64 {
	l.flush.Lock()
	defer l.flush.Unlock()
	return l.size
}

// Close waits for running appends and frees the log. Later calls do nothing.
func (l *Log) Close() error {
	l.flush.Lock()
	defer l.flush.Unlock()
	if errors.Is(l.state, ErrClosed) {
		return nil
	}
	l.state = ErrClosed
	if l.f == nil {
		return nil
	}
	return l.f.Close()
}
