/* One of 64 processes that speak to the agent at the same time. */
#include "host.h"

int main(int argc, char **argv)
{
    iscdesk_client c;
    iscdesk_event e;
    int64_t op;
    int i;
    CHECK(argc == 2);
    c = host_open(argv[1]);
    for (i = 0; i < 50; i++)
        WANT(1, iscdesk_sign_in_status(c, NULL, err()));
    WANT(ISCDESK_OK, iscdesk_get_license_string_request(c, "", &op, err()));
    do {
        WANT(ISCDESK_OK, iscdesk_next_event(c, 20000, &e, err()));
        i = iscdesk_event_operation(e) == op;
        iscdesk_event_free(e);
    } while (!i);
    WANT(ISCDESK_OK, iscdesk_shut_out(c, err()));
    return 0;
}
