/* Calls in UTF-16 on every system, what the getters give, and options of every size. */
#include <stddef.h>

#include "host.h"

static const iscdesk_char16 name_w[] = {0x56fe, ' ', 0xd83d, 0xde00, 0xe9, '.', 'd', 'x', 'f', 0};
static const char name[] = "\xe5\x9b\xbe \xf0\x9f\x98\x80\xc3\xa9.dxf";

static int same(const iscdesk_char16 *a, const iscdesk_char16 *b)
{
    if (a == NULL)
        return 0;
    for (; *a != 0 && *a == *b; a++, b++)
        ;
    return *a == *b;
}

static char path[1024];
static iscdesk_char16 wide[1024]; /* the same */

/* Makes the file called name in folder, whose own path is ASCII. */
static void make_file(const char *folder)
{
    size_t n, i;
    FILE *f;
    for (n = 0; folder[n] != 0 && n < 900; n++)
        wide[n] = (iscdesk_char16)folder[n];
    wide[n++] = (iscdesk_char16)HOST_ROOT[strlen(HOST_ROOT) - 1];
    for (i = 0; i < sizeof name_w / sizeof name_w[0]; i++)
        wide[n + i] = name_w[i];
    snprintf(path, sizeof path, "%s%s%s", folder, HOST_ROOT + strlen(HOST_ROOT) - 1, name);
#ifdef _WIN32
    f = _wfopen(wide, L"w");
#else
    f = fopen(path, "w");
#endif
    CHECK(f != NULL);
    fclose(f);
}

static iscdesk_event ends(iscdesk_client c, int32_t type, int64_t operation)
{
    iscdesk_event e;
    for (;;) {
        WANT(ISCDESK_OK, iscdesk_next_event(c, 10000, &e, err()));
        if (iscdesk_event_type(e) == type && (operation == 0 || iscdesk_event_operation(e) == operation))
            return e;
        iscdesk_event_free(e);
    }
}

static void calls(iscdesk_client c)
{
    iscdesk_event e;
    int64_t operation;
    WANT(ISCDESK_OK, iscdesk_save_w(c, wide, 0, &operation, err()));
    e = ends(c, ISCDESK_EVENT_SAVE_RESULT, operation);
    CHECK(strcmp(iscdesk_event_param(e, "path"), path) == 0 && same(iscdesk_event_param_w(e, "path"), wide));
    CHECK(iscdesk_event_param_w(e, "path") == iscdesk_event_param_w(e, "path")); /* kept */
    CHECK(iscdesk_event_json_w(e)[0] == '{' && strstr(iscdesk_event_json(e), name) != NULL);
    CHECK(iscdesk_event_param_code(e, "path") == ISCDESK_OK && iscdesk_event_param_code(e, "none") == ISCDESK_E_NOT_FOUND);
    CHECK(iscdesk_event_param_w(e, "none") == NULL && iscdesk_event_param_code(e, NULL) == ISCDESK_E_NOT_FOUND);
    iscdesk_event_free(e);
    CHECK(iscdesk_event_param_code(e, "path") == ISCDESK_E_CLOSED && iscdesk_event_json_w(e) == NULL);
    CHECK(iscdesk_operation_state(c, operation, &(int32_t){0}, &e, err()) == ISCDESK_OK);
    CHECK(same(iscdesk_event_param_w(e, "path"), wide));
    iscdesk_event_free(e);
    CHECK(iscdesk_check_in_w(c, wide, NULL) == iscdesk_check_in(c, path, NULL));
    WANT(ISCDESK_OK, iscdesk_save_to_w(c, wide, 0, "s1", NULL, name_w, &operation, err()));
    iscdesk_event_free(ends(c, ISCDESK_EVENT_SAVE_RESULT, operation));
    WANT(ISCDESK_OK, iscdesk_save_to_w(c, wide, 0, "s1", "", NULL, &operation, err()));
    iscdesk_event_free(ends(c, ISCDESK_EVENT_SAVE_RESULT, operation));
    WANT(ISCDESK_OK, iscdesk_select_save_as_path_w(c, wide, 0, NULL, err()));
    WANT(ISCDESK_OK, iscdesk_get_license_file_request_w(c, name_w, "", &operation, err()));
    e = ends(c, ISCDESK_EVENT_LICENSE_VERIFY, operation);
    CHECK(iscdesk_event_param_w(e, "LicenseFilePath") != NULL);
    iscdesk_event_free(e);
}

