package files

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"unicode/utf16"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/chunk"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// A program of twenty years ago opens no path of 260 letters, and with an assembly it
// opens the main file and then misses the part whose path is too long. So a version
// whose paths would be longer lies in a short folder of the workspace; where even that
// is not short enough, it is refused before anything is written, with the file's name.
// Saves have no such bound: the application had the file open.

// errTooLong is a version that does not fit where it was to lie.
var errTooLong = errors.New("a path is too long")

// fits refuses a version of which a file here would have a longer path than programs
// open. shown is the object's own path as the user knows it.
func (r *Room) fits(shown, base string, f workerapi.Fetch, m chunk.Manifest) error {
	if r.longest == 0 {
		return nil
	}
	for _, file := range m.Files {
		path := shown
		if f.Kind == cloudapi.KindAssembly {
			path = filepath.Join(shown, filepath.FromSlash(rename(file.Path, f.Name, base)))
		}
		if n := len(utf16.Encode([]rune(path))); n > r.longest {
			return fmt.Errorf("%w: %w", errTooLong, refuse(api.NameInvalid,
				"%s would be a path of %d letters, and programs open at most %d; give its folders or itself shorter names in the cloud, or let an administrator switch long paths on for this machine",
				path, n, r.longest))
		}
	}
	return nil
}

// shortPlace is where an object lies whose place would be too long: one folder for all
// that lie in the same folder of the cloud, so that they find each other.
func shortPlace(f workerapi.Fetch) string {
	sum := sha256.Sum256([]byte(f.Space + "\x00" + strings.Join(f.Path, "\x00")))
	return filepath.Join("~"+hex.EncodeToString(sum[:4]), safeName(f.Name))
}
