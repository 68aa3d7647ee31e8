package launch

import (
	"fmt"
	"slices"
	"strings"
)

// identity is what a worker is started as.
type identity struct {
	UID, GID int
	Groups   []int
}

// key is equal for equal identities: one worker each.
func (i identity) key() string {
	groups := slices.Clone(i.Groups)
	slices.Sort(groups)
	var b strings.Builder
	fmt.Fprintf(&b, "%d:%d", i.UID, i.GID)
	for _, g := range slices.Compact(groups) {
		fmt.Fprintf(&b, ",%d", g)
	}
	return b.String()
}
