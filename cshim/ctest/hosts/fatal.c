/* Row 3: a fatal fault ends the process and is written to crash_file. This host
 * must die; the driver reads the file. Needs the library with test hooks. */
#include "host.h"

int32_t iscdesk_test_fault(int32_t kind);

int main(int argc, char **argv)
{
    iscdesk_options o;
    iscdesk_client c;
    CHECK(argc == 3);
    o = host_options(argv[1]);
    o.crash_file = argv[2];
    WANT(ISCDESK_OK, iscdesk_init(&o, &c, err()));
    (void)iscdesk_test_fault(3);
    return 0;
}
