// Row 8: the process ends with its own exit code while callbacks run, calls are
// under way, and a static destructor ends the client. argv[2] says which.
#include <pthread.h>

#include "host.h"
#include "iscdesk.hpp"

static iscdesk_client client;

struct Late {
    bool armed;
    ~Late()
    {
        if (armed)
            (void)iscdesk_shut_out(client, 0);
    }
};
static Late late;

static void busy(void *, iscdesk_event)
{
    for (;;)
        (void)iscdesk_sign_in_status(client, 0, 0);
}

static void *calls(void *)
{
    for (;;)
        (void)iscdesk_sign_in_status(client, 0, 0);
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    client = host_open(argv[1]);
    late.armed = strcmp(argv[2], "static") == 0;
    if (strcmp(argv[2], "callback") == 0)
        WANT(ISCDESK_OK, iscdesk_register_event_recall(client, busy, 0, err()));
    pthread_t t;
    for (int i = 0; i < 4; i++)
        CHECK(pthread_create(&t, 0, calls, 0) == 0);
    WANT(ISCDESK_OK, iscdesk_get_license_string_request(client, "", 0, err()));
    host_nap(50);
    return 42;
}
