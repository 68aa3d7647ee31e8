package wire

import (
	"fmt"
	"strings"
	"time"
)

// Forms of times. All of them are UTC, but for the timeStamp of the kit's bodies.
const (
	secondsForm = "20060102150405"      // yyyyMMddHHmmss
	licenseForm = "2006-01-02 15:04:05" // getLicenseAsync, with a blank and the letter z behind it
)

// FormatTime spells t as yyyyMMddHHmmss in UTC. What is below a second is cut.
func FormatTime(t time.Time) string { return t.UTC().Format(secondsForm) }

// FormatMillis spells t as yyyyMMddHHmmssSSS in t's own zone: UTC for all but the kit's bodies,
// whose timeStamp is UTC+8.
func FormatMillis(t time.Time) string {
	return t.Format(secondsForm) + fmt.Sprintf("%03d", t.Nanosecond()/int(time.Millisecond))
}

// FormatLicenseTime spells t as getLicenseAsync has it: yyyy-MM-dd HH:mm:ss z, in UTC, with a
// literal z.
func FormatLicenseTime(t time.Time) string { return t.UTC().Format(licenseForm) + " z" }

// ParseTime reads 14 digits (seconds) or 17 (milliseconds) as UTC: the tables say 14, and
// one of their own samples has 17. The error says which forms there are.
func ParseTime(s string) (time.Time, error) { return ParseTimeIn(s, time.UTC) }

// ParseTimeIn is ParseTime for digits of another zone.
func ParseTimeIn(s string, zone *time.Location) (time.Time, error) {
	if len(s) != len(secondsForm) && len(s) != len(secondsForm)+3 || !digits(s) {
		return time.Time{}, fmt.Errorf("read time: 14 digits yyyyMMddHHmmss or 17 with milliseconds are wanted")
	}
	t, err := time.ParseInLocation(secondsForm, s[:len(secondsForm)], zone)
	if err != nil {
		return time.Time{}, fmt.Errorf("read time: no such date or time of day")
	}
	ms := 0
	for _, c := range s[len(secondsForm):] {
		ms = ms*10 + int(c-'0')
	}
	return t.Add(time.Duration(ms) * time.Millisecond), nil
}

// ParseLicenseTime reads a time of getLicenseAsync. The documentation states no form; its
// sample is "2023-10-27 10:30:15 z". Z and UTC are taken for z, and the digits of ParseTime too.
func ParseLicenseTime(s string) (time.Time, error) {
	day, zone, found := cutLast(s)
	if !found {
		return ParseTime(s)
	}
	switch zone {
	case "z", "Z", "UTC":
	default:
		return time.Time{}, fmt.Errorf("read time: yyyy-MM-dd HH:mm:ss z is wanted")
	}
	t, err := time.Parse(licenseForm, day)
	if err != nil || len(day) != len(licenseForm) {
		return time.Time{}, fmt.Errorf("read time: yyyy-MM-dd HH:mm:ss z is wanted")
	}
	return t, nil
}

func cutLast(s string) (before, after string, found bool) {
	if i := strings.LastIndexByte(s, ' '); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
