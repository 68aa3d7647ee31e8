/* An application that is not linked against the library: it starts without one,
 * and finds one by path. argv[2] is the library, or "" for none. */
#include <stdio.h>

#include "iscdesk_load.h"

#ifdef _WIN32
#define NOWHERE "C:\\nowhere\\iscdesk64.dll"
#else
#define NOWHERE "/nowhere/libiscdesk.so.1"
#endif

int main(int argc, char **argv)
{
    iscdesk_functions desk;
    iscdesk_options o;
    iscdesk_client c;
    iscdesk_error e;
    int rc;
    if (argc != 3)
        return 2;
    if (argv[2][0] == 0)
        return iscdesk_load(&desk, NOWHERE) == ISCDESK_LOAD_ABSENT && desk.init_abi == NULL ? 0 : 3;
    rc = iscdesk_load(&desk, argv[2]);
    if (strstr(argv[2], "libm.so") != NULL)
        return rc == ISCDESK_LOAD_INCOMPLETE && desk.abi == NULL ? 0 : 4;
    if (rc != ISCDESK_LOADED)
        return 5;
    memset(&o, 0, sizeof o);
    o.size = (uint32_t)sizeof o;
    o.product = "ctest";
    o.endpoint = argv[1];
    e.size = (uint32_t)sizeof e;
    if (desk.init_abi(ISCDESK_ABI, &o, &c, &e) != ISCDESK_OK) {
        fprintf(stderr, "%s (%s)\n", e.message, e.detail);
        return 6;
    }
    if (desk.sign_in_status(c, NULL, NULL) != 1)
        return 7;
    return desk.shut_out(c, NULL) == ISCDESK_OK ? 0 : 8;
}
