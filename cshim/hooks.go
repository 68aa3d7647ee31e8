//go:build (linux || windows) && iscdesk_testhooks

package main

/*
#include "shim.h"
*/
import "C"

import (
	"runtime"
	"runtime/debug"

	"github.com/iscdesk/iscdesk/internal/ipc"
)

// goTestRuntime tells what the runtime was set to, which nothing else shows from
// outside: how many threads may run Go at once, and when the heap is collected.
// To tell the second it sets it, so it is asked once.
//
//export goTestRuntime
func goTestRuntime(procs, percent *C.int32_t, limit *C.int64_t) (rc C.int32_t) {
	defer guard(&rc, nil)
	*procs = C.int32_t(runtime.GOMAXPROCS(0))
	*percent = C.int32_t(debug.SetGCPercent(100))
	*limit = C.int64_t(debug.SetMemoryLimit(-1))
	return 0
}

// goTestFault plants the faults that ctest wants to see survived, or written
// down: 1 panics in the export, 2 in a goroutine, 3 is fatal. Only in builds
// with the tag iscdesk_testhooks, never in what ships.
//
//export goTestFault
func goTestFault(kind C.int32_t) (rc C.int32_t) {
	defer guard(&rc, nil)
	switch kind {
	case 1:
		panic("planted in the export")
	case 2:
		caught := make(chan error, 1)
		ipc.Spawn(func(err error) { caught <- err }, func() { panic("planted in a goroutine") })
		<-caught
		return 2
	case 3: // no recover catches this one
		m := map[int]int{}
		for range 4 {
			ipc.Spawn(func(error) {}, func() {
				for i := 0; ; i++ {
					m[i%7] = i
				}
			})
		}
		select {}
	}
	return 0
}
