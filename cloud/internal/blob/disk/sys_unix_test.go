//go:build unix

package disk

import "syscall"

const noSpace = syscall.ENOSPC
