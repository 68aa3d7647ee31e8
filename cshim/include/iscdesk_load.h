/*
 * iscdesk_load.h - loads the library at run time, in C89: an application that
 * is not linked against it starts where no desk is installed.
 *
 *     iscdesk_functions desk;
 *     if (iscdesk_load(&desk, path) == ISCDESK_LOADED)
 *         desk.init_abi(ISCDESK_ABI, &options, &client, &err);
 *
 * Every function of iscdesk.h is a member without its prefix; comments there
 * hold. Include this in one C file of the application (or C++: the functions
 * are static). On Linux link with -ldl where the C library still needs it.
 * The Windows half is compiled and run by tests, but there is no Windows library yet.
 */
#ifndef ISCDESK_LOAD_H
#define ISCDESK_LOAD_H

#ifndef ISCDESK_NO_IMPORT
#define ISCDESK_NO_IMPORT
#endif
#include <string.h>

#include "iscdesk.h"

#ifdef _WIN32
#include <windows.h>
#else
#include <dlfcn.h>
#endif

typedef struct iscdesk_functions {
    int32_t (ISCDESK_CALL *abi)(void);
    const char *(ISCDESK_CALL *version)(void);
    const char *(ISCDESK_CALL *error_text)(int32_t code, const char *language);
    const char *(ISCDESK_CALL *error_hint)(int32_t code, const char *language);
    int32_t (ISCDESK_CALL *init_abi)(int32_t abi, const iscdesk_options *options, iscdesk_client *client, iscdesk_error *err);
    int32_t (ISCDESK_CALL *shut_out)(iscdesk_client client, iscdesk_error *err);
    int32_t (ISCDESK_CALL *register_event_recall)(iscdesk_client client, iscdesk_event_fn fn, void *user, iscdesk_error *err);
    int32_t (ISCDESK_CALL *next_event)(iscdesk_client client, int32_t timeout_ms, iscdesk_event *event, iscdesk_error *err);
    int32_t (ISCDESK_CALL *dispatch)(iscdesk_client client, int32_t timeout_ms, iscdesk_event_fn fn, void *user, iscdesk_error *err);
    int32_t (ISCDESK_CALL *event_descriptor)(iscdesk_client client, int32_t *descriptor, iscdesk_error *err);
    int32_t (ISCDESK_CALL *event_type)(iscdesk_event event);
    const char *(ISCDESK_CALL *event_name)(iscdesk_event event);
    int64_t (ISCDESK_CALL *event_operation)(iscdesk_event event);
    const char *(ISCDESK_CALL *event_json)(iscdesk_event event);
    const char *(ISCDESK_CALL *event_param)(iscdesk_event event, const char *key);
    void (ISCDESK_CALL *event_free)(iscdesk_event event);
    int32_t (ISCDESK_CALL *get_license_string_request)(iscdesk_client client, const char *dev_info, int64_t *operation, iscdesk_error *err);
    int32_t (ISCDESK_CALL *get_license_file_request)(iscdesk_client client, const char *file_name, const char *dev_info, int64_t *operation, iscdesk_error *err);
    int32_t (ISCDESK_CALL *license_verify_notify)(iscdesk_client client, int32_t accepted, const char *message, iscdesk_error *err);
    int32_t (ISCDESK_CALL *license_state)(iscdesk_client client, iscdesk_license *license, iscdesk_error *err);
    int32_t (ISCDESK_CALL *get_fingerprint)(iscdesk_client client, char *buffer, uint32_t size, iscdesk_error *err);
    int32_t (ISCDESK_CALL *open_cloud_file)(iscdesk_client client, int64_t *operation, iscdesk_error *err);
    int32_t (ISCDESK_CALL *save)(iscdesk_client client, const char *path, int32_t is_assembly, int64_t *operation, iscdesk_error *err);
    int32_t (ISCDESK_CALL *select_save_as_path)(iscdesk_client client, const char *path, int32_t is_assembly, int64_t *operation, iscdesk_error *err);
    int32_t (ISCDESK_CALL *open_object)(iscdesk_client client, const char *object, int64_t version, int32_t checkout, int64_t *operation, iscdesk_error *err);
    int32_t (ISCDESK_CALL *save_to)(iscdesk_client client, const char *path, int32_t is_assembly, const char *space, const char *folder, const char *name, int64_t *operation, iscdesk_error *err);
    int32_t (ISCDESK_CALL *check_in)(iscdesk_client client, const char *path, iscdesk_error *err);
    int32_t (ISCDESK_CALL *check_in_object)(iscdesk_client client, const char *object, iscdesk_error *err);
    int32_t (ISCDESK_CALL *list_spaces)(iscdesk_client client, iscdesk_list *list, iscdesk_error *err);
    int32_t (ISCDESK_CALL *list_folder)(iscdesk_client client, const char *space, const char *folder, const char *after, iscdesk_list *list, iscdesk_error *err);
    int32_t (ISCDESK_CALL *list_versions)(iscdesk_client client, const char *object, iscdesk_list *list, iscdesk_error *err);
    int32_t (ISCDESK_CALL *list_count)(iscdesk_list list);
    const char *(ISCDESK_CALL *list_text)(iscdesk_list list, int32_t row, const char *key);
    int64_t (ISCDESK_CALL *list_number)(iscdesk_list list, int32_t row, const char *key);
    const char *(ISCDESK_CALL *list_next)(iscdesk_list list);
    void (ISCDESK_CALL *list_free)(iscdesk_list list);
    int32_t (ISCDESK_CALL *sign_in_page)(iscdesk_client client, int64_t *operation, iscdesk_error *err);
    int32_t (ISCDESK_CALL *sign_in_status)(iscdesk_client client, iscdesk_list *list, iscdesk_error *err);
    int32_t (ISCDESK_CALL *sign_out)(iscdesk_client client, iscdesk_error *err);
    int32_t (ISCDESK_CALL *set_come_back)(iscdesk_client client, const char *object, iscdesk_error *err);
    int32_t (ISCDESK_CALL *cancel)(iscdesk_client client, int64_t operation, iscdesk_error *err);
    int32_t (ISCDESK_CALL *operation_state)(iscdesk_client client, int64_t operation, int32_t *state, iscdesk_event *event, iscdesk_error *err);
    int32_t (ISCDESK_CALL *wake_window)(iscdesk_client client, void *window, uint32_t message, iscdesk_error *err);
    int32_t (ISCDESK_CALL *event_param_code)(iscdesk_event event, const char *key);
    const iscdesk_char16 *(ISCDESK_CALL *event_json_w)(iscdesk_event event);
    const iscdesk_char16 *(ISCDESK_CALL *event_param_w)(iscdesk_event event, const char *key);
    int32_t (ISCDESK_CALL *get_license_file_request_w)(iscdesk_client client, const iscdesk_char16 *file_name, const char *dev_info, int64_t *operation, iscdesk_error *err);
    int32_t (ISCDESK_CALL *save_w)(iscdesk_client client, const iscdesk_char16 *path, int32_t is_assembly, int64_t *operation, iscdesk_error *err);
    int32_t (ISCDESK_CALL *select_save_as_path_w)(iscdesk_client client, const iscdesk_char16 *path, int32_t is_assembly, int64_t *operation, iscdesk_error *err);
    int32_t (ISCDESK_CALL *save_to_w)(iscdesk_client client, const iscdesk_char16 *path, int32_t is_assembly, const char *space, const char *folder, const iscdesk_char16 *name, int64_t *operation, iscdesk_error *err);
    int32_t (ISCDESK_CALL *check_in_w)(iscdesk_client client, const iscdesk_char16 *path, iscdesk_error *err);
    int32_t (ISCDESK_CALL *list_text_code)(iscdesk_list list, int32_t row, const char *key);
    const iscdesk_char16 *(ISCDESK_CALL *list_text_w)(iscdesk_list list, int32_t row, const char *key);
} iscdesk_functions;

