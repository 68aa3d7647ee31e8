/* Row 23: stale, doubly closed and invented handles, used by 8 threads at once
 * while the client is ended under them. */
#include <pthread.h>

#include "host.h"

static iscdesk_client shared;
static iscdesk_event shared_event;
static iscdesk_list shared_list;

static void taken(void *user, iscdesk_event e)
{
    (void)user;
    (void)iscdesk_event_json(e);
}

/* Each function with a handle that may be anything: a code of the few, no crash. */
static void use(iscdesk_client c, iscdesk_event e, iscdesk_list l, int dead)
{
    iscdesk_license lic;
    iscdesk_event ev;
    iscdesk_list li;
    char text[ISCDESK_MAX_DEV_INFO + 1];
    static const iscdesk_char16 wide[] = {'/', 'a', 0};
    int32_t n, codes[64];
    size_t i, k = 0;
    memset(&lic, 0, sizeof lic);
    lic.size = (uint32_t)sizeof lic;
    codes[k++] = iscdesk_sign_in_status(c, NULL, NULL);
    codes[k++] = iscdesk_license_state(c, &lic, NULL);
    codes[k++] = iscdesk_next_event(c, 0, &ev, NULL);
    iscdesk_event_free(ev);
    codes[k++] = iscdesk_event_descriptor(c, &n, NULL);
    codes[k++] = iscdesk_wake_window(c, NULL, 0, NULL);
    codes[k++] = iscdesk_get_fingerprint(c, text, sizeof text, NULL);
    codes[k++] = iscdesk_list_spaces(c, &li, NULL);
    iscdesk_list_free(li);
    codes[k++] = iscdesk_list_folder(c, "s1", NULL, NULL, &li, NULL);
    iscdesk_list_free(li);
    codes[k++] = iscdesk_list_versions(c, "o1", &li, NULL);
    iscdesk_list_free(li);
    codes[k++] = iscdesk_dispatch(c, 0, taken, NULL, NULL);
    codes[k++] = iscdesk_cancel(c, 1, NULL);
    codes[k++] = iscdesk_operation_state(c, 1, &n, &ev, NULL);
    iscdesk_event_free(ev);
    if (dead) {
        codes[k++] = iscdesk_register_event_recall(c, NULL, NULL, NULL);
        codes[k++] = iscdesk_get_license_string_request(c, "", NULL, NULL);
        codes[k++] = iscdesk_get_license_file_request(c, "", "", NULL, NULL);
        codes[k++] = iscdesk_license_verify_notify(c, 1, "", NULL);
        codes[k++] = iscdesk_open_cloud_file(c, NULL, NULL);
        codes[k++] = iscdesk_save(c, "/a", 0, NULL, NULL);
        codes[k++] = iscdesk_save_w(c, wide, 0, NULL, NULL);
        codes[k++] = iscdesk_save_to_w(c, wide, 0, "s", NULL, NULL, NULL, NULL);
        codes[k++] = iscdesk_select_save_as_path_w(c, wide, 0, NULL, NULL);
        codes[k++] = iscdesk_check_in_w(c, wide, NULL);
        codes[k++] = iscdesk_get_license_file_request_w(c, NULL, "", NULL, NULL);
        codes[k++] = iscdesk_select_save_as_path(c, "/a", 0, NULL, NULL);
        codes[k++] = iscdesk_open_object(c, "o", 0, 0, NULL, NULL);
        codes[k++] = iscdesk_save_to(c, "/a", 0, "s", NULL, NULL, NULL, NULL);
        codes[k++] = iscdesk_check_in(c, "/a", NULL);
        codes[k++] = iscdesk_check_in_object(c, "o", NULL);
        codes[k++] = iscdesk_sign_in_page(c, NULL, NULL);
        codes[k++] = iscdesk_sign_out(c, NULL);
        codes[k++] = iscdesk_set_come_back(c, "{}", NULL);
        codes[k++] = iscdesk_shut_out(c, NULL);
        codes[k++] = iscdesk_event_param_code(e, "status");
        codes[k++] = iscdesk_list_text_code(l, 0, "id");
        for (i = 0; i < k; i++)
            CHECK(codes[i] == ISCDESK_E_CLOSED);
    }
    (void)iscdesk_event_type(e);
    (void)iscdesk_event_operation(e);
    (void)iscdesk_event_name(e);
    (void)iscdesk_event_json(e);
    (void)iscdesk_event_json_w(e);
    (void)iscdesk_event_param(e, "status");
    (void)iscdesk_event_param_w(e, "status");
    (void)iscdesk_event_param_code(e, "status");
    (void)iscdesk_list_count(l);
    (void)iscdesk_list_text(l, 0, "id");
    (void)iscdesk_list_text_w(l, 0, "id");
    (void)iscdesk_list_text_code(l, 0, "id");
    (void)iscdesk_list_number(l, 0, "size");
    (void)iscdesk_list_next(l);
}

static void *racer(void *arg)
{
    int i;
    for (i = 0; i < 40; i++)
        use(shared, shared_event, shared_list, 0);
    (void)iscdesk_shut_out(shared, NULL); /* eight times, one of them is the first */
    iscdesk_event_free(shared_event);
    iscdesk_list_free(shared_list);
    for (i = 0; i < 40; i++)
        use(shared, shared_event, shared_list, 0);
    return arg;
}

static void *dead(void *arg)
{
    int i;
    for (i = 0; i < 200; i++)
        use(shared, shared_event, shared_list, 1);
    return arg;
}

static void run(void *(*body)(void *))
{
    pthread_t t[8];
    int i;
    for (i = 0; i < 8; i++)
        CHECK(pthread_create(&t[i], NULL, body, NULL) == 0);
    for (i = 0; i < 8; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
}

int main(int argc, char **argv)
{
    static const uintptr_t invented[] = {0, 1, 2, 42, 4096, (uintptr_t)-1, (uintptr_t)-2, ((uintptr_t)42 << 16) + 99999};
    size_t i;
    iscdesk_client first;
    CHECK(argc == 2);
    first = host_open(argv[1]);
    WANT(ISCDESK_OK, iscdesk_shut_out(first, err()));
    shared = host_open(argv[1]);
    CHECK(shared != first);
    WANT(ISCDESK_OK, iscdesk_get_license_string_request(shared, "", NULL, err()));
    WANT(ISCDESK_OK, iscdesk_next_event(shared, 10000, &shared_event, err()));
    CHECK(iscdesk_list_spaces(shared, &shared_list, err()) > 0);
    run(racer);
    CHECK(iscdesk_event_json(shared_event) == NULL && iscdesk_event_type(shared_event) == 0);
    CHECK(iscdesk_list_count(shared_list) == 0 && iscdesk_list_text(shared_list, 0, "id") == NULL);
    run(dead);
    for (i = 0; i < sizeof invented / sizeof invented[0]; i++) {
        shared = (iscdesk_client)invented[i];
        shared_event = (iscdesk_event)invented[i];
        shared_list = (iscdesk_list)invented[i];
        use(shared, shared_event, shared_list, 1);
        iscdesk_event_free(shared_event);
        iscdesk_list_free(shared_list);
    }
    shared = (iscdesk_client)shared_event; /* a number of another kind */
    use(shared, shared_event, shared_list, 1);
    return 0;
}
