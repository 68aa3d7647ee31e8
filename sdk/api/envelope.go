package api

import (
	"bytes"
	"encoding/json"
)

// UnmarshalJSON reads an envelope as the documentation asks of a reader: a
// param that is a JSON boolean or number is taken as its text, null as empty,
// and a missing comeBackParams as {}.
func (e *Envelope) UnmarshalJSON(text []byte) error {
	var wire struct {
		Operate  string                     `json:"operate"`
		Params   map[string]json.RawMessage `json:"params"`
		ComeBack json.RawMessage            `json:"comeBackParams"`
	}
	if err := json.Unmarshal(text, &wire); err != nil {
		return err
	}
	e.Operate = wire.Operate
	e.Params = make(map[string]string, len(wire.Params))
	for name, raw := range wire.Params {
		var s string
		switch {
		case json.Unmarshal(raw, &s) == nil: // a string, or null
		default:
			s = string(raw)
		}
		e.Params[name] = s
	}
	e.ComeBack = wire.ComeBack
	if len(wire.ComeBack) == 0 || bytes.Equal(wire.ComeBack, []byte("null")) {
		e.ComeBack = json.RawMessage("{}")
	}
	return nil
}

// MarshalJSON writes all three members as objects, as every documented sample
// has them: an event without params or comeBackParams shows {}, never null. "<"
// stays itself, so that it is the encoder around that decides whether it is escaped.
func (e Envelope) MarshalJSON() ([]byte, error) {
	type plain Envelope // without these methods
	if e.Params == nil {
		e.Params = map[string]string{}
	}
	if len(e.ComeBack) == 0 {
		e.ComeBack = json.RawMessage("{}")
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(plain(e)); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
