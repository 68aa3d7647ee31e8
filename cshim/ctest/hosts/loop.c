/* A program with its own message loop: it sleeps in poll on the descriptor and
 * looks only when that is readable. No event may be slept over. */
#include <poll.h>

#include "host.h"

int main(int argc, char **argv)
{
    iscdesk_client c;
    iscdesk_event e;
    struct pollfd p;
    int32_t fd;
    int sent = 0, seen = 0;
    CHECK(argc == 2);
    c = host_open(argv[1]);
    WANT(ISCDESK_OK, iscdesk_event_descriptor(c, &fd, err()));
    p.fd = fd;
    p.events = POLLIN;
    CHECK(poll(&p, 1, 0) == 0);
    while (seen < 500) {
        if (sent < 500) {
            WANT(ISCDESK_OK, iscdesk_get_license_string_request(c, "", NULL, err()));
            sent++;
        }
        if (sent % 7 != 0 && sent < 500)
            continue; /* let some gather */
        CHECK(poll(&p, 1, 10000) == 1 && (p.revents & POLLIN));
        while (iscdesk_next_event(c, 0, &e, err()) == ISCDESK_OK) {
            seen += iscdesk_event_type(e) == ISCDESK_EVENT_LICENSE_VERIFY;
            iscdesk_event_free(e);
        }
        CHECK(host_err.code == ISCDESK_E_TIMEOUT);
    }
    CHECK(poll(&p, 1, 0) == 0); /* empty means not readable */
    WANT(ISCDESK_OK, iscdesk_shut_out(c, err()));
    return 0;
}
