//go:build linux && iscdesk_testhooks

package main

/*
#include "shim.h"
*/
import "C"

import "github.com/iscdesk/iscdesk/internal/ipc"

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
