/* Row 1: a Go library cannot leave a process. Unloading in the middle of work
 * must neither crash nor unmap it. */
#include "host.h"

typedef int32_t (*init_fn)(int32_t, const iscdesk_options *, iscdesk_client *, iscdesk_error *);
typedef int32_t (*register_fn)(iscdesk_client, iscdesk_event_fn, void *, iscdesk_error *);
typedef int32_t (*request_fn)(iscdesk_client, const char *, int64_t *, iscdesk_error *);
typedef int32_t (*end_fn)(iscdesk_client, iscdesk_error *);

static void on_event(void *user, iscdesk_event event)
{
    (void)event;
    __atomic_add_fetch((int *)user, 1, __ATOMIC_SEQ_CST);
}

int main(int argc, char **argv)
{
    iscdesk_client clients[20];
    end_fn end;
    void *last;
    int i, events = 0;
    CHECK(argc == 3);
    for (i = 0; i < 20; i++) {
        iscdesk_options o = host_options(argv[1]);
        iscdesk_client c;
        int64_t op;
        init_fn init;
        register_fn recall;
        request_fn request;
        void *lib = host_load(argv[2]);
        CHECK(lib != NULL);
        host_find(lib, "iscdesk_init_abi", &init);
        host_find(lib, "iscdesk_register_event_recall", &recall);
        host_find(lib, "iscdesk_get_license_string_request", &request);
        CHECK(init != NULL && recall != NULL && request != NULL);
        WANT(ISCDESK_OK, init(ISCDESK_ABI, &o, &c, err()));
        WANT(ISCDESK_OK, recall(c, on_event, &events, err()));
        WANT(ISCDESK_OK, request(c, "", &op, err()));
        clients[i] = c;
        CHECK(host_unload(lib) == 0); /* the client lives, its event is on the way */
        CHECK(host_loaded());
    }
    for (i = 0; i < 1000 && __atomic_load_n(&events, __ATOMIC_SEQ_CST) < 20; i++)
        host_nap(10);
    CHECK(__atomic_load_n(&events, __ATOMIC_SEQ_CST) >= 20);
    /* How a process ends in the middle of work is row 8's. */
    last = host_load(argv[2]);
    CHECK(last != NULL);
    host_find(last, "iscdesk_shut_out", &end);
    CHECK(end != NULL);
    for (i = 0; i < 20; i++)
        WANT(ISCDESK_OK, end(clients[i], err()));
    return 0;
}
