/* Row 18: a host that has taken most of its address space before the first client is
 * opened. In 32 bit the client works or is refused with a code; never an abort. Prints
 * what Go took. */
#include "host.h"

static size_t reserved(void)
{
    MEMORY_BASIC_INFORMATION m;
    char *at = NULL;
    size_t sum = 0;
    while (VirtualQuery(at, &m, sizeof m) == sizeof m) {
        if (m.State != MEM_FREE)
            sum += m.RegionSize;
        at = (char *)m.BaseAddress + m.RegionSize;
        if (at < (char *)m.BaseAddress)
            break;
    }
    return sum;
}

int main(int argc, char **argv)
{
    enum { BLOCK = 16 << 20 };
    iscdesk_options o;
    iscdesk_client c;
    size_t taken, before;
    int32_t rc;
    CHECK(argc == 2 || argc == 3);
    o = host_options(argv[1]);
    /* in 32 bit 1.2 GB, or as many MB as argv[2] says, up to all there is */
    for (taken = 0; sizeof(void *) == 4 && taken < (size_t)(argc == 3 ? atoi(argv[2]) : 1200) << 20; taken += BLOCK)
        if (VirtualAlloc(NULL, BLOCK, MEM_RESERVE, PAGE_NOACCESS) == NULL)
            break;
    before = reserved();
    rc = iscdesk_init(&o, &c, err());
    printf("%lu MB taken by the host: code %ld %s, %lu MB reserved by it\n", (unsigned long)(taken >> 20), (long)rc, host_err.detail,
           (unsigned long)((reserved() - before) >> 20));
    if (rc == ISCDESK_OK) {
        WANT(1, iscdesk_sign_in_status(c, NULL, err()));
        WANT(ISCDESK_OK, iscdesk_shut_out(c, err()));
    } else {
        CHECK(argc == 3 && rc == ISCDESK_E_NO_MEMORY);
    }
    return 0;
}
