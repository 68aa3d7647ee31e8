package wire

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// The pages' tables, written down a second time from the pages and not from the code: name, M or O, greatest
// length in characters, and where there are any the kind and the values. Other tests walk the tables of the
// code, so they cannot see a wrong number there; this one can. A row whose mark or length is a reading of
// docs/merchant.md has a star.
const (
	productionTables = `
newInstance
  activity M 20 newInstance
  orderId M 64
  orderLineId M 64
  businessId M 64
  testFlag O 2 0|1
queryInstance
  activity M 32 queryInstance *
  instanceId M 64 ids:100 *
  testFlag O 2 0|1
refreshInstance
  activity M 20 refreshInstance
  scene M 64 TRIAL_TO_FORMAL|RENEWAL|UNSUBSCRIBE_RENEWAL_PERIOD|RENEWAL_CHANGE
  orderId M 64
  orderLineId M 64
  instanceId M 64
  productId O 64
  expireTime M 20 time
  testFlag O 2 0|1
updateInstanceStatus
  activity M 32 updateInstanceStatus
  instanceId M 64
  status M 32 FREEZE|UNFREEZE
  testFlag O 2 0|1
releaseInstance
  activity M 32 releaseInstance
  instanceId M 64
  orderId O 64
  orderLineId O 64
  testFlag O 2 0|1
upgradeInstance
  activity M 32 upgradeInstance *
  instanceId M 64
  orderId M 64
  orderLineId M 64
  testFlag O 2 0|1
changeInstanceCheck
  activity M 32 changeInstanceCheck
  instanceId M 64
  productInfo M 0 object-or-array:100 *
  productInfo.productId M 64 *
  productInfo.skuCode O 64 *
  productInfo.linearValue O 20 number *
  productInfo.productName O 1024 *
  testFlag O 2 0|1
getLicenseAsync
  activity M 20 getLicenseAsync
  instanceId M 64
  effectiveTime M 32 licence-time
  expireTime O 32 licence-time
  eventId M 64
  deviceFingerprint O 1024
  testFlag O 2 0|1
orderNotify
  activity M 20 orderNotify
  orderId M 64
  orderLineId M 64
  testFlag O 2 0|1 *
refreshLicenseCode
  activity M 20 refreshLicenseCode
  scene M 64 RENEWAL|UNSUBSCRIBE_RENEWAL_PERIOD
  orderId M 64
  orderLineId M 64
  license M 64
  productId O 64
  expireTime M 20 time
  testFlag O 2 0|1
updateLicenseCodeStatus
  activity M 32 updateLicenseCodeStatus
  license M 64
  status M 32 FREEZE|UNFREEZE
  testFlag O 2 0|1
releaseLicenseCode
  activity M 32 releaseLicenseCode
  license M 64
  orderId O 64
  orderLineId O 64
  testFlag O 2 0|1`

	answerTables = `
newInstance
  resultCode M 6
  resultMsg O 255
  instanceId M 64
queryInstance
  resultCode M 6
  resultMsg O 255
  info O 0 array:100
  info.instanceId M 64
  info.appInfo O 0 object
  info.appInfo.frontEndUrl M 512
  info.appInfo.adminUrl O 512
  info.appInfo.userName O 128
  info.appInfo.password O 128
  info.appInfo.memo O 1024
  info.usageInfo O 0 array:1000 *
  info.usageInfo.relatedInstanceId O 64
  info.usageInfo.usageValue M 18 number *
  info.usageInfo.statisticalTime M 20 time
  info.usageInfo.dashboardUrl O 512
refreshInstance
  resultCode M 6
  resultMsg O 255
getLicenseAsync
  resultCode M 6
  resultMsg O 255`

	kitTables = `
tenantSync
  instanceId O 64 *
  orderId O 64 *
  tenantId M 64
  tenantCode M 64
  name M 255
  domainName M 255
  flag M 1 integer 0|1|2
  testFlag M 1 integer 0|1
  timeStamp M 20 time
applicationSync
  instanceId O 64 *
  tenantId M 64
  appId M 64
  clientId M 64
  clientSecret M 2048 *
  flag M 1 integer 0|1|2
  testFlag M 1 integer 0|1
  timeStamp M 20 time
authSync
  instanceId O 64 *
  tenantId M 64
  appId M 64
  userList M 0 array:500
  userList.userName M 64
  userList.name M 64
  userList.orgCode M 64
  userList.position O 64
  userList.employeeCode O 64
  userList.employeeType O 1 integer 1|2|3|4
  userList.role M 32 user|admin
  userList.enable M 8 true|false
  userList.mobile O 32
  userList.email O 128
  userList.workPlace O 255 *
  userList.entryDate O 32 *
  currentSyncTime O 32 *
  flag M 1 integer 0|1|2|3
  testFlag M 1 integer 0|1
  timeStamp M 20 time
singleOrgSync
  instanceId O 64 *
  tenantId M 64
  orgCode M 64
  orgName M 128
  parentCode O 64
  flag M 1 integer 0|1|2
  testFlag M 1 integer 0|1
  timeStamp M 20 time
allOrgSync
  instanceId O 64 *
  tenantId M 64
  orgInfoList O 0 array:10000 *
  orgInfoList.orgCode M 64
  orgInfoList.orgName M 128
  orgInfoList.parentCode O 64
  testFlag M 1 integer 0|1
  timeStamp M 20 time`

	// Without authToken, timeStamp, activity and testFlag, which all of them have.
	v1Tables = `
newInstance
  customerId M 100
  customerName O 64 *
  userId O 64
  userName O 64
  mobilePhone O 128 *
  email O 128 *
  businessId M 64
  orderId M 64
  skuCode O 64
  productId M 64
  trialFlag O 2 0|1 *
  expireTime O 20 time
  startTime O 20 time
  chargingMode O 3 integer 0|1|3|5
  saasExtendParams O 2048
  amount O 7 integer
  diskSize O 7 integer
  bandWidth O 7 integer
  periodType O 10 year|month|day
  periodNumber O 2 integer
  orderAmount O 20 number
  provisionType O 2 integer
refreshInstance
  orderId M 64
  instanceId M 64
  productId O 64
  expireTime M 20 time
  trialToFormal O 2 0|1
  periodType O 10 year|month|day
  periodNumber O 2 integer
  orderAmount O 20 number
expireInstance
  instanceId M 64
  orderId O 64 *
  orderAmount O 20 number *
releaseInstance
  instanceId M 64
  orderId O 64 *
  orderAmount O 20 number
instanceStatus
  instanceId M 64
  instanceStatus M 32 FREEZE|NORMAL
upgrade
  instanceId M 64
  orderId M 64
  skuCode M 64
  productId M 64
  saasExtendParams O 2048
  amount O 7 integer
  diskSize O 7 integer
  bandWidth O 7 integer
queryInstance
  instanceId M 64 ids:100 *`

	v1AnswerTables = `
newInstance
  resultCode M 6
  resultMsg O 255
  encryptType O 3 1|2
  instanceId M 64
  appInfo O 0 object
  appInfo.frontEndUrl M 512
  appInfo.adminUrl O 512
  appInfo.userName O 128
  appInfo.password O 128
  appInfo.memo O 1024
getLicense
  resultCode M 6
  resultMsg O 255 *
  instanceId M 64
  license M 32768 *`
)

