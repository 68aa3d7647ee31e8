//go:build cgo && linux

/* shim_linux.c - what the shim needs of Linux: the fork guard, clocks and
 * waits, threads, the descriptor, and the gate into Go. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "shim.h"

/* The process that loaded the library. Of a forked child only the calling
 * thread is left, so Go must not be entered there: it would wait for threads
 * that do not exist. */
static pid_t home;

/* Runs before Go's own start (which has no priority). Go makes its threads with
 * the mask it finds here, and a signal of the host must never be delivered on
 * one of them: a handler without SA_ONSTACK dies there. link/after.c, linked
 * after the archive, restores the mask. */
sigset_t shim_mask_of_loader __attribute__((visibility("hidden")));

__attribute__((constructor(101))) static void shim_before_go(void)
{
    sigset_t all;
    home = getpid();
    (void)pthread_atfork(shim_table_lock, shim_table_unlock, shim_table_unlock); /* the child may still read and free what it has */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &shim_mask_of_loader);
}

int32_t shim_cut_off(const char **why)
{
    *why = "";
    return getpid() != home ? ISCDESK_E_FORKED : ISCDESK_OK;
}

/* Go started with the library, and from any thread it can be entered. */
int32_t shim_ready(const char **why)
{
    return shim_cut_off(why);
}

void shim_mutex_init(shim_mutex *m)
{
    pthread_mutex_init(m, NULL);
}

void shim_mutex_end(shim_mutex *m)
{
    pthread_mutex_destroy(m);
}

void shim_lock(shim_mutex *m)
{
    pthread_mutex_lock(m);
}

void shim_unlock(shim_mutex *m)
{
    pthread_mutex_unlock(m);
}

void shim_cond_init(shim_cond *c)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC); /* waits must not follow a clock that is set */
    pthread_cond_init(c, &attr);
    pthread_condattr_destroy(&attr);
}

void shim_cond_end(shim_cond *c)
{
    pthread_cond_destroy(c);
}

void shim_wake(shim_cond *c)
{
    pthread_cond_broadcast(c);
}

static int64_t read_ms(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t shim_now_ms(void)
{
    return read_ms(CLOCK_MONOTONIC);
}

int64_t shim_boot_ms(void)
{
    return read_ms(CLOCK_BOOTTIME);
}

int shim_wait(shim_cond *c, shim_mutex *m, int64_t until_ms)
{
    struct timespec t;
    if (until_ms < 0) {
        pthread_cond_wait(c, m);
        return 0;
    }
    t.tv_sec = (time_t)(until_ms / 1000);
    t.tv_nsec = (long)(until_ms % 1000) * 1000000;
    return pthread_cond_timedwait(c, m, &t) == ETIMEDOUT;
}

/* What a new thread runs, handed over on the heap: it frees it. */
struct start {
    void (*body)(void *);
    void *arg;
};

static void *run(void *start)
{
    struct start s = *(struct start *)start;
    free(start);
    s.body(s.arg);
    return NULL;
}

/* A thread of C's own for callbacks: 1 MB of stack, named, and no signal of the
 * host is ever delivered on it. Detached: ends are waited for through the
 * client, with a limit, which pthread_join has not. */
int shim_thread_start(shim_thread *thread, void (*body)(void *), void *arg)
{
    struct start *s = malloc(sizeof *s);
    pthread_attr_t attr;
    sigset_t all, before;
    int rc;
    if (s == NULL || pthread_attr_init(&attr) != 0) {
        free(s);
        return -1;
    }
    s->body = body;
    s->arg = arg;
    pthread_attr_setstacksize(&attr, 1 << 20);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(thread, &attr, run, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    if (rc != 0) {
        free(s);
        return -1;
    }
    (void)pthread_setname_np(*thread, "iscdesk-events");
    return 0;
}

int shim_thread_is_this(shim_thread thread)
{
    return pthread_equal(thread, pthread_self());
}

/* Never 0, 1 or 2: in a host that closed those, a descriptor of ours would
 * become the place where others print. */
int32_t shim_descriptor_new(int *descriptor)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    *descriptor = fd;
    if (fd >= 0 && fd <= 2) {
        *descriptor = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        close(fd);
    }
    return *descriptor < 0 ? ISCDESK_E_INTERNAL : ISCDESK_OK;
}

void shim_descriptor_close(int fd)
{
    close(fd);
}

void shim_descriptor_set(int fd, int readable)
{
    uint64_t n = 1;
    ssize_t done;
    do
        done = readable ? write(fd, &n, sizeof n) : read(fd, &n, sizeof n);
    while (done < 0 && errno == EINTR);
}

/* Takes those of 0, 1 and 2 that the host has closed while Go is being started:
 * sockets and the poller of Go would sit there for ever, and what others print
 * would go into them. Returns what shim_go_settled gives back. */
int shim_go_started(void)
{
    int taken = 0, fd;
    for (fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR | O_CLOEXEC) == fd)
            taken |= 1 << fd;
    return taken;
}

void shim_go_settled(int taken)
{
    int fd;
    for (fd = 0; fd <= 2; fd++)
        if (taken >> fd & 1)
            close(fd);
}

/* X11 and Wayland have no message that anybody may post: the descriptor is the way. */
int32_t shim_window_post(void *window, uint32_t message)
{
    (void)window;
    (void)message;
    return ISCDESK_E_NOT_SUPPORTED;
}

/* Go's threads keep these two open, whatever mask they were made with. A handler
 * of the host without SA_ONSTACK would run there on a goroutine's small stack,
 * so it gets the flag: what Go's runtime itself does with handlers that it finds
 * at its start. On a thread without an alternate stack the flag changes nothing. */
static void onto_signal_stack(int sig)
{
    struct sigaction a;
    if (sigaction(sig, NULL, &a) == 0 && (a.sa_flags & SA_ONSTACK) == 0 && a.sa_handler != SIG_DFL &&
        a.sa_handler != SIG_IGN) {
        a.sa_flags |= SA_ONSTACK;
        (void)sigaction(sig, &a, NULL);
    }
}

void shim_enter(struct shim_guard *g)
{
    sigset_t all;
    fegetenv(&g->fpu);
    fesetenv(FE_DFL_ENV);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &g->signals);
    onto_signal_stack(SIGCHLD);
    onto_signal_stack(SIGPROF);
}

void shim_leave(struct shim_guard *g)
{
    pthread_sigmask(SIG_SETMASK, &g->signals, NULL);
    fesetenv(&g->fpu);
}
