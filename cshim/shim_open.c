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

/* What a caller asked for, as both sides know it. */
struct asked {
    iscdesk_options o; /* texts are UTF-8 */
    struct shim_voice voice;
    char *made[SHIM_TEXTS]; /* owned texts of o */
};

enum { PRODUCT, APP_VERSION, LANGUAGE, ENDPOINT, CRASH_FILE };

/* Reads as much of the caller's options as both sides know. After OK the texts
 * are to be freed. */
static int32_t read_options(const iscdesk_options *from, struct asked *to, const char **bad)
{
    iscdesk_options *o = &to->o;
    const char *utf8[SHIM_TEXTS];
    int32_t rc;
    memset(to, 0, sizeof *to);
    *bad = "options";
    if (from == NULL || from->size < offsetof(iscdesk_options, product))
        return ISCDESK_E_INVALID_ARGUMENT;
    memcpy(o, from, from->size < sizeof *o ? from->size : sizeof *o);
    if (o->size < sizeof *o) { /* half a pointer at the end of an odd size is none */
        size_t whole = o->size / sizeof(void *) * sizeof(void *);
        memset((char *)o + whole, 0, sizeof *o - whole);
    }
    *bad = "timeout_ms";
    if (o->timeout_ms < 0 || o->timeout_ms > 600000)
        return ISCDESK_E_INVALID_ARGUMENT;
    *bad = "flags";
    if ((o->flags & ~ISCDESK_FLAG_NO_BROWSER) != 0)
        return ISCDESK_E_NOT_SUPPORTED;
    *bad = "text_encoding";
    if (o->text_encoding != ISCDESK_TEXT_UTF8 && o->text_encoding != ISCDESK_TEXT_ANSI)
        return ISCDESK_E_NOT_SUPPORTED;
    rc = o->text_encoding == ISCDESK_TEXT_ANSI ? shim_page_ansi(&to->voice.page, bad) : ISCDESK_OK;
    if (rc != ISCDESK_OK)
        return rc;
    {
        const struct shim_argument a[SHIM_TEXTS] = {
            {"product", o->product, ISCDESK_MAX_TEXT, 0},
            {"app_version", o->app_version, ISCDESK_MAX_TEXT, 0},
            {"language", o->language, 64, 0},
            {"endpoint", o->endpoint, ISCDESK_MAX_PATH, 0},
            {"crash_file", o->crash_file_w != NULL ? (const void *)o->crash_file_w : o->crash_file, ISCDESK_MAX_PATH,
             o->crash_file_w != NULL ? SHIM_WIDE : 0}};
        rc = shim_texts_in(to->voice.page, a, SHIM_COUNT(a), utf8, to->made, bad);
    }
    if (rc != ISCDESK_OK)
        return rc;
    o->product = utf8[PRODUCT];
    o->app_version = utf8[APP_VERSION];
    o->language = utf8[LANGUAGE];
    o->endpoint = utf8[ENDPOINT];
    o->crash_file = utf8[CRASH_FILE];
    if (o->language != NULL)
        shim_copy_text(to->voice.language, sizeof to->voice.language, o->language, strlen(o->language));
    return ISCDESK_OK;
}

static int32_t open_client(struct asked *asked, iscdesk_client *client, iscdesk_error *err)
{
    struct shim_client *c = shim_client_new(&asked->o, &asked->voice);
    struct shim_guard g;
    iscdesk_error e;
    uintptr_t number;
    int32_t rc;
    int low;
    if (c == NULL)
        return shim_fail(err, ISCDESK_E_INTERNAL, &asked->voice, "out of memory");
    if (shim_add(&c->object, SHIM_CLIENT, shim_client_destroy) != 0) {
        shim_client_destroy(&c->object);
        return shim_fail(err, ISCDESK_E_BUSY, &asked->voice, "no more clients in this process");
    }
    number = c->object.number;
    memset(&e, 0, sizeof e);
    e.size = sizeof e;
    shim_enter(&g);
    goStarted(); /* Go's start opens files for a moment, perhaps as 0, 1 and 2 */
    low = shim_go_started();
    rc = goOpen(number, &asked->o, c->timeout_ms, &e);
    shim_go_settled(low);
    shim_leave(&g);
    if (rc != ISCDESK_OK) {
        (void)shim_drop(number, SHIM_CLIENT);
        shim_give(err, &e, &asked->voice);
        return rc;
    }
    *client = (iscdesk_client)number;
    return ISCDESK_OK;
}

int32_t iscdesk_init_abi(int32_t abi, const iscdesk_options *options, iscdesk_client *client, iscdesk_error *err)
{
    struct asked asked;
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
    rc = read_options(options, &asked, &bad);
    if (rc != ISCDESK_OK)
        return shim_fail(err, rc, NULL, bad);
    rc = shim_ready(&bad);
    if (rc != ISCDESK_OK)
        (void)shim_fail(err, rc, &asked.voice, bad);
    else
        rc = open_client(&asked, client, err);
    shim_texts_free(asked.made, SHIM_TEXTS);
    return rc;
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
        (void)shim_fail(err, rc, &c->voice, rc == ISCDESK_E_TIMEOUT ? "the event function still runs" : "");
    shim_release(&c->object);
    return rc;
}
