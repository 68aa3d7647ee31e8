/* Row 12: in the child of a fork each call answers at once; the parent goes on. */
#include <signal.h>
#include <sys/wait.h>

#include "host.h"

int main(int argc, char **argv)
{
    iscdesk_client c;
    iscdesk_list mine;
    int status, i, waited;
    CHECK(argc == 2);
    c = host_open(argv[1]);
    CHECK(iscdesk_list_spaces(c, &mine, err()) > 0);
    for (i = 0; i < 5; i++) {
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            iscdesk_options o = host_options(argv[1]);
            iscdesk_client other;
            iscdesk_event e;
            iscdesk_list l;
            iscdesk_license lic;
            char text[8];
            int32_t n;
            memset(&lic, 0, sizeof lic);
            lic.size = (uint32_t)sizeof lic;
            WANT(ISCDESK_E_FORKED, iscdesk_init(&o, &other, err()));
            CHECK(strlen(host_err.message) > 0 && strlen(host_err.hint) > 0);
            WANT(ISCDESK_E_FORKED, iscdesk_sign_in_status(c, &l, err()));
            WANT(ISCDESK_E_FORKED, iscdesk_get_license_string_request(c, "", NULL, err()));
            WANT(ISCDESK_E_FORKED, iscdesk_get_fingerprint(c, text, sizeof text, err()));
            WANT(ISCDESK_E_FORKED, iscdesk_license_state(c, &lic, err()));
            WANT(ISCDESK_E_FORKED, iscdesk_save(c, "/tmp/a", 0, NULL, err()));
            WANT(ISCDESK_E_FORKED, iscdesk_list_spaces(c, &l, err()));
            WANT(ISCDESK_E_FORKED, iscdesk_next_event(c, -1, &e, err()));
            WANT(ISCDESK_E_FORKED, iscdesk_register_event_recall(c, NULL, NULL, err()));
            WANT(ISCDESK_E_FORKED, iscdesk_event_descriptor(c, &n, err()));
            WANT(ISCDESK_E_FORKED, iscdesk_shut_out(c, err()));
            CHECK(iscdesk_list_count(mine) > 0); /* what the child has, it may read and free */
            iscdesk_list_free(mine);
            CHECK(iscdesk_list_count(mine) == 0);
            _exit(9);
        }
        /* a call that enters Go in the child waits for ever, with signals blocked */
        for (waited = 0; waited < 300 && waitpid(pid, &status, WNOHANG) == 0; waited++)
            host_nap(10);
        if (waited == 300)
            kill(pid, SIGKILL);
        CHECK(waited < 300);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 9);
        WANT(1, iscdesk_sign_in_status(c, NULL, err()));
    }
    WANT(ISCDESK_OK, iscdesk_shut_out(c, err()));
    return 0;
}
