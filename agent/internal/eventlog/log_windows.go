package eventlog

import (
	"errors"
	"fmt"
	"log/slog"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc/eventlog"
)

// Numbers of events, for those who filter.
const (
	eventInfo    = 1
	eventWarning = 2
	eventError   = 3
)

// Log is the event log "Application", open for one source.
type Log struct{ log *eventlog.Log }

// Open opens the log for a source. One that no installation registered is written all
// the same; the viewer then adds that it has no description. Close it.
func Open(source string) (*Log, error) {
	log, err := eventlog.Open(source)
	if err != nil {
		return nil, fmt.Errorf("open the event log: %w", err)
	}
	return &Log{log}, nil
}

// Close gives the log back.
func (l *Log) Close() error { return l.log.Close() }

// Report writes a message at a level.
func (l *Log) Report(level slog.Level, text string) error {
	text = bound(text)
	switch {
	case level >= slog.LevelError:
		return l.log.Error(eventError, text)
	case level >= slog.LevelWarn:
		return l.log.Warning(eventWarning, text)
	}
	return l.log.Info(eventInfo, text)
}

const (
	readBackwards = 0x1 | 0x8 // EVENTLOG_SEQUENTIAL_READ, EVENTLOG_BACKWARDS_READ
	readBuffer    = 64 << 10  // bytes; the largest record fits
	readMost      = 64        // buffers that are looked at
)

// LastError is the newest error that a source wrote to the log "Application", "" when
// there is none among the last four megabytes.
func LastError(source string) (string, error) {
	lib := windows.NewLazySystemDLL("advapi32.dll")
	open, read, end := lib.NewProc("OpenEventLogW"), lib.NewProc("ReadEventLogW"), lib.NewProc("CloseEventLog")
	for _, p := range []*windows.LazyProc{open, read, end} {
		if err := p.Find(); err != nil {
			return "", fmt.Errorf("read the event log: %w", err)
		}
	}
	name, err := windows.UTF16PtrFromString("Application")
	if err != nil {
		return "", err
	}
	h, _, err := open.Call(0, uintptr(unsafe.Pointer(name)))
	if h == 0 {
		return "", fmt.Errorf("open the event log: %w", err)
	}
	defer func() { _, _, _ = end.Call(h) }()
	b := make([]byte, readBuffer)
	for range readMost {
		var got, wanted uint32
		ok, _, err := read.Call(h, readBackwards, 0, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)),
			uintptr(unsafe.Pointer(&got)), uintptr(unsafe.Pointer(&wanted)))
		if ok == 0 && errors.Is(err, windows.ERROR_HANDLE_EOF) {
			break
		}
		if ok == 0 {
			return "", fmt.Errorf("read the event log: %w", err)
		}
		if got == 0 || int(got) > len(b) { // Wine answers that all is well and reads nothing
			break
		}
		if text, found := lastError(b[:got], source); found {
			return text, nil
		}
	}
	return "", nil
}
