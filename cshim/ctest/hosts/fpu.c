/* Row 29: a host that unmasks floating-point exceptions and sets its rounding
 * (Delphi, old C++ tools) gets no trap out of a call, and its state back. */
#include <fenv.h>

#include "host.h"

int main(int argc, char **argv)
{
    iscdesk_client c;
    int i;
    CHECK(argc == 2);
    CHECK(feenableexcept(FE_DIVBYZERO | FE_INVALID | FE_OVERFLOW | FE_INEXACT) != -1);
    CHECK(fesetround(FE_UPWARD) == 0);
    c = host_open(argv[1]);
    for (i = 0; i < 200; i++)
        WANT(1, iscdesk_sign_in_status(c, NULL, err()));
    WANT(ISCDESK_OK, iscdesk_get_license_string_request(c, "", NULL, err()));
    WANT(ISCDESK_OK, iscdesk_shut_out(c, err()));
    CHECK(fegetexcept() == (FE_DIVBYZERO | FE_INVALID | FE_OVERFLOW | FE_INEXACT));
    CHECK(fegetround() == FE_UPWARD);
    return 0;
}
