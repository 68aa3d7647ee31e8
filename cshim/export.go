//go:build linux || windows

// The number of processors is fixed below: Go's start must not hold the files of the
// host's control group open for it, which would become descriptors 0 and 1 of a host
// that has closed those.
//go:debug containermaxprocs=0

package main

// The C side keeps numbers, Go keeps what they stand for; nothing of one side's
// memory is kept by the other.

/*
#cgo CFLAGS: -I${SRCDIR}/include -D_GNU_SOURCE -DISCDESK_BUILD -std=gnu11 -fvisibility=hidden
#cgo CFLAGS: -Wall -Wextra -Werror -Wconversion -Wno-unused-parameter
#cgo linux LDFLAGS: -lm -lpthread
#cgo windows LDFLAGS: -lntdll
#include "shim.h"
*/
import "C"

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/iscdesk/iscdesk/internal/ipc"
	"github.com/iscdesk/iscdesk/sdk"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// A guest takes little: two cores at most while it collects, early collections
// of its few kilobytes, and a soft end to its memory.
func init() {
	runtime.GOMAXPROCS(2)
	debug.SetGCPercent(50)
	debug.SetMemoryLimit(64 << 20)
}

// client is what one iscdesk_client stands for.
type client struct {
	sdk      *sdk.Client
	pumped   chan struct{} // closed when the event pump has ended
	language string
	comeBack atomic.Pointer[string] // what requests bring, nil for nothing
}

// registry holds the living clients by C's number for them.
type registry struct {
	mu      sync.Mutex // guards clients; nothing blocks while it is held
	clients map[uintptr]*client
	crash   bool // a crash file is set for the process
}

// clients is the one variable of the package: an exported function has no
// receiver, and C knows only numbers.
var clients = &registry{clients: make(map[uintptr]*client)}

func (r *registry) get(number uintptr) *client {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.clients[number]
}

func (r *registry) put(number uintptr, c *client) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clients[number] = c
}

func (r *registry) take(number uintptr) *client {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.clients[number]
	delete(r.clients, number)
	return c
}

// guard turns a panic into api.Internal: nobody above us would catch it.
func guard(rc *C.int32_t, fail *C.iscdesk_error) {
	if p := recover(); p != nil {
		*rc = refuse(fail, "", &api.Error{Code: api.Internal, Detail: fmt.Sprintf("panic: %v", p)})
	}
}

// refuse hands err to C and returns its code.
func refuse(fail *C.iscdesk_error, language string, err error) C.int32_t {
	var e *api.Error
	if !errors.As(err, &e) {
		e = &api.Error{Code: api.Internal, Detail: err.Error()}
	}
	message, hint := e.Message, e.Hint
	if message == "" {
		message, hint = api.Text(e.Code, language)
	}
	code := e.Code
	if code >= 0 { // a peer that calls a refusal a success is not believed
		code = api.Internal
	}
	if fail != nil {
		message, hint, detail := clean(message), clean(hint), clean(e.Detail)
		C.shim_go_fail(fail, C.int32_t(code), chars(message), size(message), chars(hint), size(hint), chars(detail), size(detail))
	}
	return C.int32_t(code)
}

// goStarted returns when Go's runtime has started, which it does beside the thread
// that loaded the library.
//
//export goStarted
func goStarted() {}

// goOpen begins the session of the client that C has numbered.
//
//export goOpen
func goOpen(number C.uintptr_t, o *C.iscdesk_options, timeout C.int32_t, fail *C.iscdesk_error) (rc C.int32_t) {
	defer guard(&rc, fail)
	options := sdk.Options{
		Product:    C.GoString(o.product),
		AppVersion: C.GoString(o.app_version),
		Language:   C.GoString(o.language),
		Endpoint:   C.GoString(o.endpoint),
		Timeout:    time.Duration(timeout) * time.Millisecond,
		Build:      "libiscdesk " + C.GoString(C.iscdesk_version()),
		OnLicense:  func(s api.LicenseState) { mirror(number, s) },
	}
	if o.flags&C.ISCDESK_FLAG_NO_BROWSER == 0 {
		options.OpenURL = browse
	}
	if err := clients.crashFile(C.GoString(o.crash_file)); err != nil {
		return refuse(fail, options.Language, err)
	}
	s, err := sdk.Init(context.Background(), options)
	if err != nil {
		return refuse(fail, options.Language, err)
	}
	c := &client{sdk: s, pumped: make(chan struct{}), language: options.Language}
	clients.put(uintptr(number), c)
	ipc.Spawn(func(error) { _ = s.ShutOut() }, func() {
		defer close(c.pumped)
		pump(number, s)
	})
	return 0
}

// crashFile has fatal faults, which no recover catches, written to a file as
// well: a host with a window has no standard error. The first client that names
// one decides for the process.
func (r *registry) crashFile(path string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if path == "" || r.crash {
		return nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return &api.Error{Code: api.InvalidArgument, Detail: "open crash_file: " + err.Error()}
	}
	defer f.Close() // the runtime keeps a copy of its own
	if err := debug.SetCrashOutput(f, debug.CrashOptions{}); err != nil {
		return &api.Error{Code: api.Internal, Detail: "set crash_file: " + err.Error()}
	}
	r.crash = true
	return nil
}

// goClose ends the session; C has made the number unknown before.
//
//export goClose
func goClose(number C.uintptr_t) (rc C.int32_t) {
	defer guard(&rc, nil)
	c := clients.take(uintptr(number))
	if c == nil {
		return C.int32_t(api.Closed)
	}
	_ = c.sdk.ShutOut()
	<-c.pumped
	return 0
}

// pump hands events to C, which waits while its queue is full. It ends with the
// client.
func pump(number C.uintptr_t, s *sdk.Client) {
	for {
		e, err := s.NextEvent(context.Background())
		if err != nil {
			return
		}
		name, text, params := eventTexts(e)
		rc := C.shim_go_event(number, C.int64_t(e.Operation), chars(name), size(name), chars(text), size(text), chars(params), size(params))
		if rc == C.int32_t(api.Closed) {
			return
		}
	}
}

// mirror copies a licence state into C's memory.
func mirror(number C.uintptr_t, s api.LicenseState) {
	reason, hint := clean(s.Reason), clean(s.Hint)
	offline := C.uint32_t(0)
	if s.Offline {
		offline = 1
	}
	C.shim_go_license(number, C.int32_t(licenseStates[s.State]), C.int32_t(s.Code), offline,
		C.int64_t(millis(s.Until)), C.int64_t(millis(s.Checked)), chars(reason), size(reason), chars(hint), size(hint))
}

// browse has C start the browser: os/exec would fork in a way that the host's
// child reaper sees.
func browse(url string) error {
	if rc := C.shim_go_browse(chars(url), size(url)); rc != 0 {
		return &api.Error{Code: api.Code(rc), Detail: "no browser can be started"}
	}
	return nil
}

// chars and size lend a Go string to C for one call.
func chars(s string) *C.char { return (*C.char)(unsafe.Pointer(unsafe.StringData(s))) }
func size(s string) C.size_t { return C.size_t(len(s)) }
