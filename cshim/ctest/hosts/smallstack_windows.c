/* Row 30: every kind of call from threads with 64 KiB of stack. Prints how much of
 * it was used: Windows commits a stack page by page, downwards. */
#include "host.h"

enum { STACK = 64 * 1024 };

static const char *endpoint;

static DWORD WINAPI works(void *deepest)
{
    iscdesk_client c;
    iscdesk_event e;
    iscdesk_list l;
    char print[256];
    MEMORY_BASIC_INFORMATION m;
    c = host_open(endpoint);
    WANT(ISCDESK_OK, iscdesk_get_license_string_request(c, "", NULL, err()));
    WANT(ISCDESK_OK, iscdesk_next_event(c, 10000, &e, err()));
    iscdesk_event_free(e);
    CHECK(iscdesk_get_fingerprint(c, print, sizeof print, err()) > 0);
    CHECK(iscdesk_list_folder(c, "s1", NULL, NULL, &l, err()) > 0);
    iscdesk_list_free(l);
    WANT(ISCDESK_OK, iscdesk_open_cloud_file(c, NULL, err()));
    WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_save(c, "relative", 0, NULL, err()));
    WANT(ISCDESK_OK, iscdesk_shut_out(c, err()));
    CHECK(VirtualQuery(&m, &m, sizeof m) == sizeof m); /* the pages from here to the stack's top, all in use */
    *(size_t *)deepest = m.RegionSize + ((size_t)&m & 4095);
    return 0;
}

int main(int argc, char **argv)
{
    int i;
    size_t deepest = 0, n = 0;
    CHECK(argc == 2);
    endpoint = argv[1];
    for (i = 0; i < 4; i++) {
        HANDLE t = CreateThread(NULL, STACK, works, &n, STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
        CHECK(t != NULL);
        CHECK(WaitForSingleObject(t, 60000) == WAIT_OBJECT_0);
        CloseHandle(t);
        deepest = n > deepest ? n : deepest;
    }
    printf("stack committed: %lu bytes\n", (unsigned long)deepest);
    return 0;
}
