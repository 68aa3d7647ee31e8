package identity

import (
	"net"
	"regexp"
	"strings"
)

// maxValue is the length of one value; serials are far shorter.
const maxValue = 256

// placeholders are what makers leave in place of a serial number, in lower case
// and without blanks at the ends. Many machines share them.
var placeholders = map[string]bool{
	"to be filled by o.e.m.": true, "to be filled by oem": true, "tobefilledbyo.e.m.": true, "o.e.m.": true, "oem": true,
	"default string": true, "default": true, "not specified": true, "not applicable": true, "not available": true,
	"none": true, "null": true, "n/a": true, "na": true, "unknown": true, "unspecified": true, "undefined": true,
	"empty": true, "invalid": true, "serial number": true, "system serial number": true, "base board serial number": true,
	"baseboard serial number": true, "board serial number": true, "chassis serial number": true, "mainboard serial number": true,
	"type2 - board serial number": true, "type1 - serial number": true, "serial": true, "no serial": true, "test": true,
	"123456789": true, "1234567890": true, "0123456789": true, "12345678": true, "0123456789abcdef": true, "123456": true,
	"mb-1234567890": true, "nb-1234567890": true, "sys-1234567890": true, "bsn12345678901234567": true, "abcdefghijkl": true,
	// Identifiers that whole series of boards share.
	"03000200-0400-0500-0006-000700080009": true, "00020003-0004-0005-0006-000700080009": true,
	"12345678-1234-5678-90ab-cddeefaabbcc": true, "fefefefe-fefe-fefe-fefe-fefefefefefe": true,
	"03020100-0504-0706-0809-0a0b0c0d0e0f": true,
}

// defaults are serials that a hypervisor gives to every machine.
var defaults = regexp.MustCompile(`^(qm\d{5}|vmware nvme_\d{4}|vmware-?virtual.*|vb0{4,}.*|drive-scsi\d+|virtual hd.*)$`)

// placeholder says that a value names no machine.
func placeholder(v string) bool {
	v = strings.ToLower(strings.TrimSpace(v))
	if placeholders[v] || defaults.MatchString(v) {
		return true
	}
	// One character over and over (0000, FFFF-FFFF, ....), whatever stands between.
	bare := strings.Map(func(r rune) rune {
		if strings.ContainsRune("-_:. ", r) {
			return -1
		}
		return r
	}, v)
	return bare == "" || strings.Trim(bare, bare[:1]) == ""
}

// take adds v, as the system gives it but for blanks at the ends, when it names
// something; otherwise the reason. what says whose value it is.
func (s *slot) take(what, v string) bool {
	v = strings.TrimSpace(strings.Trim(v, "\x00"))
	switch {
	case v == "":
		s.miss("%s has none", what)
	case len(v) > maxValue:
		s.miss("%s: a value of %d bytes is left out", what, len(v))
	case strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r > '~' || r == '|' || r == ',' }):
		s.miss("%s: %q cannot stand in the documented string", what, v)
	case placeholder(v):
		s.miss("%s: %q is a placeholder", what, v)
	default:
		s.values = append(s.values, v)
		return true
	}
	return false
}

// takeMAC adds an adapter's Ethernet address.
func (s *slot) takeMAC(what string, mac net.HardwareAddr) {
	if len(mac) != 6 || mac[0]&1 != 0 {
		s.miss("%s has no Ethernet address", what)
		return
	}
	s.take(what, mac.String())
}
