package localapi

import (
	"math"
	"testing"

	"github.com/iscdesk/iscdesk/sdk/api"
)

func TestBoundsOfAnImport(t *testing.T) {
	part := func(n int) []byte { return make([]byte, n) }
	for _, c := range []struct {
		name string
		p    api.LicenseImport
		want api.Code
	}{
		{"one byte", api.LicenseImport{Part: part(1), Size: 1}, api.OK},
		{"the largest part of the largest file, at its end", api.LicenseImport{Part: part(api.MaxImportPart), Offset: api.MaxImport - api.MaxImportPart, Size: api.MaxImport}, api.OK},
		{"a file too large", api.LicenseImport{Part: part(1), Size: api.MaxImport + 1}, api.ImportNotDocument},
		{"a part too large", api.LicenseImport{Part: part(api.MaxImportPart + 1), Size: api.MaxImport}, api.TooLarge},
		{"nothing", api.LicenseImport{Size: 1}, api.InvalidArgument},
		{"no size", api.LicenseImport{Part: part(1)}, api.InvalidArgument},
		{"a negative size", api.LicenseImport{Part: part(1), Size: math.MinInt}, api.InvalidArgument},
		{"before the beginning", api.LicenseImport{Part: part(1), Offset: -1, Size: 2}, api.InvalidArgument},
		{"beyond the end", api.LicenseImport{Part: part(2), Offset: 1, Size: 2}, api.InvalidArgument},
		{"far beyond the end", api.LicenseImport{Part: part(1), Offset: math.MaxInt, Size: 2}, api.InvalidArgument},
	} {
		if got := api.CodeOf(checkLicenseImport(c.p)); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}