static void lists(iscdesk_client c)
{
    iscdesk_list l;
    const char *text;
    const iscdesk_char16 *units;
    CHECK(iscdesk_list_spaces(c, &l, err()) > 0);
    text = iscdesk_list_text(l, 0, "id");
    units = iscdesk_list_text_w(l, 0, "id"); /* ASCII */
    CHECK(text != NULL && units != NULL && iscdesk_list_text_code(l, 0, "id") == ISCDESK_OK);
    for (; *text != 0; text++, units++)
        CHECK(*units == (iscdesk_char16)*text);
    CHECK(*units == 0 && iscdesk_list_text_w(l, 99, "id") == NULL && iscdesk_list_text_code(l, 99, "id") == ISCDESK_E_NOT_FOUND);
    iscdesk_list_free(l);
    CHECK(iscdesk_list_text_code(l, 0, "id") == ISCDESK_E_CLOSED && iscdesk_list_text_w(l, 0, "id") == NULL);
}

static void refusals(iscdesk_client c)
{
    static const iscdesk_char16 lone[][5] = {{'/', 0xd83d, 0}, {'/', 0xde00, 0}, {'/', 0xd83d, 'a', 0}, {'/', 0xde00, 0xd83d, 0}, {0}};
    iscdesk_char16 over[ISCDESK_MAX_PATH + 2];
    size_t i;
    for (i = 0; i < sizeof lone / sizeof lone[0]; i++) {
        WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_save_w(c, lone[i], 0, NULL, err()));
        CHECK(strcmp(host_err.detail, "path") == 0);
        WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_select_save_as_path_w(c, lone[i], 0, NULL, err()));
        WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_check_in_w(c, lone[i], err()));
        WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_save_to_w(c, lone[i], 0, "s1", NULL, NULL, NULL, err()));
    }
    WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_save_to_w(c, wide, 0, "s1", NULL, lone[0], NULL, err()));
    CHECK(strcmp(host_err.detail, "name") == 0);
    WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_save_to_w(c, wide, 0, "\xff", NULL, NULL, NULL, err()));
    WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_get_license_file_request_w(c, lone[1], NULL, NULL, err()));
    WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_save_w(c, NULL, 0, NULL, err()));
    for (i = 0; i <= ISCDESK_MAX_PATH; i++)
        over[i] = '/';
    over[i] = 0;
    WANT(ISCDESK_E_TOO_LARGE, iscdesk_save_w(c, over, 0, NULL, err()));
}

static void options(const char *endpoint, const char *folder)
{
    iscdesk_options o = host_options(endpoint);
    iscdesk_client c;
    iscdesk_char16 crash[512];
    static const iscdesk_char16 lone[] = {0xd83d, 0};
    size_t n;
    for (n = offsetof(iscdesk_options, crash_file); n <= sizeof o; n++) { /* of every earlier header, and odd ones */
        o.size = (uint32_t)n;
        WANT(ISCDESK_OK, iscdesk_init(&o, &c, err()));
        WANT(ISCDESK_OK, iscdesk_shut_out(c, err()));
    }
    o.crash_file_w = lone;
    o.size = (uint32_t)offsetof(iscdesk_options, crash_file_w); /* not known to that header */
    WANT(ISCDESK_OK, iscdesk_init(&o, &c, err()));
    WANT(ISCDESK_OK, iscdesk_shut_out(c, err()));
    o.size = (uint32_t)sizeof o;
    WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_init(&o, &c, err()));
    CHECK(strcmp(host_err.detail, "crash_file") == 0);
    for (n = 0; folder[n] != 0 && n < 400; n++)
        crash[n] = (iscdesk_char16)folder[n];
    crash[n++] = '/';
    crash[n++] = 0x56fe;
    crash[n] = 0;
    o.crash_file_w = crash;
    o.crash_file = "/nowhere/at/all"; /* the one in UTF-16 counts */
    WANT(ISCDESK_OK, iscdesk_init(&o, &c, err()));
    WANT(ISCDESK_OK, iscdesk_shut_out(c, err()));
#ifndef _WIN32
    o = host_options(endpoint);
    o.text_encoding = ISCDESK_TEXT_ANSI;
    WANT(ISCDESK_E_NOT_SUPPORTED, iscdesk_init(&o, &c, err()));
    CHECK(strstr(host_err.detail, "no ANSI code page on this system") != NULL);
#endif
}

int main(int argc, char **argv)
{
    iscdesk_client c;
    CHECK(argc == 3);
    make_file(argv[2]);
    c = host_open(argv[1]);
    calls(c);
    lists(c);
    refusals(c);
#ifndef _WIN32
    WANT(ISCDESK_E_NOT_SUPPORTED, iscdesk_wake_window(c, &c, 0x8001, err()));
    CHECK(strstr(host_err.detail, "iscdesk_event_descriptor") != NULL);
#endif
    WANT(ISCDESK_OK, iscdesk_shut_out(c, err()));
    options(argv[1], argv[2]);
    return 0;
}
