/* host_system.h - what hosts need of the system: Windows and Linux each have their
 * own for a nap, the number of threads, processor time and loading a library. */
#ifndef HOST_SYSTEM_H
#define HOST_SYSTEM_H

#ifdef _WIN32

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <tlhelp32.h>

#define HOST_ROOT "C:\\" /* what an absolute path begins with */

static inline void host_nap(int ms)
{
    Sleep((DWORD)ms);
}

static inline int host_threads(void)
{
    HANDLE all = CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0);
    THREADENTRY32 t;
    int n = 0;
    BOOL more;
    t.dwSize = sizeof t;
    for (more = Thread32First(all, &t); more; more = Thread32Next(all, &t))
        n += t.th32OwnerProcessID == GetCurrentProcessId();
    CloseHandle(all);
    return n;
}

static inline double host_now_ms(void)
{
    LARGE_INTEGER now, frequency;
    QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&now);
    return (double)now.QuadPart * 1000 / (double)frequency.QuadPart;
}

static inline long host_cpu_ms(void)
{
    FILETIME begun, ended, kernel, user;
    ULARGE_INTEGER k, u;
    if (!GetProcessTimes(GetCurrentProcess(), &begun, &ended, &kernel, &user))
        return -1;
    k.LowPart = kernel.dwLowDateTime;
    k.HighPart = kernel.dwHighDateTime;
    u.LowPart = user.dwLowDateTime;
    u.HighPart = user.dwHighDateTime;
    return (long)((k.QuadPart + u.QuadPart) / 10000);
}

static inline void *host_load(const char *library)
{
    return LoadLibraryA(library);
}

/* memcpy: ISO C has no cast from an object's to a function's address */
static inline void host_find(void *library, const char *name, void *fn)
{
    FARPROC found = GetProcAddress((HMODULE)library, name);
    memcpy(fn, &found, sizeof found);
}

static inline int host_unload(void *library)
{
    return FreeLibrary((HMODULE)library) ? 0 : -1;
}

static inline int host_loaded(void)
{
    return GetModuleHandleA(sizeof(void *) == 8 ? "iscdesk64.dll" : "iscdesk.dll") != NULL;
}

#else

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define HOST_ROOT "/"

static inline void host_nap(int ms)
{
    struct timespec t;
    t.tv_sec = ms / 1000;
    t.tv_nsec = (long)(ms % 1000) * 1000000;
    while (nanosleep(&t, &t) != 0 && errno == EINTR)
        ;
}

static inline int host_threads(void)
{
    char line[256];
    int n = -1;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "Threads: %d", &n) == 1)
            break;
    if (f)
        fclose(f);
    return n;
}

static inline double host_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1000 + (double)t.tv_nsec / 1000000;
}

static inline long host_cpu_ms(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000 + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1000;
}

static inline void *host_load(const char *library)
{
    return dlopen(library, RTLD_NOW);
}

/* memcpy: ISO C has no cast from an object's to a function's address */
static inline void host_find(void *library, const char *name, void *fn)
{
    void *found = dlsym(library, name);
    memcpy(fn, &found, sizeof found);
}

static inline int host_unload(void *library)
{
    return dlclose(library);
}

static inline int host_loaded(void)
{
    char line[4096];
    int found = 0;
    FILE *f = fopen("/proc/self/maps", "r");
    while (f && fgets(line, sizeof line, f))
        found |= strstr(line, "libiscdesk.so") != NULL;
    if (f)
        fclose(f);
    return found;
}

#endif

#endif
