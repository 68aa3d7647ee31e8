/* Row 30: every kind of call from threads with 64 KiB of stack, filled so that the
 * depth can be told. Prints the deepest use, and that of a thread which makes no
 * call: what the C library lays there itself. The difference is the calls': the C
 * layer's frames (TestFramesAreSmall), Go's entry and what both call of libc. */
#include <pthread.h>
#include <sys/mman.h>

#include "host.h"

enum { STACK = 64 * 1024 };

static const char *endpoint;

static void *works(void *arg)
{
    iscdesk_client c = host_open(endpoint);
    iscdesk_event e;
    iscdesk_list l;
    char print[256];
    (void)arg;
    WANT(ISCDESK_OK, iscdesk_get_license_string_request(c, "", NULL, err()));
    WANT(ISCDESK_OK, iscdesk_next_event(c, 10000, &e, err()));
    iscdesk_event_free(e);
    CHECK(iscdesk_get_fingerprint(c, print, sizeof print, err()) > 0);
    CHECK(iscdesk_list_folder(c, "s1", NULL, NULL, &l, err()) > 0);
    iscdesk_list_free(l);
    WANT(ISCDESK_OK, iscdesk_open_cloud_file(c, NULL, err()));
    WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_save(c, "relative", 0, NULL, err()));
    WANT(ISCDESK_OK, iscdesk_shut_out(c, err()));
    return NULL;
}

static void *idles(void *arg)
{
    return arg;
}

/* Runs body on a stack of its own and returns how much of it was used. */
static size_t used(void *(*body)(void *))
{
    size_t unused = 0;
    pthread_attr_t attr;
    pthread_t t;
    unsigned char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(stack != MAP_FAILED);
    memset(stack, 0xa5, STACK);
    CHECK(pthread_attr_init(&attr) == 0 && pthread_attr_setstack(&attr, stack, STACK) == 0);
    CHECK(pthread_create(&t, &attr, body, NULL) == 0);
    CHECK(pthread_join(t, NULL) == 0);
    while (unused < STACK && stack[unused] == 0xa5)
        unused++;
    return STACK - unused;
}

int main(int argc, char **argv)
{
    size_t empty, deepest = 0, n;
    int i;
    CHECK(argc == 2);
    endpoint = argv[1];
    empty = used(idles);
    for (i = 0; i < 4; i++) {
        n = used(works);
        deepest = n > deepest ? n : deepest;
    }
    printf("stack used: %lu bytes, %lu by a thread that makes no call\n", (unsigned long)deepest, (unsigned long)empty);
    CHECK(deepest - empty <= 8192);
    return 0;
}
