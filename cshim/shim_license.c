//go:build cgo && (linux || windows)

/* shim_license.c - the cached licence state. Go mirrors each change into plain
 * C memory, so reading it needs no Go, no allocation and no service call. */
#include <string.h>

#include "shim.h"

void shim_go_license(uintptr_t client, int32_t state, int32_t code, uint32_t offline, int64_t until_ms,
                     int64_t checked_ms, const char *reason, size_t reason_size, const char *hint, size_t hint_size)
{
    struct shim_client *c = (struct shim_client *)shim_hold(client, SHIM_CLIENT);
    if (c == NULL)
        return;
    shim_lock(&c->license_lock);
    c->license.state = state;
    c->license.code = code;
    c->license.offline = offline;
    c->license.until_ms = until_ms;
    c->license.checked_ms = checked_ms;
    shim_say(c->license.reason, sizeof c->license.reason, reason, reason_size, iscdesk_error_text(code, NULL), c->voice.page);
    shim_say(c->license.hint, sizeof c->license.hint, hint, hint_size, iscdesk_error_hint(code, NULL), c->voice.page);
    c->license_at = shim_boot_ms();
    shim_unlock(&c->license_lock);
    shim_release(&c->object);
}

int32_t iscdesk_license_state(iscdesk_client client, iscdesk_license *license, iscdesk_error *err)
{
    struct shim_client *c;
    uint32_t size;
    int64_t age;
    int32_t rc;
    shim_clear(err);
    if (license == NULL || license->size < sizeof license->size)
        return shim_fail(err, ISCDESK_E_INVALID_ARGUMENT, NULL, "license");
    size = license->size < sizeof *license ? license->size : (uint32_t)sizeof *license;
    memset((char *)license + sizeof license->size, 0, size - sizeof license->size);
    rc = shim_client_hold(client, &c, err);
    if (rc != ISCDESK_OK)
        return rc;
    if (shim_closed(c)) {
        (void)shim_fail(err, ISCDESK_E_CLOSED, &c->voice, "");
        shim_release(&c->object);
        return ISCDESK_E_CLOSED;
    }
    shim_lock(&c->license_lock);
    memcpy((char *)license + sizeof license->size, (char *)&c->license + sizeof license->size,
           size - sizeof license->size);
    age = shim_boot_ms() - c->license_at;
    shim_unlock(&c->license_lock);
    if (size >= offsetof(iscdesk_license, age_ms) + sizeof license->age_ms)
        license->age_ms = age;
    if (size < sizeof *license && size > offsetof(iscdesk_license, reason)) /* a text cut by a small struct still ends */
        ((char *)license)[size - 1] = 0;
    shim_release(&c->object);
    return ISCDESK_OK;
}
