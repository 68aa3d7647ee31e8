package main

import (
	"fmt"
	"os"
	"syscall"
)

// owner tells whose file it is, for the doctor.
func owner(info os.FileInfo) string {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return fmt.Sprintf(", uid %d", s.Uid)
	}
	return ""
}

func ownUser() string { return fmt.Sprintf(", uid %d", os.Getuid()) }
