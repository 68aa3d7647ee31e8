//go:build linux

package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
)

// dxf collects the entities of a drawing in AutoCAD's exchange format, release 12:
// pairs of lines, a group code and its value.
type dxf struct{ b strings.Builder }

func (d *dxf) pair(code int, value any) { fmt.Fprintf(&d.b, "%3d\n%v\n", code, value) }

func (d *dxf) circle(layer string, x, y, r float64) {
	d.pair(0, "CIRCLE")
	d.pair(8, layer)
	d.pair(10, x)
	d.pair(20, y)
	d.pair(30, 0.0)
	d.pair(40, r)
}

func (d *dxf) line(layer string, x1, y1, x2, y2 float64) {
	d.pair(0, "LINE")
	d.pair(8, layer)
	d.pair(10, x1)
	d.pair(20, y1)
	d.pair(30, 0.0)
	d.pair(11, x2)
	d.pair(21, y2)
	d.pair(31, 0.0)
}

func (d *dxf) write(path string) error {
	var f dxf
	f.pair(0, "SECTION")
	f.pair(2, "HEADER")
	f.pair(9, "$ACADVER")
	f.pair(1, "AC1009")
	f.pair(0, "ENDSEC")
	f.pair(0, "SECTION")
	f.pair(2, "ENTITIES")
	f.b.WriteString(d.b.String())
	f.pair(0, "ENDSEC")
	f.pair(0, "EOF")
	return os.WriteFile(path, []byte(f.b.String()), 0o644)
}

// flange is a ring with bolt holes on a circle.
func flange(outer, bore, bolts float64, holes int) *dxf {
	d := &dxf{}
	d.circle("CONTOUR", 0, 0, outer/2)
	d.circle("CONTOUR", 0, 0, bore/2)
	for i := range holes {
		a := 2 * math.Pi * float64(i) / float64(holes)
		d.circle("HOLES", bolts/2*math.Cos(a), bolts/2*math.Sin(a), 5.5)
	}
	d.line("CENTRE", -outer/2-5, 0, outer/2+5, 0)
	d.line("CENTRE", 0, -outer/2-5, 0, outer/2+5)
	return d
}

// shaft is a stepped shaft seen from the side: steps of diameter and length.
func shaft(steps ...[2]float64) *dxf {
	d := &dxf{}
	x := 0.0
	for _, s := range steps {
		r := s[0] / 2
		d.line("CONTOUR", x, r, x+s[1], r)
		d.line("CONTOUR", x, -r, x+s[1], -r)
		d.line("CONTOUR", x, -r, x, r)
		x += s[1]
		d.line("CONTOUR", x, -r, x, r)
	}
	d.line("CENTRE", -5, 0, x+5, 0)
	return d
}

// drawings writes the engineer's files: two parts, and an assembly, which is a
// folder whose main file bears its name.
func drawings(dir string) error {
	assembly := filepath.Join(dir, "coupling")
	if err := os.MkdirAll(assembly, 0o755); err != nil {
		return err
	}
	for path, d := range map[string]*dxf{
		filepath.Join(dir, "flange.dxf"):         flange(180, 60, 140, 8),
		filepath.Join(dir, "shaft.dxf"):          shaft([2]float64{40, 60}, [2]float64{55, 120}, [2]float64{35, 45}),
		filepath.Join(assembly, "coupling.dxf"):  flange(120, 32, 96, 6),
		filepath.Join(assembly, "hub-left.dxf"):  flange(110, 30, 88, 6),
		filepath.Join(assembly, "hub-right.dxf"): flange(110, 32, 88, 6),
		filepath.Join(assembly, "spider.dxf"):    flange(80, 28, 60, 4),
	} {
		if err := d.write(path); err != nil {
			return err
		}
	}
	return nil
}
