//go:build cgo && (linux || windows) && iscdesk_testhooks

/* hooks.c - the ways to the hooks of hooks.go, exported only in test builds. */
#include "shim.h"

#include "_cgo_export.h"

ISCDESK_API int32_t iscdesk_test_fault(int32_t kind);

int32_t iscdesk_test_fault(int32_t kind)
{
    struct shim_guard g;
    const char *why;
    int32_t rc = shim_ready(&why); /* on Windows Go starts here */
    if (rc != ISCDESK_OK)
        return rc;
    shim_enter(&g);
    rc = goTestFault(kind);
    shim_leave(&g);
    return rc;
}

ISCDESK_API int32_t iscdesk_test_runtime(int32_t *procs, int32_t *percent, int64_t *limit);

int32_t iscdesk_test_runtime(int32_t *procs, int32_t *percent, int64_t *limit)
{
    struct shim_guard g;
    const char *why;
    int32_t rc = shim_ready(&why); /* on Windows Go starts here */
    if (rc != ISCDESK_OK)
        return rc;
    shim_enter(&g);
    rc = goTestRuntime(procs, percent, limit);
    shim_leave(&g);
    return rc;
}
