package atomicfile

import (
	"errors"
	"fmt"
	"os"
)

// Step names one thing that a disk can refuse; tests make it refuse.
type Step string

// The steps of a write, in the order in which they happen.
const (
	StepCreate   Step = "create"
	StepWrite    Step = "write" // the refused write leaves half of its bytes behind, as a full disk does
	StepSync     Step = "sync"
	StepRename   Step = "rename"
	StepSyncDir  Step = "syncdir"
	StepTruncate Step = "truncate"
)

// Disk is where the files lie. The zero value is the machine's own file system
// and what every program uses; Fault is for tests: it is asked before each step,
// and what it returns becomes the step's failure. Fault may be called from any
// goroutine.
type Disk struct {
	Fault func(step Step, path string) error
}

func (d Disk) check(s Step, path string) error {
	if d.Fault == nil {
		return nil
	}
	return d.Fault(s, path)
}

// create makes a new file with exactly perm, from its first moment.
func (d Disk) create(path string, perm os.FileMode) (*os.File, error) {
	if err := d.check(StepCreate, path); err != nil {
		return nil, err
	}
	f, err := openFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, perm)
	if err != nil {
		return nil, err
	}
	if err := keepMode(f, perm); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(path))
	}
	return f, nil
}

func (d Disk) write(f *os.File, b []byte) error {
	if err := d.check(StepWrite, f.Name()); err != nil {
		_, werr := f.Write(b[:len(b)/2])
		return errors.Join(err, werr)
	}
	_, err := f.Write(b)
	return err
}

func (d Disk) sync(f *os.File) error {
	if err := d.check(StepSync, f.Name()); err != nil {
		return err
	}
	return f.Sync()
}

func (d Disk) rename(from, to string) error {
	if err := d.check(StepRename, to); err != nil {
		return err
	}
	return replace(from, to)
}

// syncDir makes a rename in dir durable.
func (d Disk) syncDir(dir string) error {
	if err := d.check(StepSyncDir, dir); err != nil {
		return err
	}
	if err := syncFolder(dir); err != nil {
		return fmt.Errorf("sync folder %s: %w", dir, err)
	}
	return nil
}

func (d Disk) truncate(f *os.File, size int64) error {
	if err := d.check(StepTruncate, f.Name()); err != nil {
		return err
	}
	if err := f.Truncate(size); err != nil {
		return err
	}
	_, err := f.Seek(size, 0)
	return err
}
