package identity

import (
	"context"
	"errors"
	"io/fs"
	"slices"
)

// source is where one system tells of its hardware: files below a root on Linux, the
// answers of calls on Windows. What counts, its order, its form and the reasons for
// what is absent are the same on both.
type source interface {
	macs(context.Context) slot
	disks(context.Context) slot
	boardSerial() (string, error) // as the firmware has it
	productUUID() (string, error) // in lower case
	osID() string                 // of the installed system, in a form of our own; empty when it has none
}

// Reasons that both systems give.
const (
	onUSB     = "on USB"
	onNetwork = "on a storage network"
	inDock    = "behind a removable port (a dock)"
)

// settle gives the values their order, one each: two paths lead to one disk, two
// protocols to one adapter. none is the reason when nothing was found or refused.
func (s *slot) settle(none string) {
	if len(s.values) == 0 && len(s.absent) == 0 {
		s.absent = []string{none}
	}
	slices.Sort(s.values)
	s.values = slices.Compact(s.values)
}

// board is the mainboard's serial number of the firmware's tables.
func (r *Room) board(context.Context) slot {
	var s slot
	serial, err := r.cfg.source.boardSerial()
	if err != nil {
		s.miss("mainboard serial: %s", why(err))
		return s
	}
	s.take("mainboard serial", serial)
	return s
}

// why puts a read error into words.
func why(err error) string {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return reserved
	case errors.Is(err, fs.ErrNotExist):
		return "this system does not have it"
	}
	return err.Error()
}
