package pages

import (
	"fmt"
	"net/http"
	"slices"

	tags "golang.org/x/text/language"
)

// language is one of the two that the pages speak.
type language int

const (
	english language = iota
	chinese
)

const languageCookie = "__Host-iscdesk-lang"

// tag is what a page declares in its lang attribute.
func (l language) tag() string {
	if l == chinese {
		return "zh-CN"
	}
	return "en"
}

// languageOf is the reader's choice by the switch, else what the browser asks for.
func languageOf(r *http.Request) language {
	if c, err := r.Cookie(languageCookie); err == nil {
		switch c.Value {
		case "zh":
			return chinese
		case "en":
			return english
		}
	}
	accept := r.Header.Get("Accept-Language")
	if len(accept) > 256 {
		return english
	}
	want, _, err := tags.ParseAcceptLanguage(accept)
	if err != nil {
		return english
	}
	_, i, sure := tags.NewMatcher([]tags.Tag{tags.English, tags.Chinese}).Match(want...)
	if i == 1 && sure != tags.No {
		return chinese
	}
	return english
}

// sentence is one entry of the message table. Both languages take the same arguments in
// the same order, and the same {names}.
type sentence struct{ key, en, zh string }

// sentences is the whole message table.
func sentences() []sentence {
	return slices.Concat(frameSentences(), refusalSentences(), memberSentences(), buyerSentences(),
		sellerSentences(), saleSentences(), debuggingSentences())
}

// T is a sentence in the visit's language. A key that does not exist shows itself; a test finds it
// by rendering everything.
func (v *Visit) T(key string, args ...any) string {
	pair, ok := v.c.words[key]
	if !ok {
		v.c.c.Log.Error("no sentence", "key", key)
		return "[" + key + "]"
	}
	if len(args) == 0 {
		return pair[v.language]
	}
	return fmt.Sprintf(pair[v.language], args...)
}

func frameSentences() []sentence {
	return []sentence{
		{"console", "ISCDesk console", "ISCDesk 控制台"},
		{"skip", "Skip to the content", "跳到正文"},
		{"nav", "Pages", "页面导航"},
		{"language.other", "中文", "English"},
		{"signed.as", "Signed in as %s (%s)", "当前用户：%s（%s）"},
		{"merchant.as", "Merchant: %s", "商家：%s"},
		{"sign.out", "Sign out", "退出登录"},
		{"cancel", "Cancel", "取消"},
		{"filter", "Filter", "筛选"},
		{"filter.clear", "Show all", "显示全部"},
		{"next", "Next page", "下一页"},
		{"previous", "Previous page", "上一页"},
		{"first", "Newest", "最新"},
		{"paging", "Parts of the list", "分页"},
		{"range", "%d to %d of %d", "第 %d–%d 项，共 %d 项"},
		{"actions", "Actions", "操作"},
		{"none", "none", "无"},
		{"support", "For support", "技术支持信息"},
		{"request", "Request", "请求编号"},
		{"code", "Code", "代码"},

		{"sign.nav", "Sign in", "登录"},
		{"sign.lead", "Members, licences and orders of your organisation.", "管理您所在组织的成员、许可证和订单。"},
		{"sign.account", "Account", "账号"},
		{"sign.password", "Password", "密码"},
		{"sign.button", "Sign in", "登录"},
		{"setup.nav", "Set up this cloud", "初始化云端"},
		{"setup.lead", "Nobody administers this cloud yet. You become its first administrator, and your organisation the one that runs it.", "此云端尚无管理员。您将成为首位管理员，您所在的组织将负责运营此云端。"},
		{"setup.code", "One-time code", "一次性代码"},
		{"setup.code.note", "The cloud has printed it when it started; it is good for 24 hours, and each start makes a new one.", "云端启动时会显示该代码，24 小时内有效；每次启动都会生成新的代码。"},
		{"setup.organisation", "Organisation", "组织"},
		{"setup.name", "Your name", "您的姓名"},
		{"setup.button", "Set up", "完成初始化"},
		{"done.set.up", "The cloud is set up. Sign in with the account that you have just made.", "云端已初始化。请使用刚创建的账号登录。"},
		{"sign.note", "You are signed out after 12 hours without use. On a shared computer, sign out when you leave.", "12 小时未使用将自动退出。在公用计算机上，离开前请退出登录。"},

		{"home.nav", "Overview", "概览"},
		{"home.hello", "Hello, %s", "您好，%s"},
		{"home.role.admin", "You are an administrator of %s.", "您是 %s 的管理员。"},
		{"home.role.member", "You are a member of %s.", "您是 %s 的成员。"},
		{"home.mine", "Your licences", "您的许可证"},
		{"home.mine.none", "No licence is assigned to you", "尚未给您分配许可证"},
		{"home.mine.hint", "Ask an administrator of your organisation for one.", "请联系所在组织的管理员分配。"},
		{"home.password", "Change your password", "修改密码"},
		{"home.password.old", "Present password", "当前密码"},
		{"home.password.new", "New password", "新密码"},
		{"home.password.again", "New password, again", "再次输入新密码"},
		{"home.password.note", "8 to 128 characters, with a letter and a digit, without blanks. All your sign-ins end with the change, also this one.", "8 至 128 个字符，须含字母和数字，不含空格。修改后您的所有登录（包括当前登录）都会失效。"},
		{"home.password.button", "Change password", "修改密码"},

		{"done.signed.out", "You are signed out.", "您已退出登录。"},
		{"done.password", "Your password is changed. Sign in with the new one.", "密码已修改，请使用新密码登录。"},
	}
}
