//go:build cgo && linux

/* shim_linux.c - what the shim needs of Linux: the fork guard, clocks and
 * waits, threads, the descriptor, and the gate into Go. */
#include <errno.h>
#include <fcntl.h>
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
    shim_table_init();
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &shim_mask_of_loader);
}

int shim_forked(void)
{
    return getpid() != home;
}

int64_t shim_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int shim_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until_ms)
{
    struct timespec t;
    if (until_ms < 0) {
        pthread_cond_wait(cond, lock);
        return 0;
    }
    t.tv_sec = (time_t)(until_ms / 1000);
    t.tv_nsec = (long)(until_ms % 1000) * 1000000;
    return pthread_cond_timedwait(cond, lock, &t) == ETIMEDOUT;
}

/* A thread of C's own for callbacks: 1 MB of stack, named, and no signal of the
 * host is ever delivered on it. Detached: ends are waited for through the
 * client, with a limit, which pthread_join has not. */
int shim_thread_start(pthread_t *thread, void *(*body)(void *), void *arg)
{
    pthread_attr_t attr;
    sigset_t all, before;
    int rc;
    if (pthread_attr_init(&attr) != 0)
        return -1;
    pthread_attr_setstacksize(&attr, 1 << 20);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(thread, &attr, body, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    if (rc != 0)
        return -1;
    (void)pthread_setname_np(*thread, "iscdesk-events");
    return 0;
}

/* Never 0, 1 or 2: in a host that closed those, a descriptor of ours would
 * become the place where others print. */
int shim_descriptor_new(void)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), high;
    if (fd < 0 || fd > 2)
        return fd;
    high = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    close(fd);
    return high;
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
 * would go into them. Returns what shim_low_close gives back. */
int shim_low_open(void)
{
    int taken = 0, fd;
    for (fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR | O_CLOEXEC) == fd)
            taken |= 1 << fd;
    return taken;
}

void shim_low_close(int taken)
{
    int fd;
    for (fd = 0; fd <= 2; fd++)
        if (taken >> fd & 1)
            close(fd);
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