/* What iscdesk_load answers. */
#define ISCDESK_LOADED 0
#define ISCDESK_LOAD_ABSENT 1     /* no library: the application goes on without a desk */
#define ISCDESK_LOAD_INCOMPLETE 2 /* a library that lacks a function of this header */
#define ISCDESK_LOAD_TOO_OLD 3    /* its ABI is older than this header's */

#define ISCDESK_LOAD_NO_PATH 4    /* Windows: path is not a full one in UTF-8 */

#ifdef _WIN32
/* The library of a full path (C:\... or \\server\...). By a bare name or a relative
 * path Windows would also search the folder of the program, the current one and
 * PATH, where somebody else may have laid one. */
static int iscdesk_load_open_(const char *path, HMODULE *library)
{
    wchar_t wide[ISCDESK_MAX_PATH + 1];
    int drive, share;
    *library = NULL;
    if (!path || !path[0])
        return ISCDESK_LOAD_NO_PATH;
    drive = ((path[0] >= 'A' && path[0] <= 'Z') || (path[0] >= 'a' && path[0] <= 'z')) && path[1] == ':' && path[2] == '\\';
    share = path[0] == '\\' && path[1] == '\\';
    if ((!drive && !share) || MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, wide, ISCDESK_MAX_PATH + 1) == 0)
        return ISCDESK_LOAD_NO_PATH;
    /* LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR and _SYSTEM32, which old headers lack: what the library needs itself */
    *library = LoadLibraryExW(wide, NULL, 0x100 | 0x800);
    return *library ? ISCDESK_LOADED : ISCDESK_LOAD_ABSENT;
}
#define ISCDESK_LOAD_FIND_(name) GetProcAddress(library, name)
#else
static int iscdesk_load_open_(const char *path, void **library)
{
    *library = dlopen(path ? path : "libiscdesk.so.1", RTLD_NOW | RTLD_LOCAL);
    return *library ? ISCDESK_LOADED : ISCDESK_LOAD_ABSENT;
}
#define ISCDESK_LOAD_FIND_(name) dlsym(library, name)
#endif

