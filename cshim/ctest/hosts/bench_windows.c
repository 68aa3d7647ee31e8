/* Rows 9 and 24, and the budgets: what the library costs on Windows. Prints, and fails
 * only where the first open is far beyond what a person would wait. */
#include "host.h"

#include <psapi.h>

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

static size_t resident(void)
{
    PROCESS_MEMORY_COUNTERS m;
    m.cb = sizeof m;
    return GetProcessMemoryInfo(GetCurrentProcess(), &m, sizeof m) ? m.WorkingSetSize : 0;
}

static void nothing(void *user, iscdesk_event event)
{
    (void)user;
    (void)event;
}

int main(int argc, char **argv)
{
    enum { FAST = 1000000, GO = 2000, AGENT = 500 };
    static const char name[] = "iscdesk_init_abi";
    int32_t(ISCDESK_CALL * init)(int32_t, const iscdesk_options *, iscdesk_client *, iscdesk_error *);
    iscdesk_options o;
    iscdesk_client c;
    iscdesk_license lic;
    double start, load, first, fast, go, agent;
    size_t space, memory;
    int threads, i;
    void *library;
    CHECK(argc == 3);
    o = host_options(argv[1]);
    threads = host_threads();
    space = reserved();
    memory = resident();
    start = host_now_ms();
    library = host_load(argv[2]);
    load = host_now_ms() - start;
    CHECK(library != NULL);
    printf("load %.1f ms, threads %d, address space %.1f MB\n", load, host_threads() - threads, (double)(reserved() - space) / 1e6);
    host_find(library, name, &init);
    start = host_now_ms();
    WANT(ISCDESK_OK, init(ISCDESK_ABI, &o, &c, err()));
    first = host_now_ms() - start;
    printf("first open %.1f ms, threads %d, address space %.1f MB, memory %.1f MB\n", first, host_threads() - threads,
           (double)(reserved() - space) / 1e6, (double)(resident() - memory) / 1e6);
    CHECK(first < 5000);
#define FIND(fn, name) host_find(library, name, &fn)
    {
        int32_t(ISCDESK_CALL * state)(iscdesk_client, iscdesk_license *, iscdesk_error *);
        int32_t(ISCDESK_CALL * note)(iscdesk_client, const char *, iscdesk_error *);
        int32_t(ISCDESK_CALL * status)(iscdesk_client, iscdesk_list *, iscdesk_error *);
        int32_t(ISCDESK_CALL * recall)(iscdesk_client, iscdesk_event_fn, void *, iscdesk_error *);
        int32_t(ISCDESK_CALL * end)(iscdesk_client, iscdesk_error *);
        FIND(state, "iscdesk_license_state");
        FIND(note, "iscdesk_set_come_back");
        FIND(status, "iscdesk_sign_in_status");
        FIND(recall, "iscdesk_register_event_recall");
        FIND(end, "iscdesk_shut_out");
        memset(&lic, 0, sizeof lic);
        lic.size = (uint32_t)sizeof lic;
        start = host_now_ms();
        for (i = 0; i < FAST; i++)
            CHECK(state(c, &lic, NULL) == ISCDESK_OK);
        fast = (host_now_ms() - start) * 1e6 / FAST;
        start = host_now_ms();
        for (i = 0; i < GO; i++)
            CHECK(note(c, NULL, NULL) == ISCDESK_OK);
        go = (host_now_ms() - start) * 1e6 / GO;
        start = host_now_ms();
        for (i = 0; i < AGENT; i++)
            CHECK(status(c, NULL, NULL) == 1);
        agent = (host_now_ms() - start) * 1e6 / AGENT;
        printf("ns a call: licence state %.0f, into Go and back %.0f, to the agent and back %.0f\n", fast, go, agent);
        i = host_threads();
        WANT(ISCDESK_OK, recall(c, nothing, NULL, err()));
        printf("threads of ours with a callback %d\n", host_threads() - i);
        WANT(ISCDESK_OK, end(c, err()));
    }
    return 0;
}
