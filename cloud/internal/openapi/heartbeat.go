package openapi

import (
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

func (h codeHandlers) heartbeat(c *Call) error {
	var in wire.Heartbeat
	if !decodeCode(c, &in) {
		return nil
	}
	if c.on.NeedHeartbeatInfo && in.HeartbeatInfo == nil {
		answerCode(c, codeBadParameter)
		return nil
	}
	list, code, err := h.query(c, []string{in.License}, codeUnknown)
	if err != nil || code != codeOK {
		answerUnless(c, code, err)
		return err
	}
	if in.HeartbeatInfo != nil { // deprecated, and still a use of today
		if err := h.store.AddClientUse(c.R.Context(), []meta.ClientUse{{Code: in.License, Day: dayOf(c.Now),
			Client: in.HeartbeatInfo.ThirdPartyAccount}}); err != nil {
			return err
		}
	}
	status, head := headOf(wire.GroupCode, codeOK)
	c.JSON(status, wire.HeartbeatAnswer{APIAnswer: head, Data: &list[0]})
	return nil
}

func (h codeHandlers) heartbeatBatch(c *Call) error {
	var in wire.HeartbeatBatch
	if !decodeCode(c, &in) {
		return nil
	}
	list, code, err := h.query(c, in.LicenseList, codeBatchInvalid)
	if err != nil || code != codeOK {
		answerUnless(c, code, err)
		return err
	}
	status, head := headOf(wire.GroupCode, codeOK)
	c.JSON(status, wire.HeartbeatBatchAnswer{APIAnswer: head, Data: list})
	return nil
}

// query notes a query of codes and tells how they stand.
func (h codeHandlers) query(c *Call, codes []string, unknown string) ([]wire.CodeInfo, string, error) {
	list, err := h.rules.Query(c.R.Context(), c.Merchant, codes, c.Now)
	if meta.CodeOf(err) == cloudapi.ErrNotFound {
		return nil, unknown, nil
	}
	if err != nil {
		return nil, "", err
	}
	out := make([]wire.CodeInfo, 0, len(list))
	for _, code := range list {
		status, activated := statusOf(code, c.Now)
		if !activated {
			return nil, codeNotActivated, nil
		}
		out = append(out, wire.CodeInfo{LicenseCode: code.Code, Status: status, ActivateTime: timeOrNone(code.Activated),
			ExpireTime: timeOrNone(code.Expire), ProductID: code.ProductID, OrderID: code.Order, Amount: code.Amount})
	}
	return out, codeOK, nil
}

// statusOf is a code's state in the three words of the query; activated is false for one that has none of
// them yet. A frozen code is told as EXPIRED: software must block it, and there is no other word for that.
func statusOf(code meta.Code, now time.Time) (status string, activated bool) {
	switch code.State {
	case meta.CodeReleased:
		return wire.CodeReleased, true
	case meta.CodeExpired, meta.CodeFrozen:
		return wire.CodeExpired, true
	case meta.CodeAlive:
		if !code.Expire.IsZero() && !now.Before(code.Expire) {
			return wire.CodeExpired, true
		}
		return wire.CodeAlive, true
	}
	return "", false
}

func dayOf(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// useFailure is one item of the list of failed checks. No page shows its shape.
type useFailure struct {
	License   string `json:"license"`
	ErrorCode string `json:"error_code"`
	ErrorMsg  string `json:"error_msg"`
}

// useFailures is the data of an answer with failed checks; the page cuts the name behind check_fail_.
type useFailures struct {
	List []useFailure `json:"check_fail_list"`
}

// softwareUse takes the reports of codes that are alive; the others are listed, and a repeat of the whole
// changes nothing for those that were taken.
func (h codeHandlers) softwareUse(c *Call) error {
	var in wire.SoftwareUse
	if !decodeCode(c, &in) {
		return nil
	}
	var uses []meta.ClientUse
	var failed []useFailure
	for _, u := range in.UsageInfo {
		code, err := h.store.Code(c.R.Context(), u.License)
		if err != nil && meta.CodeOf(err) != cloudapi.ErrNotFound {
			return err
		}
		why := ""
		if err != nil || code.Merchant != c.Merchant {
			why = codeUnknown
		} else if _, activated := statusOf(code, c.Now); !activated {
			why = codeNotActivated
		}
		if why != "" {
			_, head := headOf(wire.GroupCode, why)
			failed = append(failed, useFailure{License: u.License, ErrorCode: why, ErrorMsg: head.ErrorMsg})
			continue
		}
		for _, s := range u.SoftwareUsageInfo {
			use := meta.ClientUse{Code: u.License, Day: dayOf(c.Now), Client: s.ID}
			if s.ActiveNum != nil {
				use.Active = *s.ActiveNum
			}
			uses = append(uses, use)
		}
	}
	if err := h.store.AddClientUse(c.R.Context(), uses); err != nil {
		return err
	}
	if len(failed) == 0 {
		answerCode(c, codeOK)
		return nil
	}
	status, head := headOf(wire.GroupCode, codeBatchInvalid)
	c.JSON(status, struct {
		wire.APIAnswer
		Data useFailures `json:"data"`
	}{head, useFailures{failed}})
	return nil
}
