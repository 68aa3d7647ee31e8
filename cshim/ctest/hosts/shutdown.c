/* Rows 5 and 6: one thread of C's own calls back; the end may come inside a
 * callback, while others wait, twice, and a thousand times over. */
#include <pthread.h>

#include "host.h"

static const char *endpoint;

struct inside {
    iscdesk_client client;
    int32_t rc;
    int calls;
    pthread_t thread;
    int many;
};

static void ends(void *user, iscdesk_event event)
{
    struct inside *in = user;
    (void)event;
    in->thread = pthread_self();
    in->rc = iscdesk_shut_out(in->client, NULL);
    host_nap(50); /* what the outer shut_out has to wait for */
    __atomic_add_fetch(&in->calls, 1, __ATOMIC_SEQ_CST);
}

static void in_callback(void)
{
    struct inside in;
    int i;
    memset(&in, 0, sizeof in);
    in.rc = -99;
    in.client = host_open(endpoint);
    WANT(ISCDESK_OK, iscdesk_register_event_recall(in.client, ends, &in, err()));
    for (i = 0; i < 3; i++) {
        int32_t rc = iscdesk_get_license_string_request(in.client, "", NULL, err());
        CHECK(rc == ISCDESK_OK || rc == ISCDESK_E_CLOSED || rc == ISCDESK_E_AGENT_LOST);
    }
    for (i = 0; i < 1000 && __atomic_load_n(&in.rc, __ATOMIC_SEQ_CST) == -99; i++)
        host_nap(5);
    WANT(ISCDESK_E_CLOSED, iscdesk_shut_out(in.client, err())); /* waits for the callback */
    CHECK(in.rc == ISCDESK_OK && __atomic_load_n(&in.calls, __ATOMIC_SEQ_CST) == 1);
    CHECK(!pthread_equal(in.thread, pthread_self()));
}

static void *waits(void *arg)
{
    iscdesk_event e;
    CHECK(iscdesk_next_event(*(iscdesk_client *)arg, -1, &e, NULL) == ISCDESK_E_CLOSED);
    CHECK(e == NULL);
    return NULL;
}

static void while_waiting(void)
{
    pthread_t t[4];
    iscdesk_client c = host_open(endpoint);
    int i;
    for (i = 0; i < 4; i++)
        CHECK(pthread_create(&t[i], NULL, waits, &c) == 0);
    host_nap(50);
    WANT(ISCDESK_OK, iscdesk_shut_out(c, err()));
    for (i = 0; i < 4; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
}

static pthread_t seen;
static int threads_seen;

static void records(void *user, iscdesk_event event)
{
    (void)event;
    if (threads_seen == 0 || !pthread_equal(seen, pthread_self()))
        threads_seen++;
    seen = pthread_self();
    __atomic_add_fetch((int *)user, 1, __ATOMIC_SEQ_CST);
}

static void one_thread(void)
{
    iscdesk_client c = host_open(endpoint);
    iscdesk_event e;
    int i, calls = 0;
    WANT(ISCDESK_OK, iscdesk_register_event_recall(c, records, &calls, err()));
    WANT(ISCDESK_E_BUSY, iscdesk_next_event(c, 0, &e, err()));
    for (i = 0; i < 50; i++)
        WANT(ISCDESK_OK, iscdesk_get_license_string_request(c, "", NULL, err()));
    for (i = 0; i < 1000 && __atomic_load_n(&calls, __ATOMIC_SEQ_CST) < 50; i++)
        host_nap(10);
    WANT(ISCDESK_OK, iscdesk_register_event_recall(c, NULL, NULL, err()));
    CHECK(calls >= 50 && threads_seen == 1 && !pthread_equal(seen, pthread_self()));
    WANT(ISCDESK_OK, iscdesk_register_event_recall(c, records, &calls, err())); /* again */
    WANT(ISCDESK_OK, iscdesk_register_event_recall(c, records, &calls, err())); /* in its place */
    WANT(ISCDESK_OK, iscdesk_shut_out(c, err()));
}

static int touched;

static void never(void *user, iscdesk_event event)
{
    (void)user;
    (void)event;
    touched = 1;
}

int main(int argc, char **argv)
{
    int i, before;
    CHECK(argc == 2);
    endpoint = argv[1];
    for (i = 0; i < 10; i++)
        in_callback();
    while_waiting();
    one_thread();
    before = host_threads();
    for (i = 0; i < 1000; i++) {
        iscdesk_client c = host_open(endpoint);
        if (i % 2)
            WANT(ISCDESK_OK, iscdesk_register_event_recall(c, never, NULL, err()));
        WANT(ISCDESK_OK, iscdesk_shut_out(c, err()));
        WANT(ISCDESK_E_CLOSED, iscdesk_shut_out(c, err()));
    }
    for (i = 0; i < 500 && host_threads() > before + 4; i++)
        host_nap(10); /* a detached thread is a moment later gone than its client */
    CHECK(host_threads() <= before + 4);
    CHECK(!touched);
    return 0;
}
