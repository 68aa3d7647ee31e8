package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

const (
	sampleTenant = `{"instanceId": "huaiweitest123456","orderId": "CS1906666666ABCDE","tenantId": "68cbc86****************880d92f36422fa0e","tenantCode": "huawei","name": "huaiweitest","domainName": "https://example.tenantaccount.com","flag": 1,"testFlag": 0,"timeStamp": "20220413093539534"}`
	sampleApp    = `{"instanceId":"i","tenantId":"t","appId":"a","clientId":"c","clientSecret":"s","flag":2,"testFlag":1,"timeStamp":"20220413093539534"}`
	sampleUsers  = `{"instanceId":"i","tenantId":"t","appId":"a","userList":[{"userName":"zhangsan","name":"张三","orgCode":"10000","role":"user","enable":"true"}],"currentSyncTime":"20220413093539534","flag":3,"testFlag":0,"timeStamp":"20220413093539534"}`
	sampleOrg    = `{"instanceId":"i","tenantId":"t","orgCode":"10001","orgName":"研发","parentCode":"10000","flag":0,"testFlag":0,"timeStamp":"20220420114117642"}`
	sampleTree   = `{"instanceId":"","tenantId":"t","orgInfoList":"[{\"orgCode\":\"10000\",\"orgName\":\"总部\"},{\"orgCode\":\"10001\",\"orgName\":\"研发\",\"parentCode\":\"10000\"}]","testFlag":0,"timeStamp":"20220420114117642"}`
)

func kitSamples() map[string]string {
	return map[string]string{KitTenantSync: sampleTenant, KitApplicationSync: sampleApp, KitAuthSync: sampleUsers, KitSingleOrgSync: sampleOrg, KitAllOrgSync: sampleTree}
}

func TestKitSamples(t *testing.T) {
	t.Parallel()
	head := KitHead{"i", "t", 0, "20220413093539534"}
	zhang := User{UserName: "zhangsan", Name: "张三", OrgCode: "10000", Role: "user", Enable: "true"}
	tree := AllOrgSync{KitHead{"", "t", 0, "20220420114117642"}, []Org{{"10000", "总部", ""}, {"10001", "研发", "10000"}}}
	for _, tt := range []struct {
		name, call, body string
		want             KitRequest
	}{
		{"the page's tenant", KitTenantSync, sampleTenant, TenantSync{KitHead{"huaiweitest123456", "68cbc86****************880d92f36422fa0e", 0, "20220413093539534"}, "CS1906666666ABCDE", "huawei", "huaiweitest", "https://example.tenantaccount.com", 1}},
		{"application", KitApplicationSync, sampleApp, ApplicationSync{KitHead{"i", "t", 1, "20220413093539534"}, "a", "c", "s", 2}},
		{"users", KitAuthSync, sampleUsers, AuthSync{head, "a", []User{zhang}, "20220413093539534", 3}},
		{"V1's users: a text, numbers as texts", KitAuthSync,
			`{"instanceId":"i","tenantId":"t","appId":"a","userList":"[{\"userName\":\"zhangsan\",\"name\":\"张三\",\"orgCode\":\"10000\",\"role\":\"user\",\"enable\":true,\"employeeType\":\"4\",\"entryDate\":\"2022-04-13\"}]","flag":"1","testFlag":"0","timeStamp":"20220413093539534"}`,
			AuthSync{head, "a", []User{{UserName: "zhangsan", Name: "张三", OrgCode: "10000", Role: "user", Enable: "true", EmployeeType: 4, EntryDate: "2022-04-13"}}, "", 1}},
		{"department", KitSingleOrgSync, sampleOrg, SingleOrgSync{KitHead{"i", "t", 0, "20220420114117642"}, Org{"10001", "研发", "10000"}, 0}},
		{"the tree as a text", KitAllOrgSync, sampleTree, tree},
		{"the tree as an array", KitAllOrgSync, `{"tenantId":"t","orgInfoList":[{"orgCode":"10000","orgName":"总部"},{"orgCode":"10001","orgName":"研发","parentCode":"10000"}],"testFlag":0,"timeStamp":"20220420114117642"}`, tree},
		{"V1's name of the tree", KitAllOrgSync, strings.Replace(sampleTree, "orgInfoList", "orgInfo", 1), tree},
		{"a tree without departments", KitAllOrgSync, `{"tenantId":"t","orgInfoList":[],"testFlag":0,"timeStamp":"20220420114117642"}`, AllOrgSync{KitHead{"", "t", 0, "20220420114117642"}, []Org{}}},
		{"no instance, no order: credentials are applied for", KitTenantSync, strings.NewReplacer("huaiweitest123456", "", "CS1906666666ABCDE", "").Replace(sampleTenant), TenantSync{KitHead{"", "68cbc86****************880d92f36422fa0e", 0, "20220413093539534"}, "", "huawei", "huaiweitest", "https://example.tenantaccount.com", 1}},
	} {
		got, err := ParseKit(tt.call, []byte(tt.body))
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got %+v, %v", tt.name, got, err)
			continue
		}
		if got.Call() != tt.call {
			t.Errorf("%s: it is %s", tt.name, got.Call())
		}
		again, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := ParseKit(tt.call, again); err != nil || !reflect.DeepEqual(back, got) {
			t.Errorf("%s: written %s, read %+v, %v", tt.name, again, back, err)
		}
	}
	r, err := ParseKit(KitTenantSync, []byte(sampleTenant))
	if want := time.Date(2022, 4, 13, 1, 35, 39, 534e6, time.UTC); err != nil || !r.At().Equal(want) || r.Test() {
		t.Errorf("timeStamp is UTC+8: got %v, %v", r.At(), err)
	}
}

