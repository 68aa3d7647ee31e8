//go:build cgo && linux

/* shim_browser_linux.c - opens one address in the user's browser.
 *
 * The host must not notice: its own child reaper (a SIGCHLD handler, a loop of
 * waitpid(-1)) never sees a process of ours. So a middle process is cloned with
 * no exit signal, which only waitpid(__WALL) of ours can collect; it clones the
 * browser's starter and ends at once, so the browser belongs to init. Both run
 * in the host's memory while the caller is suspended, as vfork does: a CAD
 * process of 40 GB is not copied. Nothing here may allocate or take a lock
 * after the first clone. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shim.h"

enum { STACK = 64 * 1024 };

struct launch {
    char program[PATH_MAX], url[SHIM_MAX_URL + 1];
    char *argv[3];
    char *stack;
    int failed; /* written by the starter through the shared memory */
};

/* Finds name in the absolute folders of PATH; a relative one could be the
 * folder of a document that somebody sent. */
static int find_program(const char *name, char *out, size_t size)
{
    const char *path = getenv("PATH");
    size_t length = strlen(name);
    if (path == NULL)
        path = "/usr/bin:/bin";
    while (*path != 0) {
        size_t n = strcspn(path, ":");
        if (n > 0 && path[0] == '/' && n + 1 + length < size) {
            memcpy(out, path, n);
            out[n] = '/';
            memcpy(out + n + 1, name, length + 1);
            if (access(out, X_OK) == 0)
                return 0;
        }
        path += n;
        if (*path == ':')
            path++;
    }
    return -1;
}

static void close_from(unsigned int first)
{
    struct rlimit limit;
    long fd, end = 65536;
#ifdef SYS_close_range
    if (syscall(SYS_close_range, first, ~0u, 0) == 0)
        return;
#endif
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < (rlim_t)end)
        end = (long)limit.rlim_cur;
    for (fd = (long)first; fd < end; fd++)
        close((int)fd);
}

/* The browser's starter. All signals are blocked here, and handlers of the host
 * must not run in it: defaults first, then the mask is opened. */
static int starter(void *arg)
{
    struct launch *l = arg;
    struct sigaction standard;
    sigset_t none;
    int sig, null;
    memset(&standard, 0, sizeof standard);
    standard.sa_handler = SIG_DFL;
    for (sig = 1; sig < NSIG; sig++)
        (void)sigaction(sig, &standard, NULL);
    (void)setsid();
    null = open("/dev/null", O_RDWR);
    if (null < 0) {
        l->failed = 1;
        _exit(127);
    }
    (void)dup2(null, 0);
    (void)dup2(null, 1);
    (void)dup2(null, 2);
    close_from(3);
    if (chdir("/") != 0) {
        l->failed = 1;
        _exit(127);
    }
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    execve(l->program, l->argv, environ);
    l->failed = 1;
    _exit(127);
}

/* The middle process: it ends as soon as the starter has executed the program. */
static int middle(void *arg)
{
    struct launch *l = arg;
    if (clone(starter, l->stack + 2 * STACK, CLONE_VM | CLONE_VFORK | SIGCHLD, l) < 0)
        l->failed = 1;
    _exit(0);
}

static int launch(struct launch *l)
{
    int status;
    pid_t pid;
    sigset_t all, before;
    l->stack = mmap(NULL, 2 * STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (l->stack == MAP_FAILED)
        return -1;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid = clone(middle, l->stack + STACK, CLONE_VM | CLONE_VFORK, l); /* no exit signal: no SIGCHLD */
    if (pid > 0)
        while (waitpid(pid, &status, __WALL) < 0 && errno == EINTR)
            ;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    munmap(l->stack, 2 * STACK);
    return pid > 0 && !l->failed ? 0 : -1;
}

/* The caller is in the middle of a Go call, on the system's stack: what is
 * larger than a line lies on the heap. */
int32_t shim_go_browse(const char *url, size_t size)
{
    static const char *const programs[] = {"xdg-open", "x-www-browser", "sensible-browser"};
    struct launch *l;
    int32_t rc = ISCDESK_E_NOT_SUPPORTED;
    size_t i;
    /* without a display these programs would take the terminal, or nothing */
    if (!shim_url_ok(url, size) || (getenv("DISPLAY") == NULL && getenv("WAYLAND_DISPLAY") == NULL))
        return rc;
    l = calloc(1, sizeof *l);
    if (l == NULL)
        return rc;
    memcpy(l->url, url, size);
    for (i = 0; i < sizeof programs / sizeof programs[0] && rc != ISCDESK_OK; i++) {
        if (find_program(programs[i], l->program, sizeof l->program) != 0)
            continue;
        l->argv[0] = l->program;
        l->argv[1] = l->url;
        l->failed = 0;
        if (launch(l) == 0)
            rc = ISCDESK_OK;
    }
    free(l);
    return rc;
}
