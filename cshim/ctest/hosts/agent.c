/* Row 33: the agent is absent, of another version, halted and restarted. argv[2]
 * says which; the driver moves the agent when this host says a line. */
#include "host.h"

static void restart(const char *endpoint)
{
    iscdesk_client c = host_open(endpoint);
    iscdesk_license lic;
    iscdesk_event e;
    int64_t op;
    int i, type = 0;
    int32_t rc;
    memset(&lic, 0, sizeof lic);
    lic.size = (uint32_t)sizeof lic;
    WANT(ISCDESK_OK, iscdesk_get_license_string_request(c, "", &op, err())); /* runs, by the driver's order */
    host_step("halt");
    WANT(ISCDESK_OK, iscdesk_next_event(c, 10000, &e, err()));
    CHECK(iscdesk_event_type(e) == ISCDESK_EVENT_DESK_CLOSED);
    iscdesk_event_free(e);
    WANT(ISCDESK_OK, iscdesk_license_state(c, &lic, err())); /* known without an agent */
    CHECK(lic.state == ISCDESK_LICENSE_VALID);
    rc = iscdesk_sign_in_status(c, NULL, err());
    CHECK(rc == ISCDESK_E_AGENT_LOST || rc == ISCDESK_E_AGENT_ABSENT);
    host_step("start");
    for (i = 0; i < 20 && (rc = iscdesk_sign_in_status(c, NULL, err())) != 1; i++)
        host_nap(100);
    CHECK(rc == 1);
    for (i = 0; i < 20 && type != ISCDESK_EVENT_LICENSE_VERIFY; i++) { /* the operation's end is not lost */
        WANT(ISCDESK_OK, iscdesk_next_event(c, 10000, &e, err()));
        type = iscdesk_event_type(e);
        if (type == ISCDESK_EVENT_LICENSE_VERIFY)
            CHECK(iscdesk_event_operation(e) == op);
        iscdesk_event_free(e);
        if (type == ISCDESK_EVENT_GAP) {
            char line[64];
            snprintf(line, sizeof line, "finish %lld", (long long)op);
            host_step(line);
        }
    }
    CHECK(type == ISCDESK_EVENT_LICENSE_VERIFY);
    WANT(ISCDESK_OK, iscdesk_shut_out(c, err()));
}

int main(int argc, char **argv)
{
    iscdesk_options o;
    iscdesk_client c;
    double before = host_now_ms();
    CHECK(argc == 3);
    o = host_options(argv[1]);
    if (strcmp(argv[2], "absent") == 0) {
        WANT(ISCDESK_E_AGENT_ABSENT, iscdesk_init(&o, &c, err()));
        CHECK(c == NULL && host_err.code == ISCDESK_E_AGENT_ABSENT && host_err.message[0] && host_err.hint[0]);
        o.language = "zh-CN";
        WANT(ISCDESK_E_AGENT_ABSENT, iscdesk_init(&o, &c, err()));
        CHECK((unsigned char)host_err.message[0] >= 0xe0);
        CHECK(host_now_ms() - before < 5000);
    } else if (strcmp(argv[2], "old") == 0) {
        WANT(ISCDESK_E_AGENT_TOO_OLD, iscdesk_init(&o, &c, err()));
    } else if (strcmp(argv[2], "mute") == 0) { /* an agent that never answers */
        o.timeout_ms = 300;
        WANT(ISCDESK_E_TIMEOUT, iscdesk_init(&o, &c, err()));
        CHECK(host_now_ms() - before < 5000);
    } else {
        restart(argv[1]);
    }
    return 0;
}