func TestKitRefusals(t *testing.T) {
	t.Parallel()
	refused := func(call, body, field string) {
		t.Helper()
		_, err := ParseKit(call, []byte(body))
		var p *Problem
		if !errors.As(err, &p) || p.Field != field {
			t.Errorf("%s %.80s: got %v, want field %q", call, body, err, field)
		}
	}
	for call, sample := range kitSamples() {
		if _, err := ParseKit(call, []byte(sample)); err != nil {
			t.Fatal(err)
		}
		var members map[string]any
		if err := json.Unmarshal([]byte(sample), &members); err != nil {
			t.Fatal(err)
		}
		with := func(field string, value any) string {
			changed := map[string]any{}
			for name, v := range members {
				changed[name] = v
			}
			if changed[field] = value; value == nil {
				delete(changed, field)
			}
			b, err := json.Marshal(changed)
			if err != nil {
				t.Fatal(err)
			}
			return string(b)
		}
		for _, f := range KitFields(call) {
			if f.Required {
				refused(call, with(f.Name, nil), f.Name)
			}
			if f.Max > 0 {
				refused(call, with(f.Name, strings.Repeat("9", f.Max+1)), f.Name)
			}
			if f.Values != nil {
				refused(call, with(f.Name, 7), f.Name)
			}
			refused(call, with(f.Name, map[string]any{}), f.Name)
		}
		refused(call, with("timeStamp", "20221313093539534"), "timeStamp")
		if call != KitAllOrgSync {
			refused(call, with("flag", -1), "flag")
		}
		refused(call, "[]", "")
		refused(call, sample[:len(sample)-1], "")
		refused(call, `{"tenantId":"a",`+sample[1:], "tenantId")
	}
	refused("otherSync", sampleTenant, "")
	list := func(n int, item string) string {
		return "[" + strings.TrimSuffix(strings.Repeat(item+",", n), ",") + "]"
	}
	user := func(member, value string) string {
		return strings.Replace(sampleUsers, member, value, 1)
	}
	one := `{"userName":"u","name":"n","orgCode":"o","role":"user","enable":"true"}`
	users := func(s string) string {
		return fmt.Sprintf(`{"tenantId":"t","appId":"a","userList":%s,"flag":1,"testFlag":0,"timeStamp":"20220413093539534"}`, s)
	}
	orgs := func(s string) string {
		return fmt.Sprintf(`{"tenantId":"t","orgInfoList":%s,"testFlag":0,"timeStamp":"20220413093539534"}`, s)
	}
	if _, err := ParseKit(KitAuthSync, []byte(users(list(MaxKitUsers, one)))); err != nil {
		t.Errorf("500 users: %v", err)
	}
	refused(KitAuthSync, users(list(MaxKitUsers+1, one)), "userList")
	refused(KitAuthSync, users("[]"), "userList")
	refused(KitAuthSync, users(`"[]"`), "userList")
	refused(KitAuthSync, users(`"[1]"`), "userList")
	refused(KitAuthSync, users(`"{}"`), "userList")
	refused(KitAuthSync, users(`"[],\"x\":[]"`), "userList")
	refused(KitAuthSync, users(`"[{\"userName\":\"a\",\"userName\":\"b\"}]"`), "userList")
	refused(KitAuthSync, users(`null`), "userList")
	refused(KitAuthSync, user(`"role":"user"`, `"role":"root"`), "userList.role")
	refused(KitAuthSync, user(`"enable":"true"`, `"enable":"yes"`), "userList.enable")
	refused(KitAuthSync, user(`"enable":"true"`, `"enable":"true","employeeType":5`), "userList.employeeType")
	refused(KitAuthSync, user(`zhangsan`, strings.Repeat("u", 65)), "userList.userName")
	refused(KitAllOrgSync, orgs("null"), "orgInfoList")
	refused(KitAllOrgSync, orgs(list(MaxKitOrgs+1, `{"orgCode":"c","orgName":"n"}`)), "orgInfoList")
	refused(KitAllOrgSync, orgs(`[{"orgCode":"c"}]`), "orgInfoList.orgName")
	refused(KitAllOrgSync, strings.Replace(sampleTree, `"orgInfoList"`, `"orgInfo":[],"orgInfoList"`, 1), "orgInfo")
}

func TestKitParams(t *testing.T) {
	t.Parallel()
	got, err := KitParams([]byte(`{"a":"x","b":1.50,"c":true,"d":null,"userList":"[{}]"}`))
	if want := "a=x&b=1.50&c=true&d=&userList=%5B%7B%7D%5D"; err != nil || got.Encode() != want {
		t.Errorf("got %s, %v", got.Encode(), err)
	}
	for _, body := range []string{`{"userList":[]}`, `{"a":{}}`, `[]`, ``, `{"a":1,"a":2}`} {
		if _, err := KitParams([]byte(body)); err == nil {
			t.Errorf("%s: taken", body)
		}
	}
}

func FuzzKit(f *testing.F) {
	for call, sample := range kitSamples() {
		f.Add(call, []byte(sample))
	}
	f.Add(KitAuthSync, []byte(`{"userList":"["}`))
	f.Add(KitAllOrgSync, []byte(`{"orgInfo":{}}`))
	f.Fuzz(func(t *testing.T, call string, body []byte) {
		_, _ = KitParams(body)
		r, err := ParseKit(call, body)
		if err != nil {
			var p *Problem
			if !errors.As(err, &p) || len([]rune(p.Error())) > maxMsg {
				t.Fatalf("%v", err)
			}
			return
		}
		if r.Call() != call {
			t.Fatalf("taken: %+v", r)
		}
		if u, ok := r.(AuthSync); ok && (len(u.UserList) == 0 || len(u.UserList) > MaxKitUsers) {
			t.Fatalf("taken: %d users", len(u.UserList))
		}
	})
}
