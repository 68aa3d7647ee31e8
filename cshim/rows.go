//go:build cgo && (linux || windows)

package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// Numbers of iscdesk.h for the words of the protocol; what is not known is 0.
// Tests of ctest compare them with the header.
var (
	licenseStates = map[string]int32{
		api.StateUnknown: 0, api.StateNone: 1, api.StateValid: 2, api.StateRefreshDue: 3, api.StateGrace: 4, api.StateExpired: 5,
		api.StateRefused: 6, api.StateClockSuspect: 7, api.StateStoreDamaged: 8,
	}
	operationStates = map[string]int32{api.OpRunning: 1, api.OpQueued: 2, api.OpDone: 3, api.OpFailed: 4}
)

// rows builds what C reads: key NUL value NUL …, and one NUL after each row. An
// empty value is left out, so that C sees NULL.
type rows struct {
	buffer bytes.Buffer
	count  int
}

func (r *rows) put(key, value string) {
	if key == "" || value == "" {
		return
	}
	r.buffer.WriteString(clean(key))
	r.buffer.WriteByte(0)
	r.buffer.WriteString(clean(value))
	r.buffer.WriteByte(0)
}

func (r *rows) number(key string, value int64) {
	if value != 0 {
		r.put(key, strconv.FormatInt(value, 10))
	}
}

func (r *rows) end() {
	r.buffer.WriteByte(0)
	r.count++
}

func (r *rows) text() string { return r.buffer.String() }

func (r *rows) spaces(list []api.Space) {
	for _, s := range list {
		r.put("id", s.ID)
		r.put("name", s.Name)
		r.put("role", s.Role)
		r.end()
	}
}

func (r *rows) entries(list []api.Entry) {
	for _, e := range list {
		r.put("id", e.ID)
		r.put("kind", e.Kind)
		r.put("name", e.Name)
		r.put("by", e.By)
		r.number("size", e.Size)
		r.number("version", e.Version)
		r.number("modified", millis(e.Modified))
		if h := e.Holder; h != nil {
			r.put("holder", h.Account)
			r.put("machine", h.Machine)
			r.number("until", millis(h.Until))
			if h.Mine {
				r.number("mine", 1)
			}
		}
		r.end()
	}
}

func (r *rows) versions(list []api.Version) {
	for _, v := range list {
		r.put("by", v.By)
		r.put("machine", v.Machine)
		r.number("version", v.Number)
		r.number("size", v.Size)
		r.number("created", millis(v.Created))
		r.end()
	}
}

func (r *rows) auth(s api.AuthStatus) {
	r.put("account", s.Account)
	r.put("name", s.Name)
	r.put("organisation", s.Organisation)
	r.put("cloud", s.Cloud)
	r.number("reason", int64(s.Reason))
	r.end()
}

// eventTexts makes the three texts of an event: its type's name, the documented
// envelope, and the parameters as one row with "operate" beside them.
func eventTexts(e api.Event) (name, envelope, params string) {
	if e.Envelope.Params == nil {
		e.Envelope.Params = map[string]string{}
	}
	if len(e.Envelope.ComeBack) == 0 {
		e.Envelope.ComeBack = json.RawMessage("{}")
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // a URL should look like one
	if err := encoder.Encode(e.Envelope); err != nil {
		text.Reset()
		text.WriteString(`{"operate":"","params":{},"comeBackParams":{}}`)
	}
	var row rows
	row.put("operate", e.Envelope.Operate)
	for _, key := range slices.Sorted(maps.Keys(e.Envelope.Params)) {
		row.put(key, e.Envelope.Params[key])
	}
	row.end()
	return clean(e.Type), clean(strings.TrimSpace(text.String())), row.text()
}

// clean makes text that C can carry: UTF-8 without NUL.
func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// millis is t in milliseconds since 1970, 0 for no time.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
