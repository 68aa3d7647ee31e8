package cases

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/produce"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// maxParam is the most bytes of one parameter, and PublicKey is the name of the one that is no member of a
// body: the key for which applicationSync's clientSecret is encrypted.
const (
	maxParam  = 16 << 10
	PublicKey = "publicKey"
)

var decimal = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?$`)

func invalid(member, sentence string) error {
	return meta.Refuse(cloudapi.ErrInvalid, sentence, "member", member)
}

// wrongParam refuses one parameter.
func wrongParam(name, sentence string) error {
	return meta.Refuse(cloudapi.ErrInvalid, sentence, "member", "parameters", "name", name)
}

// body makes the body of a scene with parameters: the table's members in the samples' manner, activity
// first. Empty parameters are left out, also mandatory ones: what a server says to that is worth trying.
func (s Scene) body(params map[string]string, now time.Time) ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	add := func(name string, value any) error {
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + name + `":`)
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false) // what is signed is what a person reads
		if err := e.Encode(value); err != nil {
			return err
		}
		b.Truncate(b.Len() - 1) // the line's end
		return nil
	}
	if !s.Kit() {
		if err := add("activity", s.Activity); err != nil {
			return nil, err
		}
	}
	for _, f := range s.table() {
		value, there := s.member(f, params, now)
		if !there {
			continue
		}
		v, err := valueOf(f, value)
		if err != nil {
			return nil, err
		}
		if err := add(f.Name, v); err != nil {
			return nil, wrongParam(f.Name, "the parameter cannot be written as JSON")
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// member is the text of one member.
func (s Scene) member(f wire.Field, params map[string]string, now time.Time) (string, bool) {
	switch f.Name {
	case "activity":
		return "", false
	case "testFlag":
		return wire.TestYes, true
	case "businessId":
		return produce.NewBusinessID(), true
	case "timeStamp":
		return wire.FormatMillis(now.In(wire.KitZone())), true
	}
	if v, fixed := s.fixed[f.Name]; fixed {
		return v, true
	}
	v := params[f.Name]
	return v, v != ""
}

// valueOf is a text as JSON of the field's kind.
func valueOf(f wire.Field, text string) (any, error) {
	switch f.Kind {
	case wire.Integer, wire.Number:
		if !decimal.MatchString(text) {
			return nil, wrongParam(f.Name, "the parameter is a number")
		}
		return json.Number(text), nil
	case wire.Item, wire.Items, wire.ItemOrItems:
		if !json.Valid([]byte(text)) {
			return nil, wrongParam(f.Name, "the parameter is JSON")
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, []byte(text)); err != nil {
			return nil, wrongParam(f.Name, "the parameter is JSON")
		}
		return json.RawMessage(compact.Bytes()), nil
	}
	return text, nil
}

// settle checks what was typed, and encrypts what is not kept in the clear.
func (s Scene) settle(in map[string]string) (map[string]string, error) {
	out := map[string]string{}
	for name, value := range in {
		known := slices.ContainsFunc(s.Fields, func(f wire.Field) bool { return f.Name == name }) || name == PublicKey && s.Activity == wire.KitApplicationSync
		switch {
		case !known:
			return nil, wrongParam(name, "the scene has no such parameter")
		case len(value) > maxParam || !utf8.ValidString(value) || strings.ContainsRune(value, 0):
			return nil, wrongParam(name, "the parameter is too long, or no UTF-8 text")
		}
		if value = strings.TrimSpace(value); value != "" {
			out[name] = value
		}
	}
	if pasted := out[PublicKey]; pasted != "" {
		key, err := sign.ParsePublicKey(pasted)
		if err != nil {
			return nil, wrongParam(PublicKey, "the public key is RSA of 3072 to 8192 bits, in PEM or Base64")
		}
		if out["clientSecret"], err = sign.EncryptSecret(key, out["clientSecret"], sign.OAEPAny); err != nil {
			return nil, wrongParam("clientSecret", "the secret is too long for the public key")
		}
		delete(out, PublicKey)
	}
	return out, nil
}
