package identity

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// tree reads below a root folder. Everything it reads is small; a file that is
// larger than maxAttribute is cut, which no real one is.
type tree struct{ root string }

const maxAttribute = 64 << 10

func (t tree) path(parts ...string) string {
	return filepath.Join(append([]string{t.root}, parts...)...)
}

func (t tree) read(parts ...string) ([]byte, error) {
	f, err := os.Open(t.path(parts...))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxAttribute))
}

// text is an attribute without blanks at its ends, empty when it cannot be read.
func (t tree) text(parts ...string) string {
	b, err := t.read(parts...)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// names lists a folder, sorted.
func (t tree) names(parts ...string) ([]string, error) {
	entries, err := os.ReadDir(t.path(parts...))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	slices.Sort(names)
	return names, nil
}

// device follows a "device" link below the root and says where the hardware
// hangs; ok is false for what has no hardware.
func (t tree) device(parts ...string) (place string, ok bool) {
	real, err := filepath.EvalSymlinks(t.path(append(parts, "device")...))
	if err != nil {
		return "", false
	}
	root, err := filepath.EvalSymlinks(t.path())
	if err != nil {
		return "", false
	}
	rel, err := filepath.Rel(root, real)
	if err != nil || strings.HasPrefix(rel, "..") {
		return "", false
	}
	return filepath.ToSlash(rel), true
}

// external says why a piece of hardware does not belong to the machine itself,
// or is empty: it hangs on USB or in a dock (a chain behind a removable port),
// is lent by another machine over a network, or is a slice of another device.
func (t tree) external(place string) string {
	parts := strings.Split(place, "/")
	for i, p := range parts {
		if usbBus(p) {
			return onUSB
		}
		if strings.HasPrefix(p, "session") || strings.HasPrefix(p, "rport-") {
			return onNetwork
		}
		if t.text(filepath.Join(parts[:i+1]...), "removable") == "removable" {
			return inDock
		}
	}
	if _, err := os.Lstat(t.path(place, "physfn")); err == nil {
		return "a virtual function of another device"
	}
	return ""
}

// usbBus matches usb1, usb2 …: a bus, not a device whose name begins so.
func usbBus(p string) bool {
	n, ok := strings.CutPrefix(p, "usb")
	return ok && n != "" && strings.Trim(n, "0123456789") == ""
}
