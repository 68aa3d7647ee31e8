package pages

import "strconv"

// pageSize is how many rows a list shows at a time.
const pageSize = 50

// part is a piece of a list that stands in memory whole.
type part struct {
	From, To, All  int // of the rows, counted from 1
	Previous, Next int // number of the page; 0 for none
	path           string
	pairs          []string // of the query, kept
}

// PreviousLink and NextLink are the addresses beside this piece.
func (p part) PreviousLink() string { return p.link(p.Previous) }

// NextLink see PreviousLink.
func (p part) NextLink() string { return p.link(p.Next) }

func (p part) link(n int) string {
	return Link(p.path, append([]string{"page", strconv.Itoa(n)}, p.pairs...)...)
}

// cut takes the piece that the address asks for; a number that is none, or too high, is the nearest one.
func cut[T any](v *Visit, list []T, path string, pairs ...string) ([]T, part) {
	n, err := strconv.Atoi(v.Query("page"))
	last := max(1, (len(list)+pageSize-1)/pageSize)
	if err != nil {
		n = 1
	}
	n = min(max(n, 1), last)
	from, to := (n-1)*pageSize, min(n*pageSize, len(list))
	p := part{From: from + 1, To: to, All: len(list), path: path, pairs: pairs}
	if n > 1 {
		p.Previous = n - 1
	}
	if n < last {
		p.Next = n + 1
	}
	return list[from:to], p
}
