/* Rows 7 and 8: a plug-in opens the library in its DllMain or in a constructor, where
 * Go could never start: a code in less than 3 s, and everything works afterwards. At
 * the end of the process a destructor of the plug-in ends a client with work going
 * on, when no thread but that one is left: the process has its own exit code. */
#include "host.h"

static DWORD WINAPI calls(void *client)
{
    while (client != NULL)
        (void)iscdesk_sign_in_status((iscdesk_client)client, NULL, NULL);
    return 0;
}

int main(int argc, char **argv)
{
    int32_t (*result)(double *);
    void (*take)(iscdesk_client);
    iscdesk_client c;
    double ms;
    int32_t rc;
    void *plugin;
    int i, late;
    CHECK(argc == 3);
    late = strcmp(argv[2], "destructor") == 0;
    if (!late)
        CHECK(SetEnvironmentVariableA("CTEST_ENDPOINT", argv[1]));
    plugin = host_load(strcmp(argv[2], "dllmain") == 0 ? "plugin_dllmain.dll" : "plugin.dll");
    CHECK(plugin != NULL);
    host_find(plugin, "plugin_result", &result);
    host_find(plugin, "plugin_take", &take);
    CHECK(result != NULL && take != NULL);
    rc = result(&ms);
    if (!late) {
        printf("%s: %ld after %.0f ms\n", argv[2], (long)rc, ms);
        CHECK(rc == ISCDESK_E_LOADER_LOCK && ms < 3000);
    }
    c = host_open(argv[1]);
    WANT(1, iscdesk_sign_in_status(c, NULL, err()));
    if (!late) {
        CHECK(host_unload(plugin) == 0);
        WANT(ISCDESK_OK, iscdesk_shut_out(c, err()));
        return 0;
    }
    take(c);
    for (i = 0; i < 4; i++)
        CloseHandle(CreateThread(NULL, 0, calls, (void *)c, 0, NULL));
    host_nap(100);
    return 42;
}
