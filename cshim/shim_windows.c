//go:build cgo && windows

/* shim_windows.c - what the shim needs of Windows (Vista's locks, later things
 * looked for at run time): locks and waits, clocks,
 * threads, and the gate into Go. shim_start_windows.c starts Go. */
#define WIN32_LEAN_AND_MEAN
#define _WIN32_WINNT 0x0601
#include <windows.h>

#include <stdlib.h>
#include <string.h>

#include "shim.h"

_Static_assert(sizeof(shim_mutex) == sizeof(SRWLOCK), "a lock is one pointer");
_Static_assert(sizeof(shim_cond) == sizeof(CONDITION_VARIABLE), "a condition is one pointer");

/* ---- locks: at the end of the process a thread that is gone may have held one,
 * and nobody else is there to be kept out. */

static int alone(void)
{
    const char *why;
    return shim_cut_off(&why) != ISCDESK_OK;
}

void shim_mutex_init(shim_mutex *m)
{
    InitializeSRWLock((SRWLOCK *)m);
}

void shim_mutex_end(shim_mutex *m)
{
    m->word = NULL; /* these locks hold nothing of the system's */
}

void shim_lock(shim_mutex *m)
{
    if (!alone())
        AcquireSRWLockExclusive((SRWLOCK *)m);
}

void shim_unlock(shim_mutex *m)
{
    if (!alone())
        ReleaseSRWLockExclusive((SRWLOCK *)m);
}

void shim_cond_init(shim_cond *c)
{
    InitializeConditionVariable((CONDITION_VARIABLE *)c);
}

void shim_cond_end(shim_cond *c)
{
    c->word = NULL;
}

void shim_wake(shim_cond *c)
{
    WakeAllConditionVariable((CONDITION_VARIABLE *)c);
}

int shim_wait(shim_cond *c, shim_mutex *m, int64_t until_ms)
{
    int64_t left = until_ms < 0 ? 0 : until_ms - shim_now_ms();
    DWORD ms = INFINITE;
    if (until_ms >= 0)
        ms = left <= 0 ? 0 : left < 60000 ? (DWORD)left : 60000;
    SleepConditionVariableSRW((CONDITION_VARIABLE *)c, (SRWLOCK *)m, ms, 0);
    return until_ms >= 0 && shim_now_ms() >= until_ms;
}

/* ---- clocks */

int64_t shim_now_ms(void)
{
    LARGE_INTEGER now, frequency;
    QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&now);
    return now.QuadPart / frequency.QuadPart * 1000 + now.QuadPart % frequency.QuadPart * 1000 / frequency.QuadPart;
}

int64_t shim_boot_ms(void)
{
    return (int64_t)GetTickCount64();
}

/* ---- threads */

struct start {
    void (*body)(void *);
    void *arg;
};

static DWORD WINAPI run(void *start)
{
    struct start s = *(struct start *)start;
    free(start);
    s.body(s.arg);
    return 0;
}

/* Debuggers show the name. Windows 10 1607 brought the function. */
static void give_name(HANDLE thread)
{
    typedef HRESULT(WINAPI * describe)(HANDLE, PCWSTR);
    FARPROC found = GetProcAddress(GetModuleHandleW(L"kernel32.dll"), "SetThreadDescription");
    describe fn;
    if (found == NULL)
        return;
    memcpy(&fn, &found, sizeof fn);
    (void)fn(thread, L"iscdesk-events");
}

/* A thread of C's own for callbacks: 1 MB of stack, named. Ends are waited for
 * through the client, so the handle is not kept. */
int shim_thread_start(shim_thread *thread, void (*body)(void *), void *arg)
{
    struct start *s = malloc(sizeof *s);
    HANDLE handle;
    DWORD id;
    if (s == NULL)
        return -1;
    s->body = body;
    s->arg = arg;
    handle = CreateThread(NULL, 1 << 20, run, s, STACK_SIZE_PARAM_IS_A_RESERVATION, &id);
    if (handle == NULL) {
        free(s);
        return -1;
    }
    *thread = id;
    give_name(handle);
    CloseHandle(handle);
    return 0;
}

int shim_thread_is_this(shim_thread thread)
{
    return thread == GetCurrentThreadId();
}

/* ---- waking the host's loop */

/* A host without windows never loads user32, and one with a window has it. */
int32_t shim_window_post(void *window, uint32_t message)
{
    typedef BOOL(WINAPI * post)(HWND, UINT, WPARAM, LPARAM);
    HMODULE user = GetModuleHandleW(L"user32.dll");
    FARPROC found = user == NULL ? NULL : GetProcAddress(user, "PostMessageW");
    post fn;
    if (found == NULL)
        return ISCDESK_E_INVALID_ARGUMENT;
    memcpy(&fn, &found, sizeof fn);
    if (fn(window, message, 0, 0))
        return ISCDESK_OK;
    return GetLastError() == ERROR_NOT_ENOUGH_QUOTA ? ISCDESK_E_BUSY : ISCDESK_E_INVALID_ARGUMENT;
}

/* Windows has no descriptor that a message loop could wait on: shim_window_post
 * is its way. */
int32_t shim_descriptor_new(int *descriptor)
{
    *descriptor = -1;
    return ISCDESK_E_NOT_SUPPORTED;
}

/* None was ever made, so these two are not reached. */
void shim_descriptor_set(int descriptor, int readable)
{
    (void)descriptor;
    (void)readable;
}

void shim_descriptor_close(int descriptor)
{
    (void)descriptor;
}

/* ---- the gate into Go */

/* Both units: Delphi and old C++ tools run with exceptions unmasked, which would
 * trap in code that never expects it. The default is what Windows gives a new
 * thread. fnstenv masks all x87 exceptions, fldenv brings the flags back too. */
void shim_enter(struct shim_guard *g)
{
    static const uint16_t control = 0x027f;
    static const uint32_t masked = 0x1f80;
    __asm__ volatile("fnstenv %0" : "=m"(g->x87));
    __asm__ volatile("stmxcsr %0" : "=m"(g->sse));
    __asm__ volatile("fninit\n\tfldcw %0" : : "m"(control));
    __asm__ volatile("ldmxcsr %0" : : "m"(masked));
}

void shim_leave(struct shim_guard *g)
{
    __asm__ volatile("ldmxcsr %0" : : "m"(g->sse));
    __asm__ volatile("fldenv %0" : : "m"(g->x87));
}
