package files

import "testing"

func TestOneTurnForEverySpelling(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{`C:\Work\part.dxf`, `c:\work\PART.DXF`, true}, {`C:\Work\part.dxf`, `C:/Work/part.dxf`, true},
		{`C:\Work\part.dxf`, `\\?\C:\Work\part.dxf`, true}, {`\\srv\s\p.dxf`, `\\?\UNC\srv\s\p.dxf`, true},
		{`C:\Work\Überlänge.dxf`, `C:\WORK\ÜBERLÄNGE.DXF`, true}, {`C:\Work\a\..\part.dxf`, `C:\Work\part.dxf`, true},
		{`C:\Work\part.dxf`, `D:\Work\part.dxf`, false}, {`C:\Work\part.dxf`, `C:\Work\part2.dxf`, false},
	} {
		if same := onePath(c.a) == onePath(c.b); same != c.same {
			t.Errorf("%s and %s: %v", c.a, c.b, same)
		}
	}
}
