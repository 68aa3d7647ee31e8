/* Row 2: a panic becomes a code, in an export and in a goroutine; the next call
 * works. Needs the library with test hooks. */
#include "host.h"

int32_t iscdesk_test_fault(int32_t kind);

int main(int argc, char **argv)
{
    iscdesk_client c;
    int i;
    CHECK(argc == 2);
    c = host_open(argv[1]);
    for (i = 0; i < 100; i++) {
        WANT(ISCDESK_E_INTERNAL, iscdesk_test_fault(1));
        WANT(2, iscdesk_test_fault(2));
        WANT(1, iscdesk_sign_in_status(c, NULL, err()));
    }
    WANT(ISCDESK_OK, iscdesk_shut_out(c, err()));
    return 0;
}
