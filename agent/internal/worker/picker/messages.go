package picker

import (
	"fmt"
	"strings"
)

// language is one of the two that the pages speak.
type language int

const (
	english language = iota
	chinese
)

// languageOf reads a BCP 47 tag: "zh…" is Chinese, all else English.
func languageOf(tag string) language {
	if strings.HasPrefix(strings.ToLower(tag), "zh") {
		return chinese
	}
	return english
}

// tag is what the page declares in its lang attribute, and asks texts of api by.
func (l language) tag() string {
	if l == chinese {
		return "zh-CN"
	}
	return "en"
}

// say looks a sentence up and fills it in. A key that does not exist is a defect
// that a test finds by rendering everything.
func say(l language, key string, args ...any) string {
	pair, ok := sentences(key)
	if !ok {
		panic("picker: no sentence " + key)
	}
	if len(args) == 0 {
		return pair[l]
	}
	return fmt.Sprintf(pair[l], args...)
}

// sentences is the pages' one message table: English, Chinese. Both of a pair take
// the same arguments in the same order.
func sentences(key string) ([2]string, bool) {
	for _, s := range [...]struct {
		key    string
		en, zh string
	}{
		{"app", "ISCDesk", "ISCDesk"},
		{"app.unnamed", "the application", "应用程序"},
		{"noscript", "This page needs JavaScript. Allow it for 127.0.0.1, then start again from the application.", "此页面需要 JavaScript。请为 127.0.0.1 启用后，回到应用程序重新操作。"},
		{"loading", "Loading…", "正在加载…"},
		{"cancel", "Cancel", "取消"},
		{"retry", "Try again", "重试"},
		{"support", "For support", "技术支持信息"},
		{"code", "Code %d", "代码 %d"},

		{"signed.as", "Signed in as %s", "已登录：%s"},
		{"for.product", "for %s", "用于 %s"},
		{"for.unnamed", "for a program that you started", "由您启动的程序请求"},
		{"cloud", "Cloud", "云端"},

		{"pick.title", "Open a cloud file", "打开云文件"},
		{"save.title", "Save to the cloud", "保存到云端"},
		{"save.title.assembly", "Save the assembly to the cloud", "将装配体保存到云端"},
		{"sign.title", "Sign in", "登录"},

		{"spaces", "Spaces", "空间"},
		{"space.none", "You have no space yet", "您还没有可用的空间"},
		{"space.none.hint", "Ask an administrator of your organisation to add you to a space, then try again.", "请联系所在组织的管理员将您加入一个空间，然后重试。"},
		{"role.owner", "Owner", "所有者"},
		{"role.editor", "Editor", "可编辑"},
		{"role.viewer", "View only", "仅查看"},

		{"path", "Folder path", "文件夹路径"},
		{"filter", "Filter this list", "筛选此列表"},
		{"refresh", "Refresh", "刷新"},
		{"files.in", "Contents of %s", "%s 的内容"},
		{"col.name", "Name", "名称"},
		{"col.kind", "Kind", "类型"},
		{"col.size", "Size", "大小"},
		{"col.modified", "Modified", "修改时间"},
		{"col.version", "Version", "版本"},
		{"col.holder", "Checked out by", "检出者"},
		{"kind.folder", "Folder", "文件夹"},
		{"kind.file", "File", "文件"},
		{"kind.assembly", "Assembly", "装配体"},
		{"by", "by %s", "由 %s"},
		{"empty", "This folder is empty", "此文件夹为空"},
		{"empty.pick", "There is nothing to open here. Go up or choose another space.", "这里没有可打开的文件。请返回上级或选择其他空间。"},
		{"empty.save", "You can save here, or make a new folder first.", "您可以保存到这里，或先新建文件夹。"},
		{"filter.none", "Nothing matches the filter", "没有符合筛选条件的条目"},
		{"filter.clear", "Clear the filter", "清除筛选"},
		{"more", "Show more", "显示更多"},
		{"count", "%d entries", "共 %d 项"},
		{"count.more", "%d entries so far, more can be shown", "已显示 %d 项，还有更多"},

		{"holder.mine", "You, on this computer", "您（本机）"},
		{"holder.other", "%s on %s", "%s（%s）"},
		{"holder.until", "until %s", "至 %s"},

		{"choose.none", "Choose a file in the list.", "请在列表中选择一个文件。"},
		{"version", "Version", "版本"},
		{"version.newest", "%d (newest) · %s · %s · %s", "%d（最新）· %s · %s · %s"},
		{"version.older", "%d · %s · %s · %s", "%d · %s · %s · %s"},
		{"open", "Open", "打开"},
		{"open.help", "Open gives you a copy to look at; it cannot be saved back.", "“打开”只供查看，不能保存回云端。"},
		{"checkout", "Open and check out", "检出并打开"},
		{"checkout.help", "Checking out reserves the file for you, so that you can save it back.", "检出后文件由您独占编辑，可保存回云端。"},
		{"checkout.held", "Cannot be checked out: %s on %s has it until %s.", "无法检出：%s 正在 %s 上检出，至 %s。"},
		{"checkout.viewer", "Cannot be checked out: you may only view this space.", "无法检出：您在此空间仅有查看权限。"},
		{"checkout.older", "Only the newest version can be checked out.", "只能检出最新版本。"},
		{"gone", "That file is no longer in the list", "该文件已不在列表中"},
		{"gone.hint", "Refresh the list and choose again.", "请刷新列表后重新选择。"},

		{"save.in", "Save in", "保存位置"},
		{"save.name", "Name", "名称"},
		{"save.button", "Save", "保存"},
		{"save.viewer", "You may only view this space. Choose another one to save to.", "您在此空间仅有查看权限，请选择其他空间。"},
		{"save.exists", "“%s” exists here already. Choose another name.", "此处已有“%s”，请换一个名称。"},
		{"save.nameless", "Enter a name.", "请输入名称。"},
		{"save.badname", "This name cannot be stored on every system. Avoid \\ / : * ? \" < > | , names such as CON, and a blank or dot at the end.", "该名称并非所有系统都能使用。请勿使用 \\ / : * ? \" < > | 、CON 等保留名称，以及以空格或点结尾。"},
		{"folder.new", "New folder", "新建文件夹"},
		{"folder.name", "Name of the new folder", "新文件夹名称"},
		{"folder.make", "Create", "创建"},

		{"sign.why", "Sign in to go on.", "请先登录再继续。"},
		{"sign.expired", "Your sign-in has ended. Sign in again to go on.", "登录已过期，请重新登录后继续。"},
		{"sign.account", "Account", "账号"},
		{"sign.password", "Password", "密码"},
		{"sign.button", "Sign in", "登录"},
		{"sign.empty", "Enter account and password.", "请输入账号和密码。"},
		{"sign.note", "The password goes to this cloud only; ISCDesk does not keep it.", "密码仅发送至该云端，ISCDesk 不会保存密码。"},
		{"sign.cloudless", "no cloud is set", "未设置云端地址"},

		{"busy.pick", "Opening the file…", "正在打开文件…"},
		{"busy.save", "Saving the file…", "正在保存文件…"},
		{"busy.note", "You can close this page. The work goes on.", "可以关闭此页面，操作会继续进行。"},
		{"progress.of", "%s of %s", "%s / %s"},
		{"progress", "Progress", "进度"},

		{"done.pick", "The file is open in %s", "文件已在 %s 中打开"},
		{"done.save", "The file is saved", "文件已保存"},
		{"done.sign", "You are signed in", "您已登录"},
		{"done.close", "You can close this page.", "可以关闭此页面了。"},
		{"done.where", "Local copy", "本地副本"},
		{"failed.pick", "The file could not be opened", "文件未能打开"},
		{"failed.save", "The file could not be saved", "文件未能保存"},
		{"failed.sign", "Sign-in did not succeed", "登录未成功"},
		{"failed.next", "Close this page and start again from %s.", "请关闭此页面，在 %s 中重新操作。"},
		{"ended.user", "Cancelled", "已取消"},
		{"ended.user.hint", "Nothing was changed. You can close this page.", "未作任何更改。可以关闭此页面了。"},
		{"ended.silence", "This page was out of touch for a minute", "此页面失去联系已超过一分钟"},
		{"ended.silence.hint", "The request was cancelled and nothing was changed. Start again from %s.", "操作已取消，未作任何更改。请在 %s 中重新操作。"},

		{"used.title", "This page was already opened", "此页面已打开过"},
		{"used.text", "Its address works only once, so that no one else on this computer can use it. If you reloaded it, or opened it in a second window, this is why.", "为防止本机其他用户冒用，此地址只能使用一次。如果您刷新了页面，或在另一个窗口中再次打开，就会看到此提示。"},
		{"used.next", "If the first window is still open, go on there. Otherwise start again from %s; nothing was changed.", "如果原窗口仍打开，请在那里继续；否则请在 %s 中重新操作。未作任何更改。"},
		{"used.answered", "Your answer has arrived, and %s goes on with it. You can close this page.", "您的选择已提交，%s 正在处理。可以关闭此页面了。"},
		{"lost.title", "The connection to ISCDesk ended", "与 ISCDesk 的连接已断开"},
		{"lost.text", "Its service on this computer was stopped, or the request has ended.", "本机的 ISCDesk 服务已停止，或此操作已结束。"},
		{"lost.next", "Close this page and start again from %s. Saved work is not affected.", "请关闭此页面，在 %s 中重新操作。已保存的工作不受影响。"},

		{"problem.slow", "The cloud took too long to answer", "云端响应超时"},
		{"problem.slow.hint", "Check the network connection, then try again.", "请检查网络连接后重试。"},
		{"problem.other", "Something went wrong", "出现问题"},
		{"problem.other.hint", "Try again. If it stays like this, tell your administrator the code.", "请重试。如果问题依旧，请将代码告知管理员。"},
	} {
		if s.key == key {
			return [2]string{s.en, s.zh}, true
		}
	}
	return [2]string{}, false
}
