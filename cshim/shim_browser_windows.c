//go:build cgo && windows

/* shim_browser_windows.c - opens one address in the user's browser.
 *
 * The shell's handlers may need COM in a thread of one apartment, and may pump
 * messages: so it gets a thread of its own, and the host's are left alone. shell32
 * and ole32 are loaded at that moment, from the system's folder: a host that never
 * opens a page does not carry them. */
#define WIN32_LEAN_AND_MEAN
#define COBJMACROS
#define _WIN32_WINNT 0x0601
#include <windows.h>

#include <objbase.h>
#include <shellapi.h>
#include <stdlib.h>
#include <string.h>

#include "shim.h"

enum { SHELL_WAIT_MS = 5000 };

struct launch {
    HANDLE done;
    LONG holders; /* whoever lets go last frees it */
    int32_t rc;
    wchar_t url[SHIM_MAX_URL + 1];
    wchar_t folder[MAX_PATH + 1];
};

static void let_go(struct launch *l)
{
    if (InterlockedDecrement(&l->holders) == 0) {
        CloseHandle(l->done);
        free(l);
    }
}

/* A function of a library of the system's folder, or NULL. to has its type. */
static int find(const wchar_t *library, const char *name, void *to)
{
    HMODULE module = LoadLibraryExW(library, NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);
    FARPROC found = module == NULL ? NULL : GetProcAddress(module, name);
    memcpy(to, &found, sizeof found);
    return found != NULL;
}

static void opens(void *arg)
{
    HRESULT(WINAPI * begin)(void *, DWORD);
    void(WINAPI * end)(void);
    BOOL(WINAPI * execute)(SHELLEXECUTEINFOW *);
    struct launch *l = arg;
    SHELLEXECUTEINFOW info;
    memset(&info, 0, sizeof info);
    info.cbSize = sizeof info;
    info.fMask = SEE_MASK_NOASYNC | SEE_MASK_FLAG_NO_UI;
    info.lpVerb = L"open";
    info.lpFile = l->url;
    info.lpDirectory = l->folder; /* not the host's: a browser would hold it for hours */
    info.nShow = SW_SHOWNORMAL;
    if (find(L"ole32.dll", "CoInitializeEx", &begin) && find(L"ole32.dll", "CoUninitialize", &end) &&
        find(L"shell32.dll", "ShellExecuteExW", &execute)) {
        HRESULT com = begin(NULL, COINIT_APARTMENTTHREADED | COINIT_DISABLE_OLE1DDE);
        if (execute(&info))
            l->rc = ISCDESK_OK;
        if (SUCCEEDED(com))
            end();
    }
    SetEvent(l->done);
    let_go(l);
}

/* A service has no desktop: a browser there would be seen by nobody. */
static int has_desktop(void)
{
    DWORD session;
    return ProcessIdToSessionId(GetCurrentProcessId(), &session) && session != 0;
}

/* The caller is in the middle of a Go call. A shell that takes its time counts as
 * a browser that starts. */
int32_t shim_go_browse(const char *url, size_t size)
{
    shim_thread thread;
    struct launch *l;
    int32_t rc = ISCDESK_E_NOT_SUPPORTED;
    size_t i;
    if (!shim_url_ok(url, size) || !has_desktop())
        return rc;
    l = calloc(1, sizeof *l);
    if (l == NULL)
        return rc;
    for (i = 0; i < size; i++)
        l->url[i] = (wchar_t)url[i];
    l->rc = rc;
    l->holders = 2;
    l->done = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (l->done == NULL || GetSystemDirectoryW(l->folder, MAX_PATH) == 0 || shim_thread_start(&thread, opens, l) != 0) {
        l->holders = 1;
        if (l->done == NULL)
            free(l);
        else
            let_go(l);
        return rc;
    }
    rc = WaitForSingleObject(l->done, SHELL_WAIT_MS) == WAIT_OBJECT_0 ? l->rc : ISCDESK_OK;
    let_go(l);
    return rc;
}
