/* Row 1: a Go library cannot leave a process. dlclose in the middle of work must
 * neither crash nor unmap it. */
#include <dlfcn.h>

#include "host.h"

typedef int32_t (*init_fn)(int32_t, const iscdesk_options *, iscdesk_client *, iscdesk_error *);
typedef int32_t (*register_fn)(iscdesk_client, iscdesk_event_fn, void *, iscdesk_error *);
typedef int32_t (*request_fn)(iscdesk_client, const char *, int64_t *, iscdesk_error *);

static void on_event(void *user, iscdesk_event event)
{
    (void)event;
    __atomic_add_fetch((int *)user, 1, __ATOMIC_SEQ_CST);
}

static int mapped(void)
{
    char line[4096];
    int found = 0;
    FILE *f = fopen("/proc/self/maps", "r");
    CHECK(f != NULL);
    while (fgets(line, sizeof line, f))
        found |= strstr(line, "libiscdesk.so") != NULL;
    fclose(f);
    return found;
}

int main(int argc, char **argv)
{
    int i, events = 0;
    CHECK(argc == 3);
    for (i = 0; i < 20; i++) {
        iscdesk_options o = host_options(argv[1]);
        iscdesk_client c;
        int64_t op;
        void *lib = dlopen(argv[2], RTLD_NOW);
        CHECK(lib != NULL);
        WANT(ISCDESK_OK, ((init_fn)dlsym(lib, "iscdesk_init_abi"))(ISCDESK_ABI, &o, &c, err()));
        WANT(ISCDESK_OK, ((register_fn)dlsym(lib, "iscdesk_register_event_recall"))(c, on_event, &events, err()));
        WANT(ISCDESK_OK, ((request_fn)dlsym(lib, "iscdesk_get_license_string_request"))(c, "", &op, err()));
        CHECK(dlclose(lib) == 0); /* the client lives, its event is on the way */
        CHECK(mapped());
    }
    for (i = 0; i < 1000 && __atomic_load_n(&events, __ATOMIC_SEQ_CST) < 20; i++)
        host_nap(10);
    CHECK(__atomic_load_n(&events, __ATOMIC_SEQ_CST) >= 20);
    return 0;
}
