package wire

import (
	"fmt"
	"unicode/utf16"
	"unicode/utf8"
)

// Greatest lengths of what a V1.0 answer holds.
const (
	maxURL    = 512
	maxSecret = 128  // userName and password: 16 of the IV and the ciphertext's Base64
	maxMemo   = 1024 // characters before they are escaped
	// maxLicense is ours: no page bounds the licence of getLicense, and the marketplace stores it
	// with an order.
	maxLicense = 32 << 10
)

// V1Answer is the answer of a V1.0 call, in the order of the samples. EncryptType and AppInfo are
// newInstance's, License and InstanceID getLicense's, Info queryInstance's. The user names
// and passwords in it are encrypted already.
type V1Answer struct {
	ResultCode  Code           `json:"resultCode"`
	ResultMsg   string         `json:"resultMsg,omitempty"`
	License     string         `json:"license,omitempty"`
	EncryptType string         `json:"encryptType,omitempty"`
	InstanceID  string         `json:"instanceId,omitempty"`
	AppInfo     *AppInfo       `json:"appInfo,omitempty"`
	Info        []InstanceInfo `json:"info,omitempty"`
}

// Check says what of the answer to this activity the marketplace would not take. It matters before
// the answer is sent: an over-long user name leaves an order "provisioning" there, without a word to
// the ISV. The error is a *Problem.
func (a V1Answer) Check(activity string) error {
	body, err := a.Encode()
	if err != nil {
		return &Problem{Why: err.Error()}
	}
	_, err = ParseV1Answer(activity, body)
	return err
}

// Encode makes the body of an answer: compact JSON whose text beyond ASCII is escaped as \uXXXX, which
// the pages ask for in memo and every JSON reader undoes.
func (a V1Answer) Encode() ([]byte, error) {
	a.ResultMsg = Cut(a.ResultMsg)
	b, err := marshal(a)
	if err != nil {
		return nil, fmt.Errorf("encode answer: %w", err)
	}
	return escapeASCII(b), nil
}

// escapeASCII writes a JSON text with ASCII only. What is beyond ASCII stands in its strings only.
func escapeASCII(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for _, r := range string(b) {
		switch {
		case r < utf8.RuneSelf:
			out = append(out, byte(r))
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	return out
}

// V1AnswerFields is the table of an answer, for whoever checks what an ISV answered.
func V1AnswerFields(activity string) []Field {
	fields := refusalTable()
	app := []Field{
		{Name: "frontEndUrl", Required: true, Max: maxURL}, {Name: "adminUrl", Max: maxURL},
		{Name: "userName", Max: maxSecret}, {Name: "password", Max: maxSecret}, {Name: "memo", Max: maxMemo},
	}
	encrypt := Field{Name: "encryptType", Max: 3, Values: []string{EncryptAES256, EncryptAES128}}
	switch activity {
	case ActivityGetLicense:
		return append(fields, must("instanceId"), Field{Name: "license", Required: true, Max: maxLicense})
	case ActivityNewInstance:
		return append(fields, encrypt, must("instanceId"), Field{Name: "appInfo", Kind: Item, Of: app})
	case ActivityQueryInstance:
		info := AnswerTable(ActivityQueryInstance)
		return append(info, encrypt)
	}
	return fields
}

// ParseV1Answer reads an ISV's answer to a V1.0 call strictly, as ParseAnswer does V2.0's.
func ParseV1Answer(activity string, body []byte) (V1Answer, error) {
	o, err := ParseObject(body)
	if err != nil {
		return V1Answer{}, err
	}
	table := refusalTable()
	if Code(o.Text("resultCode")) == Success {
		table = V1AnswerFields(activity)
	}
	if err := o.Check(table); err != nil {
		return V1Answer{}, err
	}
	a := V1Answer{ResultCode: Code(o.Text("resultCode")), ResultMsg: o.Text("resultMsg"), License: o.Text("license"),
		EncryptType: o.Text("encryptType"), InstanceID: o.Text("instanceId")}
	for _, i := range o.Items("appInfo") {
		a.AppInfo = &AppInfo{i.Text("frontEndUrl"), i.Text("adminUrl"), i.Text("userName"), i.Text("password"), i.Text("memo")}
	}
	for _, i := range o.Items("info") {
		a.Info = append(a.Info, instanceInfo(i))
	}
	return a, nil
}
