//go:build unix

package atomicfile

import "os"

// MkdirPrivate makes a folder, with those above it, that only its owner may enter. One
// that is there is left as it is.
func MkdirPrivate(dir string) error { return os.MkdirAll(dir, 0o700) }
