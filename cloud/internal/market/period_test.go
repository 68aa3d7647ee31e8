package market

import (
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

func TestPeriods(t *testing.T) {
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, tt := range []struct {
		from, period string
		n            int
		want         string // "" is refused
	}{
		{"2026-01-31T23:59:59Z", "month", 1, "2026-02-28T23:59:59Z"},
		{"2028-01-31T00:00:00Z", "month", 1, "2028-02-29T00:00:00Z"},
		{"2026-01-31T00:00:00Z", "month", 2, "2026-03-31T00:00:00Z"},
		{"2026-01-30T00:00:00Z", "month", 13, "2027-02-28T00:00:00Z"},
		{"2028-02-29T10:00:00Z", "year", 1, "2029-02-28T10:00:00Z"},
		{"2028-02-29T10:00:00Z", "year", 4, "2032-02-29T10:00:00Z"},
		{"2026-12-31T10:00:00Z", "day", 1, "2027-01-01T10:00:00Z"},
		{"2026-12-31T10:00:00Z", "month", MaxPeriods, "2035-03-31T10:00:00Z"},
		{"2026-12-31T10:00:00Z", "week", 1, ""},
		{"2026-12-31T10:00:00Z", "", 1, ""},
	} {
		got, err := add(at(tt.from), tt.period, tt.n)
		if tt.want == "" {
			if meta.CodeOf(err) != cloudapi.ErrInvalid {
				t.Errorf("%s + %d %s: %v, %v", tt.from, tt.n, tt.period, got, err)
			}
			continue
		}
		if err != nil || !got.Equal(at(tt.want)) {
			t.Errorf("%s + %d %s: %v, %v; want %s", tt.from, tt.n, tt.period, got, err, tt.want)
		}
	}
}
