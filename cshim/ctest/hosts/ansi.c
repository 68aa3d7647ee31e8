/* A program in the code page of its process: what fits comes as bytes, what does not
 * comes with a code, and in UTF-16 all the same. Runs under code pages 936 and 1252. */
#include "host.h"

static iscdesk_client c;

static iscdesk_event saved(const char *path, const iscdesk_char16 *wide)
{
    iscdesk_event e;
    int64_t operation;
    if (path != NULL)
        WANT(ISCDESK_OK, iscdesk_save(c, path, 0, &operation, err()));
    else
        WANT(ISCDESK_OK, iscdesk_save_w(c, wide, 0, &operation, err()));
    for (;;) {
        WANT(ISCDESK_OK, iscdesk_next_event(c, 10000, &e, err()));
        if (iscdesk_event_type(e) == ISCDESK_EVENT_SAVE_RESULT && iscdesk_event_operation(e) == operation)
            return e;
        iscdesk_event_free(e);
    }
}

static void make_file(const wchar_t *path)
{
    FILE *f = _wfopen(path, L"w");
    if (f == NULL)
        fprintf(stderr, "cannot make %ls: %s\n", path, strerror(errno));
    CHECK(f != NULL);
    fclose(f);
}

static int ascii(const char *s)
{
    for (; s != NULL && *s != 0; s++)
        if ((unsigned char)*s >= 0x80)
            return 0;
    return s != NULL;
}

/* UTF-8 in a code page, as the system itself makes it; "" when it does not fit. */
static const char *in_page(unsigned int page, const char *utf8)
{
    static char out[2048];
    wchar_t wide[1024];
    BOOL lost = FALSE;
    CHECK(MultiByteToWideChar(CP_UTF8, 0, utf8, -1, wide, 1024) > 0);
    if (WideCharToMultiByte(page, WC_NO_BEST_FIT_CHARS, wide, -1, out, sizeof out, NULL, &lost) == 0 || lost)
        out[0] = 0;
    return out;
}

int main(int argc, char **argv)
{
    const unsigned int page = GetACP();
    char path[300];
    wchar_t wide[300], korean[300];
    iscdesk_options o;
    iscdesk_event e;
    iscdesk_list l;
    iscdesk_license state;
    const char *zh;
    CHECK(argc == 3);
    CHECK(page == 936 || page == 1252);
    /* in 936 a byte looks like a backslash */
    snprintf(path, sizeof path, "%s\\%s", argv[2], page == 936 ? "\xd5\\\xcd\xbc.dxf" : "caf\xe9 \x80.dxf");
    _snwprintf(wide, 300, L"%hs\\%ls", argv[2], page == 936 ? L"\x8aa0\x56fe.dxf" : L"caf\xe9 \x20ac.dxf");
    _snwprintf(korean, 300, L"%hs\\\xd55c\xd83d\xde00.dxf", argv[2]);
    make_file(wide);
    make_file(korean);
    o = host_options(argv[1]);
    o.text_encoding = ISCDESK_TEXT_ANSI;
    o.language = "zh-CN";
    o.app_version = page == 936 ? "\xcd\xbc 1" : "\xe9 1";
    WANT(ISCDESK_OK, iscdesk_init(&o, &c, err()));

    WANT(ISCDESK_OK, iscdesk_set_come_back(c, page == 936 ? "{\"a\":\"\xd5\\\"}" : "{\"a\":\"\xe9\"}", err()));
    e = saved(path, NULL);
    CHECK(strcmp(iscdesk_event_param(e, "path"), path) == 0 && iscdesk_event_param_code(e, "path") == ISCDESK_OK);
    CHECK(wcscmp(iscdesk_event_param_w(e, "path"), wide) == 0);
    CHECK(ascii(iscdesk_event_json(e)) && strstr(iscdesk_event_json(e), page == 936 ? "\\u8aa0\\u56fe.dxf" : "caf\\u00e9 \\u20ac.dxf") != NULL);
    CHECK(strstr(iscdesk_event_json(e), page == 936 ? "{\"a\":\"\\u8aa0\"}" : "{\"a\":\"\\u00e9\"}") != NULL);
    CHECK(wcsstr(iscdesk_event_json_w(e), page == 936 ? L"{\"a\":\"\x8aa0\"}" : L"{\"a\":\"\xe9\"}") != NULL);
    CHECK(strcmp(iscdesk_event_name(e), "EVENT_SAVE_RESULT") == 0);
    iscdesk_event_free(e);

    e = saved(NULL, korean); /* the event comes, the name by the other getter */
    CHECK(iscdesk_event_param(e, "path") == NULL && iscdesk_event_param_code(e, "path") == ISCDESK_E_TEXT_ENCODING);
    CHECK(wcscmp(iscdesk_event_param_w(e, "path"), korean) == 0);
    CHECK(ascii(iscdesk_event_json(e)) && strstr(iscdesk_event_json(e), "\\ud55c\\ud83d\\ude00.dxf") != NULL);
    CHECK(strcmp(iscdesk_event_param(e, "status"), "success") == 0);
    iscdesk_event_free(e);

    if (page == 936) {
        WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_save(c, "C:\\\xcd", 0, NULL, err())); /* half a character */
        CHECK(strcmp(host_err.detail, "path") == 0);
    }
    zh = iscdesk_error_text(ISCDESK_E_INVALID_ARGUMENT, "zh-CN");
    WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_save(c, "", 0, NULL, err()));
    CHECK(strcmp(host_err.message, page == 936 ? in_page(page, zh) : iscdesk_error_text(ISCDESK_E_INVALID_ARGUMENT, "en")) == 0);

    memset(&state, 0, sizeof state);
    state.size = sizeof state;
    WANT(ISCDESK_OK, iscdesk_license_state(c, &state, err()));
    CHECK(page == 936 || (ascii(state.reason) && ascii(state.hint)));
    CHECK(iscdesk_list_spaces(c, &l, err()) > 0);
    CHECK(iscdesk_list_text_code(l, 0, "id") == ISCDESK_OK && iscdesk_list_text_w(l, 0, "name") != NULL);
    CHECK((iscdesk_list_text(l, 0, "name") == NULL) == (iscdesk_list_text_code(l, 0, "name") != ISCDESK_OK));
    iscdesk_list_free(l);
    WANT(ISCDESK_OK, iscdesk_shut_out(c, err()));
    printf("code page %u\n", page);
    return 0;
}
