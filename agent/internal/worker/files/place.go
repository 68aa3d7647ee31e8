package files

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/iscdesk/iscdesk/internal/chunk"
)

// workspace is the folder below the user's home that holds opened files.
const workspace = "ISCDesk"

// place is where an object belongs: the workspace, then one element for the space
// and for each folder and the name. Elements are relative, safe and never empty.
func place(spaceName string, folders []string, name string) string {
	parts := []string{safeName(spaceName)}
	for _, f := range folders {
		parts = append(parts, safeName(f))
	}
	return filepath.Join(append(parts, safeName(name))...)
}

// safeName maps a name of the cloud to one that this system, and Windows, can
// store. Names that are fine stay as they are; others lose what is not storable
// and gain a mark made from the original, so that two never become one.
func safeName(name string) string {
	if chunk.CheckName(name) == nil && !strings.HasPrefix(name, hidden) {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	mark := "~" + hex.EncodeToString(sum[:4])
	var b strings.Builder
	for _, c := range strings.ToValidUTF8(name, "_") {
		if chunk.CheckName("a"+string(c)+"a") != nil {
			c = '_'
		}
		b.WriteRune(c)
		if b.Len() > chunk.MaxName-len(mark)-utf8.UTFMax {
			break
		}
	}
	base := strings.Trim(b.String(), ". ")
	ext := filepath.Ext(base)
	if len(ext) > 16 {
		ext = ""
	}
	// The mark stands before the extension, so that applications know the kind.
	safe := strings.TrimSuffix(base, ext) + mark + ext
	if strings.HasPrefix(safe, hidden) || chunk.CheckName(safe) != nil {
		safe = "_" + mark // a device's name, or nothing left
	}
	return safe
}

// hidden begins the names of our own temporary files beside a destination. The
// cloud's names never get to begin so.
const hidden = ".iscdesk-"

// tempName names what is under way towards a version of an object: the same
// again after a kill, so that the work goes on.
func tempName(object, manifest, path string) string {
	sum := sha256.Sum256([]byte(object + "\x00" + manifest + "\x00" + path))
	return hidden + hex.EncodeToString(sum[:8]) + ".part"
}
