package chunk

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// MaxName is the length of one path element in bytes (UTF-8). It keeps a name
// under the 255 UTF-16 units of NTFS and the 255 bytes of ext4.
const MaxName = 255

// Hidden begins the names of a worker's own temporary files, in any case of
// letters: it removes what it finds under them.
const Hidden = ".iscdesk-"

// CheckName says whether name, one path element, can be stored on Windows and
// on Linux alike, shows what it is, and is nobody's own (Hidden). The error wraps ErrName and says why.
// A caller that keeps several names in a folder also compares their Fold.
func CheckName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("check name: %w: empty", ErrName)
	case len(name) > MaxName:
		return fmt.Errorf("check name: %w: %d bytes, at most %d", ErrName, len(name), MaxName)
	case !utf8.ValidString(name):
		return fmt.Errorf("check name: %w: not UTF-8", ErrName)
	case name == "." || name == "..":
		return fmt.Errorf("check name: %w: %q is a direction, not a name", ErrName, name)
	case strings.HasSuffix(name, ".") || strings.HasSuffix(name, " "):
		// Windows drops them silently, so two names would become one file.
		return fmt.Errorf("check name: %w: ends in a dot or a blank", ErrName)
	case strings.HasPrefix(Fold(name), Fold(Hidden)):
		return fmt.Errorf("check name: %w: begins as a worker's temporary files do, with %s", ErrName, Hidden)
	}
	for _, r := range name {
		if strings.ContainsRune(`/\:*?"<>|`, r) {
			return fmt.Errorf("check name: %w: contains %q", ErrName, r)
		}
		// Controls break listings; bidirectional marks make "exe.txt" of "txt.exe".
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' || r == '\ufeff' {
			return fmt.Errorf("check name: %w: contains the control character %U", ErrName, r)
		}
	}
	if reserved(name) {
		return fmt.Errorf("check name: %w: %q is a device on Windows", ErrName, name)
	}
	return nil
}

// reserved knows the device names of Windows, which are devices with any
// extension and any case too.
func reserved(name string) bool {
	base, _, _ := strings.Cut(name, ".")
	base = strings.ToUpper(strings.TrimRight(base, " "))
	switch base {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$":
		return true
	}
	rest, com := strings.CutPrefix(base, "COM")
	if !com {
		var lpt bool
		if rest, lpt = strings.CutPrefix(base, "LPT"); !lpt {
			return false
		}
	}
	return utf8.RuneCountInString(rest) == 1 && strings.Contains("0123456789¹²³", rest)
}

// Fold maps names that a case-insensitive or normalising file system takes for
// the same to the same string. It is for comparing only, never for storing.
func Fold(name string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for s := unicode.SimpleFold(r); s != r; s = unicode.SimpleFold(s) {
			least = min(least, s)
		}
		return least
	}, norm.NFC.String(name))
}
