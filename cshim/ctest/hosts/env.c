/* Row 26: setting the environment after the load changes nothing. Without an
 * endpoint the library looks at the places of the environment it was loaded
 * with, where the driver has put no agent. */
#include "host.h"

int main(int argc, char **argv)
{
    iscdesk_options o;
    iscdesk_client c;
    CHECK(argc == 3);
    CHECK(iscdesk_abi() == ISCDESK_ABI); /* the library is loaded */
    CHECK(setenv("XDG_RUNTIME_DIR", argv[2], 1) == 0);
    CHECK(setenv("ISCDESK_ENDPOINT", argv[1], 1) == 0);
    CHECK(setenv("GODEBUG", "gctrace=1,schedtrace=1", 1) == 0);
    CHECK(setenv("GOMAXPROCS", "64", 1) == 0);
    o = host_options(NULL);
    WANT(ISCDESK_E_AGENT_ABSENT, iscdesk_init(&o, &c, err()));
    CHECK(strstr(host_err.detail, argv[2]) == NULL);
    o.endpoint = argv[1];
    WANT(ISCDESK_OK, iscdesk_init(&o, &c, err()));
    WANT(ISCDESK_OK, iscdesk_shut_out(c, err()));
    return 0;
}
