//go:build cgo && (linux || windows)

/* shim_open.c - the way in and out: version, options, iscdesk_init and
 * iscdesk_shut_out. */
#include <string.h>

#include "shim.h"

#include "_cgo_export.h"

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

#ifndef SHIM_VERSION
#define SHIM_VERSION 0.0.0
#endif

int32_t iscdesk_abi(void)
{
    return ISCDESK_ABI;
}

const char *iscdesk_version(void)
{
    return TEXT(SHIM_VERSION);
}

/* Reads as much of the caller's options as both sides know. */
static int32_t read_options(const iscdesk_options *from, iscdesk_options *to, const char **bad)
{
    memset(to, 0, sizeof *to);
    *bad = "options";
    if (from == NULL || from->size < offsetof(iscdesk_options, product))
        return ISCDESK_E_INVALID_ARGUMENT;
    memcpy(to, from, from->size < sizeof *to ? from->size : sizeof *to);
    if (to->size < sizeof *to) { /* half a pointer at the end of an odd size is none */
        size_t whole = to->size / sizeof(void *) * sizeof(void *);
        memset((char *)to + whole, 0, sizeof *to - whole);
    }
    *bad = "timeout_ms";
    if (to->timeout_ms < 0 || to->timeout_ms > 600000)
        return ISCDESK_E_INVALID_ARGUMENT;
    *bad = "flags";
    if ((to->flags & ~ISCDESK_FLAG_NO_BROWSER) != 0)
        return ISCDESK_E_NOT_SUPPORTED;
    *bad = "text_encoding";
    if (to->text_encoding != ISCDESK_TEXT_UTF8)
        return ISCDESK_E_NOT_SUPPORTED;
    {
        const struct shim_argument a[] = {{"product", to->product, ISCDESK_MAX_TEXT, 0},
                                     {"app_version", to->app_version, ISCDESK_MAX_TEXT, 0},
                                     {"language", to->language, 64, 0},
                                     {"endpoint", to->endpoint, ISCDESK_MAX_PATH, 0},
                                     {"crash_file", to->crash_file, ISCDESK_MAX_PATH, 0}};
        return shim_check(a, SHIM_COUNT(a), bad);
    }
}

static int32_t open_client(const iscdesk_options *o, iscdesk_client *client, iscdesk_error *err)
{
    struct shim_client *c = shim_client_new(o);
    struct shim_guard g;
    iscdesk_error e;
    uintptr_t number;
    int32_t rc;
    int low;
    if (c == NULL)
        return shim_fail(err, ISCDESK_E_INTERNAL, o->language, "out of memory");
    if (shim_add(&c->object, SHIM_CLIENT, shim_client_destroy) != 0) {
        shim_client_destroy(&c->object);
        return shim_fail(err, ISCDESK_E_BUSY, o->language, "no more clients in this process");
    }
    number = c->object.number;
    memset(&e, 0, sizeof e);
    e.size = sizeof e;
    shim_enter(&g);
    goStarted(); /* Go's start opens files for a moment, perhaps as 0, 1 and 2 */
    low = shim_low_open();
    rc = goOpen(number, (iscdesk_options *)o, c->timeout_ms, &e);
    shim_low_close(low);
    shim_leave(&g);
    if (rc != ISCDESK_OK) {
        (void)shim_drop(number, SHIM_CLIENT);
        shim_give(err, &e);
        return rc;
    }
    *client = (iscdesk_client)number;
    return ISCDESK_OK;
}

int32_t iscdesk_init_abi(int32_t abi, const iscdesk_options *options, iscdesk_client *client, iscdesk_error *err)
{
    iscdesk_options o;
    const char *bad;
    int32_t rc;
    shim_clear(err);
    if (client == NULL)
        return shim_fail(err, ISCDESK_E_INVALID_ARGUMENT, NULL, "client is NULL");
    *client = NULL;
    rc = shim_cut_off(&bad);
    if (rc != ISCDESK_OK)
        return shim_fail(err, rc, NULL, bad);
    if (abi < 1 || abi > ISCDESK_ABI)
        return shim_fail(err, ISCDESK_E_NOT_SUPPORTED, NULL, "the header is of a later ABI than the library");
    rc = read_options(options, &o, &bad);
    if (rc != ISCDESK_OK)
        return shim_fail(err, rc, NULL, bad);
    rc = shim_ready(&bad);
    if (rc != ISCDESK_OK)
        return shim_fail(err, rc, o.language, bad);
    return open_client(&o, client, err);
}

int32_t iscdesk_shut_out(iscdesk_client client, iscdesk_error *err)
{
    struct shim_client *c;
    struct shim_guard g;
    int32_t rc;
    shim_clear(err);
    rc = shim_client_hold(client, &c, err);
    if (rc != ISCDESK_OK)
        return rc;
    if (shim_client_close(c) == 0) {
        shim_enter(&g);
        (void)goClose(c->object.number);
        shim_leave(&g);
        rc = shim_client_quiet(c);
    } else { /* ended before, perhaps inside a callback that still runs */
        rc = shim_client_quiet(c);
        if (rc == ISCDESK_OK)
            rc = ISCDESK_E_CLOSED;
    }
    if (rc != ISCDESK_OK)
        (void)shim_fail(err, rc, c->language, rc == ISCDESK_E_TIMEOUT ? "the event function still runs" : "");
    shim_release(&c->object);
    return rc;
}
