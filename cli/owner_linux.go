package main

import (
	"fmt"
	"os"
	"syscall"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// look fills in what a socket's file says of itself.
func (a *app) look(path string, check *api.Check) {
	info, err := os.Stat(path)
	switch {
	case os.IsNotExist(err):
		check.Result, check.Found = "skipped", a.say("not there", "不存在")
	case err != nil:
		check.Result, check.Found = "warning", err.Error()
		check.Do = a.say("let an administrator look at the folder's permissions", "请管理员检查该目录的权限")
	case info.Mode()&os.ModeSocket == 0:
		check.Result, check.Found = "warning", a.say("something that is no socket", "不是套接字")
		check.Do = a.say("remove it and start the agent again", "请将其移除并重新启动代理程序")
	default:
		check.Found = a.say("a socket, mode ", "套接字，权限 ") + fmt.Sprintf("%04o", info.Mode().Perm()) + owner(info)
		if info.Mode().Perm()&0o002 == 0 && owner(info) != ownUser() {
			check.Result = "warning"
			check.Do = a.say("its mode should let every user connect (0666)", "其权限应允许所有用户连接（0666）")
		}
	}
}

// owner tells whose file it is.
func owner(info os.FileInfo) string {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return fmt.Sprintf(", uid %d", s.Uid)
	}
	return ""
}

func ownUser() string { return fmt.Sprintf(", uid %d", os.Getuid()) }
