/* Events as no good agent sends them: zero bytes, broken UTF-8, empty and huge
 * values, types of the future. C sees clean text, and each of them arrives. */
#include "host.h"

static int clean(const char *s)
{
    return s != NULL && strchr(s, '\xff') == NULL;
}

int main(int argc, char **argv)
{
    iscdesk_client c;
    iscdesk_event e;
    CHECK(argc == 2);
    c = host_open(argv[1]);
    host_step("emit");
    WANT(ISCDESK_OK, iscdesk_next_event(c, 10000, &e, err()));
    CHECK(iscdesk_event_type(e) == ISCDESK_EVENT_UNKNOWN);
    CHECK(strcmp(iscdesk_event_name(e), "EVENT_FROM_THE_FUTURE") == 0);
    CHECK(strcmp(iscdesk_event_param(e, "zz"), "last") == 0);
    CHECK(strncmp(iscdesk_event_param(e, "zero"), "a\xef\xbf\xbd", 4) == 0);
    CHECK(clean(iscdesk_event_param(e, "broken")));
    CHECK(iscdesk_event_param(e, "empty") == NULL && iscdesk_event_param(e, "") == NULL);
    CHECK(strcmp(iscdesk_event_param(e, "operate"), "Future") == 0);
    CHECK(clean(iscdesk_event_json(e)));
    iscdesk_event_free(e);
    WANT(ISCDESK_OK, iscdesk_next_event(c, 10000, &e, err()));
    CHECK(strlen(iscdesk_event_param(e, "huge")) == 300000);
    CHECK(iscdesk_event_operation(e) == INT64_C(0x7fffffffffffffff));
    iscdesk_event_free(e);
    WANT(ISCDESK_OK, iscdesk_next_event(c, 10000, &e, err())); /* without parameters */
    CHECK(strcmp(iscdesk_event_json(e), "{\"operate\":\"\",\"params\":{},\"comeBackParams\":{\"a\":[1,\"b\"]}}") == 0);
    iscdesk_event_free(e);
    WANT(ISCDESK_OK, iscdesk_shut_out(c, err()));
    return 0;
}
