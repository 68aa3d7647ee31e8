//go:build cgo && (linux || windows)

/* shim.c - the functions of iscdesk.h that reach the agent: arguments are
 * checked here, then one of three Go functions is entered. _cgo_export.h lets
 * the compiler compare what Go exports with what is called here. */
#include <string.h>

#include "shim.h"

#include "_cgo_export.h"

/* Sends one request through Go and waits for its answer. */
static int32_t request(iscdesk_client client, struct shim_request *r, const struct shim_argument *a, size_t n,
                       iscdesk_error *err)
{
    struct shim_client *c;
    struct shim_guard g;
    iscdesk_error e;
    const char *bad;
    char *made[SHIM_TEXTS];
    int32_t rc;
    shim_clear(err);
    rc = shim_client_hold(client, &c, err);
    if (rc != ISCDESK_OK)
        return rc;
    rc = shim_texts_in(c->voice.page, a, n, r->text, made, &bad);
    if (rc != ISCDESK_OK) {
        if (shim_closed(c)) {
            rc = ISCDESK_E_CLOSED;
            bad = "";
        }
        (void)shim_fail(err, rc, &c->voice, bad);
    } else if (shim_closed(c)) {
        rc = shim_fail(err, ISCDESK_E_CLOSED, &c->voice, "");
        shim_texts_free(made, n);
    } else {
        memset(&e, 0, sizeof e);
        e.size = sizeof e;
        shim_enter(&g);
        rc = goCall(c->object.number, r, &e);
        shim_leave(&g);
        shim_texts_free(made, n);
        if (rc < 0)
            shim_give(err, &e, &c->voice);
        shim_speak(r->object, c->voice.page);
    }
    shim_release(&c->object);
    return rc;
}

/* A request whose end is an event. */
static int32_t start(iscdesk_client client, struct shim_request *r, const struct shim_argument *a, size_t n,
                     int64_t *operation, iscdesk_error *err)
{
    int32_t rc;
    if (operation != NULL)
        *operation = 0;
    rc = request(client, r, a, n, err);
    if (rc == ISCDESK_OK && operation != NULL)
        *operation = r->operation;
    return rc;
}

/* A request that answers with a list. */
static int32_t list_of(iscdesk_client client, struct shim_request *r, const struct shim_argument *a, size_t n,
                       iscdesk_list *list, iscdesk_error *err)
{
    int32_t rc;
    if (list == NULL) {
        shim_clear(err);
        return shim_fail(err, ISCDESK_E_INVALID_ARGUMENT, NULL, "list is NULL");
    }
    *list = NULL;
    rc = request(client, r, a, n, err);
    *list = (iscdesk_list)r->object;
    return rc;
}

#define REQUEST(r, what)              \
    struct shim_request r;            \
    memset(&(r), 0, sizeof(r));       \
    (r).call = (what)

/* ---- licence */

int32_t iscdesk_get_license_string_request(iscdesk_client client, const char *dev_info, int64_t *operation,
                                           iscdesk_error *err)
{
    const struct shim_argument a[] = {{"dev_info", dev_info, ISCDESK_MAX_DEV_INFO, 0}};
    REQUEST(r, SHIM_LICENSE_STRING);
    return start(client, &r, a, SHIM_COUNT(a), operation, err);
}

int32_t iscdesk_get_license_file_request(iscdesk_client client, const char *file_name, const char *dev_info,
                                         int64_t *operation, iscdesk_error *err)
{
    const struct shim_argument a[] = {{"dev_info", dev_info, ISCDESK_MAX_DEV_INFO, 0},
                                 {"file_name", file_name, ISCDESK_MAX_TEXT, 0}};
    REQUEST(r, SHIM_LICENSE_FILE);
    return start(client, &r, a, SHIM_COUNT(a), operation, err);
}

int32_t iscdesk_get_license_file_request_w(iscdesk_client client, const iscdesk_char16 *file_name, const char *dev_info,
                                         int64_t *operation, iscdesk_error *err)
{
    const struct shim_argument a[] = {{"dev_info", dev_info, ISCDESK_MAX_DEV_INFO, 0},
                                 {"file_name", file_name, ISCDESK_MAX_TEXT, SHIM_WIDE}};
    REQUEST(r, SHIM_LICENSE_FILE);
    return start(client, &r, a, SHIM_COUNT(a), operation, err);
}

int32_t iscdesk_license_verify_notify(iscdesk_client client, int32_t accepted, const char *message, iscdesk_error *err)
{
    const struct shim_argument a[] = {{"message", message, ISCDESK_MAX_TEXT, accepted == 0}};
    REQUEST(r, SHIM_LICENSE_VERIFY);
    r.flag = accepted != 0;
    return request(client, &r, a, SHIM_COUNT(a), err);
}

