package main

import (
	"github.com/alecthomas/kong"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// words are one text in English and Chinese.
type words struct{ en, zh string }

func pick(language string, w words) string {
	if api.Chinese(language) {
		return w.zh
	}
	return w.en
}

var description = words{
	`Ask the ISCDesk agent on this computer.

Exit codes: 0 done, 1 failed, 2 wrong command line, 3 no agent, 4 not signed in, 5 refused, 6 cloud away, 7 time ran out, 8 cancelled.`,
	`查询本机的 ISCDesk 代理程序。

退出码：0 完成，1 失败，2 命令行有误，3 没有代理程序，4 未登录，5 被拒绝，6 无法使用云端，7 超时，8 已取消。`,
}

var seeHelp = words{`See "iscdesk --help".`, `请参阅 “iscdesk --help”。`}

// help holds the help texts of the grammar, by the names in its tags.
var help = map[string]words{
	"endpoint": {"The agent's socket, on Windows its pipe; default: the system's, then your own agent's.", "代理程序的套接字（Windows 上为管道）；默认先用系统的，再用用户自己的。"},
	"json":     {"Print JSON.", "以 JSON 输出。"},
	"language": {"Language of messages: en or zh; default: from LANG, on Windows the user's language.", "消息语言：en 或 zh；默认取自 LANG，Windows 上取自用户的显示语言。"},
	"timeout":  {"Seconds that one request may take.", "单个请求的时限（秒）。"},
	"product":  {"Speak for this product.", "以此产品的身份提出请求。"},
	"wait":     {"How long to wait for the result, such as 90s or 10m.", "等待结果的时长，例如 90s 或 10m。"},

	"status":      {"Show agent, cloud and who is signed in, as the agent knows it; asks nobody else.", "显示代理程序所知的自身、云端和登录状态，不询问云端。"},
	"doctor":      {"Try everything that work depends on; say what failed and what to do.", "逐项检查工作所依赖的条件，说明问题和处理办法。"},
	"login":       {"Sign in for this user of the computer.", "为本机当前用户登录。"},
	"logout":      {"Sign out, for all applications.", "退出登录（对所有应用程序生效）。"},
	"fingerprint": {"Print the device fingerprint on a line of its own, to copy; with --parts where it comes from.", "单独一行输出设备指纹，便于复制；加 --parts 显示其来源。"},
	"license":     {"Show or request a product's licence.", "显示或申请产品许可证。"},
	"files":       {"List, open and save cloud files.", "列出、打开和保存云端文件。"},
	"ops":         {"List, show and cancel operations.", "列出、查看和取消操作。"},
	"events":      {"Print events as they come.", "持续输出事件。"},
	"parts":       {"Show where each part comes from.", "显示各部分的来源。"},
	"version":     {"Show the version.", "显示版本。"},
	"help":        {"Show this help, or a command's.", "显示此帮助，或某个命令的帮助。"},
	"helpcommand": {"Command, such as files open.", "命令，例如 files open。"},

	"account":       {"Account, such as mei@example.com; asked for when missing.", "账号，例如 mei@example.com；未给出时会询问。"},
	"passwordstdin": {"Read the password from standard input.", "从标准输入读取密码。"},
	"page":          {"Sign in on a page in the browser.", "在浏览器页面上登录。"},

	"licensestate":   {"Show the cached licence state; asks nobody.", "显示缓存的许可证状态，不发起任何请求。"},
	"licenserequest": {"Request the licence and print what arrives.", "申请许可证并输出结果。"},
	"licenseimport":  {"Take in a licence document that was downloaded for a computer without network; needs no sign-in.", "导入为无网络计算机下载的许可证文档，无需登录。"},
	"importfile":     {"The downloaded document.", "下载的文档。"},
	"form":           {"Ask for a text (string) or a file.", "申请文本（string）或文件（file）形式。"},
	"filename":       {"Name of the licence file.", "许可证文件的名称。"},
	"devinfo":        {"Device information for the licence's maker.", "提供给许可证签发方的设备信息。"},

	"ls":        {"List spaces, or a folder by its path, such as Pumps/Housings.", "列出空间，或按路径列出文件夹，例如 Pumps/Housings。"},
	"lspath":    {"Space, or space and folders; nothing lists the spaces.", "空间，或空间及文件夹；不填则列出空间。"},
	"open":      {"Bring a cloud file into the workspace; without a path the picker opens.", "将云端文件取到工作区；不给路径则打开选择页面。"},
	"openpath":  {"Path in the cloud, such as Pumps/bracket.dxf.", "云端路径，例如 Pumps/bracket.dxf。"},
	"id":        {"Object id instead of a path.", "用对象标识代替路径。"},
	"checkout":  {"Check the object out, so that it can be saved back.", "检出对象，以便保存回云端。"},
	"number":    {"Version; default: the newest.", "版本号；默认为最新。"},
	"versions":  {"List the versions of a cloud file.", "列出云端文件的版本。"},
	"save":      {"Save a workspace file back as the next version.", "将工作区文件保存为下一版本。"},
	"savepath":  {"Local file, or the folder of an assembly.", "本地文件，或装配体的文件夹。"},
	"saveas":    {"Store a local file or assembly folder as a new object; without --to a page opens.", "将本地文件或装配体文件夹存为新对象；不给 --to 则打开页面。"},
	"to":        {"Space and folder in the cloud, such as Pumps/Housings.", "云端的空间和文件夹，例如 Pumps/Housings。"},
	"name":      {"Name in the cloud; default: the local one.", "在云端的名称；默认与本地相同。"},
	"checkin":   {"Give a check-out back without saving.", "不保存，直接归还检出。"},
	"checkpath": {"Workspace path; or use --id.", "工作区路径；或使用 --id。"},

	"opslist":   {"List what runs, what waits for the cloud or for a publisher, and what ended without an application reading its result.", "列出正在运行、等待云端或软件商，以及已结束但结果尚未被应用程序读取的操作。"},
	"opsshow":   {"Show one operation.", "查看一个操作。"},
	"opscancel": {"Cancel an operation.", "取消一个操作。"},
	"operation": {"Operation number.", "操作编号。"},
	"count":     {"End after so many events.", "收到这么多事件后结束。"},
	"for":       {"End after this time, such as 10s.", "经过这段时间后结束，例如 10s。"},
}

// vars hands the help of one language to kong.
func vars(language string) kong.Vars {
	v := kong.Vars{}
	for name, w := range help {
		v[name] = pick(language, w)
	}
	v["versionline"] = versionLine(language)
	return v
}
