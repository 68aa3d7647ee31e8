package wire

import "strings"

// Step is what a caller of the open API does next.
type Step string

const (
	StepNone    Step = ""        // success
	StepFix     Step = "fix"     // the request is wrong: sent again it fails again
	StepKeys    Step = "keys"    // the credentials or the signature are wrong, or not allowed to
	StepForeign Step = "foreign" // what it names is not there, or not this merchant's
	StepState   Step = "state"   // it is there and not in a state for this: read it, or wait for the user
	StepLater   Step = "later"   // nothing is wrong with the request: send it again later
	StepAsk     Step = "ask"     // the marketplace's own fault, which may or may not have done the work
)

// Groups of codes: the interfaces that print them.
const (
	GroupOrder   = "order query"
	GroupUpload  = "upload"
	GroupCode    = "authorization codes"
	GroupUsage   = "usage push"
	GroupGateway = "gateway"
)

// APICode is one row of the printed tables, and what it means for a caller. One code may stand in
// several groups, and in one group with several HTTP statuses.
type APICode struct {
	Group   string
	HTTP    int // 0: not printed
	Code    string
	Message string // error_msg or resultMsg as printed
	Step    Step
	Cause   string
	CauseZh string
}

// APICodes lists all of them. Codes of the order query and of usage are printed with the prefix
// MKT. and, in a second printing, CBC.: the list has MKT., LookUp takes both.
func APICodes() []APICode {
	return []APICode{
		{GroupOrder, 200, "MKT.0000", "Success.", StepNone, "done", "成功"},
		{GroupOrder, 500, "MKT.0999", "System internal error.", StepAsk, "internal error of the marketplace", "云商店内部错误"},
		{GroupOrder, 500, "MKT.0100", "Failure of input parameter", StepFix, "a parameter is out of range or has a wrong value or form", "参数超出范围、取值或格式错误"},
		{GroupOrder, 400, "MKT.0101", "Invalid parameter", StepFix, "a parameter is unknown, too many or missing", "参数未定义、多余或缺少必选参数"},
		{GroupOrder, 400, "MKT.0199", "Request parameter error", StepFix, "a parameter is wrong", "请求参数错误"},
		{GroupOrder, 401, "MKT.0150", "Illegal operation", StepForeign, "the order's product is not of this access key's merchant", "订单的商品不属于该AK/SK的商家"},
		{GroupOrder, 401, "MKT.0151", "No authority", StepKeys, "the access key's owner is no merchant", "调用者不是商家"},
		{GroupOrder, 401, "MKT.0154", "Illegal token", StepKeys, "the token is not valid", "令牌无效"},
		{GroupOrder, 406, "MKT.0250", "Access frequency overlimit", StepLater, "asked too often", "访问频率超限"},
		{GroupOrder, 500, "MKT.9001", "Instance ID not found.", StepForeign, "the instance is unknown", "实例ID不存在"},
		{GroupOrder, 500, "MKT.9002", "Invalid usage enties.", StepFix, "the usage records are not valid", "使用量记录无效"},
		{GroupOrder, 500, "MKT.9003", "Usage records extends size limit.", StepFix, "too many usage records in one call", "使用量记录条数超限"},
		{GroupOrder, 500, "MKT.9004", "Record beginTime extends Limit.", StepFix, "a record begins more than 21 days ago", "记录开始时间超过21天"},

		{GroupUpload, 200, "CBC.0000", "Success", StepNone, "done", "成功"},
		{GroupUpload, 403, "CBC.0150", "Illegal operation", StepKeys, "authentication failed", "鉴权失败"},
		{GroupUpload, 400, "CBC.0101", "Invalid parameter", StepFix, "a parameter is wrong", "请求参数错误"},
		{GroupUpload, 500, "CBC.0999", "internal error", StepAsk, "internal error of the marketplace", "云商店内部错误"},
		{GroupUpload, 200, "91381033", "License resource invalid", StepForeign, "the resource cannot be used", "资源不可用"},
		{GroupUpload, 200, "91381034", "license apply invalid", StepForeign, "the application is not legal: unknown, of another merchant, or answered with another licence", "用户的申请不合法"},
		{GroupUpload, 200, "91381035", "license period has no remain amount", StepState, "no licence is left in this period", "当前周期没有剩余数量"},
		{GroupUpload, 200, "91381036", "inner error", StepAsk, "internal error of the marketplace", "内部错误"},
		{GroupUpload, 200, "91381037", "Invalid license format.", StepFix, "the licence has not the form of its type", "License格式错误"},
		{GroupUpload, 200, "91381038", "License apply has been denied.", StepState, "the application was denied", "License申请已被拒绝"},
		{GroupUpload, 200, "91380150", "Role permission denied", StepKeys, "the caller has the wrong role", "角色权限不足"},

		{GroupCode, 200, "92020000", "Success", StepNone, "done", "成功"},
		{GroupCode, 200, "92020001", "internal error", StepAsk, "internal error of the marketplace", "内部错误"},
		{GroupCode, 200, "92020002", "invalid param", StepFix, "a parameter is wrong", "参数错误"},
		{GroupCode, 200, "92020003", "illegal state", StepState, "the code is in another state; it was perhaps activated before", "授权码状态错误，请勿重复激活"},
		{GroupCode, 200, "92020004", "can not active before user received.", StepState, "the buyer has not collected the code yet", "用户领取授权码之前不能激活"},
		{GroupCode, 200, "92020005", "license code notexist", StepForeign, "there is no such code", "授权码不存在"},
		{GroupCode, 200, "92020011", "license code has been not activated.", StepState, "the code was not activated", "授权码未激活"},
		{GroupCode, 200, "92020020", "Invalid license code exists.", StepForeign, "one of the codes is not valid", "存在非法授权码"},
		{GroupCode, 400, "95000001", "req param is invalid", StepFix, "a parameter has a wrong form, is missing or too long", "参数格式、必选或长度错误"},
		{GroupCode, 405, "95000002", "Request method not supported", StepFix, "the method is not POST", "请求方法不支持"},
		{GroupCode, 415, "95000003", "Content type not supported", StepFix, "the content type is not application/json", "Content-Type不支持"},
		{GroupCode, 400, "95000004", "req message is not readable", StepFix, "the body is not JSON", "请求消息不可读"},

		{GroupUsage, 200, "MKT.0000", "Success.", StepNone, "done", "成功"},
		{GroupUsage, 500, "MKT.0999", "System internal error.", StepAsk, "internal error of the marketplace", "云商店内部错误"},
		{GroupUsage, 500, "MKT.0100", "Failure of input parameter", StepFix, "a parameter is out of range or has a wrong value or form", "参数超出范围、取值或格式错误"},
		{GroupUsage, 400, "MKT.0101", "Invalid parameter", StepFix, "a parameter is unknown, too many or missing", "参数未定义、多余或缺少必选参数"},
		{GroupUsage, 401, "MKT.0102", "Invalid body sign", StepKeys, "the header signature does not fit the body", "消息体签名错误"},
		{GroupUsage, 400, "MKT.0199", "Request parameter error", StepFix, "a parameter is wrong", "请求参数错误"},
		{GroupUsage, 401, "MKT.0150", "Illegal operation", StepForeign, "the instance is not of this access key's merchant", "实例不属于该AK/SK的商家"},
		{GroupUsage, 401, "MKT.0151", "No authority", StepKeys, "the access key's owner is no merchant", "调用者不是商家"},
		{GroupUsage, 401, "MKT.0154", "Illegal token", StepKeys, "the token is not valid", "令牌无效"},
		{GroupUsage, 500, "MKT.9001", "Instance ID not found.", StepForeign, "the instance is unknown", "实例ID不存在"},
		{GroupUsage, 500, "MKT.9002", "Invalid usage enties.", StepFix, "the usage records are not valid", "使用量记录无效"},
		{GroupUsage, 500, "MKT.9003", "Usage records extends size limit.", StepFix, "more than 1000 records in one call", "使用量记录超过1000条"},
		{GroupUsage, 500, "MKT.9004", "Record beginTime extends Limit.", StepFix, "a record begins more than 21 days ago", "记录开始时间超过21天"},
		{GroupUsage, 0, "94060000", "Success", StepNone, "done", "成功"},
		{GroupUsage, 0, "94060999", "Failed", StepFix, "one record or more failed: see the records' own codes", "存在失败记录，见各记录的错误码"},
		{GroupUsage, 0, "94060001", "", StepForeign, "the instance is unknown", "实例不存在"},
		{GroupUsage, 0, "94060002", "", StepFix, "a time has a wrong form", "时间格式错误"},
		{GroupUsage, 0, "94060003", "", StepFix, "the usage is not valid", "使用量错误"},
		{GroupUsage, 0, "94060004", "", StepFix, "the record has no metering_sn", "缺少计量流水号"},
		{GroupUsage, 0, "94060005", "", StepState, "the metering_sn was pushed before", "计量流水号重复"},
		{GroupUsage, 0, "94060006", "", StepState, "the product was withdrawn", "商品已下架"},
		{GroupUsage, 0, "94060007", "", StepState, "the instance has expired", "实例已过期"},
		{GroupUsage, 0, "94060009", "", StepForeign, "the instance is not of this merchant", "实例不属于该商家"},
		{GroupUsage, 0, "94060010", "", StepState, "the record was pushed before", "记录重复"},
		{GroupUsage, 0, "94060011", "", StepFix, "the times are out of range", "时间范围错误"},
		{GroupUsage, 0, "94060012", "", StepForeign, "the instance is not pay-per-use", "非按需实例"},
		{GroupUsage, 0, "94060013", "", StepState, "the resource's state does not allow it", "资源状态错误"},

		{GroupGateway, 404, "APIGW.0101", "The API does not exist or has not been published in the environment.", StepFix, "host, method or path is wrong", "域名、方法或路径错误"},
		{GroupGateway, 404, "APIGW.0103", "The backend does not exist.", StepLater, "the marketplace's backend is not there", "后端不存在"},
		{GroupGateway, 400, "APIGW.0104", "The plug-ins do not exist.", StepLater, "the gateway is set up wrongly", "插件不存在"},
		{GroupGateway, 400, "APIGW.0105", "The backend configurations do not exist.", StepLater, "the gateway is set up wrongly", "后端配置不存在"},
		{GroupGateway, 400, "APIGW.0106", "Orchestration error.", StepFix, "the gateway cannot arrange the request", "编排错误"},
		{GroupGateway, 400, "APIGW.0201", "API request error.", StepFix, "the request is not one", "请求错误"},
		{GroupGateway, 413, "APIGW.0201", "Request entity too large.", StepFix, "the body is over 12 MB", "请求体超过12MB"},
		{GroupGateway, 414, "APIGW.0201", "Request URI too large.", StepFix, "the address is too long", "请求URI过长"},
		{GroupGateway, 494, "APIGW.0201", "Request headers too large.", StepFix, "the headers are too long", "请求头过长"},
		{GroupGateway, 502, "APIGW.0201", "Backend unavailable.", StepAsk, "the marketplace's backend could not be reached, or broke off", "后端不可用"},
		{GroupGateway, 504, "APIGW.0201", "Backend timeout.", StepAsk, "the marketplace's backend did not answer in time", "后端超时"},
		{GroupGateway, 401, "APIGW.0301", "Incorrect IAM authentication information.", StepKeys, "the access key or the signature is wrong, or the time is off by more than 15 minutes", "AK/SK签名错误或时间相差超过15分钟"},
		{GroupGateway, 403, "APIGW.0302", "The IAM user is not authorized to access the API.", StepKeys, "the access key may not call this", "无权访问该API"},
		{GroupGateway, 401, "APIGW.0303", "Incorrect app authentication information.", StepKeys, "the application's key is wrong", "APP认证信息错误"},
		{GroupGateway, 0, "APIGW.0308", "The throttling threshold has been reached.", StepLater, "asked too often: wait 2 to 5 seconds", "达到流控阈值，请2至5秒后重试"},
		{GroupGateway, 500, "APIGW.0705", "Backend signature calculation failed.", StepLater, "the gateway could not sign for its backend", "后端签名计算失败"},
		{GroupGateway, 0, "APIGW.0801", "The service is unavailable.", StepLater, "the gateway is not available", "服务不可用"},
	}
}

// LookUp finds a code among those of a group and of the gateway, by HTTP status where several
// rows have it; the first row of the code otherwise. MKT. and CBC. are one prefix where only one of
// them is printed for the group, and APIG. is the gateway's older spelling.
func LookUp(group, code string, http int) (APICode, bool) {
	return lookUp(APICodes(), group, code, http)
}

func lookUp(rows []APICode, group, code string, http int) (APICode, bool) {
	code = strings.ReplaceAll(code, " ", "") // one page prints "MKT. 0250"
	if rest, ok := strings.CutPrefix(code, "APIG."); ok {
		code = "APIGW." + rest
	}
	best, found := APICode{}, false
	for _, c := range rows {
		if (c.Group != group && c.Group != GroupGateway) || !sameCode(c.Code, code) {
			continue
		}
		if c.HTTP == http {
			return c, true
		}
		if !found {
			best, found = c, true
		}
	}
	return best, found
}

func sameCode(row, code string) bool {
	plain := func(s string) string {
		if rest, ok := strings.CutPrefix(s, "CBC."); ok {
			return "MKT." + rest
		}
		return s
	}
	return plain(row) == plain(code)
}
