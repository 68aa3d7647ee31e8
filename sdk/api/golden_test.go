package api

import (
	"bytes"
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares got with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", filepath.FromSlash(name))
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (every message has a golden file; run go test ./sdk/api -update and read the difference)", err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs: the contract may only be added to\ngot  %s\nwant %s", path, got, want)
	}
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// declared lists the exported struct types of this package by its source, so
// that a new message cannot be forgotten.
func declared(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	inspect(t, func(n ast.Node) {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || !spec.Name.IsExported() {
			return
		}
		if _, ok := spec.Type.(*ast.StructType); ok {
			names[spec.Name.Name] = true
		}
	})
	return names
}

// constants lists the string constants whose name begins with prefix.
func constants(t *testing.T, prefix string) map[string]string {
	t.Helper()
	values := map[string]string{}
	inspect(t, func(n ast.Node) {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, prefix) {
			return
		}
		if lit, ok := spec.Values[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
			v, err := strconv.Unquote(lit.Value)
			if err != nil {
				t.Fatal(err)
			}
			values[spec.Names[0].Name] = v
		}
	})
	if len(values) == 0 {
		t.Fatalf("no constant begins with %s", prefix)
	}
	return values
}

func inspect(t *testing.T, see func(ast.Node)) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if n != nil {
				see(n)
			}
			return true
		})
	}
}

func TestEveryMessageHasAGoldenFile(t *testing.T) {
	for name := range declared(t) {
		if _, ok := samples[name]; !ok {
			t.Errorf("message %s has no sample in samples_test.go", name)
		}
	}
	for name, sample := range samples {
		t.Run(name, func(t *testing.T) {
			text := encode(t, sample)
			golden(t, name+".json", text)

			// What was written is read back whole.
			back := reflect.New(reflect.TypeOf(sample))
			if err := json.Unmarshal(text, back.Interface()); err != nil {
				t.Fatal(err)
			}
			if again := encode(t, back.Elem().Interface()); !bytes.Equal(again, text) {
				t.Errorf("read back as %s", again)
			}

			// Members of a later version are ignored.
			later := bytes.Replace(text, []byte("{"), []byte(`{"ofALaterVersion":{"a":[1]},`), 1)
			if string(text) == "{}\n" {
				later = []byte(`{"ofALaterVersion":{}}`)
			}
			if err := json.Unmarshal(later, reflect.New(reflect.TypeOf(sample)).Interface()); err != nil {
				t.Errorf("with an unknown member: %v", err)
			}

			// No member may be left at zero in a sample: it would not be pinned.
			if empty := zeroMember(reflect.ValueOf(sample), name); empty != "" {
				t.Errorf("the sample leaves %s empty", empty)
			}
		})
	}
}

// zeroMember finds a member without a value.
func zeroMember(v reflect.Value, path string) string {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return path
		}
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct || v.Type() == reflect.TypeFor[time.Time]() {
		if v.IsZero() {
			return path
		}
		return ""
	}
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if mayBeZero[v.Type().Name()+"."+field.Name] {
			continue
		}
		if found := zeroMember(v.Field(i), path+"."+field.Name); found != "" {
			return found
		}
	}
	return ""
}

// whole is an event sample with what all of them share.
func whole(e Event, typ string) Event {
	e.Type = typ
	e.Epoch, e.ID, e.Time = "e7f1", 12, day
	e.Envelope.ComeBack = json.RawMessage("{}")
	return e
}

func TestEveryEventHasAGoldenFile(t *testing.T) {
	for name, value := range constants(t, "Event") {
		e, ok := eventSamples[value]
		if !ok {
			t.Errorf("%s has no sample", name)
			continue
		}
		golden(t, "events/"+value+".json", encode(t, whole(e, value)))
	}
	for name, e := range eventVariants {
		value, _, _ := strings.Cut(name, "-")
		if e.Envelope.Operate != eventSamples[value].Envelope.Operate {
			t.Errorf("%s is no form of %s", name, value)
		}
		golden(t, "events/"+name+".json", encode(t, whole(e, value)))
	}
	operates := constants(t, "Operate")
	for _, e := range eventSamples {
		for name, value := range operates {
			if value == e.Envelope.Operate {
				delete(operates, name)
			}
		}
	}
	for name := range operates {
		t.Errorf("no event sample uses %s", name)
	}
}

// Each member and param that the public guide prints is in ours, spelled the same,
// and its text is one that ours has as well (paths, names and contents apart).
func TestEventsCarryThePrintedPayloads(t *testing.T) {
	free := map[string]bool{"mainFile": true, "LicenseContent": true, "LicenseFilePath": true, "assembly": true}
	for name, text := range printed {
		ours, ok := eventVariants[name]
		if !ok {
			ours = eventSamples[name]
		}
		var guide, mine map[string]any
		if err := json.Unmarshal([]byte(text), &guide); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(encode(t, ours.Envelope), &mine); err != nil {
			t.Fatal(err)
		}
		if len(mine) != len(guide) || mine["operate"] != guide["operate"] || len(mine["comeBackParams"].(map[string]any)) != 0 {
			t.Errorf("%s: the envelope is %v, the guide prints %v", name, mine, guide)
		}
		for param, value := range guide["params"].(map[string]any) {
			got, there := ours.Envelope.Params[param]
			if !there || !free[param] && got != value {
				t.Errorf("%s: %s is %q, the guide prints %q", name, param, got, value)
			}
		}
	}
}

func TestEnvelopeTakesBooleans(t *testing.T) {
	tests := []struct{ name, in, available, back string }{
		{"string", `{"operate":"UpgradeNotice","params":{"available":"false"},"comeBackParams":{"a":1}}`, "false", `{"a":1}`},
		{"boolean", `{"operate":"UpgradeNotice","params":{"available":false},"comeBackParams":{}}`, "false", `{}`},
		{"number", `{"params":{"available":12.50}}`, "12.50", `{}`},
		{"null", `{"params":{"available":null},"comeBackParams":null}`, "", `{}`},
		{"no params", `{}`, "", `{}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var e Envelope
			if err := json.Unmarshal([]byte(tt.in), &e); err != nil {
				t.Fatal(err)
			}
			if e.Params["available"] != tt.available || string(e.ComeBack) != tt.back {
				t.Errorf("got %+v", e)
			}
		})
	}
	for _, bad := range []string{`[]`, `{"params":[]}`, `{"operate":1}`} {
		if json.Unmarshal([]byte(bad), new(Envelope)) == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}

// Whatever a peer sends, a message is read or refused, and what was read is
// written the same way twice.
func FuzzMessages(f *testing.F) {
	seeds := 0
	for _, pattern := range []string{"testdata/*.json", "testdata/events/*.json"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
			seeds++
		}
	}
	if want := len(samples) + len(eventSamples) + len(eventVariants); seeds < want {
		f.Fatalf("%d seeds for %d messages", seeds, want)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for name, sample := range samples {
			v := reflect.New(reflect.TypeOf(sample)).Interface()
			if json.Unmarshal(text, v) != nil {
				continue
			}
			once, err := json.Marshal(v)
			if err != nil {
				t.Fatalf("%s was read and cannot be written: %v", name, err)
			}
			again := reflect.New(reflect.TypeOf(sample)).Interface()
			if err := json.Unmarshal(once, again); err != nil {
				t.Fatalf("%s: %s was written and cannot be read: %v", name, once, err)
			}
			if twice, err := json.Marshal(again); err != nil || !bytes.Equal(once, twice) {
				t.Fatalf("%s: %s became %s, %v", name, once, twice, err)
			}
		}
	})
}