func TestTablesAreThePages(t *testing.T) {
	t.Parallel()
	common := []string{"authToken M 50", "timeStamp M 20 time", "testFlag O 2 0|1", "activity M 32 " + strings.Join(V1Activities(), "|")}
	for _, tt := range []struct {
		family, pages string
		table         func(string) []Field
		also          []string
	}{
		{"production", productionTables, Table, nil},
		{"answer", answerTables, AnswerTable, nil},
		{"kit", kitTables, KitFields, nil},
		{"v1", v1Tables, V1Fields, common},
		{"v1 answer", v1AnswerTables, V1AnswerFields, nil},
	} {
		for name, want := range readPages(tt.pages) {
			want = append(want, tt.also...)
			got := fieldLines("", tt.table(name))
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%s %s:\ngot  %s\nwant %s", tt.family, name, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
			}
		}
	}
	for _, same := range [][2]string{{ActivityGetLicense, ActivityNewInstance}, {ActivityRefreshLicense, ActivityRefreshInstance},
		{ActivityExpireLicense, ActivityExpireInstance}, {ActivityReleaseLicense, ActivityReleaseInstance}} {
		if got, want := fieldLines("", V1Fields(same[0])), fieldLines("", V1Fields(same[1])); !slices.Equal(got, want) {
			t.Errorf("%s and %s differ: %v, %v", same[0], same[1], got, want)
		}
	}
	pages := readPages(productionTables)
	for _, activity := range Activities() {
		if pages[activity] == nil {
			t.Errorf("%s has no table here", activity)
		}
	}
}

