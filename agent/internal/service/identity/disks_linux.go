package identity

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"strings"
)

// disks takes the serial numbers of built-in disks. What is removable, on USB,
// in a dock, on a storage network or made of other disks does not count.
func (t files) disks(context.Context) slot {
	var s slot
	names, err := t.names("sys", "block")
	if err != nil {
		s.miss("disks: %s", why(err))
		return s
	}
	for _, name := range names {
		place, real := t.device("sys", "block", name)
		if !real || optical(name) {
			continue
		}
		switch where := t.external(place); {
		case t.text("sys", "block", name, "removable") == "1":
			s.miss("%s is removable", name)
		case strings.HasPrefix(name, "mmcblk") && t.text("sys", "block", name, "device", "type") == "SD":
			s.miss("%s is a memory card", name)
		case where != "":
			s.miss("%s is %s", name, where)
		default:
			s.take(name, t.serial(name))
		}
	}
	s.settle("no built-in disk")
	return s
}

// optical drives, floppies and the boot parts of a memory chip name no disk.
func optical(name string) bool {
	return strings.HasPrefix(name, "sr") || strings.HasPrefix(name, "fd") ||
		strings.HasPrefix(name, "mmcblk") && (strings.Contains(name, "boot") || strings.Contains(name, "rpmb"))
}

// serial asks the sources of a disk's serial number in a fixed order, the plain
// ones first; a source with a placeholder is passed over for the next.
func (t tree) serial(name string) string {
	var first string
	for _, source := range []func(string) string{
		func(n string) string { return t.text("sys", "block", n, "device", "serial") }, // NVMe, eMMC
		func(n string) string { return t.text("sys", "block", n, "serial") },           // virtio
		t.vpd80,
		t.udev,
		func(n string) string { return t.text("sys", "block", n, "wwid") },
		func(n string) string { return t.text("sys", "block", n, "device", "wwid") },
	} {
		v := strings.TrimSpace(source(name))
		if v != "" && !placeholder(v) {
			return v
		}
		if first == "" {
			first = v
		}
	}
	return first
}

// vpd80 reads SCSI's unit serial number page: a head of 4 bytes that ends with
// the length, then the text.
func (t tree) vpd80(name string) string {
	b, err := t.read("sys", "block", name, "device", "vpd_pg80")
	if err != nil || len(b) < 4 {
		return ""
	}
	n := int(binary.BigEndian.Uint16(b[2:]))
	if n > len(b)-4 {
		return ""
	}
	return strings.Trim(string(b[4:4+n]), " \x00")
}

// udev reads what udev noted of a disk.
func (t tree) udev(name string) string {
	dev := t.text("sys", "block", name, "dev")
	if dev == "" || strings.Trim(dev, "0123456789:") != "" {
		return ""
	}
	b, err := t.read("run", "udev", "data", "b"+dev)
	if err != nil {
		return ""
	}
	found := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(b))
	for lines.Scan() {
		if k, v, ok := strings.Cut(strings.TrimPrefix(lines.Text(), "E:"), "="); ok {
			found[k] = v
		}
	}
	var first string
	for _, k := range []string{"ID_SCSI_SERIAL", "SCSI_IDENT_SERIAL", "ID_SERIAL_SHORT"} {
		v := found[k]
		if v != "" && !placeholder(v) {
			return v
		}
		if first == "" {
			first = v
		}
	}
	return first
}
