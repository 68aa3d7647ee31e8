/* hello.c: begin, ask for a licence, wait for the answer, end.
 * cc hello.c $(pkg-config --cflags --libs iscdesk) */
#include <iscdesk.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    iscdesk_options options = {sizeof options};
    iscdesk_error err = {sizeof err};
    iscdesk_client desk;
    iscdesk_event event;
    options.product = "hello";                    /* as the cloud knows it */
    options.endpoint = argc > 1 ? argv[1] : NULL; /* NULL: the agent of this computer */
    if (iscdesk_init(&options, &desk, &err) != ISCDESK_OK ||
        iscdesk_get_license_string_request(desk, "", NULL, &err) != ISCDESK_OK)
        return printf("%s %s\n", err.message, err.hint), 1;
    for (int mine = 0; !mine; iscdesk_event_free(event)) {
        if (iscdesk_next_event(desk, 10000, &event, &err) != ISCDESK_OK)
            return printf("%s %s\n", err.message, err.hint), 1;
        mine = iscdesk_event_type(event) == ISCDESK_EVENT_LICENSE_VERIFY;
        if (mine)
            puts(iscdesk_event_json(event));
    }
    return iscdesk_shut_out(desk, &err);
}
