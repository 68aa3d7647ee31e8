/* The page is opened so that the host does not notice: no child of the host, no
 * SIGCHLD, none of its descriptors, default signals. The driver's fake xdg-open
 * writes down what it got. argv[2] is "open", or "event" where no browser is. */
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "host.h"

static volatile sig_atomic_t children;

static void child(int sig)
{
    (void)sig;
    children++;
}

int main(int argc, char **argv)
{
    iscdesk_options o;
    iscdesk_client c;
    iscdesk_event e;
    struct sigaction a;
    sigset_t blocked;
    int64_t op;
    int status, i, page = 0, secret;
    CHECK(argc == 3);
    memset(&a, 0, sizeof a);
    a.sa_handler = child;
    sigaction(SIGCHLD, &a, NULL);
    a.sa_handler = SIG_IGN;
    sigaction(SIGTERM, &a, NULL);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &blocked, NULL);
    secret = open("/etc/passwd", O_RDONLY); /* not close-on-exec */
    CHECK(secret > 2 && dup2(secret, 77) == 77);

    o = host_options(argv[1]);
    o.flags = 0;
    WANT(ISCDESK_OK, iscdesk_init(&o, &c, err()));
    WANT(ISCDESK_OK, iscdesk_open_cloud_file(c, &op, err()));
    for (i = 0; i < 20; i++) {
        CHECK(waitpid(-1, &status, WNOHANG) == -1 && errno == ECHILD);
        host_nap(20);
    }
    CHECK(children == 0);
    while (iscdesk_next_event(c, 200, &e, NULL) == ISCDESK_OK) {
        if (iscdesk_event_type(e) == ISCDESK_EVENT_PAGE) {
            page++;
            CHECK(strncmp(iscdesk_event_param(e, "url"), "http://127.0.0.1:", 17) == 0);
            CHECK(iscdesk_event_operation(e) == op);
        }
        iscdesk_event_free(e);
    }
    CHECK(page == (strcmp(argv[2], "event") == 0));
    a.sa_handler = NULL;
    sigaction(SIGTERM, NULL, &a);
    CHECK(a.sa_handler == SIG_IGN); /* resetting the browser's signals did not touch ours */
    WANT(ISCDESK_OK, iscdesk_shut_out(c, err()));
    return 0;
}
