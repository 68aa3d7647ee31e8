/* Row 25: what an idle guest costs: threads and processor time of a connected
 * host that does nothing for ten seconds. Prints both. */
#include "host.h"

static void nothing(void *user, iscdesk_event event)
{
    (void)user;
    (void)event;
}

int main(int argc, char **argv)
{
    iscdesk_client c;
    long before;
    int connected, with_callback;
    CHECK(argc == 2);
    c = host_open(argv[1]);
    host_nap(100);
    connected = host_threads();
    WANT(ISCDESK_OK, iscdesk_register_event_recall(c, nothing, NULL, err()));
    with_callback = host_threads();
    CHECK(with_callback <= connected + 1);
    host_nap(200);
    before = host_cpu_ms();
    host_nap(10000);
    printf("threads %d, with a callback %d, processor time of 10 s idle %ld ms\n", connected, with_callback, host_cpu_ms() - before);
    CHECK(connected <= 10);
    CHECK(host_cpu_ms() - before <= 300); /* a spinning guest would use thousands */
    WANT(ISCDESK_OK, iscdesk_shut_out(c, err()));
    return 0;
}
