// Row 28: exceptions of the host's own beside Go's handler. argv[2]: "filter" has its
// own filter for what nobody handles, which must see the fault; "fault" has none, and
// the process must end by it; "throw" throws C++ exceptions, many, with the library
// at work in other threads.
#include <stdexcept>

#include "host.h"

static LONG WINAPI filter(EXCEPTION_POINTERS *what)
{
    if (what->ExceptionRecord->ExceptionCode == EXCEPTION_ACCESS_VIOLATION)
        ExitProcess(77);
    return EXCEPTION_CONTINUE_SEARCH;
}

static DWORD WINAPI calls(void *client)
{
    while (client != 0)
        (void)iscdesk_sign_in_status(static_cast<iscdesk_client>(client), 0, 0);
    return 0;
}

static int thrown(int i)
{
    if (i >= 0)
        throw std::runtime_error("host");
    return i;
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    if (strcmp(argv[2], "filter") == 0)
        SetUnhandledExceptionFilter(filter);
    SetErrorMode(SEM_NOGPFAULTERRORBOX | SEM_FAILCRITICALERRORS);
    const iscdesk_client c = host_open(argv[1]);
    for (int i = 0; i < 2; i++)
        CloseHandle(CreateThread(0, 0, calls, c, 0, 0));
    host_nap(50);
    if (strcmp(argv[2], "throw") != 0) {
        volatile int *volatile nowhere = 0;
        *nowhere = 1;
        return 3;
    }
    int caught = 0;
    for (int i = 0; i < 100000; i++) {
        try {
            thrown(i);
        } catch (const std::runtime_error &) {
            caught++;
        }
    }
    CHECK(caught == 100000);
    WANT(ISCDESK_OK, iscdesk_shut_out(c, err()));
    return 0;
}
