/* Every function once, on the straight way; also the host of the ASan and
 * cgocheck2 builds. Run by ctest with the fake agent's own folder as argv[2]. */
#include "host.h"

static const char *note; /* what the events of the requests under way must bring back */

static void ends_with(iscdesk_client c, int64_t op, int32_t type, const char *key, const char *want)
{
    iscdesk_event e;
    for (;;) {
        const char *value;
        WANT(ISCDESK_OK, iscdesk_next_event(c, 10000, &e, err()));
        if (iscdesk_event_operation(e) != op || iscdesk_event_type(e) != type) {
            iscdesk_event_free(e);
            continue;
        }
        value = iscdesk_event_param(e, key);
        CHECK(value != NULL && strcmp(value, want) == 0);
        CHECK(strncmp(iscdesk_event_json(e), "{\"operate\":\"", 12) == 0);
        CHECK(strstr(iscdesk_event_json(e), "\"comeBackParams\":{") != NULL);
        CHECK(note == NULL || strstr(iscdesk_event_json(e), note) != NULL);
        CHECK(note != NULL || strstr(iscdesk_event_json(e), "\"comeBackParams\":{}") != NULL);
        CHECK(iscdesk_event_param(e, "operate") != NULL);
        CHECK(iscdesk_event_param(e, "no such key") == NULL);
        CHECK(strncmp(iscdesk_event_name(e), "EVENT_", 6) == 0);
        iscdesk_event_free(e);
        return;
    }
}

