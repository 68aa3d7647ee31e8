/* A program that never reads its events must not stop its own requests, and gets
 * them, or a gap, when it reads at last. */
#include "host.h"

int main(int argc, char **argv)
{
    iscdesk_client c;
    iscdesk_event e;
    int i, seen = 0;
    int64_t op = 0, last = 0;
    CHECK(argc == 2);
    c = host_open(argv[1]);
    for (i = 0; i < 600; i++)
        WANT(ISCDESK_OK, iscdesk_get_license_string_request(c, "", &op, err()));
    while (last != op) {
        WANT(ISCDESK_OK, iscdesk_next_event(c, 20000, &e, err()));
        last = iscdesk_event_operation(e);
        seen++;
        iscdesk_event_free(e);
    }
    CHECK(seen >= 600);
    WANT(ISCDESK_OK, iscdesk_shut_out(c, err()));
    return 0;
}
