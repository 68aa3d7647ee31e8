//go:build cgo && (linux || windows)

/* shim_rows.c - events and lists as the application reads them: plain C memory,
 * no call into Go. */
#include <stdlib.h>
#include <string.h>

#include "shim.h"

static const struct {
    int32_t type;
    const char *name;
} event_types[] = {
    {ISCDESK_EVENT_LICENSE_VERIFY, "EVENT_LICENSE_VERIFY"},
    {ISCDESK_EVENT_OPENCLOUDFILE_RESULT, "EVENT_OPENCLOUDFILE_RESULT"},
    {ISCDESK_EVENT_SAVE_RESULT, "EVENT_SAVE_RESULT"},
    {ISCDESK_EVENT_UPLOAD_START, "EVENT_UPLOAD_START"},
    {ISCDESK_EVENT_UPLOAD_END, "EVENT_UPLOAD_END"},
    {ISCDESK_EVENT_UPLOAD_PROGRESS, "EVENT_UPLOAD_PROGRESS"},
    {ISCDESK_EVENT_OPEN_PROGRESS, "EVENT_OPEN_PROGRESS"},
    {ISCDESK_EVENT_OPEN_CANCELLED, "EVENT_OPEN_CANCELLED"},
    {ISCDESK_EVENT_HEARTBEAT, "EVENT_HEARTBEAT"},
    {ISCDESK_EVENT_DESK_CLOSED, "EVENT_DESK_CLOSED"},
    {ISCDESK_EVENT_LICENSE_STATE, "EVENT_LICENSE_STATE"},
    {ISCDESK_EVENT_PAGE, "EVENT_PAGE"},
    {ISCDESK_EVENT_SIGN_IN, "EVENT_SIGN_IN"},
    {ISCDESK_EVENT_GAP, "EVENT_GAP"},
    {ISCDESK_EVENT_LICENSE_PENDING, "EVENT_LICENSE_PENDING"},
};

static int32_t type_of(const char *name)
{
    size_t i;
    for (i = 0; i < sizeof event_types / sizeof event_types[0]; i++)
        if (strcmp(event_types[i].name, name) == 0)
            return event_types[i].type;
    return ISCDESK_EVENT_UNKNOWN;
}

static char *copy(const char *text, size_t size)
{
    char *out = malloc(size + 1);
    if (out != NULL) {
        if (size > 0)
            memcpy(out, text, size);
        out[size] = 0;
    }
    return out;
}

int shim_rows_copy(struct shim_rows *rows, const char *blob, size_t size, int32_t count)
{
    rows->blob = copy(blob, size);
    rows->size = size;
    rows->count = count;
    return rows->blob == NULL ? -1 : 0;
}

const char *shim_rows_find(const struct shim_rows *rows, int32_t row, const char *key)
{
    const char *at = rows->blob, *end = rows->blob + rows->size;
    if (row < 0 || row >= rows->count || key == NULL)
        return NULL;
    while (at < end) {
        const char *value;
        if (*at == 0) { /* an empty key ends a row */
            if (row-- == 0)
                return NULL;
            at++;
            continue;
        }
        value = at + strlen(at) + 1;
        if (value >= end)
            return NULL;
        if (row == 0 && strcmp(at, key) == 0)
            return value;
        at = value + strlen(value) + 1;
    }
    return NULL;
}

/* ---- events */

static void event_destroy(struct shim_object *event)
{
    struct shim_event *e = (struct shim_event *)event;
    free(e->name);
    free(e->json);
    shim_kept_free(e->params.kept);
    free(e->params.blob);
    free(e);
}

uintptr_t shim_go_event_new(int64_t operation, const char *name, size_t name_size, const char *json, size_t json_size,
                            const char *params, size_t params_size)
{
    struct shim_event *e = calloc(1, sizeof *e);
    if (e == NULL)
        return 0;
    e->operation = operation;
    e->name = copy(name, name_size);
    e->json = copy(json, json_size);
    if (e->name == NULL || e->json == NULL || shim_rows_copy(&e->params, params, params_size, 1) != 0 ||
        shim_add(&e->object, SHIM_EVENT, event_destroy) != 0) {
        event_destroy(&e->object);
        return 0;
    }
    e->type = type_of(e->name);
    return e->object.number;
}

static struct shim_event *hold_event(iscdesk_event event)
{
    return (struct shim_event *)shim_hold((uintptr_t)event, SHIM_EVENT);
}

int32_t iscdesk_event_type(iscdesk_event event)
{
    struct shim_event *e = hold_event(event);
    int32_t type = 0;
    if (e != NULL) {
        type = e->type;
        shim_release(&e->object);
    }
    return type;
}

/* A text of the event in one encoding, borrowed from it. */
static const void *event_text(struct shim_event *e, uint32_t page, const char *utf8)
{
    int32_t code;
    return shim_kept(&e->params.kept, page, utf8, &code);
}

const char *iscdesk_event_name(iscdesk_event event)
{
    struct shim_event *e = hold_event(event);
    const char *name = NULL;
    if (e != NULL) {
        name = event_text(e, e->params.page == SHIM_UTF8 ? SHIM_UTF8 : SHIM_ASCII, e->name);
        shim_release(&e->object);
    }
    return name;
}

int64_t iscdesk_event_operation(iscdesk_event event)
{
    struct shim_event *e = hold_event(event);
    int64_t operation = 0;
    if (e != NULL) {
        operation = e->operation;
        shim_release(&e->object);
    }
    return operation;
}

