package token

import (
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

func document() Import {
	at := time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)
	return Import{ID: "87b94795-0603-4e24-8ae5-69420d60e3c8", Product: "cad", Instance: "ins_1", Features: []string{"draw", "step.export"},
		From: at, Until: at.Add(8760 * time.Hour), Form: FormString, Content: []byte("LICENCE-1"),
		Fingerprint: FingerprintSum("04:7C:16:5E:E3:5D|001B_444A_488B_5CEC.||BFEBFBFF00090672"), Issued: at}
}

func signedImport(t testing.TB, payload []byte) string {
	t.Helper()
	return sign(t, jose.JSONWebKey{Key: key(t), KeyID: keyID}, ImportType, &jose.SignerOptions{}, payload)
}

// TestImportVector pins the form: documents that lie on a buyer's disk must be readable for ever.
func TestImportVector(t *testing.T) {
	payload, err := document().Claims()
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/import.jws")
	if err != nil {
		t.Fatal(err)
	}
	if jws := signedImport(t, payload); strings.TrimSpace(string(want)) != jws {
		t.Errorf("the form has changed:\n got %s\nwant %s", jws, want)
	}
	got, err := VerifyImport(strings.TrimSpace(string(want)), keys(t))
	if err != nil || !reflect.DeepEqual(got, document()) {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestTypesAreApart: neither kind of statement is ever taken for the other.
func TestTypesAreApart(t *testing.T) {
	lease, err := good().Claims()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := document().Claims()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := VerifyImport(signed(t, doc), keys(t)); !errors.Is(err, ErrUntrusted) {
		t.Errorf("a document under a lease's type: %v", err)
	}
	if _, err := Verify(signedImport(t, lease), keys(t)); !errors.Is(err, ErrUntrusted) {
		t.Errorf("a lease under a document's type: %v", err)
	}
}

func TestImportBounds(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Import)
		ok     bool
	}{
		{"as it is", func(*Import) {}, true},
		{"no end", func(i *Import) { i.Until = time.Time{} }, true},
		{"no fingerprint", func(i *Import) { i.Fingerprint = "" }, true},
		{"upper-case fingerprint", func(i *Import) { i.Fingerprint = strings.ToUpper(i.Fingerprint) }, false},
		{"short fingerprint", func(i *Import) { i.Fingerprint = i.Fingerprint[2:] }, false},
		{"1024 characters", func(i *Import) { i.Content = []byte(strings.Repeat("ä", 1024)) }, true},
		{"1025 characters", func(i *Import) { i.Content = []byte(strings.Repeat("ä", 1025)) }, false},
		{"a string with NUL", func(i *Import) { i.Content = []byte("a\x00b") }, false},
		{"a string not UTF-8", func(i *Import) { i.Content = []byte("a\xff") }, false},
		{"a file with any bytes", func(i *Import) { i.Form, i.Content = FormFile, []byte("a\x00\xff") }, true},
		{"largest file", func(i *Import) { i.Form, i.Content = FormFile, make([]byte, MaxImportContent) }, true},
		{"one byte more", func(i *Import) { i.Form, i.Content = FormFile, make([]byte, MaxImportContent+1) }, false},
		{"no content", func(i *Import) { i.Content = nil }, false},
		{"other form", func(i *Import) { i.Form = "CHARACTERS" }, false},
		{"no product", func(i *Import) { i.Product = "" }, false},
		{"no instance", func(i *Import) { i.Instance = "" }, false},
		{"no id", func(i *Import) { i.ID = "" }, false},
		{"too many features", func(i *Import) { i.Features = make([]string, MaxFeatures+1) }, false},
		{"long file name", func(i *Import) { i.FileName = strings.Repeat("f", MaxText+1) }, false},
		{"ends before it begins", func(i *Import) { i.Until = i.From.Add(-time.Second) }, false},
		{"year 10000", func(i *Import) { i.Until = time.Unix(latest+1, 0) }, false},
		{"not issued", func(i *Import) { i.Issued = time.Time{} }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i := document()
			tt.change(&i)
			if _, err := i.Claims(); (err == nil) != tt.ok {
				t.Errorf("signing side: %v", err)
			}
			c := importClaims{ID: i.ID, Product: i.Product, Instance: i.Instance, Features: i.Features, From: i.From.Unix(), Form: i.Form,
				FileName: i.FileName, Content: i.Content, Fingerprint: i.Fingerprint, Issued: i.Issued.Unix()}
			if !i.Until.IsZero() {
				c.Until = i.Until.Unix()
			}
			raw, err := json.Marshal(c)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := VerifyImport(signedImport(t, raw), keys(t)); (err == nil) != tt.ok {
				t.Errorf("verifying side: %v", err)
			}
		})
	}
}

func FuzzVerifyImport(f *testing.F) {
	doc, err := document().Claims()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(signedImport(f, doc))
	f.Add(signedImport(f, []byte(`{}`)))
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, jws string) {
		i, err := VerifyImport(jws, keys(t))
		if (err == nil) != (i.check() == nil) || err != nil && !errors.Is(err, ErrUntrusted) {
			t.Errorf("got %+v, %v", i, err)
		}
	})
}
