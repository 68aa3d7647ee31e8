/* Row 11: Go's pre-emption signal must not interrupt the host's own waits. The
 * main thread naps without restarting while another one works. */
#include <pthread.h>

#include "host.h"

static int stop;

static void *works(void *arg)
{
    while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST))
        WANT(1, iscdesk_sign_in_status((iscdesk_client)arg, NULL, err()));
    return NULL;
}

int main(int argc, char **argv)
{
    iscdesk_client c;
    pthread_t t;
    struct timespec nap = {0, 1000000};
    int i, interrupted = 0;
    CHECK(argc == 2);
    c = host_open(argv[1]);
    CHECK(pthread_create(&t, NULL, works, c) == 0);
    for (i = 0; i < 1000; i++)
        interrupted += nanosleep(&nap, NULL) != 0;
    __atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
    CHECK(pthread_join(t, NULL) == 0);
    printf("interrupted naps: %d of 1000\n", interrupted);
    CHECK(interrupted == 0);
    WANT(ISCDESK_OK, iscdesk_shut_out(c, err()));
    return 0;
}
