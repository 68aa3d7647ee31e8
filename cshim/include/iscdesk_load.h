/*
 * iscdesk_load.h - loads the library at run time, in C89: an application that
 * is not linked against it starts where no desk is installed.
 *
 *     iscdesk_functions desk;
 *     int rc = iscdesk_load(&desk, NULL);
 *     if (rc == ISCDESK_LOADED)
 *         desk.init_abi(ISCDESK_ABI, &options, &client, &err);
 *     else
 *         puts(iscdesk_load_text(rc));
 *
 * Every function of iscdesk.h is a member without its prefix; comments there
 * hold. Include this in one C file of the application (or C++: the functions
 * are static). On Linux link with -ldl where the C library still needs it, on
 * Windows with advapi32.
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
#ifdef _MSC_VER
#pragma comment(lib, "advapi32.lib")
#endif
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

/* What iscdesk_load answers; iscdesk_load_text has a sentence for each. */
#define ISCDESK_LOADED 0
#define ISCDESK_LOAD_ABSENT 1     /* no library: the application goes on without a desk */
#define ISCDESK_LOAD_INCOMPLETE 2 /* a library that lacks a function of this header */
#define ISCDESK_LOAD_TOO_OLD 3    /* its ABI is older than this header's */
/* Windows alone: */
#define ISCDESK_LOAD_NO_PATH 4        /* path is not a full one in UTF-8 */
#define ISCDESK_LOAD_NOT_REGISTERED 5 /* the registry names no library for programs of this bitness */
#define ISCDESK_LOAD_NOT_TEXT 6       /* what it names is no text */
#define ISCDESK_LOAD_RELATIVE 7       /* ... no full path */
#define ISCDESK_LOAD_NETWORK 8        /* ... on another machine, or a device */
#define ISCDESK_LOAD_TOO_LONG 9       /* ... of more than 259 characters */
#define ISCDESK_LOAD_BITNESS 10       /* a library for programs of the other bitness, or no library */
#define ISCDESK_LOAD_REFUSED 11       /* Windows did not load it */

#if defined(__GNUC__)
#define ISCDESK_LOAD_MAY_REST_ __attribute__((unused))
#else
#define ISCDESK_LOAD_MAY_REST_
#endif

/* One English sentence, for ever; also for a code that is none. */
ISCDESK_LOAD_MAY_REST_ static const char *iscdesk_load_text(int code)
{
    switch (code) {
    case ISCDESK_LOADED:
        return "The ISCDesk library is loaded.";
    case ISCDESK_LOAD_ABSENT:
        return "There is no ISCDesk library at the place where it should be: install ISCDesk again.";
    case ISCDESK_LOAD_INCOMPLETE:
        return "The library lacks a function that this program needs: update ISCDesk.";
    case ISCDESK_LOAD_TOO_OLD:
        return "The ISCDesk library is older than this program: update ISCDesk.";
    case ISCDESK_LOAD_NO_PATH:
        return "The program did not give a full path of the ISCDesk library.";
    case ISCDESK_LOAD_NOT_REGISTERED:
        return "ISCDesk is not installed on this computer, or not for programs of this bitness.";
    case ISCDESK_LOAD_NOT_TEXT:
        return "The registry's entry for the ISCDesk library is not a text: install ISCDesk again.";
    case ISCDESK_LOAD_RELATIVE:
        return "The registry's entry for the ISCDesk library is not a full path: install ISCDesk again.";
    case ISCDESK_LOAD_NETWORK:
        return "The registry's entry for the ISCDesk library is not on a drive of this computer: install ISCDesk again.";
    case ISCDESK_LOAD_TOO_LONG:
        return "The registry's entry for the ISCDesk library is too long: install ISCDesk in a shorter path.";
    case ISCDESK_LOAD_BITNESS:
        return "The ISCDesk library is for programs of the other bitness, or damaged: install ISCDesk again.";
    case ISCDESK_LOAD_REFUSED:
        return "Windows did not load the ISCDesk library: ISCDesk needs Windows 10 or later.";
    default:
        return "The ISCDesk library was not loaded.";
    }
}

