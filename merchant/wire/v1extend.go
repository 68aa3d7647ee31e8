package wire

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// IdentificationCode is the extension parameter of getLicense that carries the system code or
// hardware code which the licence is made for.
const IdentificationCode = "identificationCode"

const (
	maxExtendParams     = 2048 // characters of saasExtendParams
	maxExtendParamCount = 32   // three can be configured for a product; the code and future ones fit
)

// ExtendParam is one extension parameter of an order.
type ExtendParam struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// ParseExtendParams reads saasExtendParams: urlEncode(base64(json array)), as License 1.0 and SaaS
// V1.0 send it. The query's own decoding has usually undone the urlEncode; a sender that encoded
// twice is understood too. Line breaks, which old Base64 encoders of Java put in, are skipped. An
// empty text is no parameters; a name twice or without text is a
// *Problem.
func ParseExtendParams(s string) ([]ExtendParam, error) {
	const field = "saasExtendParams"
	if len(s) > maxExtendParams {
		return nil, &Problem{field, fmt.Sprintf("is longer than %d characters", maxExtendParams)}
	}
	if strings.Contains(s, "%") {
		once, err := url.PathUnescape(s)
		if err != nil {
			return nil, &Problem{field, "holds a bad percent code"}
		}
		s = once
	}
	s = strings.TrimRight(strings.NewReplacer("\r", "", "\n", "", " ", "+").Replace(s), "=")
	if s == "" {
		return nil, nil
	}
	text, err := base64.RawStdEncoding.DecodeString(s)
	if err != nil {
		return nil, &Problem{field, "is not Base64"}
	}
	// The strict reader takes objects only, so the array gets one around it.
	o, err := ParseObject(slices.Concat([]byte(`{"list":`), text, []byte("}")))
	if err != nil {
		return nil, &Problem{field, "is not a JSON array of name and value"}
	}
	table := []Field{{Name: "list", Kind: Items, MaxItems: maxExtendParamCount, Of: []Field{
		{Name: "name", Required: true, Max: maxExtendParams}, {Name: "value", Max: maxExtendParams}}}}
	if err := o.Check(table); err != nil || len(o.names()) != 1 {
		return nil, &Problem{field, "is not a JSON array of name and value"}
	}
	var list []ExtendParam
	seen := map[string]bool{}
	for _, item := range o.Items("list") {
		p := ExtendParam{Name: item.Text("name"), Value: item.Text("value")}
		if seen[p.Name] {
			return nil, &Problem{field, "has a name twice"}
		}
		seen[p.Name] = true
		list = append(list, p)
	}
	return list, nil
}

// FormatExtendParams is saasExtendParams before the percent codes, which whoever builds the query adds.
func FormatExtendParams(list []ExtendParam) (string, error) {
	text, err := json.Marshal(list)
	if err != nil {
		return "", fmt.Errorf("write saasExtendParams: %w", err)
	}
	s := base64.StdEncoding.EncodeToString(text)
	if len(s) > maxExtendParams {
		return "", fmt.Errorf("write saasExtendParams: %d characters, at most %d are taken", len(s), maxExtendParams)
	}
	return s, nil
}
