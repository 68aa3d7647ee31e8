package wire

import (
	"encoding/json"
	"net/url"
	"strconv"
)

// KitFields is the table of a kit call's body, nil for a call that is none. Instance and order are
// mandatory in the pages' tables and empty while credentials are applied for, so they may be absent.
func KitFields(call string) []Field {
	flag := func(values ...int) Field {
		f := Field{Name: "flag", Required: true, Max: 1, Kind: Integer}
		for _, v := range values {
			f.Values = append(f.Values, strconv.Itoa(v))
		}
		return f
	}
	state := flag(KitDelete, KitAdd, KitModify)
	head := []Field{
		may("instanceId"), must("tenantId"),
		{Name: "testFlag", Required: true, Max: 1, Kind: Integer, Values: []string{TestNo, TestYes}},
		{Name: "timeStamp", Required: true, Max: 20, Kind: Time},
	}
	org := []Field{must("orgCode"), {Name: "orgName", Required: true, Max: 128}, may("parentCode")}
	switch call {
	case KitTenantSync:
		return append(head, state, may("orderId"), must("tenantCode"),
			Field{Name: "name", Required: true, Max: 255}, Field{Name: "domainName", Required: true, Max: 255})
	case KitApplicationSync:
		// 684 characters are a key of 4096 bits; no page states a length.
		return append(head, state, must("appId"), must("clientId"), Field{Name: "clientSecret", Required: true, Max: 2048})
	case KitAuthSync:
		return append(head, flag(KitDelete, KitAdd, KitModify, KitWithdraw), must("appId"),
			Field{Name: "userList", Required: true, Kind: Items, MaxItems: MaxKitUsers, Of: userFields()},
			Field{Name: "currentSyncTime", Max: 32})
	case KitSingleOrgSync:
		return append(append(head, state), org...)
	case KitAllOrgSync:
		return append(head, Field{Name: "orgInfoList", Kind: Items, MaxItems: MaxKitOrgs, Of: org})
	}
	return nil
}

func userFields() []Field {
	return []Field{
		must("userName"), must("name"), must("orgCode"), may("position"), may("employeeCode"),
		{Name: "employeeType", Max: 1, Kind: Integer, Values: []string{"1", "2", "3", "4"}},
		{Name: "role", Required: true, Max: 32, Values: []string{"user", "admin"}},
		{Name: "enable", Required: true, Max: 8, Values: []string{"true", "false"}},
		{Name: "mobile", Max: 32}, {Name: "email", Max: 128},
		{Name: "workPlace", Max: 255}, {Name: "entryDate", Max: 32}, // lengths cut on the page
	}
}

// ParseKit reads the body of a kit call strictly. It evens out what V1 and V2, tables and samples
// write differently: a list as an array or as a text that holds one, orgInfo for orgInfoList,
// numbers as texts, enable as true or "true". The error is a *Problem.
func ParseKit(call string, body []byte) (KitRequest, error) {
	o, err := ParseObject(body)
	if err != nil {
		return nil, err
	}
	table := KitFields(call)
	if table == nil {
		return nil, &Problem{Why: "the path is no call of the kit"}
	}
	if err := evenKit(call, o); err != nil {
		return nil, err
	}
	if err := o.Check(table); err != nil {
		return nil, err
	}
	return kitRequest(call, o), nil
}

// evenKit brings o into the form of the tables.
func evenKit(call string, o Object) error {
	number(o, "flag")
	number(o, "testFlag")
	switch call {
	case KitAuthSync:
		if err := list(o, "userList"); err != nil {
			return err
		}
		for _, u := range o.Items("userList") {
			number(u, "employeeType")
			if b, ok := u.values["enable"].(bool); ok {
				u.values["enable"] = strconv.FormatBool(b)
			}
		}
	case KitAllOrgSync:
		_, long := o.values["orgInfoList"]
		short, old := o.values["orgInfo"]
		switch {
		case long && old:
			return &Problem{"orgInfo", "and orgInfoList are both there"}
		case !long && !old:
			return &Problem{"orgInfoList", "is missing"}
		case old:
			o.values["orgInfoList"] = short
		}
		return list(o, "orgInfoList")
	}
	return nil
}

// number turns a text of digits into the number that it is in other samples.
func number(o Object, name string) {
	if s, ok := o.values[name].(string); ok && digits(s) {
		o.values[name] = json.Number(s)
	}
}

// list turns a text that holds a JSON array into that array. An empty or absent list is an array
// without items: the whole tree of a tenant may have no departments, and null must not pass for that.
func list(o Object, name string) error {
	s, ok := o.values[name].(string)
	if !ok {
		if _, isList := o.values[name].([]any); !isList {
			return &Problem{name, "is missing or not an array"}
		}
		return nil
	}
	inner, err := ParseObject([]byte(`{"list":` + s + `}`))
	if err != nil || len(inner.values) != 1 {
		return &Problem{name, "is a text that is no JSON array"}
	}
	items, ok := inner.values["list"].([]any)
	if !ok {
		return &Problem{name, "is a text that is no JSON array"}
	}
	o.values[name] = items
	return nil
}

func kitRequest(call string, o Object) KitRequest {
	text := o.Text
	head := KitHead{text("instanceId"), text("tenantId"), o.Int("testFlag"), text("timeStamp")}
	switch call {
	case KitTenantSync:
		return TenantSync{head, text("orderId"), text("tenantCode"), text("name"), text("domainName"), o.Int("flag")}
	case KitApplicationSync:
		return ApplicationSync{head, text("appId"), text("clientId"), text("clientSecret"), o.Int("flag")}
	case KitAuthSync:
		r := AuthSync{KitHead: head, AppID: text("appId"), CurrentSyncTime: text("currentSyncTime"), Flag: o.Int("flag")}
		for _, u := range o.Items("userList") {
			t := u.Text
			r.UserList = append(r.UserList, User{t("userName"), t("name"), t("orgCode"), t("position"), t("employeeCode"), u.Int("employeeType"),
				t("role"), t("enable"), t("mobile"), t("email"), t("workPlace"), t("entryDate")})
		}
		return r
	case KitSingleOrgSync:
		return SingleOrgSync{head, org(o), o.Int("flag")}
	default: // the caller has looked: nothing else has a table
		r := AllOrgSync{KitHead: head, OrgInfoList: []Org{}}
		for _, i := range o.Items("orgInfoList") {
			r.OrgInfoList = append(r.OrgInfoList, org(i))
		}
		return r
	}
}

func org(o Object) Org { return Org{o.Text("orgCode"), o.Text("orgName"), o.Text("parentCode")} }

// KitParams are the parameters of a V1 kit body, for its token: the top-level members, numbers as
// they are written, null as an empty text. V1 sends its lists as texts, so an array or object there has
// no place in a token and is refused. The error is a *Problem.
func KitParams(body []byte) (url.Values, error) {
	o, err := ParseObject(body)
	if err != nil {
		return nil, err
	}
	params := make(url.Values, len(o.values))
	for name, v := range o.values {
		switch v := v.(type) {
		case string:
			params.Set(name, v)
		case json.Number:
			params.Set(name, v.String())
		case bool:
			params.Set(name, strconv.FormatBool(v))
		case nil:
			params.Set(name, "")
		default:
			return nil, &Problem{name, "is not a text"}
		}
	}
	return params, nil
}
