/* The browser is opened with the page's address, by the shell: this program makes
 * itself the system's browser, so it is for a Wine prefix only. argv: endpoint, the
 * file that the browser writes, the address; or, as the browser, "browse", that file
 * and the address it was given. */
#include "host.h"

static int browse(const char *file, const char *url)
{
    FILE *f = fopen(file, "w");
    return f != NULL && fputs(url, f) >= 0 && fclose(f) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    char self[MAX_PATH], command[3 * MAX_PATH], got[256] = "";
    static const char key[] = "http\\shell\\open\\command";
    iscdesk_options o;
    iscdesk_client c;
    iscdesk_event e;
    int i;
    CHECK(argc == 4);
    if (strcmp(argv[1], "browse") == 0)
        return browse(argv[2], argv[3]);
    CHECK(GetModuleFileNameA(NULL, self, sizeof self) < sizeof self);
    snprintf(command, sizeof command, "\"%s\" browse \"%s\" \"%%1\"", self, argv[2]);
    CHECK(RegSetKeyValueA(HKEY_CLASSES_ROOT, key, NULL, REG_SZ, command, (DWORD)strlen(command) + 1) == ERROR_SUCCESS);
    o = host_options(argv[1]);
    o.flags = 0;
    WANT(ISCDESK_OK, iscdesk_init(&o, &c, err()));
    WANT(ISCDESK_OK, iscdesk_open_cloud_file(c, NULL, err()));
    for (i = 0; i < 1000 && strcmp(got, argv[3]) != 0; i++) {
        FILE *f = fopen(argv[2], "r");
        host_nap(20);
        if (f != NULL) {
            if (fgets(got, sizeof got, f) == NULL)
                got[0] = 0;
            fclose(f);
        }
    }
    if (strcmp(got, argv[3]) != 0)
        fprintf(stderr, "the browser was given %s\n", got);
    CHECK(strcmp(got, argv[3]) == 0);
    while (iscdesk_next_event(c, 0, &e, NULL) == ISCDESK_OK) { /* the address was shown: no event carries it */
        CHECK(iscdesk_event_type(e) != ISCDESK_EVENT_PAGE);
        iscdesk_event_free(e);
    }
    WANT(ISCDESK_OK, iscdesk_shut_out(c, err()));
    return 0;
}
