// A plug-in that uses the library while Windows loads or unloads it: the loader's
// lock is held. Built twice: with IN_DLLMAIN, and as a C++ object with a constructor
// and a destructor. loaderlock.c loads it.
#include "host.h"

static iscdesk_client client;
static int32_t result = 1;
static double took;

static void opens()
{
    static char endpoint[256];
    if (GetEnvironmentVariableA("CTEST_ENDPOINT", endpoint, sizeof endpoint) == 0)
        return;
    iscdesk_options o = host_options(endpoint);
    const double before = host_now_ms();
    result = iscdesk_init(&o, &client, 0);
    took = host_now_ms() - before;
}

extern "C" {
__declspec(dllexport) int32_t plugin_result(double *ms)
{
    *ms = took;
    return result;
}

// The host's client, which the destructor ends.
__declspec(dllexport) void plugin_take(iscdesk_client c) { client = c; }
}

#ifdef IN_DLLMAIN
BOOL WINAPI DllMain(HINSTANCE, DWORD reason, void *)
{
    if (reason == DLL_PROCESS_ATTACH)
        opens();
    return TRUE;
}
#else
struct Opens {
    Opens() { opens(); }
    ~Opens() { (void)iscdesk_shut_out(client, 0); }
};
static Opens object;
#endif
