package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
)

// maxCrash bounds what of a crash's trace is read; the event log takes its beginning,
// where the reason stands.
const maxCrash = 16 << 10

// keepCrash makes a crash of this process leave its trace in folder, since a service has
// no standard error, and answers the trace that the last one left, "" for none. What was
// answered is gone from the file.
func keepCrash(folder string) (last string, err error) {
	f, err := os.OpenFile(filepath.Join(folder, "crash.txt"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return "", fmt.Errorf("open the file for crashes: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	text, err := io.ReadAll(io.LimitReader(f, maxCrash))
	if err != nil {
		return "", fmt.Errorf("read the last crash: %w", err)
	}
	if err := f.Truncate(0); err != nil {
		return "", fmt.Errorf("empty the file for crashes: %w", err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return "", fmt.Errorf("empty the file for crashes: %w", err)
	}
	if err := debug.SetCrashOutput(f, debug.CrashOptions{}); err != nil {
		return "", fmt.Errorf("keep crashes: %w", err)
	}
	return string(text), nil
}
