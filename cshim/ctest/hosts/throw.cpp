// Row 4: an exception leaves a callback through C, never through Go; afterwards
// everything works. The same for longjmp.
#include <csetjmp>
#include <stdexcept>
#include <string>

#include "host.h"
#include "iscdesk.hpp"

static void throws(void *, iscdesk_event) { throw std::runtime_error("from the callback"); }

static std::jmp_buf place;
static void jumps(void *, iscdesk_event) { std::longjmp(place, 1); }

static void request(iscdesk_client c)
{
    int64_t op;
    WANT(ISCDESK_OK, iscdesk_get_license_string_request(c, "", &op, err()));
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    const iscdesk_client c = host_open(argv[1]);
    for (int i = 0; i < 50; i++) {
        bool caught = false;
        request(c);
        try {
            (void)iscdesk_dispatch(c, 10000, throws, 0, err());
        } catch (const std::runtime_error &e) {
            caught = std::string(e.what()) == "from the callback";
        }
        CHECK(caught);
        request(c);
        if (setjmp(place) == 0) {
            (void)iscdesk_dispatch(c, 10000, jumps, 0, err());
            CHECK(!"the jump was lost");
        }
    }
    for (int i = 0; i < 1000; i++)
        WANT(1, iscdesk_sign_in_status(c, 0, err()));
    WANT(ISCDESK_OK, iscdesk_shut_out(c, err()));
    return 0;
}
