package identity

import (
	"strings"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// join makes the documented string: mac|disk|board|cpu, values of one slot with
// commas between, upper case, empty slots empty, at most api.MaxDevInfo bytes. A
// value that would not fit is left out whole, with all behind it in its slot;
// macs and disks tell how many are in. It is a pure function. Values hold no bar
// and no comma; board and cpu are at most maxValue bytes.
func join(mac, disk []string, board, cpu string) (text string, macs, disks int) {
	left := api.MaxDevInfo - len("|||") - len(board) - len(cpu)
	m, macs := some(mac, &left)
	d, disks := some(disk, &left)
	return upper(m + "|" + d + "|" + board + "|" + cpu), macs, disks
}

// some joins the first values that fit into left bytes and takes those away.
func some(values []string, left *int) (string, int) {
	joined := ""
	for i, v := range values {
		if i > 0 {
			v = "," + v
		}
		if len(v) > *left {
			return joined, i
		}
		*left -= len(v)
		joined += v
	}
	return joined, len(values)
}

// upper changes a to z only, so that it never changes a length.
func upper(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r - 'a' + 'A'
		}
		return r
	}, s)
}

func sentence(reasons []string) string {
	s := strings.Join(reasons, "; ")
	if len(s) > api.MaxText {
		s = strings.ToValidUTF8(s[:api.MaxText-3], "") + "..."
	}
	return s
}
