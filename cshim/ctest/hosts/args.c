/* Bad arguments: NULL, not UTF-8, at and over each limit, structs of other
 * sizes. Each gets a stable code and no crash. */
#include "host.h"

static const char *const not_utf8[] = {"\x80",         "\xc0\xaf",     "\xe0\x80\xaf",     "\xed\xa0\x80", "\xf0\x80\x80\xaf",
                                       "\xf4\x90\x80\x80", "\xff", "/tmp/\xe4\xbd", "/tmp/\xe4", "a\xf0\x9f\x98"};

static char *long_text(size_t n)
{
    char *s = malloc(n + 1);
    CHECK(s != NULL);
    memset(s, 'a', n);
    memcpy(s, HOST_ROOT, strlen(HOST_ROOT));
    s[n] = 0;
    return s;
}

static void texts(iscdesk_client c)
{
    char *most = long_text(ISCDESK_MAX_PATH), *over = long_text(ISCDESK_MAX_PATH + 1), *huge = long_text(1 << 24);
    char *info = long_text(ISCDESK_MAX_DEV_INFO), *info_over = long_text(ISCDESK_MAX_DEV_INFO + 1);
    size_t i;
    iscdesk_list l;
    for (i = 0; i < sizeof not_utf8 / sizeof not_utf8[0]; i++) {
        WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_save(c, not_utf8[i], 0, NULL, err()));
        CHECK(strcmp(host_err.detail, "path") == 0);
        WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_get_license_string_request(c, not_utf8[i], NULL, err()));
        WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_get_license_file_request(c, not_utf8[i], "", NULL, err()));
        WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_license_verify_notify(c, 0, not_utf8[i], err()));
        WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_list_folder(c, not_utf8[i], NULL, NULL, &l, err()));
        WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_open_object(c, not_utf8[i], 0, 0, NULL, err()));
        WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_save_to(c, HOST_ROOT "a", 0, "s1", NULL, not_utf8[i], NULL, err()));
    }
    CHECK(iscdesk_save(c, most, 0, NULL, err()) != ISCDESK_E_TOO_LARGE);
    WANT(ISCDESK_E_TOO_LARGE, iscdesk_save(c, over, 0, NULL, err()));
    WANT(ISCDESK_E_TOO_LARGE, iscdesk_save(c, huge, 0, NULL, err()));
    WANT(ISCDESK_OK, iscdesk_get_license_string_request(c, info, NULL, err()));
    WANT(ISCDESK_E_TOO_LARGE, iscdesk_get_license_string_request(c, info_over, NULL, err()));
    WANT(ISCDESK_OK, iscdesk_get_license_string_request(c, "\xe8\xae\xb8\xe5\x8f\xaf \xf0\x9f\x94\x91", NULL, err()));
    free(most);
    free(over);
    free(huge);
    free(info);
    free(info_over);
}

static void nulls(iscdesk_client c)
{
    char text[4];
    iscdesk_list l = (iscdesk_list)77;
    WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_save(c, NULL, 0, NULL, err()));
    WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_save(c, "", 0, NULL, err()));
    WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_save(c, "relative", 0, NULL, err()));
    WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_select_save_as_path(c, NULL, 0, NULL, err()));
    WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_check_in(c, NULL, err()));
    WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_check_in_object(c, NULL, err()));
    WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_check_in_object(c, "", err()));
    WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_open_object(c, NULL, 0, 0, NULL, err()));
    WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_save_to(c, HOST_ROOT "a", 0, NULL, NULL, NULL, NULL, err()));
    WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_list_folder(c, NULL, NULL, NULL, &l, err()));
    CHECK(l == NULL); /* outputs are set first */
    WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_list_spaces(c, NULL, err()));
    WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_get_fingerprint(c, NULL, 10, err()));
    WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_get_fingerprint(c, text, 0, err()));
    WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_next_event(c, 0, NULL, err()));
    WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_dispatch(c, 0, NULL, NULL, err()));
    WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_event_descriptor(c, NULL, err()));
    WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_license_state(c, NULL, err()));
    WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_operation_state(c, 1, NULL, NULL, err()));
    CHECK(iscdesk_event_param(NULL, NULL) == NULL && iscdesk_list_text(NULL, 0, NULL) == NULL);
    iscdesk_event_free(NULL);
    iscdesk_list_free(NULL);
}