// readPages reads tables as they are written above, without the stars.
func readPages(text string) map[string][]string {
	all, name := map[string][]string{}, ""
	for line := range strings.Lines(text) {
		switch row := strings.TrimSpace(strings.ReplaceAll(line, " *", "")); {
		case row == "":
		case line[0] != ' ':
			name = row
		default:
			all[name] = append(all[name], row)
		}
	}
	return all
}

// fieldLines writes a table of the code in the same form.
func fieldLines(prefix string, table []Field) (lines []string) {
	kinds := map[Kind]string{Integer: "integer", Number: "number", Time: "time", LicenseTime: "licence-time", IDs: "ids", Item: "object", Items: "array", ItemOrItems: "object-or-array"}
	for _, f := range table {
		mark := "O"
		if f.Required {
			mark = "M"
		}
		line := fmt.Sprintf("%s%s %s %d", prefix, f.Name, mark, f.Max)
		if kind := kinds[f.Kind]; kind != "" {
			line += " " + kind
		}
		if f.MaxItems > 0 {
			line += fmt.Sprintf(":%d", f.MaxItems)
		}
		if f.Values != nil {
			line += " " + strings.Join(f.Values, "|")
		}
		lines = append(append(lines, line), fieldLines(prefix+f.Name+".", f.Of)...)
	}
	return lines
}

// TestCodesAreThePages: the result codes, and every code of the open API with its HTTP status, as they are printed.
func TestCodesAreThePages(t *testing.T) {
	t.Parallel()
	want := strings.Fields(`common:000000 common:000001 common:000002 common:000003 common:000004 common:000005
		newInstance:000100 newInstance:000101 newInstance:000102 newInstance:000103 newInstance:000104 newInstance:000105 newInstance:000106 newInstance:000107
		getLicenseAsync:000900 getLicenseAsync:000901 getLicenseAsync:000902 getLicenseAsync:000903`)
	var got []string
	for _, c := range Codes() {
		got = append(got, c.Scope+":"+string(c.Code))
	}
	if !slices.Equal(got, want) {
		t.Errorf("result codes:\ngot  %v\nwant %v", got, want)
	}
	for group, printed := range map[string]string{
		GroupOrder:  "200 MKT.0000, 500 MKT.0999, 500 MKT.0100, 400 MKT.0101, 400 MKT.0199, 401 MKT.0150, 401 MKT.0151, 401 MKT.0154, 406 MKT.0250, 500 MKT.9001, 500 MKT.9002, 500 MKT.9003, 500 MKT.9004",
		GroupUpload: "200 CBC.0000, 403 CBC.0150, 400 CBC.0101, 500 CBC.0999, 200 91381033, 200 91381034, 200 91381035, 200 91381036, 200 91381037, 200 91381038, 200 91380150",
		GroupCode:   "200 92020000, 200 92020001, 200 92020002, 200 92020003, 200 92020004, 200 92020005, 200 92020011, 200 92020020, 400 95000001, 405 95000002, 415 95000003, 400 95000004",
		GroupGateway: "404 APIGW.0101, 404 APIGW.0103, 400 APIGW.0104, 400 APIGW.0105, 400 APIGW.0106, 400 APIGW.0201, 413 APIGW.0201, 414 APIGW.0201, 494 APIGW.0201, 502 APIGW.0201, 504 APIGW.0201, " +
			"401 APIGW.0301, 403 APIGW.0302, 401 APIGW.0303, 0 APIGW.0308, 500 APIGW.0705, 0 APIGW.0801",
	} {
		var got []string
		for _, c := range APICodes() {
			if c.Group == group {
				got = append(got, fmt.Sprint(c.HTTP, " ", c.Code))
			}
		}
		if text := strings.Join(got, ", "); text != printed {
			t.Errorf("%s:\ngot  %s\nwant %s", group, text, printed)
		}
	}
	for code, message := range map[string]string{
		"91381033": "License resource invalid", "91381034": "license apply invalid", "91381035": "license period has no remain amount", "91381036": "inner error",
		"91381037": "Invalid license format.", "91381038": "License apply has been denied.", "91380150": "Role permission denied",
	} {
		if row, ok := LookUp(GroupUpload, code, 200); !ok || row.Message != message {
			t.Errorf("%s: got %q, want %q", code, row.Message, message)
		}
	}
}
