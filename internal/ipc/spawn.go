package ipc

import (
	"fmt"
	"runtime/debug"
)

// Spawn runs fn in a goroutine and turns a panic into a call of failed: in a
// customer's process a panic that nobody catches would end their work. Packages
// sdk and cshim start no goroutine without it.
func Spawn(failed func(error), fn func()) {
	go func() {
		defer func() {
			if p := recover(); p != nil {
				failed(fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
			}
		}()
		fn()
	}()
}
