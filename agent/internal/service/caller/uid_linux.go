package caller

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// unnamed is whom a record without a user is of.
const unnamed UID = "0"

// Own is the user of this process.
func Own() UID { return uidOf(uint32(os.Geteuid())) }

func uidOf(n uint32) UID { return UID(strconv.FormatUint(uint64(n), 10)) }

// Number is u as the kernel counts; an error for what is no user id of Linux.
func (u UID) Number() (uint32, error) {
	n, err := strconv.ParseUint(string(u), 10, 32)
	if err != nil {
		return 0, fmt.Errorf("read user id %q: %w", string(u), err)
	}
	return uint32(n), nil
}

// System reports whether u is the operating system itself: root.
func (u UID) System() bool { return u == "0" }

// Text names u in messages.
func (u UID) Text() string { return "uid:" + string(u) }

// Rights are what the kernel says about a caller beside who it is: a worker gets exactly them.
type Rights struct {
	GID    int
	Groups []int // the full supplementary list; shared, do not change
}

// Key is equal for equal rights, whatever the order of the groups.
func (r Rights) Key() string {
	groups := slices.Clone(r.Groups)
	slices.Sort(groups)
	var b strings.Builder
	fmt.Fprintf(&b, "%d", r.GID)
	for _, g := range slices.Compact(groups) {
		fmt.Fprintf(&b, ",%d", g)
	}
	return b.String()
}

// Root reports whether the caller is the system itself, which a system's agent gives no
// file operations.
func (a Actor) Root() bool { return a.UID.System() }

// RootAdvice says in English what such a caller can do.
const RootAdvice = "start the program as the user who works with it"

// SameRights reports whether an agent of this process may serve the caller, who is
// the same user.
func (a Actor) SameRights() bool { return true }
