package wire

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Kind is what a field holds.
type Kind int

// Kinds of fields.
const (
	Text        Kind = iota
	Integer          // a JSON integer that is not negative; Max counts its digits, at most 9
	Number           // a JSON number; in a query a text of digits
	Time             // text of 14 or 17 digits, see ParseTime
	LicenseTime      // text, see ParseLicenseTime
	IDs              // text: ids separated by commas; MaxItems of them, each at most Max characters
	Item             // an object; Of is its table
	Items            // an array of objects, at most MaxItems
	ItemOrItems      // the pages leave open which: both are taken
)

// Field is one row of a request's or answer's table.
type Field struct {
	Name     string
	Required bool // the pages' M
	Max      int  // characters; 0 for none
	Kind     Kind
	Values   []string // what it may be; nil for anything. For Integer, as decimal text
	Of       []Field  // table of the objects of Item, Items, ItemOrItems
	MaxItems int      // of IDs and Items
}

// Problem is why a message is refused: what 000002 tells the other side.
type Problem struct {
	Field string // "" when it is the message as a whole
	Why   string
}

// Error is at most 255 characters, the length of resultMsg.
func (p *Problem) Error() string {
	if p.Field == "" {
		return Cut(p.Why)
	}
	return Cut("field " + p.Field + " " + p.Why)
}

// maxMsg is the greatest length of resultMsg.
const maxMsg = 255

// Cut shortens a text to the 255 characters of resultMsg.
func Cut(msg string) string {
	if utf8.RuneCountInString(msg) <= maxMsg {
		return msg
	}
	return string([]rune(msg)[:maxMsg-1]) + "…"
}

// Check holds the object against a table, in the table's order. The error is a *Problem that
// names the first field that is wrong.
func (o Object) Check(table []Field) error {
	for _, f := range table {
		if err := o.check(f); err != nil {
			return err
		}
	}
	return nil
}

// Unknown lists members that a table does not have, sorted. They are ignored, but a
// debugging page may show them.
func (o Object) Unknown(table []Field) []string {
	names := slices.DeleteFunc(o.names(), func(name string) bool {
		return slices.ContainsFunc(table, func(f Field) bool { return f.Name == name })
	})
	slices.Sort(names)
	return names
}

func (o Object) check(f Field) error {
	if !o.Has(f.Name) {
		if !f.Required {
			return nil
		}
		if _, there := o.values[f.Name]; there {
			return &Problem{f.Name, "is empty"}
		}
		return &Problem{f.Name, "is missing"}
	}
	switch v := o.values[f.Name]; f.Kind {
	case Integer, Number:
		return checkNumber(f, v, o.query)
	case Item, Items, ItemOrItems:
		return checkItems(f, v)
	default:
		s, ok := v.(string)
		if !ok {
			return &Problem{f.Name, "is not a string"}
		}
		return checkText(f, s)
	}
}

func checkText(f Field, s string) error {
	if f.Kind == IDs {
		return checkIDs(f, s)
	}
	if f.Max > 0 && utf8.RuneCountInString(s) > f.Max {
		return &Problem{f.Name, fmt.Sprintf("is longer than %d characters", f.Max)}
	}
	if f.Values != nil && !slices.Contains(f.Values, s) {
		return &Problem{f.Name, "is none of " + strings.Join(f.Values, ", ")}
	}
	var err error
	switch f.Kind {
	case Time:
		_, err = ParseTime(s)
	case LicenseTime:
		_, err = ParseLicenseTime(s)
	}
	if err != nil {
		return &Problem{f.Name, strings.TrimPrefix(err.Error(), "read time: ")}
	}
	return nil
}

func checkIDs(f Field, s string) error {
	if strings.Count(s, ",") >= f.MaxItems {
		return &Problem{f.Name, fmt.Sprintf("has more than %d ids", f.MaxItems)}
	}
	for _, id := range strings.Split(s, ",") {
		if id == "" || utf8.RuneCountInString(id) > f.Max {
			return &Problem{f.Name, fmt.Sprintf("has an id that is empty or longer than %d characters", f.Max)}
		}
	}
	return nil
}

func checkNumber(f Field, v any, query bool) error {
	n, ok := v.(json.Number)
	if s, text := v.(string); text && query {
		n, ok = json.Number(s), true
	}
	if !ok {
		return &Problem{f.Name, "is not a number"}
	}
	if f.Kind == Number {
		if _, err := strconv.ParseFloat(n.String(), 64); err != nil || f.Max > 0 && len(n) > f.Max {
			return &Problem{f.Name, "is not a number of the documented length"}
		}
		return nil
	}
	most := min(f.Max, 9)
	if most == 0 {
		most = 9
	}
	if !digits(n.String()) || len(n) > most {
		return &Problem{f.Name, fmt.Sprintf("is not a whole number of at most %d digits", most)}
	}
	if f.Values != nil && !slices.Contains(f.Values, n.String()) {
		return &Problem{f.Name, "is none of " + strings.Join(f.Values, ", ")}
	}
	return nil
}

func checkItems(f Field, v any) error {
	list, isList := v.([]any)
	one, isOne := v.(Object)
	switch {
	case isOne && f.Kind != Items:
		list = []any{one}
	case isList && f.Kind != Item:
	case f.Kind == Items:
		return &Problem{f.Name, "is not an array"}
	default:
		return &Problem{f.Name, "is not an object"}
	}
	if f.Required && len(list) == 0 {
		return &Problem{f.Name, "is empty"}
	}
	if f.MaxItems > 0 && len(list) > f.MaxItems {
		return &Problem{f.Name, fmt.Sprintf("has more than %d items", f.MaxItems)}
	}
	for _, item := range list {
		o, ok := item.(Object)
		if !ok {
			return &Problem{f.Name, "has an item that is not an object"}
		}
		if err := o.Check(f.Of); err != nil {
			p := err.(*Problem) // Check returns nothing else
			return &Problem{f.Name + "." + p.Field, p.Why}
		}
	}
	return nil
}

// atoi reads at most 9 digits that were checked.
func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}
