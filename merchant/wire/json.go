package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth and maxMembers bound what one body may hold; the deepest documented message has
// four levels, and the largest is the kit's list of departments.
const (
	maxDepth   = 8
	maxMembers = 100_000
)

// Object is a JSON object, or the parameters of a query, by exact names: unlike encoding/json,
// orderid is not orderId here. Check it against a table before its values are read. The
// zero value has no members.
type Object struct {
	values map[string]any // string, json.Number, bool, nil, Object or []any
	query  bool           // values are all texts: a number is a text of digits
}

// ParseObject reads one JSON object strictly. It refuses what two readers could understand
// differently: a name that comes twice in one object at any depth, bytes that are not UTF-8,
// half a surrogate pair, anything behind the object. The error is a *Problem.
func ParseObject(body []byte) (Object, error) {
	if len(body) == 0 {
		return Object{}, &Problem{Why: "the body is empty"}
	}
	if !utf8.Valid(body) {
		return Object{}, &Problem{Why: "the body is not UTF-8"}
	}
	if !json.Valid(body) {
		return Object{}, &Problem{Why: "the body is not JSON"}
	}
	if halfPair(body) {
		return Object{}, &Problem{Why: "the body holds half a surrogate pair"}
	}
	r := reader{dec: json.NewDecoder(bytes.NewReader(body))}
	r.dec.UseNumber()
	v, err := r.value(0)
	if err != nil {
		return Object{}, err
	}
	if _, err := r.dec.Token(); !errors.Is(err, io.EOF) {
		return Object{}, &Problem{Why: "there is something behind the JSON object"}
	}
	o, ok := v.(Object)
	if !ok {
		return Object{}, &Problem{Why: "the body is not a JSON object"}
	}
	return o, nil
}

// ParseQuery reads the parameters of a URL's raw query. A name that comes twice is refused,
// since two readers could take different ones. The error is a *Problem.
func ParseQuery(raw string) (Object, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return Object{}, &Problem{Why: "the query cannot be read"}
	}
	o := Object{values: make(map[string]any, len(values)), query: true}
	for name, list := range values {
		if len(list) != 1 {
			return Object{}, &Problem{Field: name, Why: "is given twice"}
		}
		if !utf8.ValidString(name) || !utf8.ValidString(list[0]) {
			return Object{}, &Problem{Why: "the query is not UTF-8"}
		}
		o.values[name] = list[0]
	}
	return o, nil
}

type reader struct {
	dec     *json.Decoder
	members int
}

func (r *reader) value(depth int) (any, error) {
	t, err := r.dec.Token()
	if err != nil {
		return nil, &Problem{Why: "the body is not JSON"}
	}
	if depth > maxDepth {
		return nil, &Problem{Why: fmt.Sprintf("the body is nested deeper than %d levels", maxDepth)}
	}
	if r.members++; r.members > maxMembers {
		return nil, &Problem{Why: fmt.Sprintf("the body has more than %d values", maxMembers)}
	}
	switch t := t.(type) {
	case json.Delim:
		if t == '{' {
			return r.object(depth)
		}
		return r.array(depth)
	default:
		return t, nil
	}
}

func (r *reader) object(depth int) (any, error) {
	o := Object{values: map[string]any{}}
	for r.dec.More() {
		t, err := r.dec.Token()
		if err != nil {
			return nil, &Problem{Why: "the body is not JSON"}
		}
		name, ok := t.(string)
		if !ok {
			return nil, &Problem{Why: "the body is not JSON"}
		}
		if _, twice := o.values[name]; twice {
			return nil, &Problem{Field: name, Why: "is given twice"}
		}
		if o.values[name], err = r.value(depth + 1); err != nil {
			return nil, err
		}
	}
	if _, err := r.dec.Token(); err != nil {
		return nil, &Problem{Why: "the body is not JSON"}
	}
	return o, nil
}

func (r *reader) array(depth int) (any, error) {
	list := []any{}
	for r.dec.More() {
		v, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	if _, err := r.dec.Token(); err != nil {
		return nil, &Problem{Why: "the body is not JSON"}
	}
	return list, nil
}

// halfPair finds half a surrogate pair in valid JSON, which encoding/json turns into U+FFFD in silence: two
// different ids would become one. It reads the bytes once, since a kit body is read before it is proved.
func halfPair(body []byte) bool {
	for i := 0; i < len(body); i++ {
		if body[i] != '\\' {
			continue
		}
		i++ // what is escaped; a backslash stands in strings only
		if body[i] != 'u' {
			continue
		}
		unit := escaped(body[i:])
		i += 4
		if !utf16.IsSurrogate(unit) {
			continue
		}
		if i+2 >= len(body) || body[i+1] != '\\' || body[i+2] != 'u' || utf16.DecodeRune(unit, escaped(body[i+2:])) == utf8.RuneError {
			return true
		}
		i += 6
	}
	return false
}

// escaped is the unit of u and four hex digits, which json.Valid has seen.
func escaped(b []byte) rune {
	n, err := strconv.ParseUint(string(b[1:5]), 16, 16)
	if err != nil {
		return utf8.RuneError
	}
	return rune(n)
}

// Has tells whether the object has a value that is not null and, for a text, not empty.
func (o Object) Has(name string) bool {
	v, ok := o.values[name]
	return ok && v != nil && v != ""
}

// Text is a member that is a text, else "". Call it after Check.
func (o Object) Text(name string) string {
	s, _ := o.values[name].(string)
	return s
}

// Int is a member of Kind Integer, else 0. Call it after Check, which bounds it.
func (o Object) Int(name string) int {
	s := o.Text(name)
	if n, ok := o.values[name].(json.Number); ok {
		s = n.String()
	}
	return atoi(s)
}

// Number is a member of Kind Number as it was written, else "". Call it after Check.
func (o Object) Number(name string) json.Number {
	n, ok := o.values[name].(json.Number)
	if !ok {
		n = json.Number(o.Text(name))
	}
	return n
}

// Items is a member that is an array of objects, or one object that stands for an
// array of one, else nil. Call it after Check.
func (o Object) Items(name string) []Object {
	switch v := o.values[name].(type) {
	case Object:
		return []Object{v}
	case []any:
		list := make([]Object, 0, len(v))
		for _, item := range v {
			if i, ok := item.(Object); ok {
				list = append(list, i)
			}
		}
		return list
	}
	return nil
}

// names lists the members, also those that no table knows.
func (o Object) names() []string {
	names := make([]string, 0, len(o.values))
	for name := range o.values {
		names = append(names, name)
	}
	return names
}