int32_t iscdesk_get_fingerprint(iscdesk_client client, char *buffer, uint32_t size, iscdesk_error *err)
{
    REQUEST(r, SHIM_FINGERPRINT);
    if (buffer == NULL || size == 0) {
        shim_clear(err);
        return shim_fail(err, ISCDESK_E_INVALID_ARGUMENT, NULL, "buffer");
    }
    buffer[0] = 0;
    r.buffer = buffer;
    r.buffer_size = size;
    return request(client, &r, NULL, 0, err);
}

/* ---- cloud files */

int32_t iscdesk_open_cloud_file(iscdesk_client client, int64_t *operation, iscdesk_error *err)
{
    REQUEST(r, SHIM_PICK);
    return start(client, &r, NULL, 0, operation, err);
}

int32_t iscdesk_save(iscdesk_client client, const char *path, int32_t is_assembly, int64_t *operation,
                     iscdesk_error *err)
{
    const struct shim_argument a[] = {{"path", path, ISCDESK_MAX_PATH, 1}};
    REQUEST(r, SHIM_SAVE);
    r.flag = is_assembly != 0;
    return start(client, &r, a, SHIM_COUNT(a), operation, err);
}

int32_t iscdesk_save_w(iscdesk_client client, const iscdesk_char16 *path, int32_t is_assembly, int64_t *operation,
                     iscdesk_error *err)
{
    const struct shim_argument a[] = {{"path", path, ISCDESK_MAX_PATH, SHIM_REQUIRED | SHIM_WIDE}};
    REQUEST(r, SHIM_SAVE);
    r.flag = is_assembly != 0;
    return start(client, &r, a, SHIM_COUNT(a), operation, err);
}

int32_t iscdesk_select_save_as_path(iscdesk_client client, const char *path, int32_t is_assembly, int64_t *operation,
                                    iscdesk_error *err)
{
    const struct shim_argument a[] = {{"path", path, ISCDESK_MAX_PATH, 1}};
    REQUEST(r, SHIM_SAVE_AS);
    r.flag = is_assembly != 0;
    return start(client, &r, a, SHIM_COUNT(a), operation, err);
}

int32_t iscdesk_select_save_as_path_w(iscdesk_client client, const iscdesk_char16 *path, int32_t is_assembly, int64_t *operation,
                                    iscdesk_error *err)
{
    const struct shim_argument a[] = {{"path", path, ISCDESK_MAX_PATH, SHIM_REQUIRED | SHIM_WIDE}};
    REQUEST(r, SHIM_SAVE_AS);
    r.flag = is_assembly != 0;
    return start(client, &r, a, SHIM_COUNT(a), operation, err);
}

int32_t iscdesk_open_object(iscdesk_client client, const char *object, int64_t version, int32_t checkout,
                            int64_t *operation, iscdesk_error *err)
{
    const struct shim_argument a[] = {{"object", object, ISCDESK_MAX_TEXT, 1}};
    REQUEST(r, SHIM_OPEN);
    r.number = version;
    r.flag = checkout != 0;
    return start(client, &r, a, SHIM_COUNT(a), operation, err);
}

int32_t iscdesk_save_to(iscdesk_client client, const char *path, int32_t is_assembly, const char *space,
                        const char *folder, const char *name, int64_t *operation, iscdesk_error *err)
{
    const struct shim_argument a[] = {{"path", path, ISCDESK_MAX_PATH, 1},
                                 {"space", space, ISCDESK_MAX_TEXT, 1},
                                 {"folder", folder, ISCDESK_MAX_TEXT, 0},
                                 {"name", name, ISCDESK_MAX_TEXT, 0}};
    REQUEST(r, SHIM_SAVE_TO);
    r.flag = is_assembly != 0;
    return start(client, &r, a, SHIM_COUNT(a), operation, err);
}

int32_t iscdesk_save_to_w(iscdesk_client client, const iscdesk_char16 *path, int32_t is_assembly, const char *space,
                        const char *folder, const iscdesk_char16 *name, int64_t *operation, iscdesk_error *err)
{
    const struct shim_argument a[] = {{"path", path, ISCDESK_MAX_PATH, SHIM_REQUIRED | SHIM_WIDE},
                                 {"space", space, ISCDESK_MAX_TEXT, 1},
                                 {"folder", folder, ISCDESK_MAX_TEXT, 0},
                                 {"name", name, ISCDESK_MAX_TEXT, SHIM_WIDE}};
    REQUEST(r, SHIM_SAVE_TO);
    r.flag = is_assembly != 0;
    return start(client, &r, a, SHIM_COUNT(a), operation, err);
}