/* Loads the library and fills f. Give the full path where the application ships
 * its own, never a relative one. NULL takes the installed one by its name, which
 * the system's own loader knows on Linux; on Windows a full path is demanded.
 * The library stays for the life of the process. Any thread, once is enough.
 * Blocks for some milliseconds. f is all NULL unless ISCDESK_LOADED comes back. */
static int iscdesk_load(iscdesk_functions *f, const char *path)
{
#ifdef _WIN32
    HMODULE library;
    FARPROC found;
#else
    void *library, *found;
#endif
    int rc = iscdesk_load_open_(path, &library);
    memset(f, 0, sizeof *f);
    if (rc != ISCDESK_LOADED)
        return rc;
/* memcpy: ISO C has no cast from an object's to a function's address */
#define ISCDESK_LOAD_(member)                              \
    found = ISCDESK_LOAD_FIND_("iscdesk_" #member);        \
    if (!found) {                                          \
        memset(f, 0, sizeof *f);                           \
        return ISCDESK_LOAD_INCOMPLETE;                    \
    }                                                      \
    memcpy(&f->member, &found, sizeof found);

    ISCDESK_LOAD_(abi)
    ISCDESK_LOAD_(version)
    ISCDESK_LOAD_(error_text)
    ISCDESK_LOAD_(error_hint)
    ISCDESK_LOAD_(init_abi)
    ISCDESK_LOAD_(shut_out)
    ISCDESK_LOAD_(register_event_recall)
    ISCDESK_LOAD_(next_event)
    ISCDESK_LOAD_(dispatch)
    ISCDESK_LOAD_(event_descriptor)
    ISCDESK_LOAD_(event_type)
    ISCDESK_LOAD_(event_name)
    ISCDESK_LOAD_(event_operation)
    ISCDESK_LOAD_(event_json)
    ISCDESK_LOAD_(event_param)
    ISCDESK_LOAD_(event_free)
    ISCDESK_LOAD_(get_license_string_request)
    ISCDESK_LOAD_(get_license_file_request)
    ISCDESK_LOAD_(license_verify_notify)
    ISCDESK_LOAD_(license_state)
    ISCDESK_LOAD_(get_fingerprint)
    ISCDESK_LOAD_(open_cloud_file)
    ISCDESK_LOAD_(save)
    ISCDESK_LOAD_(select_save_as_path)
    ISCDESK_LOAD_(open_object)
    ISCDESK_LOAD_(save_to)
    ISCDESK_LOAD_(check_in)
    ISCDESK_LOAD_(check_in_object)
    ISCDESK_LOAD_(list_spaces)
    ISCDESK_LOAD_(list_folder)
    ISCDESK_LOAD_(list_versions)
    ISCDESK_LOAD_(list_count)
    ISCDESK_LOAD_(list_text)
    ISCDESK_LOAD_(list_number)
    ISCDESK_LOAD_(list_next)
    ISCDESK_LOAD_(list_free)
    ISCDESK_LOAD_(sign_in_page)
    ISCDESK_LOAD_(sign_in_status)
    ISCDESK_LOAD_(sign_out)
    ISCDESK_LOAD_(set_come_back)
    ISCDESK_LOAD_(cancel)
    ISCDESK_LOAD_(operation_state)
    ISCDESK_LOAD_(wake_window)
    ISCDESK_LOAD_(event_param_code)
    ISCDESK_LOAD_(event_json_w)
    ISCDESK_LOAD_(event_param_w)
    ISCDESK_LOAD_(get_license_file_request_w)
    ISCDESK_LOAD_(save_w)
    ISCDESK_LOAD_(select_save_as_path_w)
    ISCDESK_LOAD_(save_to_w)
    ISCDESK_LOAD_(check_in_w)
    ISCDESK_LOAD_(list_text_code)
    ISCDESK_LOAD_(list_text_w)

#undef ISCDESK_LOAD_
#undef ISCDESK_LOAD_FIND_
    if (f->abi() < ISCDESK_ABI) {
        memset(f, 0, sizeof *f);
        return ISCDESK_LOAD_TOO_OLD;
    }
    return ISCDESK_LOADED;
}

#endif /* ISCDESK_LOAD_H */
