package openapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"mime/multipart"
	"net/textproto"
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/readings"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/token"
)

// part is one part of a form.
type part struct{ disposition, kind, content string }

func form(t testing.TB, parts ...part) (contentType string, body []byte) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if err := w.SetBoundary("----boundary"); err != nil {
		t.Fatal(err)
	}
	for _, p := range parts {
		h := textproto.MIMEHeader{"Content-Disposition": {p.disposition}}
		if p.kind != "" {
			h.Set("Content-Type", p.kind)
		}
		into, err := w.CreatePart(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := into.Write([]byte(p.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), b.Bytes()
}

func filePart(name, content string) part {
	return part{`form-data; name="file"; filename="` + name + `"`, "multipart/form-data", content}
}

func jsonPart(content string) part {
	return part{`form-data; name="isvUpdateFileReq"`, "application/json", content}
}

func sum(content string) string {
	s := sha256.Sum256([]byte(content))
	return hex.EncodeToString(s[:])
}

func TestParseUpload(t *testing.T) {
	const licence = "\x00licence\xff"
	asFile := func(more string) part { return jsonPart(`{"type":"FILE","sha256":"` + sum(licence) + `"` + more + `}`) }
	large := strings.Repeat("x", token.MaxImportContent+2)
	for _, tt := range []struct {
		name  string
		parts []part
		want  meta.Upload // zero is a refusal
		why   string      // in the refusal
	}{
		{"as the sample is", []part{filePart("111.jpg", licence), asFile(`,"characters":"111"`)}, meta.Upload{Type: "FILE", FileName: "111.jpg", Content: []byte(licence)}, ""},
		{"the other way round", []part{asFile(""), filePart("111.jpg", licence)}, meta.Upload{Type: "FILE", FileName: "111.jpg", Content: []byte(licence)}, ""},
		{"file_name", []part{asFile(`,"file_name":"a.lic"`), filePart("111.jpg", licence)}, meta.Upload{Type: "FILE", FileName: "a.lic", Content: []byte(licence)}, ""},
		{"file_name with folders", []part{asFile(`,"file_name":"../../etc/a.lic"`), filePart("x", licence)}, meta.Upload{Type: "FILE", FileName: "a.lic", Content: []byte(licence)}, ""},
		{"file_name of Windows", []part{asFile(`,"file_name":"C:\\licences\\a.lic"`), filePart("x", licence)}, meta.Upload{Type: "FILE", FileName: "a.lic", Content: []byte(licence)}, ""},
		{"file_name is two dots", []part{asFile(`,"file_name":".."`), filePart("x", licence)}, meta.Upload{Type: "FILE", Content: []byte(licence)}, ""},
		{"file_name ends in a slash", []part{asFile(`,"file_name":"a/"`), filePart("x", licence)}, meta.Upload{Type: "FILE", Content: []byte(licence)}, ""},
		{"file_name with a line end", []part{asFile(`,"file_name":"a\nb"`), filePart("x", licence)}, meta.Upload{Type: "FILE", Content: []byte(licence)}, ""},
		{"file_name that no folder takes", []part{asFile(`,"file_name":"` + strings.Repeat("a", 256) + `"`), filePart("x", licence)}, meta.Upload{Type: "FILE", Content: []byte(licence)}, ""},
		{"Chinese name", []part{filePart("许可证.lic", licence), asFile("")}, meta.Upload{Type: "FILE", FileName: "许可证.lic", Content: []byte(licence)}, ""},
		{"upper-case sha256", []part{filePart("a", licence), jsonPart(`{"type":"FILE","sha256":"` + strings.ToUpper(sum(licence)) + `"}`)}, meta.Upload{Type: "FILE", FileName: "a", Content: []byte(licence)}, ""},
		{"empty file", []part{filePart("a", ""), jsonPart(`{"type":"FILE","sha256":"` + sum("") + `"}`)}, meta.Upload{Type: "FILE", FileName: "a", Content: []byte{}}, ""},
		{"characters", []part{jsonPart(`{"type":"CHARACTERS","characters":"许可"}`)}, meta.Upload{Type: "CHARACTERS", Content: []byte("许可")}, ""},
		{"1024 characters", []part{jsonPart(`{"type":"CHARACTERS","characters":"` + strings.Repeat("许", 1024) + `"}`)}, meta.Upload{Type: "CHARACTERS", Content: []byte(strings.Repeat("许", 1024))}, ""},
		{"characters beside a file", []part{filePart("a", licence), jsonPart(`{"type":"CHARACTERS","characters":"c"}`)}, meta.Upload{Type: "CHARACTERS", Content: []byte("c")}, ""},
		{"other parts", []part{{`form-data; name="more"`, "", "x"}, jsonPart(`{"type":"CHARACTERS","characters":"c","later":1}`)}, meta.Upload{Type: "CHARACTERS", Content: []byte("c")}, ""},
		{"larger than may be", []part{filePart("a", large), jsonPart(`{"type":"FILE","sha256":"` + sum(large) + `"}`)}, meta.Upload{Type: "FILE", FileName: "a", Content: []byte(large[:token.MaxImportContent+1])}, ""},

		{"1025 characters", []part{jsonPart(`{"type":"CHARACTERS","characters":"` + strings.Repeat("c", 1025) + `"}`)}, meta.Upload{}, "characters"},
		{"no characters", []part{jsonPart(`{"type":"CHARACTERS"}`)}, meta.Upload{}, "characters"},
		{"wrong sha256", []part{filePart("a", licence), jsonPart(`{"type":"FILE","sha256":"` + sum("other") + `"}`)}, meta.Upload{}, "sha256"},
		{"the sample's digits", []part{filePart("a", licence), jsonPart(`{"type":"FILE","sha256":"350fafaffdba2a628e355b0174e90b05dba6b337b318629bce1d8ec063ebe1cd"}`)}, meta.Upload{}, "sha256"},
		{"no sha256", []part{filePart("a", licence), jsonPart(`{"type":"FILE"}`)}, meta.Upload{}, "sha256"},
		{"other type", []part{jsonPart(`{"type":"characters","characters":"c"}`)}, meta.Upload{}, "type"},
		{"no type", []part{jsonPart(`{"characters":"c"}`)}, meta.Upload{}, "type"},
		{"no file", []part{asFile("")}, meta.Upload{}, "part file is missing"},
		{"no request", []part{filePart("a", licence)}, meta.Upload{}, "isvUpdateFileReq is missing"},
		{"no parts", nil, meta.Upload{}, "is missing"},
		{"two files", []part{filePart("a", licence), asFile(""), filePart("b", licence)}, meta.Upload{}, "twice"},
		{"two requests", []part{filePart("a", licence), asFile(""), asFile("")}, meta.Upload{}, "twice"},
		{"a member twice", []part{jsonPart(`{"type":"CHARACTERS","characters":"a","characters":"b"}`)}, meta.Upload{}, "characters"},
		{"a number", []part{jsonPart(`{"type":"CHARACTERS","characters":1}`)}, meta.Upload{}, "characters"},
		{"not JSON", []part{jsonPart(`type=CHARACTERS`)}, meta.Upload{}, "JSON"},
		{"an array", []part{jsonPart(`[]`)}, meta.Upload{}, "object"},
		{"not UTF-8", []part{jsonPart(`{"type":"CHARACTERS","characters":"` + "\xff" + `"}`)}, meta.Upload{}, "UTF-8"},
		{"request too large", []part{jsonPart(`{"type":"CHARACTERS","characters":"c","pad":"` + strings.Repeat("x", maxRequest) + `"}`)}, meta.Upload{}, "too large"},
		{"too many parts", append(otherParts(), jsonPart(`{"type":"CHARACTERS","characters":"c"}`)), meta.Upload{}, "more than 8"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			kind, body := form(t, tt.parts...)
			got, err := parseUpload(readings.Readings{}, kind, body)
			if tt.want.Type == "" {
				if err == nil || !strings.Contains(err.Error(), tt.why) {
					t.Errorf("got %+v, %v; want a refusal with %q", got, err, tt.why)
				}
				return
			}
			if err != nil || got.Type != tt.want.Type || got.FileName != tt.want.FileName || !bytes.Equal(got.Content, tt.want.Content) {
				t.Errorf("got %s %q %q, %v", got.Type, got.FileName, got.Content[:min(len(got.Content), 40)], err)
			}
		})
	}
}

func otherParts() (parts []part) {
	for i := range 8 {
		parts = append(parts, part{fmt.Sprintf(`form-data; name="p%d"`, i), "", "x"})
	}
	return parts
}

func TestParseUploadTypes(t *testing.T) {
	const request = `{"type":"CHARACTERS","characters":"c"}`
	kind, body := form(t, jsonPart(request))
	for _, tt := range []struct {
		name, kind string
		body       []byte
		ok         bool
	}{
		{"a form", kind, body, true},
		{"JSON alone", "application/json", []byte(request), true},
		{"JSON alone with a charset", "application/json;charset=utf8", []byte(request), true},
		{"JSON alone for a file", "application/json", []byte(`{"type":"FILE","sha256":"` + sum("") + `"}`), false},
		{"JSON alone, too large", "application/json", []byte(`{"type":"CHARACTERS","characters":"c","pad":"` + strings.Repeat("x", maxRequest) + `"}`), false},
		{"no boundary", "multipart/form-data", body, false},
		{"another boundary", "multipart/form-data; boundary=other", body, false},
		{"cut short", kind, body[:len(body)-20], false},
		{"empty", kind, nil, false},
		{"mixed", "multipart/mixed; boundary=----boundary", body, false},
		{"urlencoded", "application/x-www-form-urlencoded", []byte("type=CHARACTERS&characters=c"), false},
		{"none", "", body, false},
	} {
		if got, err := parseUpload(readings.Readings{}, tt.kind, tt.body); (err == nil) != tt.ok {
			t.Errorf("%s: %+v, %v", tt.name, got, err)
		}
	}
}

func TestUploadCodes(t *testing.T) {
	for _, tt := range []struct {
		no   *meta.Refusal
		want string
	}{
		{meta.Refuse(cloudapi.ErrNotFound, "x"), "91381034"},
		{meta.Refuse(cloudapi.ErrConflict, "x", "reason", meta.UploadForeign), "91381034"},
		{meta.Refuse(cloudapi.ErrConflict, "x", "reason", meta.UploadOther), "91381034"},
		{meta.Refuse(cloudapi.ErrConflict, "x", "reason", meta.UploadRefused), "91381038"},
		{meta.Refuse(cloudapi.ErrConflict, "x", "reason", meta.UploadQuota), "91381035"},
		{meta.Refuse(cloudapi.ErrConflict, "x", "reason", meta.UploadEnded), "91381033"},
		{meta.Refuse(cloudapi.ErrInvalid, "x", "member", "content"), "91381037"},
		{meta.Refuse(cloudapi.ErrStorageFull, "x"), ""},
		{meta.Refuse(cloudapi.ErrConflict, "x"), ""},
	} {
		if got, ok := uploadCode(tt.no); got != tt.want || ok != (tt.want != "") {
			t.Errorf("%s %v: %q", tt.no.Code, tt.no.Params, got)
		}
	}
}

func FuzzParseUpload(f *testing.F) {
	for _, parts := range [][]part{
		{filePart("111.jpg", "licence"), jsonPart(`{"type":"FILE","sha256":"` + sum("licence") + `","characters":"111"}`)},
		{jsonPart(`{"type":"CHARACTERS","characters":"L"}`)},
		{filePart("..", ""), jsonPart(`{"type":"FILE","sha256":"` + sum("") + `","file_name":"a\\b"}`)},
	} {
		kind, body := form(f, parts...)
		f.Add(kind, body)
	}
	f.Add("application/json", []byte(`{"type":"CHARACTERS","characters":"L"}`))
	f.Add("multipart/form-data; boundary=x", []byte("--x\r\nContent-Disposition: form-data; name=isvUpdateFileReq\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n{=\r\n}\r\n--x--"))
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		u, err := parseUpload(readings.Readings{}, kind, body)
		if err != nil {
			return
		}
		if u.Type != "FILE" && u.Type != "CHARACTERS" || len(u.Content) > token.MaxImportContent+1 || len(u.Content) > len(body) {
			t.Errorf("took %s of %d bytes", u.Type, len(u.Content))
		}
		if strings.ContainsAny(u.FileName, "/\\\x00\n") || u.FileName == ".." || len(u.FileName) > cloudapi.MaxName {
			t.Errorf("file name %q", u.FileName)
		}
	})
}
