package identity

import (
	"context"
	"slices"
	"strings"
	"testing"
)

// TestLinksAreTheKernels compares what links lists with the kernel's own table, names and
// addresses; every machine has at least lo.
func TestLinksAreTheKernels(t *testing.T) {
	sys := tree{"/"}
	names, err := sys.names("sys", "class", "net")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, name := range names {
		if addr, err := sys.read("sys", "class", "net", name, "address"); err == nil { // bonding_masters is no link
			want = append(want, name+" "+address(strings.TrimSpace(string(addr))))
		}
	}
	all, err := links(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range all {
		got = append(got, l.Name+" "+address(l.Addr))
	}
	slices.Sort(want)
	slices.Sort(got)
	if len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("links are %q; the kernel has %q", got, want)
	}
}

// address of a link that has none is all zeros in one table and missing in the other.
func address(s string) string {
	if strings.Trim(s, "0:") == "" {
		return ""
	}
	return s
}
