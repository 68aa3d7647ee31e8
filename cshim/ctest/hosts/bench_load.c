/* What loading the library does to a process, for make bench:
 *   bench_load LIBRARY ENDPOINT
 * prints: load ns, first call ns, threads added by load, of those the library's
 * own (not its Go runtime's), the same two after a callback is registered, signal
 * handlers replaced, resident KiB added. */
#include <dirent.h>
#include <dlfcn.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "iscdesk.h"

enum { SIGNALS = 65 };

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Counts threads; *own gets those that bear the library's name. */
static int threads(int *own)
{
    int n = 0;
    struct dirent *e;
    DIR *d = opendir("/proc/self/task");
    if (d == NULL)
        return -1;
    *own = 0;
    while ((e = readdir(d)) != NULL) {
        char path[300], name[32] = "";
        FILE *f;
        if (e->d_name[0] == '.')
            continue;
        n++;
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", e->d_name);
        f = fopen(path, "r");
        if (f == NULL)
            continue;
        if (fgets(name, sizeof name, f) != NULL && strncmp(name, "iscdesk", 7) == 0)
            ++*own;
        fclose(f);
    }
    closedir(d);
    return n;
}

static long resident_kib(void)
{
    char line[256];
    long kib = -1;
    FILE *f = fopen("/proc/self/status", "r");
    if (f == NULL)
        return -1;
    while (fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, "VmRSS: %ld", &kib) == 1)
            break;
    fclose(f);
    return kib;
}

static void handlers(struct sigaction *all)
{
    int s;
    memset(all, 0, SIGNALS * sizeof *all);
    for (s = 1; s < SIGNALS; s++)
        sigaction(s, NULL, &all[s]);
}

static void ignore(void *user, iscdesk_event event)
{
    (void)user;
    (void)event;
}

int main(int argc, char **argv)
{
    struct sigaction before[SIGNALS], after[SIGNALS];
    int32_t (*open_desk)(int32_t, const iscdesk_options *, iscdesk_client *, iscdesk_error *);
    int32_t (*recall)(iscdesk_client, iscdesk_event_fn, void *, iscdesk_error *);
    iscdesk_options opt;
    iscdesk_client client;
    int64_t load, first;
    int bare, loaded, called, none, own_loaded, own_called, replaced = 0, s;
    long memory;
    void *lib;

    if (argc != 3)
        return 2;
    bare = threads(&none);
    memory = resident_kib();
    handlers(before);
    load = now_ns();
    lib = dlopen(argv[1], RTLD_NOW);
    load = now_ns() - load;
    if (lib == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    *(void **)&open_desk = dlsym(lib, "iscdesk_init_abi");
    *(void **)&recall = dlsym(lib, "iscdesk_register_event_recall");
    if (open_desk == NULL || recall == NULL)
        return 1;
    memset(&opt, 0, sizeof opt);
    opt.size = (uint32_t)sizeof opt;
    opt.endpoint = argv[2];
    first = now_ns();
    if (open_desk(ISCDESK_ABI, &opt, &client, NULL) != ISCDESK_OK)
        return 1;
    first = now_ns() - first;
    loaded = threads(&own_loaded);
    if (recall(client, ignore, NULL, NULL) != ISCDESK_OK)
        return 1;
    called = threads(&own_called);
    handlers(after);
    for (s = 1; s < SIGNALS; s++)
        replaced += before[s].sa_handler != after[s].sa_handler;
    printf("%lld %lld %d %d %d %d %d %ld\n", (long long)load, (long long)first, loaded - bare, own_loaded, called - bare, own_called,
           replaced, resident_kib() - memory);
    return 0;
}
