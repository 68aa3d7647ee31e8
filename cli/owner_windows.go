package main

import (
	"errors"
	"fmt"

	"golang.org/x/sys/windows"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// look fills in what a pipe says of itself. os.Stat would open it for more, and as
// whoever asks: this opens it for its description only, and lets its server learn
// no more than who looks.
func (a *app) look(path string, check *api.Check) {
	owner, err := pipeOwner(path)
	switch {
	case errors.Is(err, windows.ERROR_FILE_NOT_FOUND), errors.Is(err, windows.ERROR_PATH_NOT_FOUND):
		check.Result, check.Found = "skipped", a.say("not there", "不存在")
	case errors.Is(err, windows.ERROR_PIPE_BUSY), errors.Is(err, windows.ERROR_SEM_TIMEOUT):
		check.Result, check.Found = "warning", a.say("a pipe whose places are all taken", "管道的连接位已占满")
		check.Do = a.say("try again; if it stays so, start the agent again", "请重试；如仍如此，请重新启动代理程序")
	case err != nil:
		check.Result, check.Found = "warning", err.Error()
		check.Do = a.say("let an administrator look at which program serves it", "请管理员检查由哪个程序提供该管道")
	default:
		check.Found = a.say("a pipe of ", "管道，所有者 ") + plain(accountOf(owner))
		if !trusted(owner) {
			check.Result = "warning"
			check.Do = a.say("it is neither the system's nor yours: let an administrator find out who serves it", "它既不属于系统也不属于您：请管理员查明由谁提供")
		}
	}
}

// pipeOwner opens the pipe at path for reading its description and nothing else.
func pipeOwner(path string) (*windows.SID, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return nil, fmt.Errorf("look at %q: %w", path, err)
	}
	pipe, err := windows.CreateFile(name, windows.READ_CONTROL, 0, nil, windows.OPEN_EXISTING,
		windows.SECURITY_SQOS_PRESENT|windows.SECURITY_IDENTIFICATION, 0)
	if err != nil {
		return nil, fmt.Errorf("look at %s: %w", path, err)
	}
	defer windows.CloseHandle(pipe)
	if kind, err := windows.GetFileType(pipe); err != nil || kind != windows.FILE_TYPE_PIPE {
		return nil, fmt.Errorf("look at %s: something that is no pipe", path)
	}
	described, err := windows.GetSecurityInfo(pipe, windows.SE_KERNEL_OBJECT, windows.OWNER_SECURITY_INFORMATION)
	if err != nil {
		return nil, fmt.Errorf("read the owner of %s: %w", path, err)
	}
	owner, _, err := described.Owner()
	if err != nil {
		return nil, fmt.Errorf("read the owner of %s: %w", path, err)
	}
	if owner == nil {
		return nil, fmt.Errorf("read the owner of %s: it has none", path)
	}
	return owner, nil
}

// trusted says whether the agent may be whose pipe that is: the system or this user, as
// the library has it. Agents name their owner, so that it is never the administrators'
// group, which owns what an elevated program makes otherwise.
func trusted(owner *windows.SID) bool {
	if owner.IsWellKnown(windows.WinLocalSystemSid) {
		return true
	}
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	return err == nil && owner.Equals(user.User.Sid)
}

// accountOf names an account for a person, and by its SID where the system has no name.
func accountOf(sid *windows.SID) string {
	account, domain, _, err := sid.LookupAccount("")
	if err != nil {
		return sid.String()
	}
	return domain + `\` + account
}
