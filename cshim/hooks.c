//go:build cgo && linux && iscdesk_testhooks

/* hooks.c - the way to goTestFault, exported only in test builds. */
#include "shim.h"

#include "_cgo_export.h"

ISCDESK_API int32_t iscdesk_test_fault(int32_t kind);

int32_t iscdesk_test_fault(int32_t kind)
{
    struct shim_guard g;
    int32_t rc;
    shim_enter(&g);
    rc = goTestFault(kind);
    shim_leave(&g);
    return rc;
}
