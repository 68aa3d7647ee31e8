/* Measures calls through shim and agent, for make bench:
 *   bench_call ENDPOINT CALLS [license]
 * prints one line: calls, total ns, p50 ns, p99 ns, allocations. With "license"
 * it reads the cached licence state instead of asking the agent. Allocations are
 * those of the whole process while it calls: this program's malloc stands before
 * the C library's. */
#include "host.h"

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *old, size_t size);

static int64_t allocations;

void *malloc(size_t size)
{
    __atomic_add_fetch(&allocations, 1, __ATOMIC_RELAXED);
    return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    __atomic_add_fetch(&allocations, 1, __ATOMIC_RELAXED);
    return __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
    __atomic_add_fetch(&allocations, 1, __ATOMIC_RELAXED);
    return __libc_realloc(old, size);
}

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
    int64_t *took, total, before;
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
    before = __atomic_load_n(&allocations, __ATOMIC_RELAXED);
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
    before = __atomic_load_n(&allocations, __ATOMIC_RELAXED) - before;
    qsort(took, (size_t)calls, sizeof *took, order);
    printf("%d %lld %lld %lld %lld\n", calls, (long long)total, (long long)took[calls / 2],
           (long long)took[(size_t)calls * 99 / 100], (long long)before);
    WANT(ISCDESK_OK, iscdesk_shut_out(c, err()));
    return 0;
}
