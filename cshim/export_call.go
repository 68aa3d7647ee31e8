//go:build linux || windows

package main

/*
#include "shim.h"
*/
import "C"

import (
	"context"
	"fmt"
	"unsafe"

	"github.com/iscdesk/iscdesk/sdk"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// goCall does one request. C has checked the texts: UTF-8 and within their
// limits. It returns 0, a count, or a refusal's code.
//
//export goCall
func goCall(number C.uintptr_t, r *C.struct_shim_request, fail *C.iscdesk_error) (rc C.int32_t) {
	defer guard(&rc, fail)
	c := clients.get(uintptr(number))
	if c == nil {
		return refuse(fail, "", &api.Error{Code: api.Closed})
	}
	ctx := context.Background()
	if note := c.comeBack.Load(); note != nil {
		ctx = sdk.WithComeBack(ctx, *note)
	}
	var n int32
	var err error
	if r.call == C.SHIM_COME_BACK {
		err = c.setComeBack(text(r, 0))
	} else {
		n, err = dispatch(ctx, c.sdk, r)
	}
	if err != nil {
		return refuse(fail, c.language, err)
	}
	return C.int32_t(n)
}

// setComeBack changes what the requests begun from now on bring.
func (c *client) setComeBack(object string) error {
	if err := sdk.CheckComeBack(object); err != nil {
		return err
	}
	c.comeBack.Store(&object)
	return nil
}

// dispatch calls the sdk's method; ctx has no end of its own, the client's
// time-out bounds it.
func dispatch(ctx context.Context, s *sdk.Client, r *C.struct_shim_request) (int32, error) {
	flag := r.flag != 0
	var op api.Operation
	var err error
	switch r.call {
	case C.SHIM_LICENSE_STRING:
		op, err = s.GetLicenseStringRequest(ctx, text(r, 0))
	case C.SHIM_LICENSE_FILE:
		op, err = s.GetLicenseFileRequest(ctx, text(r, 1), text(r, 0))
	case C.SHIM_LICENSE_VERIFY:
		err = s.LicenseVerifyNotify(ctx, flag, text(r, 0))
	case C.SHIM_FINGERPRINT:
		return fingerprint(ctx, s, r)
	case C.SHIM_PICK:
		op, err = started(s.OpenCloudFile(ctx))
	case C.SHIM_SAVE:
		op, err = s.Save(ctx, text(r, 0), flag)
	case C.SHIM_SAVE_AS:
		op, err = started(s.SelectSaveAsPath(ctx, text(r, 0), flag))
	case C.SHIM_OPEN:
		op, err = s.OpenObject(ctx, api.Open{Object: text(r, 0), Version: int64(r.number), Checkout: flag})
	case C.SHIM_SAVE_TO:
		op, err = s.SaveTo(ctx, api.SaveTo{Path: text(r, 0), Assembly: flag, Space: text(r, 1), Folder: text(r, 2), Name: text(r, 3)})
	case C.SHIM_CHECK_IN:
		err = s.Checkin(ctx, api.Checkin{Path: text(r, 0)})
	case C.SHIM_CHECK_IN_OBJECT:
		err = s.Checkin(ctx, api.Checkin{Object: text(r, 0)})
	case C.SHIM_LIST_SPACES, C.SHIM_LIST_FOLDER, C.SHIM_LIST_VERSIONS, C.SHIM_SIGN_IN_STATUS:
		return list(ctx, s, r)
	case C.SHIM_SIGN_IN_PAGE:
		op, err = started(s.SignInPage(ctx))
	case C.SHIM_SIGN_OUT:
		err = s.Logout(ctx)
	case C.SHIM_CANCEL:
		err = s.Cancel(ctx, api.Operation(r.number))
	case C.SHIM_OPERATION_STATE:
		err = operationState(ctx, s, r)
	default:
		err = &api.Error{Code: api.Internal, Detail: fmt.Sprintf("request %d is unknown", int32(r.call))}
	}
	r.operation = C.int64_t(op)
	return 0, err
}

func text(r *C.struct_shim_request, i int) string { return C.GoString(r.text[i]) }

func started(s api.Started, err error) (api.Operation, error) { return s.Operation, err }

// fingerprint copies the device string into the caller's buffer.
func fingerprint(ctx context.Context, s *sdk.Client, r *C.struct_shim_request) (int32, error) {
	f, err := s.Fingerprint(ctx)
	if err != nil {
		return 0, err
	}
	value := clean(f.Fingerprint)
	if len(value) >= int(r.buffer_size) {
		return 0, &api.Error{Code: api.TooLarge, Detail: fmt.Sprintf("the fingerprint has %d bytes, the buffer %d", len(value), r.buffer_size)}
	}
	to := unsafe.Slice((*byte)(unsafe.Pointer(r.buffer)), len(value)+1)
	copy(to, value)
	to[len(value)] = 0
	return int32(len(value)), nil
}

// list makes one of the lists and gives its rows to C.
func list(ctx context.Context, s *sdk.Client, r *C.struct_shim_request) (int32, error) {
	var rows rows
	var next string
	result := int32(-1)
	switch r.call {
	case C.SHIM_LIST_SPACES:
		spaces, err := s.Spaces(ctx)
		if err != nil {
			return 0, err
		}
		rows.spaces(spaces)
	case C.SHIM_LIST_FOLDER:
		listing, err := s.List(ctx, api.List{Space: text(r, 0), Folder: text(r, 1), After: text(r, 2)})
		if err != nil {
			return 0, err
		}
		rows.entries(listing.Entries)
		next = clean(listing.Next)
	case C.SHIM_LIST_VERSIONS:
		versions, err := s.Versions(ctx, text(r, 0))
		if err != nil {
			return 0, err
		}
		rows.versions(versions)
	default:
		status, err := s.SignInStatus(ctx)
		if err != nil {
			return 0, err
		}
		rows.auth(status)
		result = 0
		if status.SignedIn {
			result = 1
		}
	}
	blob := rows.text()
	r.object = C.shim_go_list(C.int32_t(rows.count), chars(blob), size(blob), chars(next), size(next))
	if r.object == 0 {
		return 0, &api.Error{Code: api.Internal, Detail: "no memory for the list"}
	}
	if result < 0 {
		result = int32(rows.count)
	}
	return result, nil
}

// operationState fills in the state and, for one that has ended, its event.
func operationState(ctx context.Context, s *sdk.Client, r *C.struct_shim_request) error {
	state, err := s.Operation(ctx, api.Operation(r.number))
	if err != nil {
		return err
	}
	r.state = C.int32_t(operationStates[state.State])
	if state.Event == nil {
		return nil
	}
	name, json, params := eventTexts(*state.Event)
	r.object = C.shim_go_event_new(C.int64_t(state.Event.Operation), chars(name), size(name), chars(json), size(json), chars(params), size(params))
	if r.object == 0 {
		return &api.Error{Code: api.Internal, Detail: "no memory for the event"}
	}
	return nil
}
