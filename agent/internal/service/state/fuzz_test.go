package state

import (
	"bytes"
	"testing"
)

// FuzzOpenSealed: nothing but seal's own output opens, and nothing panics.
func FuzzOpenSealed(f *testing.F) {
	key := bytes.Repeat([]byte{7}, 32)
	good, err := seal(key, "label", []byte("plain"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add(good[:len(sealMagic)+24])
	f.Add([]byte(sealMagic))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		plain, err := open(key, "label", b)
		if err == nil && string(plain) != "plain" { // a seed of another process may open
			t.Fatalf("%x opened to %q", b, plain)
		}
		if _, err := open(key, "another label", b); err == nil {
			t.Fatalf("%x opened under another label", b)
		}
	})
}
