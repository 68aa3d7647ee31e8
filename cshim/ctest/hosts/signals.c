/* Row 10: which handlers the library replaces, that Go's threads take no signal,
 * and that a host with ordinary handlers (no SA_ONSTACK), installed before and
 * after the load, lives under a hail of signals. */
#include <dirent.h>
#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/syscall.h>

#include "host.h"

static volatile sig_atomic_t hits;

static void counts(int sig)
{
    char use[2048]; /* an ordinary handler uses some stack */
    memset(use, sig, sizeof use);
    hits += use[100] == sig;
}

static sigjmp_buf place;

static void faults(int sig)
{
    (void)sig;
    siglongjmp(place, 1);
}

/* Every thread but ours has the signals blocked that a host uses; Go's runtime
 * keeps its faults, CHLD and PROF open. */
static void masks(void)
{
    struct dirent *d;
    DIR *dir = opendir("/proc/self/task");
    int others = 0;
    CHECK(dir != NULL);
    while ((d = readdir(dir)) != NULL) {
        char path[512], line[256];
        unsigned long long blocked = 0;
        FILE *f;
        if (d->d_name[0] == '.' || atol(d->d_name) == (long)getpid())
            continue;
        snprintf(path, sizeof path, "/proc/self/task/%s/status", d->d_name);
        f = fopen(path, "r");
        if (f == NULL)
            continue;
        while (fgets(line, sizeof line, f))
            (void)sscanf(line, "SigBlk: %llx", &blocked);
        fclose(f);
        others++;
        CHECK(blocked >> (SIGUSR1 - 1) & 1);
        CHECK(blocked >> (SIGUSR2 - 1) & 1);
        CHECK(blocked >> (SIGALRM - 1) & 1);
        CHECK(blocked >> (SIGINT - 1) & 1);
        CHECK(blocked >> (SIGTERM - 1) & 1);
        CHECK(blocked >> (SIGRTMIN + 3 - 1) & 1);
    }
    closedir(dir);
    CHECK(others > 0);
}

static int stop;

static void *hail(void *arg)
{
    pthread_t main_thread = *(pthread_t *)arg;
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST)) {
        kill(getpid(), SIGUSR1); /* to whichever thread takes it */
        kill(getpid(), SIGCHLD); /* and this one may be one of Go's */
        pthread_kill(main_thread, SIGUSR2);
        host_nap(1);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    static const int replaced[] = {SIGSEGV, SIGBUS, SIGFPE, SIGPIPE, SIGURG};
    struct sigaction before[65], after, mine;
    sigset_t mask;
    pthread_t self = pthread_self(), thread;
    iscdesk_options o;
    iscdesk_client c;
    iscdesk_event e;
    void *lib;
    int32_t (*init)(int32_t, const iscdesk_options *, iscdesk_client *, iscdesk_error *);
    int32_t (*status)(iscdesk_client, iscdesk_list *, iscdesk_error *);
    int32_t (*next)(iscdesk_client, int32_t, iscdesk_event *, iscdesk_error *);
    int sig, i, changed = 0, open_signals = 0;
    CHECK(argc == 3);
    memset(&mine, 0, sizeof mine);
    mine.sa_handler = faults;
    sigaction(SIGSEGV, &mine, NULL); /* before the load */
    for (sig = 1; sig <= 64; sig++)
        (void)sigaction(sig, NULL, &before[sig]);

    lib = dlopen(argv[2], RTLD_NOW);
    CHECK(lib != NULL);
    *(void **)&init = dlsym(lib, "iscdesk_init_abi");
    *(void **)&status = dlsym(lib, "iscdesk_sign_in_status");
    *(void **)&next = dlsym(lib, "iscdesk_next_event");
    o = host_options(argv[1]);
    WANT(ISCDESK_OK, init(ISCDESK_ABI, &o, &c, err()));

    for (sig = 1; sig <= 64; sig++) {
        int allowed = 0;
        if (sig == 32 || sig == 33)
            continue; /* the C library's own */
        (void)sigaction(sig, NULL, &after);
        for (i = 0; i < (int)(sizeof replaced / sizeof replaced[0]); i++)
            allowed |= replaced[i] == sig;
        if (after.sa_handler != before[sig].sa_handler) {
            changed++;
            if (!allowed)
                fprintf(stderr, "signal %d was replaced\n", sig);
            CHECK(allowed);
        }
    }
    printf("handlers replaced: %d\n", changed);
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    for (sig = 1; sig <= 31; sig++)
        open_signals += !sigismember(&mask, sig);
    CHECK(open_signals == 31); /* the loading thread has its mask back */
    masks();

    mine.sa_handler = counts; /* after the load, without SA_ONSTACK */
    sigaction(SIGUSR1, &mine, NULL);
    sigaction(SIGUSR2, &mine, NULL);
    sigaction(SIGCHLD, &mine, NULL);
    CHECK(pthread_create(&thread, NULL, hail, &self) == 0);
    for (i = 0; i < 2000; i++) {
        WANT(1, status(c, NULL, err()));
        if (i % 100 == 0)
            (void)next(c, 5, &e, NULL);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(hits > 10);
    masks();

    if (sigsetjmp(place, 1) == 0) { /* the host's own handler still gets its own fault */
        volatile int *nowhere = NULL;
        *nowhere = 1;
        CHECK(!"no fault");
    }
    WANT(1, status(c, NULL, err()));
    return 0;
}
