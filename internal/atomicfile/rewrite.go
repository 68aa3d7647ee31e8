package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// rewrite writes a new file beside, locks it, and puts it in the log's place.
// The caller holds flush, or is the only one who knows the log.
func (l *Log) rewrite(records [][]byte) error {
	f, err := l.disk.temp(l.path, l.perm)
	if err != nil {
		return err
	}
	size, seq, err := l.fill(f, records)
	if err == nil {
		err = lock(f)
	}
	if err == nil && closeBeforeRename && l.f != nil {
		err = l.f.Close()
		l.f, l.state = nil, ErrBroken // until the new one stands
	}
	if err == nil {
		err = l.disk.rename(f.Name(), l.path)
	}
	if err != nil {
		err = errors.Join(err, f.Close(), os.Remove(f.Name()))
		if closeBeforeRename && l.f == nil && l.size > 0 {
			l.again()
		}
		return err
	}
	if l.f != nil {
		_ = l.f.Close() // replaced: what it held no longer matters
	}
	l.f, l.size, l.seq, l.state = f, size, seq, nil
	return l.disk.syncDir(filepath.Dir(l.path))
}

// again goes on with the file that was closed for a rename that failed. If anyone
// wrote to it since, or has it, the log stays broken until the next rewrite.
func (l *Log) again() {
	f, err := openRegular(l.path, os.O_RDWR, 0)
	if err != nil {
		return
	}
	if err := lock(f); err == nil {
		if end, err := f.Seek(0, io.SeekEnd); err == nil && end == l.size {
			l.f, l.state = f, nil
			return
		}
	}
	_ = f.Close() // nothing was written
}

// fill writes a whole log, in frames that stay under the bound, and syncs it.
func (l *Log) fill(f *os.File, records [][]byte) (size int64, seq uint64, err error) {
	if err := l.disk.write(f, []byte(logMagic)); err != nil {
		return 0, 0, err
	}
	size = int64(len(logMagic))
	for len(records) > 0 {
		n, bytes := 0, 0
		for n < len(records) && (n == 0 || bytes+4+len(records[n]) <= maxFrame) {
			if len(records[n]) > MaxRecord {
				return 0, 0, ErrTooLarge
			}
			bytes += 4 + len(records[n])
			n++
		}
		seq++
		frame := appendFrame(nil, seq, records[:n])
		if err := l.disk.write(f, frame); err != nil {
			return 0, 0, err
		}
		size += int64(len(frame))
		records = records[n:]
	}
	if size > maxLog {
		return 0, 0, ErrTooLarge
	}
	return size, seq, l.disk.sync(f)
}

// keepAside gives path a second name path.damaged-N and leaves path in place,
// so that a kill right after finds either name with the bytes.
func (d Disk) keepAside(path string) (string, error) {
	for n := 1; n < 10000; n++ {
		aside := fmt.Sprintf("%s.damaged-%d", path, n)
		err := os.Link(path, aside)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil { // a file system without links: move it away instead
			return d.SetAside(path)
		}
		return aside, d.syncDir(filepath.Dir(path))
	}
	return "", fmt.Errorf("set aside %s: too many damaged copies lie beside it", path)
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
