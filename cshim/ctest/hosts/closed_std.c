/* Row 27: a host without standard descriptors. What the host opens next becomes
 * descriptor 0, 1 or 2; nothing of ours may be written into it, and nothing of
 * ours may sit there. argv[2] is the file. */
#include <fcntl.h>

#include "host.h"

int main(int argc, char **argv)
{
    iscdesk_client c;
    iscdesk_event e;
    int fd, i, report;
    CHECK(argc == 3);
    report = dup(2);
    CHECK(report > 2);
    close(0);
    close(1);
    close(2);
    for (i = 0; i < 2; i++) {
        iscdesk_options o = host_options(argv[1]);
        if (iscdesk_init(&o, &c, err()) != ISCDESK_OK)
            return 2;
        for (fd = 0; i == 0 && fd <= 2; fd++)
            if (open(argv[2], O_CREAT | O_RDWR | O_APPEND, 0600) != fd)
                return 3; /* a descriptor of ours took one of the host's three */
        (void)iscdesk_get_license_string_request(c, "", NULL, NULL);
        (void)iscdesk_next_event(c, 5000, &e, NULL);
        iscdesk_event_free(e);
        (void)iscdesk_save(c, "not absolute", 0, NULL, NULL);
        if (iscdesk_shut_out(c, NULL) != ISCDESK_OK)
            return 4;
    }
    return lseek(2, 0, SEEK_END) == 0 ? 0 : 5;
}
