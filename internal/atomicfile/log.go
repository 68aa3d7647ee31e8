package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
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

// OpenLog opens or creates the log at path and returns the records that it
// holds, oldest first (the caller owns them). A log that is open elsewhere is
// waited for, two seconds at most, then the error is ErrLocked. A torn tail, the trace of an
// interrupted append that was never acknowledged, is cut. When the error is
// ErrDamaged (a *DamagedError), the log is usable and holds the returned
// records, those before the damage; the damaged file is kept beside it. With
// any other error the log is nil.
func OpenLog(path string, perm os.FileMode) (*Log, [][]byte, error) {
	return Disk{}.OpenLog(path, perm)
}

// OpenLog is the package's OpenLog on this disk.
func (d Disk) OpenLog(path string, perm os.FileMode) (*Log, [][]byte, error) {
	for n := 0; ; n++ {
		l, records, err := d.openOnce(path, perm)
		if !errors.Is(err, ErrLocked) || n == lockTries {
			return l, records, err
		}
		time.Sleep(lockPause)
	}
}

// How long a lock is waited for. A process that is killed while it starts another
// leaves its locks for a moment to the child that is not yet another program.
const (
	lockTries = 40
	lockPause = 50 * time.Millisecond
)

func (d Disk) openOnce(path string, perm os.FileMode) (*Log, [][]byte, error) {
	l := &Log{disk: d, path: path, perm: perm}
	f, err := openRegular(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return l.create()
	}
	if err != nil {
		return nil, nil, err
	}
	b, err := l.take(f)
	if err != nil {
		_ = f.Close()
		return nil, nil, fmt.Errorf("open log %s: %w", path, err)
	}
	s := scan(b)
	if s.damaged != "" {
		return l.recover(s)
	}
	if s.good == 0 { // not even the first line is whole: nothing was ever acknowledged
		return l.replaced(nil)
	}
	l.size, l.seq = s.good, s.seq
	if err := l.cut(int64(len(b))); err != nil {
		_ = f.Close()
		return nil, nil, fmt.Errorf("open log %s: %w", path, err)
	}
	return l, s.records, nil
}

// take locks f, makes it the log's file and reads it.
func (l *Log) take(f *os.File) ([]byte, error) {
	if err := lock(f); err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if st.Size() > maxLog {
		return nil, ErrTooLarge
	}
	b, err := io.ReadAll(io.LimitReader(f, maxLog))
	l.f = f
	return b, err
}

// cut removes what follows the last good frame and stands at its end.
func (l *Log) cut(have int64) error {
	if have == l.size {
		return nil // read to its end: the position is right
	}
	if err := l.disk.truncate(l.f, l.size); err != nil {
		return err
	}
	return l.disk.sync(l.f)
}

// create makes the file of a log that did not exist.
func (l *Log) create() (*Log, [][]byte, error) {
	if err := l.rewrite(nil); err != nil {
		return nil, nil, fmt.Errorf("create log %s: %w", l.path, err)
	}
	return l, nil, nil
}

// replaced starts the file anew with the given records.
func (l *Log) replaced(records [][]byte) (*Log, [][]byte, error) {
	if err := l.rewrite(records); err != nil {
		if l.f != nil {
			_ = l.f.Close()
		}
		return nil, nil, fmt.Errorf("open log %s: %w", l.path, err)
	}
	return l, records, nil
}

// recover keeps the damaged file beside and goes on with the good prefix. The
// copy is a second name first, so that no kill in between leaves no file.
func (l *Log) recover(s scanned) (*Log, [][]byte, error) {
	aside, err := l.disk.keepAside(l.path)
	if err != nil {
		_ = l.f.Close()
		return nil, nil, err
	}
	log, records, err := l.replaced(s.records)
	if err != nil {
		return nil, nil, err
	}
	return log, records, &DamagedError{Path: l.path, Aside: aside, Reason: s.damaged}
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

// Rewrite replaces the whole log by records, atomically: compaction. Appends
// that were acknowledged before it began are dropped unless they are among
// records; the caller keeps others from appending meanwhile.
func (l *Log) Rewrite(records [][]byte) error {
	l.flush.Lock()
	defer l.flush.Unlock()
	if errors.Is(l.state, ErrClosed) {
		return fmt.Errorf("rewrite %s: %w", l.path, l.state)
	}
	if err := l.rewrite(records); err != nil {
		return fmt.Errorf("rewrite %s: %w", l.path, err)
	}
	return nil
}

// Replace is Rewrite for a log whose records turned out to be unusable: the file as
// it is stays beside, under the returned path.
func (l *Log) Replace(records [][]byte) (aside string, err error) {
	l.flush.Lock()
	defer l.flush.Unlock()
	if errors.Is(l.state, ErrClosed) {
		return "", fmt.Errorf("replace %s: %w", l.path, l.state)
	}
	if aside, err = l.disk.keepAside(l.path); err != nil {
		return "", err
	}
	if err := l.rewrite(records); err != nil {
		return aside, fmt.Errorf("replace %s: %w", l.path, err)
	}
	return aside, nil
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
