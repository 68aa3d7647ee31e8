/* Row 25: what the guest takes at most, as docs/abi.md says it. Needs a library with
 * test hooks: an idle host on a small machine would not show it. */
#include "host.h"

extern int32_t iscdesk_test_runtime(int32_t *procs, int32_t *percent, int64_t *limit);

int main(int argc, char **argv)
{
    int32_t procs = 0, percent = 0;
    int64_t limit = 0;
    (void)argv;
    CHECK(argc == 2);
    CHECK(iscdesk_test_runtime(&procs, &percent, &limit) == 0);
    printf("GOMAXPROCS %ld, collection at %ld percent, limit %ld MiB\n", (long)procs, (long)percent, (long)(limit >> 20));
    CHECK(procs == 2);
    CHECK(percent == 50);
    CHECK(limit == 64 << 20);
    return 0;
}
