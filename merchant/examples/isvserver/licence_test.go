package main

import (
	"crypto/ed25519"
	"strings"
	"testing"
	"time"
)

func testKey() ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed([]byte("0123456789abcdef0123456789abcdef"))
}

func someLicence() licence {
	return licence{Number: 7, Instance: "i-1", Seats: 5, From: time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC),
		Until: time.Date(2027, 1, 31, 8, 0, 0, 0, time.UTC), Machine: machineOf("MAC|DISK||CPU")}
}

func TestLicenceIsReadAsItWasWritten(t *testing.T) {
	endless, anywhere := someLicence(), someLicence()
	endless.Until, anywhere.Machine = time.Time{}, ""
	for name, l := range map[string]licence{"with an end": someLicence(), "without an end": endless, "for any machine": anywhere} {
		text := l.text(testKey())
		if len(text) > 1024 {
			t.Errorf("%s: %d characters are more than the marketplace takes", name, len(text))
		}
		if again := l.text(testKey()); again != text {
			t.Errorf("%s: a second text differs", name)
		}
		got, err := readLicence(text+"\n", testKey().Public().(ed25519.PublicKey))
		if err != nil || got != l {
			t.Errorf("%s: read %+v, %v", name, got, err)
		}
	}
}

func TestForeignLicencesAreRefused(t *testing.T) {
	good := someLicence().text(testKey())
	other := ed25519.NewKeyFromSeed([]byte("fedcba9876543210fedcba9876543210"))
	for name, text := range map[string]string{
		"empty":             "",
		"more seats":        strings.Replace(good, "seats=5", "seats=6", 1),
		"another key's":     someLicence().text(other),
		"no signature":      good[:strings.Index(good, ";sig=")],
		"signature cut":     good[:len(good)-4],
		"another machine's": strings.Replace(good, "machine=", "machine=0", 1),
	} {
		if _, err := readLicence(text, testKey().Public().(ed25519.PublicKey)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func FuzzReadLicence(f *testing.F) {
	f.Add(someLicence().text(testKey()))
	f.Add("GEARCAD-1;no=1;sig=")
	f.Fuzz(func(t *testing.T, text string) {
		l, err := readLicence(text, testKey().Public().(ed25519.PublicKey))
		if err == nil && l.text(testKey()) != strings.TrimRight(text, "\r\n") {
			t.Errorf("read from %q, written as %q", text, l.text(testKey()))
		}
	})
}
