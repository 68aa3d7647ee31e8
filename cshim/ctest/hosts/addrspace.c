/* Row 18: a host that has taken most of its address space before the first client is
 * opened. In 32 bit the client works or is refused with a code; never an abort. Prints
 * what Go took. */
#include "host.h"

/* What is not free. */
static size_t reserved(size_t *space)
{
    MEMORY_BASIC_INFORMATION m;
    char *at = NULL;
    size_t sum = 0;
    *space = 0;
    while (VirtualQuery(at, &m, sizeof m) == sizeof m) {
        if (m.State != MEM_FREE)
            sum += m.RegionSize;
        else
            *space += m.RegionSize;
        at = (char *)m.BaseAddress + m.RegionSize;
        if (at < (char *)m.BaseAddress)
            break;
    }
    return sum;
}

int main(int argc, char **argv)
{
    iscdesk_options o;
    iscdesk_client c;
    size_t taken = 0, before, block, space;
    int32_t rc;
    CHECK(argc == 2 || argc == 3);
    o = host_options(argv[1]);
    /* in 32 bit 1.2 GB, or with argv[2] all but some MB */
    for (block = 16 << 20; sizeof(void *) == 4 && block >= 1 << 20; block = argc == 3 ? block / 2 : 0)
        while ((argc == 3 || taken < (size_t)1200 << 20) && VirtualAlloc(NULL, block, MEM_RESERVE, PAGE_NOACCESS) != NULL)
            taken += block;
    before = reserved(&space);
    rc = iscdesk_init(&o, &c, err());
    printf("%lu MB taken by the host: code %ld %s, %lu MB reserved by it\n", (unsigned long)(taken >> 20), (long)rc, host_err.detail,
           (unsigned long)((reserved(&space) - before) >> 20));
    if (sizeof(void *) == 4)
        CHECK(reserved(&space) - before < (size_t)128 << 20); /* and not the half gigabyte that Go likes */
    if (argc == 3 && sizeof(void *) == 4) {
        WANT(ISCDESK_E_NO_MEMORY, rc);
    } else {
        WANT(ISCDESK_OK, rc);
        WANT(1, iscdesk_sign_in_status(c, NULL, err()));
        WANT(ISCDESK_OK, iscdesk_shut_out(c, err()));
    }
    return 0;
}
