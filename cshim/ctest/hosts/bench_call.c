/* Measures calls through shim and agent, for make bench:
 *   bench_call ENDPOINT CALLS [license]
 * prints one line: calls, total ns, p50 ns, p99 ns. With "license" it reads the
 * cached licence state instead of asking the agent. */
#include "host.h"

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int order(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
    iscdesk_client c;
    iscdesk_license lic;
    int64_t *took, total;
    int i, calls, cached;
    CHECK(argc >= 3);
    calls = atoi(argv[2]);
    cached = argc > 3;
    CHECK(calls > 0 && calls <= 10000000);
    took = malloc((size_t)calls * sizeof *took);
    CHECK(took != NULL);
    memset(&lic, 0, sizeof lic);
    lic.size = (uint32_t)sizeof lic;
    c = host_open(argv[1]);
    for (i = 0; i < 100; i++) /* warm */
        CHECK(iscdesk_sign_in_status(c, NULL, NULL) >= 0);
    total = now_ns();
    for (i = 0; i < calls; i++) {
        int64_t from = now_ns();
        if (cached)
            CHECK(iscdesk_license_state(c, &lic, NULL) == ISCDESK_OK);
        else
            CHECK(iscdesk_sign_in_status(c, NULL, NULL) >= 0);
        took[i] = now_ns() - from;
    }
    total = now_ns() - total;
    qsort(took, (size_t)calls, sizeof *took, order);
    printf("%d %lld %lld %lld\n", calls, (long long)total, (long long)took[calls / 2],
           (long long)took[(size_t)calls * 99 / 100]);
    WANT(ISCDESK_OK, iscdesk_shut_out(c, err()));
    return 0;
}
