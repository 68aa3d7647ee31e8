package api

// Why the cloud refuses a licence: the param refusal of EVENT_LICENSE_VERIFY, beside
// code LicenseRefused. A reader takes a word that it does not know as LicenseRefused alone.
const (
	RefusedFrozen      = "frozen"              // the instance is frozen
	RefusedExpired     = "expired"             // its term is over
	RefusedEarly       = "early"               // it has not begun, or is not delivered
	RefusedEnded       = "ended"               // it was released
	RefusedDevices     = "devices"             // the account uses it on too many machines
	RefusedQuota       = "quota"               // the term's licences are all given
	RefusedDates       = "dates"               // the wished dates are outside the term
	RefusedExpiry      = "expiry_missing"      // the publisher wants an end
	RefusedFingerprint = "fingerprint_missing" // the publisher wants the machine's fingerprint
	RefusedISV         = "isv"                 // the publisher refused, failed or did not answer
)

// Refusals lists the words that RefusalText knows, in the order of the documentation.
func Refusals() []string {
	return []string{RefusedFrozen, RefusedExpired, RefusedEarly, RefusedEnded, RefusedDevices,
		RefusedQuota, RefusedDates, RefusedExpiry, RefusedFingerprint, RefusedISV}
}

// RefusalText gives the two sentences of a refused licence as Text does of a code; those of
// LicenseRefused for a reason that this version does not know.
func RefusalText(reason, language string) (message, hint string) {
	t, ok := textsRefused[reason]
	switch {
	case !ok:
		return Text(LicenseRefused, language)
	case Chinese(language):
		return t.zh[0], t.zh[1]
	}
	return t.en[0], t.en[1]
}

// textsRefused is read and never written; its texts have no name in iscdesk.h.
var textsRefused = map[string]text{
	RefusedFrozen: {"",
		[2]string{"The licence of your organisation is frozen.",
			"Ask your organisation's administrator to renew or unfreeze it; saving your work remains possible."},
		[2]string{"贵组织的许可已被冻结。",
			"请组织管理员续订或解冻；仍可保存您的工作。"}},
	RefusedExpired: {"",
		[2]string{"The licence of your organisation has expired.",
			"Ask your organisation's administrator to renew it; saving your work remains possible."},
		[2]string{"贵组织的许可已到期。",
			"请组织管理员续订；仍可保存您的工作。"}},
	RefusedEarly: {"",
		[2]string{"The licence of your organisation has not begun yet, or is not delivered yet.",
			"Request it again later, or ask your organisation's administrator how far the order is."},
		[2]string{"贵组织的许可尚未生效或尚未交付。",
			"请稍后重新申请，或向组织管理员了解订单进度。"}},
	RefusedEnded: {"",
		[2]string{"The licence of your organisation was given back.",
			"Ask your organisation's administrator for another one; saving your work remains possible."},
		[2]string{"贵组织的许可已被释放。",
			"请组织管理员另行分配；仍可保存您的工作。"}},
	RefusedDevices: {"",
		[2]string{"Your account uses this licence on as many computers as are allowed.",
			"Give it back on another computer by signing out there, and request it again when its lease has ended."},
		[2]string{"您的账号使用此许可的计算机数已达上限。",
			"请在另一台计算机上退出登录，待其租约结束后再申请。"}},
	RefusedQuota: {"",
		[2]string{"All licences that were bought for this term are in use.",
			"Ask your organisation's administrator to buy more or to free one; saving your work remains possible."},
		[2]string{"本期购买的许可证已全部用完。",
			"请组织管理员增购或释放一份；仍可保存您的工作。"}},
	RefusedDates: {"",
		[2]string{"The dates of the licence are not within what was bought.",
			"Ask your organisation's administrator to check the term of the order."},
		[2]string{"许可证的起止日期不在所购期限之内。",
			"请组织管理员核对订单期限。"}},
	RefusedExpiry: {"",
		[2]string{"The software's publisher wants an end date for this licence.",
			"Ask your organisation's administrator to apply for it in the cloud with its dates."},
		[2]string{"软件商要求此许可证注明截止日期。",
			"请组织管理员在云端填写日期后申请。"}},
	RefusedFingerprint: {"",
		[2]string{"The software's publisher wants this computer's fingerprint for the licence.",
			"Ask your organisation's administrator to apply with what \"iscdesk fingerprint\" prints."},
		[2]string{"软件商要求提供此计算机的设备指纹。",
			"请将 “iscdesk fingerprint” 的输出交给组织管理员申请。"}},
	RefusedISV: {"",
		[2]string{"The software's publisher did not give the licence.",
			"Request it again in a few minutes; if it stays so, tell your administrator what the detail says."},
		[2]string{"软件商未提供许可证。",
			"请过几分钟再申请；若仍如此，请将详细信息告知管理员。"}},
}