const char *iscdesk_event_json(iscdesk_event event)
{
    struct shim_event *e = hold_event(event);
    const char *json = NULL;
    if (e != NULL) {
        json = event_text(e, e->params.page == SHIM_UTF8 ? SHIM_UTF8 : SHIM_ASCII, e->json);
        shim_release(&e->object);
    }
    return json;
}

const iscdesk_char16 *iscdesk_event_json_w(iscdesk_event event)
{
    struct shim_event *e = hold_event(event);
    const iscdesk_char16 *json = NULL;
    if (e != NULL) {
        json = event_text(e, SHIM_UTF16, e->json);
        shim_release(&e->object);
    }
    return json;
}

const char *iscdesk_event_param(iscdesk_event event, const char *key)
{
    struct shim_event *e = hold_event(event);
    const char *value = NULL;
    if (e != NULL) {
        value = event_text(e, e->params.page, shim_rows_find(&e->params, 0, key));
        shim_release(&e->object);
    }
    return value;
}

const iscdesk_char16 *iscdesk_event_param_w(iscdesk_event event, const char *key)
{
    struct shim_event *e = hold_event(event);
    const iscdesk_char16 *value = NULL;
    if (e != NULL) {
        value = event_text(e, SHIM_UTF16, shim_rows_find(&e->params, 0, key));
        shim_release(&e->object);
    }
    return value;
}

/* What a getter's answer means. */
static int32_t code_of(struct shim_rows *rows, int32_t row, const char *key)
{
    const char *value = shim_rows_find(rows, row, key);
    int32_t code;
    (void)shim_kept(&rows->kept, rows->page, value, &code);
    return value == NULL ? ISCDESK_E_NOT_FOUND : code;
}

int32_t iscdesk_event_param_code(iscdesk_event event, const char *key)
{
    struct shim_event *e = hold_event(event);
    int32_t code = ISCDESK_E_CLOSED;
    if (e != NULL) {
        code = code_of(&e->params, 0, key);
        shim_release(&e->object);
    }
    return code;
}

void iscdesk_event_free(iscdesk_event event)
{
    (void)shim_drop((uintptr_t)event, SHIM_EVENT);
}

/* ---- lists */

static void list_destroy(struct shim_object *list)
{
    struct shim_list *l = (struct shim_list *)list;
    free(l->next);
    shim_kept_free(l->rows.kept);
    free(l->rows.blob);
    free(l);
}

uintptr_t shim_go_list(int32_t count, const char *rows, size_t rows_size, const char *next, size_t next_size)
{
    struct shim_list *l = calloc(1, sizeof *l);
    if (l == NULL)
        return 0;
    if (next_size > 0 && (l->next = copy(next, next_size)) == NULL) {
        list_destroy(&l->object);
        return 0;
    }
    if (shim_rows_copy(&l->rows, rows, rows_size, count) != 0 || shim_add(&l->object, SHIM_LIST, list_destroy) != 0) {
        list_destroy(&l->object);
        return 0;
    }
    return l->object.number;
}

static struct shim_list *hold_list(iscdesk_list list)
{
    return (struct shim_list *)shim_hold((uintptr_t)list, SHIM_LIST);
}

int32_t iscdesk_list_count(iscdesk_list list)
{
    struct shim_list *l = hold_list(list);
    int32_t count = 0;
    if (l != NULL) {
        count = l->rows.count;
        shim_release(&l->object);
    }
    return count;
}

static const void *list_text(iscdesk_list list, int32_t row, const char *key, int wide)
{
    struct shim_list *l = hold_list(list);
    const void *value = NULL;
    int32_t code;
    if (l != NULL) {
        value = shim_kept(&l->rows.kept, wide ? (uint32_t)SHIM_UTF16 : l->rows.page, shim_rows_find(&l->rows, row, key), &code);
        shim_release(&l->object);
    }
    return value;
}

const char *iscdesk_list_text(iscdesk_list list, int32_t row, const char *key)
{
    return list_text(list, row, key, 0);
}

const iscdesk_char16 *iscdesk_list_text_w(iscdesk_list list, int32_t row, const char *key)
{
    return list_text(list, row, key, 1);
}

int32_t iscdesk_list_text_code(iscdesk_list list, int32_t row, const char *key)
{
    struct shim_list *l = hold_list(list);
    int32_t code = ISCDESK_E_CLOSED;
    if (l != NULL) {
        code = code_of(&l->rows, row, key);
        shim_release(&l->object);
    }
    return code;
}

int64_t iscdesk_list_number(iscdesk_list list, int32_t row, const char *key)
{
    struct shim_list *l = hold_list(list);
    const char *value;
    int64_t number = 0;
    if (l != NULL) {
        value = shim_rows_find(&l->rows, row, key);
        if (value != NULL)
            number = strtoll(value, NULL, 10);
        shim_release(&l->object);
    }
    return number;
}

const char *iscdesk_list_next(iscdesk_list list)
{
    struct shim_list *l = hold_list(list);
    const char *next = NULL;
    if (l != NULL) {
        next = l->next;
        shim_release(&l->object);
    }
    return next;
}

void iscdesk_list_free(iscdesk_list list)
{
    (void)shim_drop((uintptr_t)list, SHIM_LIST);
}

void shim_speak(uintptr_t object, uint32_t page)
{
    struct shim_event *e = hold_event((iscdesk_event)object);
    struct shim_list *l = hold_list((iscdesk_list)object);
    if (e != NULL) {
        e->params.page = page;
        shim_release(&e->object);
    }
    if (l != NULL) {
        l->rows.page = page;
        shim_release(&l->object);
    }
}