int32_t iscdesk_check_in(iscdesk_client client, const char *path, iscdesk_error *err)
{
    const struct shim_argument a[] = {{"path", path, ISCDESK_MAX_PATH, 1}};
    REQUEST(r, SHIM_CHECK_IN);
    return request(client, &r, a, SHIM_COUNT(a), err);
}

int32_t iscdesk_check_in_w(iscdesk_client client, const iscdesk_char16 *path, iscdesk_error *err)
{
    const struct shim_argument a[] = {{"path", path, ISCDESK_MAX_PATH, SHIM_REQUIRED | SHIM_WIDE}};
    REQUEST(r, SHIM_CHECK_IN);
    return request(client, &r, a, SHIM_COUNT(a), err);
}

int32_t iscdesk_check_in_object(iscdesk_client client, const char *object, iscdesk_error *err)
{
    const struct shim_argument a[] = {{"object", object, ISCDESK_MAX_TEXT, 1}};
    REQUEST(r, SHIM_CHECK_IN_OBJECT);
    return request(client, &r, a, SHIM_COUNT(a), err);
}

int32_t iscdesk_list_spaces(iscdesk_client client, iscdesk_list *list, iscdesk_error *err)
{
    REQUEST(r, SHIM_LIST_SPACES);
    return list_of(client, &r, NULL, 0, list, err);
}

int32_t iscdesk_list_folder(iscdesk_client client, const char *space, const char *folder, const char *after,
                            iscdesk_list *list, iscdesk_error *err)
{
    const struct shim_argument a[] = {{"space", space, ISCDESK_MAX_TEXT, 1},
                                 {"folder", folder, ISCDESK_MAX_TEXT, 0},
                                 {"after", after, ISCDESK_MAX_TEXT, 0}};
    REQUEST(r, SHIM_LIST_FOLDER);
    return list_of(client, &r, a, SHIM_COUNT(a), list, err);
}

int32_t iscdesk_list_versions(iscdesk_client client, const char *object, iscdesk_list *list, iscdesk_error *err)
{
    const struct shim_argument a[] = {{"object", object, ISCDESK_MAX_TEXT, 1}};
    REQUEST(r, SHIM_LIST_VERSIONS);
    return list_of(client, &r, a, SHIM_COUNT(a), list, err);
}

/* ---- sign-in */

int32_t iscdesk_sign_in_page(iscdesk_client client, int64_t *operation, iscdesk_error *err)
{
    REQUEST(r, SHIM_SIGN_IN_PAGE);
    return start(client, &r, NULL, 0, operation, err);
}

int32_t iscdesk_sign_in_status(iscdesk_client client, iscdesk_list *list, iscdesk_error *err)
{
    int32_t rc;
    REQUEST(r, SHIM_SIGN_IN_STATUS);
    if (list != NULL)
        *list = NULL;
    rc = request(client, &r, NULL, 0, err);
    if (list != NULL)
        *list = (iscdesk_list)r.object;
    else
        iscdesk_list_free((iscdesk_list)r.object);
    return rc;
}

int32_t iscdesk_sign_out(iscdesk_client client, iscdesk_error *err)
{
    REQUEST(r, SHIM_SIGN_OUT);
    return request(client, &r, NULL, 0, err);
}

/* ---- operations */

int32_t iscdesk_set_come_back(iscdesk_client client, const char *object, iscdesk_error *err)
{
    const struct shim_argument a[] = {{"object", object, ISCDESK_MAX_COME_BACK, 0}};
    REQUEST(r, SHIM_COME_BACK);
    return request(client, &r, a, SHIM_COUNT(a), err);
}

int32_t iscdesk_cancel(iscdesk_client client, int64_t operation, iscdesk_error *err)
{
    REQUEST(r, SHIM_CANCEL);
    r.number = operation;
    return request(client, &r, NULL, 0, err);
}

int32_t iscdesk_operation_state(iscdesk_client client, int64_t operation, int32_t *state, iscdesk_event *event,
                                iscdesk_error *err)
{
    int32_t rc;
    REQUEST(r, SHIM_OPERATION_STATE);
    if (event != NULL)
        *event = NULL;
    if (state == NULL) {
        shim_clear(err);
        return shim_fail(err, ISCDESK_E_INVALID_ARGUMENT, NULL, "state is NULL");
    }
    *state = ISCDESK_OPERATION_UNKNOWN;
    r.number = operation;
    rc = request(client, &r, NULL, 0, err);
    *state = r.state;
    if (event != NULL)
        *event = (iscdesk_event)r.object;
    else
        iscdesk_event_free((iscdesk_event)r.object);
    return rc;
}
