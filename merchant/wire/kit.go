package wire

import "time"

// The five calls of the joint-operation kit (marketplace: kit). They are POST to the registered
// address and a fixed path: KitV2Path with x-sign headers, KitV1Path with an authToken header.
const (
	KitV2Path = "/produceAPI/v2/"
	KitV1Path = "/produceAPI/"

	KitTenantSync      = "tenantSync"
	KitApplicationSync = "applicationSync"
	KitAuthSync        = "authSync"
	KitSingleOrgSync   = "singleOrgSync"
	KitAllOrgSync      = "allOrgSync"
)

// Values of the kit's flag.
const (
	KitDelete   = 0
	KitAdd      = 1
	KitModify   = 2
	KitWithdraw = 3 // authSync only: the user stays, the right to the application goes
)

// Bounds of the kit's lists.
const (
	MaxKitUsers = 500 // of one call, as the V1 page says
	// MaxKitOrgs is ours: no page bounds a tree of departments, and it cannot come in parts.
	MaxKitOrgs = 10_000
)

// KitCalls lists the kit's calls.
func KitCalls() []string {
	return []string{KitTenantSync, KitApplicationSync, KitAuthSync, KitSingleOrgSync, KitAllOrgSync}
}

// KitRequest is a parsed call of the kit.
type KitRequest interface {
	Call() string  // KitTenantSync and its like
	Test() bool    // testFlag is 1
	At() time.Time // timeStamp: when the state that it tells was one
}

// KitHead is what every call of the kit has.
type KitHead struct {
	InstanceID string `json:"instanceId"` // empty while the merchant applies for credentials
	TenantID   string `json:"tenantId"`
	TestFlag   int    `json:"testFlag"`  // 0 real, 1 test
	TimeStamp  string `json:"timeStamp"` // yyyyMMddHHmmssSSS, UTC+8
}

// Test implements KitRequest.
func (h KitHead) Test() bool { return h.TestFlag == 1 }

// At implements KitRequest.
func (h KitHead) At() time.Time {
	return read(func(s string) (time.Time, error) { return ParseTimeIn(s, KitZone()) }, h.TimeStamp)
}

// KitZone is UTC+8, in which the kit's bodies tell the time.
func KitZone() *time.Location { return time.FixedZone("UTC+8", 8*60*60) }

// TenantSync tells of an enterprise.
type TenantSync struct {
	KitHead
	OrderID    string `json:"orderId"` // empty while the merchant applies for credentials
	TenantCode string `json:"tenantCode"`
	Name       string `json:"name"`
	DomainName string `json:"domainName"` // its authentication domain, with the scheme
	Flag       int    `json:"flag"`       // KitDelete, KitAdd, KitModify
}

// ApplicationSync tells of the credentials by which a tenant's users log in.
type ApplicationSync struct {
	KitHead
	AppID        string `json:"appId"`
	ClientID     string `json:"clientId"`
	ClientSecret string `json:"clientSecret"` // RSA-OAEP for the merchant's key, Base64
	Flag         int    `json:"flag"`
}

// AuthSync tells who of a tenant may use the application.
type AuthSync struct {
	KitHead
	AppID           string `json:"appId"`
	UserList        []User `json:"userList"`
	CurrentSyncTime string `json:"currentSyncTime"` // its form is on no page
	Flag            int    `json:"flag"`            // also KitWithdraw
}

// User is one of AuthSync's users. Names repeat between tenants.
type User struct {
	UserName     string `json:"userName"`
	Name         string `json:"name"`
	OrgCode      string `json:"orgCode"`
	Position     string `json:"position,omitempty"`
	EmployeeCode string `json:"employeeCode,omitempty"`
	EmployeeType int    `json:"employeeType,omitempty"` // 1 to 4
	Role         string `json:"role"`                   // user, admin
	Enable       string `json:"enable"`                 // true, false
	Mobile       string `json:"mobile,omitempty"`
	Email        string `json:"email,omitempty"`
	WorkPlace    string `json:"workPlace,omitempty"`
	EntryDate    string `json:"entryDate,omitempty"` // V1; its form is on no page
}

// SingleOrgSync tells of one department.
type SingleOrgSync struct {
	KitHead
	Org
	Flag int `json:"flag"`
}

// Org is a department.
type Org struct {
	OrgCode    string `json:"orgCode"`
	OrgName    string `json:"orgName"`
	ParentCode string `json:"parentCode,omitempty"`
}

// AllOrgSync tells a tenant's whole tree of departments.
type AllOrgSync struct {
	KitHead
	OrgInfoList []Org `json:"orgInfoList"`
}

// Call implements KitRequest.
func (TenantSync) Call() string { return KitTenantSync }

// Call implements KitRequest.
func (ApplicationSync) Call() string { return KitApplicationSync }

// Call implements KitRequest.
func (AuthSync) Call() string { return KitAuthSync }

// Call implements KitRequest.
func (SingleOrgSync) Call() string { return KitSingleOrgSync }

// Call implements KitRequest.
func (AllOrgSync) Call() string { return KitAllOrgSync }
