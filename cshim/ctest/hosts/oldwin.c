/* Row 17: a Windows without what Go needs: the program that carries the library
 * starts, and is told why no client can be opened. */
#include "host.h"

int main(int argc, char **argv)
{
    iscdesk_options o;
    iscdesk_client c;
    int i;
    CHECK(argc == 2);
    o = host_options(argv[1]);
    host_nap(1000); /* what starts with the DLL would have ended the process by now */
    for (i = 0; i < 3; i++)
        WANT(ISCDESK_E_SYSTEM_TOO_OLD, iscdesk_init(&o, &c, err()));
    CHECK(c == NULL && host_err.message[0] && host_err.hint[0]);
    printf("%s %s (%s)\n", host_err.message, host_err.hint, host_err.detail);
    return 0;
}