static void options(const char *endpoint)
{
    iscdesk_options o = host_options(endpoint);
    iscdesk_client c;
    struct {
        iscdesk_options known;
        char later[64];
    } newer;
    CHECK(iscdesk_init(NULL, &c, err()) == ISCDESK_E_INVALID_ARGUMENT);
    CHECK(iscdesk_init(&o, NULL, err()) == ISCDESK_E_INVALID_ARGUMENT);
    o.size = 0;
    WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_init(&o, &c, err()));
    o = host_options(endpoint);
    o.size = (uint32_t)(offsetof(iscdesk_options, endpoint) + sizeof o.endpoint); /* of an earlier header */
    WANT(ISCDESK_OK, iscdesk_init(&o, &c, err()));
    WANT(ISCDESK_OK, iscdesk_shut_out(c, err()));
    memset(&newer, 0xff, sizeof newer); /* of a later one */
    newer.known = host_options(endpoint);
    newer.known.size = (uint32_t)sizeof newer;
    WANT(ISCDESK_OK, iscdesk_init(&newer.known, &c, err()));
    WANT(ISCDESK_OK, iscdesk_shut_out(c, err()));
    WANT(ISCDESK_E_NOT_SUPPORTED, iscdesk_init_abi(ISCDESK_ABI + 1, &newer.known, &c, err()));
    WANT(ISCDESK_E_NOT_SUPPORTED, iscdesk_init_abi(0, &newer.known, &c, err()));
    o = host_options(endpoint);
    o.flags = 1u << 31;
    WANT(ISCDESK_E_NOT_SUPPORTED, iscdesk_init(&o, &c, err()));
    o = host_options(endpoint);
    o.text_encoding = 7;
    WANT(ISCDESK_E_NOT_SUPPORTED, iscdesk_init(&o, &c, err()));
    o = host_options(endpoint);
    o.timeout_ms = -1;
    WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_init(&o, &c, err()));
    o = host_options("relative.sock");
    WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_init(&o, &c, err()));
    o = host_options("\xff");
    WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_init(&o, &c, err()));
}

static void structs(iscdesk_client c)
{
    struct {
        uint32_t size, code;
        unsigned char after[64];
    } old;
    union {
        iscdesk_license whole;
        unsigned char bytes[sizeof(iscdesk_license) + 64];
    } lic;
    size_t i;
    memset(&old, 0xa5, sizeof old);
    old.size = 8; /* a caller that knows size and code only */
    CHECK(iscdesk_save(c, NULL, 0, NULL, (iscdesk_error *)&old) == ISCDESK_E_INVALID_ARGUMENT);
    CHECK((int32_t)old.code == ISCDESK_E_INVALID_ARGUMENT);
    for (i = 0; i < sizeof old.after; i++)
        CHECK(old.after[i] == 0xa5);
    memset(&lic, 0xa5, sizeof lic);
    lic.whole.size = 16;
    WANT(ISCDESK_OK, iscdesk_license_state(c, &lic.whole, err()));
    CHECK(lic.whole.state == ISCDESK_LICENSE_VALID);
    for (i = 16; i < sizeof lic.bytes; i++)
        CHECK(lic.bytes[i] == 0xa5);
    memset(&lic, 0xa5, sizeof lic);
    lic.whole.size = (uint32_t)sizeof lic.bytes;
    WANT(ISCDESK_OK, iscdesk_license_state(c, &lic.whole, err()));
    for (i = sizeof(iscdesk_license); i < sizeof lic.bytes; i++)
        CHECK(lic.bytes[i] == 0xa5);
}

int main(int argc, char **argv)
{
    iscdesk_client c, many[80];
    int i, n = 0;
    iscdesk_options o;
    CHECK(argc == 2);
    c = host_open(argv[1]);
    texts(c);
    nulls(c);
    structs(c);
    options(argv[1]);
    WANT(ISCDESK_OK, iscdesk_shut_out(c, err()));
    o = host_options(argv[1]);
    for (i = 0; i < 80; i++)
        if (iscdesk_init(&o, &many[n], err()) == ISCDESK_OK)
            n++;
        else
            CHECK(host_err.code == ISCDESK_E_BUSY);
    CHECK(n == 64);
    for (i = 0; i < n; i++)
        WANT(ISCDESK_OK, iscdesk_shut_out(many[i], err()));
    CHECK(strlen(iscdesk_error_text(-99999, "en")) > 0 && strlen(iscdesk_error_text(-99999, "zh")) > 0);
    CHECK(strcmp(iscdesk_error_text(ISCDESK_E_DISK_FULL, NULL), iscdesk_error_text(ISCDESK_E_DISK_FULL, "en")) == 0);
    CHECK(strcmp(iscdesk_error_text(ISCDESK_E_DISK_FULL, "zh-CN"), iscdesk_error_text(ISCDESK_E_DISK_FULL, "en")) != 0);
    return 0;
}
