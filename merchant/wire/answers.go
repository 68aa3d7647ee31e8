package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Answer is the answer of a production interface, in the order of the samples. InstanceID is for
// newInstance only, Info for queryInstance only.
type Answer struct {
	ResultCode Code           `json:"resultCode"`
	ResultMsg  string         `json:"resultMsg,omitempty"` // at most 255 characters
	InstanceID string         `json:"instanceId,omitempty"`
	Info       []InstanceInfo `json:"info,omitempty"`
}

// InstanceInfo is what queryInstance tells of one instance.
type InstanceInfo struct {
	InstanceID string      `json:"instanceId"`
	AppInfo    *AppInfo    `json:"appInfo,omitempty"`
	UsageInfo  []UsageInfo `json:"usageInfo,omitempty"`
}

// AppInfo is how the buyer reaches what was bought.
type AppInfo struct {
	FrontEndURL string `json:"frontEndUrl"`
	AdminURL    string `json:"adminUrl,omitempty"`
	UserName    string `json:"userName,omitempty"`
	Password    string `json:"password,omitempty"`
	Memo        string `json:"memo,omitempty"`
}

// UsageInfo is the use of a pay-per-use instance, or of one item of a package.
type UsageInfo struct {
	RelatedInstanceID string      `json:"relatedInstanceId,omitempty"`
	UsageValue        json.Number `json:"usageValue"`      // at most 12 digits, 4 of them behind the point
	StatisticalTime   string      `json:"statisticalTime"` // FormatMillis, UTC
	DashboardURL      string      `json:"dashboardUrl,omitempty"`
}

// Encode makes the body of an answer: compact JSON, without a line's end behind it. ResultMsg is cut
// to its greatest length. Its error is a number in UsageInfo that is none.
func (a Answer) Encode() ([]byte, error) {
	a.ResultMsg = Cut(a.ResultMsg)
	b, err := marshal(a)
	if err != nil {
		return nil, fmt.Errorf("encode answer: %w", err)
	}
	return b, nil
}

// AnswerTable is the table of an activity's answer when the result code is a success (or, for
// newInstance, Processing). Of other answers only resultCode and resultMsg are looked at.
func AnswerTable(activity string) []Field {
	table := refusalTable()
	switch activity {
	case ActivityNewInstance:
		return append(table, must("instanceId"))
	case ActivityQueryInstance:
		url := func(name string, required bool) Field { return Field{Name: name, Required: required, Max: 512} }
		return append(table, Field{Name: "info", Kind: Items, MaxItems: 100, Of: []Field{must("instanceId"),
			{Name: "appInfo", Kind: Item, Of: []Field{url("frontEndUrl", true), url("adminUrl", false),
				{Name: "userName", Max: 128}, {Name: "password", Max: 128}, {Name: "memo", Max: 1024}}},
			{Name: "usageInfo", Kind: Items, MaxItems: 1000, Of: []Field{may("relatedInstanceId"), {Name: "usageValue", Required: true, Kind: Number, Max: 18},
				{Name: "statisticalTime", Required: true, Max: 20, Kind: Time}, url("dashboardUrl", false)}}}})
	}
	return table
}

func refusalTable() []Field {
	return []Field{{Name: "resultCode", Required: true, Max: 6}, {Name: "resultMsg", Max: maxMsg}}
}

// ParseAnswer reads an ISV's answer strictly. The error is a *Problem. The seven digits
// 0000004, which one page prints, are refused like any other code that is too long.
func ParseAnswer(activity string, body []byte) (Answer, error) {
	o, err := ParseObject(body)
	if err != nil {
		return Answer{}, err
	}
	if err := o.Check(refusalTable()); err != nil {
		return Answer{}, err
	}
	a := Answer{ResultCode: Code(o.Text("resultCode")), ResultMsg: o.Text("resultMsg")}
	if a.ResultCode != Success && (a.ResultCode != Processing || activity != ActivityNewInstance) {
		return a, nil
	}
	if err := o.Check(AnswerTable(activity)); err != nil {
		return Answer{}, err
	}
	a.InstanceID = o.Text("instanceId")
	for _, i := range o.Items("info") {
		a.Info = append(a.Info, instanceInfo(i))
	}
	return a, nil
}

func instanceInfo(o Object) InstanceInfo {
	info := InstanceInfo{InstanceID: o.Text("instanceId")}
	for _, a := range o.Items("appInfo") {
		info.AppInfo = &AppInfo{a.Text("frontEndUrl"), a.Text("adminUrl"), a.Text("userName"), a.Text("password"), a.Text("memo")}
	}
	for _, u := range o.Items("usageInfo") {
		info.UsageInfo = append(info.UsageInfo, UsageInfo{u.Text("relatedInstanceId"), u.Number("usageValue"), u.Text("statisticalTime"), u.Text("dashboardUrl")})
	}
	return info
}

// marshal is json.Marshal that leaves <, > and & as they are: what is signed is what a person reads.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
