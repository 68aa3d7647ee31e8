package wire

import (
	"encoding/json"
	"fmt"
)

// States of an authorization code.
const (
	CodeAlive    = "ALIVE"
	CodeExpired  = "EXPIRED"
	CodeReleased = "RELEASED"
)

// MaxCodes is how many codes one call of version 2 may carry.
const MaxCodes = 100

// Activate is activation of one code, version 1 (marketplace: activate authorization code).
type Activate struct {
	License        string `json:"license"`
	RealEffectTime string `json:"real_effect_time,omitempty"` // actual delivery, ParseTime's 14 digits
}

// Check implements Checked.
func (a Activate) Check() error {
	return first(text("license", a.License, 64, true), effect(a.RealEffectTime))
}

// ActivateBatch is activation of up to 100 codes, version 2. Its answer is an APIAnswer.
type ActivateBatch struct {
	LicenseList    []string `json:"license_list"`
	RealEffectTime string   `json:"real_effect_time,omitempty"`
}

// Check implements Checked.
func (a ActivateBatch) Check() error {
	return first(codeList(a.LicenseList), effect(a.RealEffectTime))
}

// ActivateAnswer is version 1's answer.
type ActivateAnswer struct {
	APIAnswer
	Data *ActivateData `json:"data,omitempty"`
}

// ActivateData holds a JSON text within JSON, which is an ActivatedCode.
type ActivateData struct {
	LicenseCodeInfo string `json:"license_code_info"`
}

// ActivatedCode is what activation says of a code. ExpireTime is an estimate: the heartbeat's counts.
type ActivatedCode struct {
	Status     string `json:"status"`
	ExpireTime string `json:"expire_time"`
	ProductID  string `json:"product_id"`
	Amount     int    `json:"amount"`
	OrderID    string `json:"order_id"`
}

// Heartbeat is the query of one code, version 1 (marketplace: query authorization code).
type Heartbeat struct {
	License       string         `json:"license"`
	HeartbeatInfo *HeartbeatInfo `json:"heartbeatInfo,omitempty"` // deprecated
}

// HeartbeatInfo is who uses a code; SoftwareUse took its place.
type HeartbeatInfo struct {
	ThirdPartyAccount string `json:"thirdPartyAccount"`
	IP                string `json:"ip,omitempty"`
}

// Check implements Checked.
func (h Heartbeat) Check() error {
	if err := text("license", h.License, 64, true); err != nil || h.HeartbeatInfo == nil {
		return err
	}
	return first(text("heartbeatInfo.thirdPartyAccount", h.HeartbeatInfo.ThirdPartyAccount, 256, true),
		text("heartbeatInfo.ip", h.HeartbeatInfo.IP, 32, false))
}

// HeartbeatBatch is the query of up to 100 codes, version 2. No page that was read shows it: names
// and limit are those of ActivateBatch.
type HeartbeatBatch struct {
	LicenseList []string `json:"license_list"`
}

// Check implements Checked.
func (h HeartbeatBatch) Check() error { return codeList(h.LicenseList) }

// HeartbeatAnswer is version 1's answer.
type HeartbeatAnswer struct {
	APIAnswer
	Data *CodeInfo `json:"data,omitempty"`
}

// HeartbeatBatchAnswer is version 2's: a list where version 1 has one, see HeartbeatBatch.
type HeartbeatBatchAnswer struct {
	APIAnswer
	Data []CodeInfo `json:"data,omitempty"`
}

// CodeInfo is an authorization code as it stands. The page's table ends behind activate_time;
// expire_time is what activation's answer calls it, and more members may come.
type CodeInfo struct {
	LicenseCode  string `json:"license_code"`
	Status       string `json:"status"` // ALIVE, EXPIRED, RELEASED
	ActivateTime string `json:"activate_time,omitempty"`
	ExpireTime   string `json:"expire_time,omitempty"`
	ProductID    string `json:"product_id,omitempty"`
	OrderID      string `json:"order_id,omitempty"`
	Amount       int    `json:"amount,omitempty"`
}

// SoftwareUse reports who uses software today (marketplace: authorization code, software usage statistics).
type SoftwareUse struct {
	UsageInfo []CodeUse `json:"usage_info"` // at most 100
}

// CodeUse is the use of one code.
type CodeUse struct {
	License           string      `json:"license"`
	SoftwareUsageInfo []ClientUse `json:"software_usage_Info"` // at most 100; the capital is the page's
}

// ClientUse has exactly one of the two: a client's mark, or how many clients there were today.
type ClientUse struct {
	ID        string `json:"id,omitempty"`
	ActiveNum *int   `json:"active_num,omitempty"`
}

// Check implements Checked.
func (s SoftwareUse) Check() error {
	if err := count("usage_info", len(s.UsageInfo), MaxCodes); err != nil {
		return err
	}
	for i, u := range s.UsageInfo {
		at := fmt.Sprintf("usage_info[%d].", i)
		if err := first(text(at+"license", u.License, 64, true), count(at+"software_usage_Info", len(u.SoftwareUsageInfo), 100)); err != nil {
			return err
		}
		for _, c := range u.SoftwareUsageInfo {
			if (c.ID == "") == (c.ActiveNum == nil) {
				return &Problem{at + "software_usage_Info", "has not exactly one of id and active_num"}
			}
			if c.ActiveNum != nil && (*c.ActiveNum < 0 || *c.ActiveNum > 999_999_999) {
				return &Problem{at + "software_usage_Info", "has an active_num of more than 9 digits"}
			}
			if err := text(at+"software_usage_Info.id", c.ID, 256, false); err != nil {
				return err
			}
		}
	}
	return nil
}

// SoftwareUseAnswer is its answer. Data has a list of failed checks whose name the page cuts at
// "check_fail_": it is kept as it comes.
type SoftwareUseAnswer struct {
	APIAnswer
	Data json.RawMessage `json:"data,omitempty"`
}

func effect(s string) error {
	if s == "" {
		return nil
	}
	if _, err := ParseTime(s); err != nil || len(s) > 16 {
		return &Problem{"real_effect_time", "is not 14 digits yyyyMMddHHmmss"}
	}
	return nil
}

func codeList(list []string) error {
	if err := count("license_list", len(list), MaxCodes); err != nil {
		return err
	}
	for i, code := range list {
		if err := text(fmt.Sprintf("license_list[%d]", i), code, 64, true); err != nil {
			return err
		}
	}
	return nil
}
