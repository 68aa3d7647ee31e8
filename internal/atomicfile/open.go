package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

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
