//go:build cgo && windows

/* shim_start_windows.c - what must hold before Go is entered, and its start: with
 * the first client, not with the DLL. An old Windows, the loader's lock, a full
 * address space and the end of the process get a code; each would end or hang the
 * host inside Go. */
#define WIN32_LEAN_AND_MEAN
#define _WIN32_WINNT 0x0601
#include <windows.h>

#include <stdlib.h>

#include "shim.h"

BOOLEAN NTAPI RtlDllShutdownInProgress(void); /* of ntdll; headers for drivers alone declare it */

/* Once ExitProcess has begun, this thread is the only one left: Go's are gone,
 * with whatever they held. Static destructors of other libraries still run. */
int32_t shim_cut_off(const char **why)
{
    *why = "the process is ending";
    return RtlDllShutdownInProgress() ? ISCDESK_E_CLOSED : ISCDESK_OK;
}

/* ---- guards before Go is entered */

enum { PROBE_MS = 2000, PROBE_STACK = 64 * 1024 };

/* Go's code cannot leave a process with its threads in it, whatever the number
 * of FreeLibrary calls. First of all: the probe's thread may outlive the call. */
static int pin(void)
{
    HMODULE self;
    return GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS,
                              (LPCWSTR)(uintptr_t)pin, &self) != 0;
}

struct probe {
    HANDLE runs;
    LONG holders; /* whoever lets go last frees it */
};

static void let_go(struct probe *p)
{
    if (InterlockedDecrement(&p->holders) == 0) {
        CloseHandle(p->runs);
        free(p);
    }
}

static DWORD WINAPI ping(void *arg)
{
    struct probe *p = arg;
    SetEvent(p->runs);
    let_go(p);
    return 0;
}

/* A thread cannot begin while the loader's lock is held: by us, when this is
 * DllMain or a constructor of a library. Go would wait for its threads for ever. */
static int threads_begin(void)
{
    struct probe *p = malloc(sizeof *p);
    HANDLE thread;
    int begun;
    if (p == NULL)
        return 0;
    p->holders = 2;
    p->runs = CreateEventW(NULL, TRUE, FALSE, NULL);
    thread = p->runs == NULL ? NULL : CreateThread(NULL, PROBE_STACK, ping, p, STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
    if (thread == NULL) {
        if (p->runs != NULL)
            CloseHandle(p->runs);
        free(p);
        return 0;
    }
    CloseHandle(thread);
    begun = WaitForSingleObject(p->runs, PROBE_MS) == WAIT_OBJECT_0;
    let_go(p);
    return begun;
}

/* Go ends the process where this function is missing: before Windows 10. */
static int system_serves(void)
{
    HMODULE library = LoadLibraryExW(L"bcryptprimitives.dll", NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);
    int serves;
    if (library == NULL)
        return 0;
    serves = GetProcAddress(library, "ProcessPrng") != NULL;
    FreeLibrary(library);
    return serves;
}

/* ---- the address space of a 32-bit host: its models need it */

enum { LEAST_FREE = 64 << 20, LEAST_BLOCK = 8 << 20, FENCE = 64 << 20, FENCES = 64 };

static shim_mutex start_lock = SHIM_MUTEX_INITIALIZER; /* guards what follows up to shim_ready */
static void *fences[FENCES];
static int fenced;

/* Go's start lays hold of 512 MB in one piece where it finds them, else of 256 or
 * 128, else of none: then its heap grows by 4 MB. So while it starts, one page is
 * taken in each 64 MB that are free; other threads of the host still find those. */
static void fence(char *from, size_t size)
{
    const size_t grain = 65536;
    char *at = (char *)(((uintptr_t)from + grain - 1) / grain * grain);
    for (at += FENCE; at + FENCE < from + size && fenced < FENCES; at += FENCE) {
        fences[fenced] = VirtualAlloc(at, 1, MEM_RESERVE, PAGE_NOACCESS);
        fenced += fences[fenced] != NULL;
    }
}

static void unfence(void)
{
    while (fenced > 0)
        VirtualFree(fences[--fenced], 0, MEM_RELEASE);
}

/* Whether Go can start in what is free: too little would end the process. With
 * fencing the free pieces are fenced as well. */
static int has_room(int fencing)
{
    MEMORY_BASIC_INFORMATION m;
    char *at = NULL;
    size_t all = 0, largest = 0;
    if (sizeof(void *) > 4)
        return 1;
    while (VirtualQuery(at, &m, sizeof m) == sizeof m && (char *)m.BaseAddress + m.RegionSize > at) {
        if (m.State == MEM_FREE) {
            all += m.RegionSize;
            largest = m.RegionSize > largest ? m.RegionSize : largest;
            if (fencing)
                fence(m.BaseAddress, m.RegionSize);
        }
        at = (char *)m.BaseAddress + m.RegionSize;
    }
    return all >= LEAST_FREE && largest >= LEAST_BLOCK;
}

/* ---- the start, once */

/* Go's start, which link/start_windows.c hands over; NULL where the archive was
 * linked without it and started Go when it was loaded. */
void (*shim_go_start)(int argc, char **argv);

static enum { NOT_STARTED, STARTS, STARTED } state;
static LPTOP_LEVEL_EXCEPTION_FILTER filter; /* the host's, while STARTS */

/* Starts Go's runtime. It goes on in a thread of its own, for which the first call
 * into Go waits. In 32 bit it puts a filter of its own, which does nothing for a
 * library, in the place of the host's: that of its crash reporter. */
static void start_go(void)
{
    shim_lock(&start_lock);
    if (state == NOT_STARTED && shim_go_start != NULL) {
        (void)has_room(1);
        filter = SetUnhandledExceptionFilter(NULL);
        (void)SetUnhandledExceptionFilter(filter);
        shim_go_start(0, NULL);
        state = STARTS;
    }
    shim_unlock(&start_lock);
}

/* Of use only before the start: later Go has what it needs, or ends the process. */
static int may_start(void)
{
    int may;
    shim_lock(&start_lock);
    may = state != NOT_STARTED || has_room(0);
    shim_unlock(&start_lock);
    return may;
}

/* A handle of Windows never becomes a standard one by its number, as a descriptor
 * does, so nothing is taken here. */
int shim_go_started(void)
{
    shim_lock(&start_lock);
    if (state == STARTS) {
        unfence();
        (void)SetUnhandledExceptionFilter(filter);
        state = STARTED;
    }
    shim_unlock(&start_lock);
    return 0;
}

void shim_go_settled(int taken)
{
    (void)taken;
}

int32_t shim_ready(const char **why)
{
    int32_t rc = shim_cut_off(why);
    if (rc != ISCDESK_OK)
        return rc;
    *why = "the library cannot be pinned";
    if (!pin())
        return ISCDESK_E_INTERNAL;
    *why = "less than 64 MB of the process's address space are free";
    if (!may_start())
        return ISCDESK_E_NO_MEMORY;
    *why = "no thread begins within 2 s: called in DllMain or in a constructor of a library?";
    if (!threads_begin())
        return ISCDESK_E_LOADER_LOCK;
    *why = "bcryptprimitives.dll of the system has no ProcessPrng: Windows 10 or later is needed";
    if (!system_serves())
        return ISCDESK_E_SYSTEM_TOO_OLD;
    start_go();
    return ISCDESK_OK;
}