#ifdef _WIN32
static int iscdesk_load_drive_(const wchar_t *path)
{
    return ((path[0] >= 'A' && path[0] <= 'Z') || (path[0] >= 'a' && path[0] <= 'z')) && path[1] == ':' && path[2] == '\\';
}

/* The path that the installer laid down, in HKEY_LOCAL_MACHINE, which administrators
 * alone can write: a user's own part of the registry is never asked. There is one
 * entry for 32-bit programs too, in the 64-bit view (0x0100 is KEY_WOW64_64KEY,
 * which old headers lack). */
static int iscdesk_load_registered_(wchar_t *path, DWORD room)
{
    HKEY key;
    DWORD type = 0, size = room * (DWORD)sizeof *path, count, i;
    LONG rc;
    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, L"SOFTWARE\\ISCDesk", 0, KEY_QUERY_VALUE | 0x0100, &key) != ERROR_SUCCESS)
        return ISCDESK_LOAD_NOT_REGISTERED;
    rc = RegQueryValueExW(key, sizeof(void *) == 8 ? L"Library64" : L"Library32", NULL, &type, (BYTE *)path, &size);
    RegCloseKey(key);
    if (rc == ERROR_MORE_DATA)
        return ISCDESK_LOAD_TOO_LONG;
    if (rc != ERROR_SUCCESS)
        return ISCDESK_LOAD_NOT_REGISTERED;
    if (type != REG_SZ || size % sizeof *path != 0) /* nor one with variables, which a user sets */
        return ISCDESK_LOAD_NOT_TEXT;
    count = size / (DWORD)sizeof *path;
    if (count > 0 && path[count - 1] == 0)
        count--;
    if (count >= room)
        return ISCDESK_LOAD_TOO_LONG;
    path[count] = 0;
    for (i = 0; i < count; i++)
        if (path[i] == 0)
            return ISCDESK_LOAD_NOT_TEXT;
    if (count > 1 && path[0] == '\\' && path[1] == '\\')
        return ISCDESK_LOAD_NETWORK;
    return count > 3 && iscdesk_load_drive_(path) ? ISCDESK_LOADED : ISCDESK_LOAD_RELATIVE;
}

/* The library of a full path (C:\... or \\server\...). By a bare name or a relative
 * path Windows would also search the folder of the program, the current one and
 * PATH, where somebody else may have laid one. */
static int iscdesk_load_open_(const char *path, HMODULE *library)
{
    enum { most = 260 }; /* MAX_PATH: as long as Windows loads */
    wchar_t wide[ISCDESK_MAX_PATH + 1];
    int rc = ISCDESK_LOADED;
    *library = NULL;
    if (!path)
        rc = iscdesk_load_registered_(wide, most);
    else if (MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, wide, ISCDESK_MAX_PATH + 1) == 0 ||
             (!iscdesk_load_drive_(wide) && !(wide[0] == '\\' && wide[1] == '\\')))
        rc = ISCDESK_LOAD_NO_PATH;
    if (rc != ISCDESK_LOADED)
        return rc;
    if (GetFileAttributesW(wide) == (DWORD)-1)
        return ISCDESK_LOAD_ABSENT;
    /* LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR and _SYSTEM32, which old headers lack: what the library needs itself */
    *library = LoadLibraryExW(wide, NULL, 0x100 | 0x800);
    if (*library)
        return ISCDESK_LOADED;
    return GetLastError() == ERROR_BAD_EXE_FORMAT ? ISCDESK_LOAD_BITNESS : ISCDESK_LOAD_REFUSED;
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

/* Loads the library and fills f. Give the full path in UTF-8 where the application
 * ships its own, never a relative one. NULL takes the installed one: on Linux by its
 * name, which the system's own loader knows; on Windows by the full path that the
 * registry has, HKEY_LOCAL_MACHINE\SOFTWARE\ISCDesk, Library64 or Library32, and
 * never from the current folder, the program's or PATH.
 * The library stays for the life of the process. Any thread, once is enough; not in
 * DllMain. Blocks for some milliseconds. f is all NULL unless ISCDESK_LOADED comes back. */
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