int main(int argc, char **argv)
{
    iscdesk_client c;
    iscdesk_event e;
    iscdesk_list l;
    iscdesk_license lic;
    char print[ISCDESK_MAX_DEV_INFO + 1], tiny[3], path[4096], big[ISCDESK_MAX_COME_BACK + 2];
    int64_t op = -1, other;
    int32_t n, state, fd;
    FILE *f;
    CHECK(argc == 3);
    CHECK(iscdesk_abi() == ISCDESK_ABI);
    CHECK(strlen(iscdesk_version()) > 0);
    c = host_open(argv[1]);

    memset(&lic, 0, sizeof lic);
    lic.size = (uint32_t)sizeof lic;
    WANT(ISCDESK_OK, iscdesk_license_state(c, &lic, err()));
    CHECK(lic.state == ISCDESK_LICENSE_VALID && lic.code == ISCDESK_OK && lic.until_ms > 0 && lic.age_ms >= 0);

    n = iscdesk_get_fingerprint(c, print, sizeof print, err());
    CHECK(n > 0 && strlen(print) == (size_t)n);
    WANT(ISCDESK_E_TOO_LARGE, iscdesk_get_fingerprint(c, tiny, sizeof tiny, err()));

#ifdef _WIN32
    WANT(ISCDESK_E_NOT_SUPPORTED, iscdesk_event_descriptor(c, &fd, err()));
    CHECK(fd == 0);
#else
    WANT(ISCDESK_OK, iscdesk_event_descriptor(c, &fd, err()));
    CHECK(fd > 2);
#endif
    WANT(ISCDESK_OK, iscdesk_get_license_string_request(c, "AB|CD||", &op, err()));
    CHECK(op > 0);
    ends_with(c, op, ISCDESK_EVENT_LICENSE_VERIFY, "Status", "success");
    WANT(ISCDESK_OK, iscdesk_set_come_back(c, "{\"tag\":\"a\",\"n\":[1,2]}", err()));
    note = "\"comeBackParams\":{\"tag\":\"a\",\"n\":[1,2]}";
    WANT(ISCDESK_OK, iscdesk_get_license_file_request(c, "my.lic", NULL, &op, err()));
    ends_with(c, op, ISCDESK_EVENT_LICENSE_VERIFY, "LicenseType", "file");
    WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_set_come_back(c, "[1]", err()));
    WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_set_come_back(c, "{\"a\":", err()));
    WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_set_come_back(c, "{\"a\":\"\xff\"}", err()));
    memset(big, ' ', sizeof big - 1);
    memcpy(big, "{}", 2);
    big[sizeof big - 1] = 0;
    WANT(ISCDESK_E_TOO_LARGE, iscdesk_set_come_back(c, big, err()));
    WANT(ISCDESK_OK, iscdesk_license_verify_notify(c, 1, NULL, err()));
    WANT(ISCDESK_OK, iscdesk_license_verify_notify(c, 0, "signature is wrong", err()));
    WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_license_verify_notify(c, 0, NULL, err()));

    WANT(1, iscdesk_sign_in_status(c, &l, err()));
    CHECK(iscdesk_list_count(l) == 1 && strcmp(iscdesk_list_text(l, 0, "account"), "mei@example.com") == 0);
    iscdesk_list_free(l);
    WANT(1, iscdesk_sign_in_status(c, NULL, err()));

    n = iscdesk_list_spaces(c, &l, err());
    CHECK(n >= 1 && iscdesk_list_count(l) == n);
    CHECK(strcmp(iscdesk_list_text(l, 0, "id"), "s1") == 0);
    CHECK(iscdesk_list_text(l, 0, "nothing") == NULL && iscdesk_list_text(l, n, "id") == NULL);
    CHECK(iscdesk_list_text(l, -1, "id") == NULL && iscdesk_list_number(l, 0, "nothing") == 0);
    iscdesk_list_free(l);
    n = iscdesk_list_folder(c, "s1", NULL, NULL, &l, err());
    CHECK(n >= 1);
    while (n > 0 && strcmp(iscdesk_list_text(l, n - 1, "kind"), "folder") == 0)
        n--;
    CHECK(n > 0 && iscdesk_list_number(l, n - 1, "version") >= 1);

    WANT(ISCDESK_OK, iscdesk_open_object(c, iscdesk_list_text(l, n - 1, "id"), 0, 1, &op, err()));
    ends_with(c, op, ISCDESK_EVENT_OPENCLOUDFILE_RESULT, "openType", "OpenAndCheckout");
    CHECK(iscdesk_list_versions(c, iscdesk_list_text(l, n - 1, "id"), &l, err()) >= 0);
    iscdesk_list_free(l);

    WANT(ISCDESK_OK, iscdesk_set_come_back(c, NULL, err()));
    note = NULL;
    WANT(ISCDESK_OK, iscdesk_open_cloud_file(c, &op, err()));
    WANT(ISCDESK_OK, iscdesk_next_event(c, 10000, &e, err()));
    iscdesk_event_free(e);

    snprintf(path, sizeof path, "%s/part.dxf", argv[2]);
    f = fopen(path, "w");
    CHECK(f != NULL && fputs("0\nEOF\n", f) >= 0 && fclose(f) == 0);
    WANT(ISCDESK_OK, iscdesk_save(c, path, 0, &op, err()));
    ends_with(c, op, ISCDESK_EVENT_SAVE_RESULT, "status", "success");
    WANT(ISCDESK_OK, iscdesk_operation_state(c, op, &state, &e, err()));
    CHECK(state == ISCDESK_OPERATION_DONE && e != NULL);
    CHECK(iscdesk_event_operation(e) == op && iscdesk_event_type(e) == ISCDESK_EVENT_SAVE_RESULT);
    iscdesk_event_free(e);
    WANT(ISCDESK_OK, iscdesk_operation_state(c, op, &state, NULL, err()));
    WANT(ISCDESK_OK, iscdesk_select_save_as_path(c, path, 0, &other, err()));
    CHECK(other > op);
    WANT(ISCDESK_OK, iscdesk_save_to(c, path, 0, "s1", NULL, "copy.dxf", &op, err()));
    ends_with(c, op, ISCDESK_EVENT_SAVE_RESULT, "status", "success");
    WANT(ISCDESK_OK, iscdesk_check_in(c, path, err()));
    WANT(ISCDESK_OK, iscdesk_check_in_object(c, "o1", err()));
    (void)iscdesk_cancel(c, op, err());
    WANT(ISCDESK_OK, iscdesk_sign_in_page(c, &op, err()));
    WANT(ISCDESK_OK, iscdesk_sign_out(c, err()));
    WANT(ISCDESK_OK, iscdesk_shut_out(c, err()));
    WANT(ISCDESK_E_CLOSED, iscdesk_shut_out(c, err()));
    return 0;
}
