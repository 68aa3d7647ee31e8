/* A program with a message loop of Windows: it sleeps in GetMessage and takes events
 * when its message comes. One message for all that wait, none lost, none to a window
 * that is gone. */
#include "host.h"

enum { EVENTS_WAIT = WM_APP + 7 };

static int woken;

static LRESULT CALLBACK procedure(HWND window, UINT message, WPARAM w, LPARAM l)
{
    if (message == EVENTS_WAIT) {
        CHECK(w == 0 && l == 0);
        woken++;
        return 0;
    }
    return DefWindowProcW(window, message, w, l);
}

static HWND make_window(void)
{
    static WNDCLASSW class;
    class.lpfnWndProc = procedure;
    class.hInstance = GetModuleHandleW(NULL);
    class.lpszClassName = L"iscdesk ctest";
    (void)RegisterClassW(&class);
    return CreateWindowW(class.lpszClassName, L"", 0, 0, 0, 0, 0, HWND_MESSAGE, NULL, class.hInstance, NULL);
}

static void pump(void)
{
    MSG m;
    while (PeekMessageW(&m, NULL, 0, 0, PM_REMOVE))
        DispatchMessageW(&m);
}

/* The loop proper: until the message comes, bounded by a timer. */
static void wait_for_message(int more_than)
{
    MSG m;
    UINT_PTR timer = SetTimer(NULL, 0, 10000, NULL);
    while (woken <= more_than) {
        CHECK(GetMessageW(&m, NULL, 0, 0) > 0);
        CHECK(m.message != WM_TIMER);
        DispatchMessageW(&m);
    }
    KillTimer(NULL, timer);
}

static int take_all(iscdesk_client c)
{
    iscdesk_event e;
    int n = 0;
    while (iscdesk_next_event(c, 0, &e, err()) == ISCDESK_OK) {
        n += iscdesk_event_type(e) == ISCDESK_EVENT_LICENSE_VERIFY;
        iscdesk_event_free(e);
    }
    CHECK(host_err.code == ISCDESK_E_TIMEOUT);
    return n;
}

static void ask(iscdesk_client c, int times)
{
    while (times-- > 0)
        WANT(ISCDESK_OK, iscdesk_get_license_string_request(c, "", NULL, err()));
}

static volatile LONG called;

static void ISCDESK_CALL recall(void *user, iscdesk_event e)
{
    (void)user;
    InterlockedExchangeAdd(&called, iscdesk_event_type(e) == ISCDESK_EVENT_LICENSE_VERIFY);
}

int main(int argc, char **argv)
{
    iscdesk_client c;
    HWND window = make_window();
    int32_t fd;
    int seen = 0, before, i;
    CHECK(argc == 2);
    CHECK(window != NULL);
    c = host_open(argv[1]);
    WANT(ISCDESK_E_NOT_SUPPORTED, iscdesk_event_descriptor(c, &fd, err()));
    WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_wake_window(c, window, WM_CLOSE, err()));
    WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_wake_window(c, window, 0x10000, err()));
    WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_wake_window(c, HWND_BROADCAST, EVENTS_WAIT, err()));
    WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_wake_window(c, (void *)(uintptr_t)0x7ffe, EVENTS_WAIT, err()));
    pump();
    CHECK(woken == 0);

    WANT(ISCDESK_OK, iscdesk_wake_window(c, window, EVENTS_WAIT, err()));
    pump();
    CHECK(woken == 1); /* the one at once */
    (void)take_all(c);
    ask(c, 100);
    host_nap(500);
    pump();
    CHECK(woken == 2); /* no flood */
    while (seen < 100) { /* what came after the last look has a message again */
        before = woken;
        seen += take_all(c);
        if (seen < 100)
            wait_for_message(before);
    }
    for (i = 0; i < 50; i++) { /* and none is slept over */
        pump();
        before = woken;
        ask(c, 1);
        for (seen = take_all(c); seen == 0; seen = take_all(c)) {
            wait_for_message(before);
            before = woken;
        }
    }

    WANT(ISCDESK_OK, iscdesk_register_event_recall(c, recall, NULL, err()));
    pump();
    before = woken;
    ask(c, 3);
    for (i = 0; i < 500 && called < 3; i++)
        host_nap(10);
    pump();
    CHECK(called == 3 && woken == before); /* the function has them */
    WANT(ISCDESK_OK, iscdesk_register_event_recall(c, NULL, NULL, err()));
    ask(c, 1);
    wait_for_message(before);
    CHECK(take_all(c) == 1);

    CHECK(DestroyWindow(window));
    ask(c, 3); /* nobody to tell: the events wait */
    for (i = 0, seen = 0; i < 500 && seen < 3; i++) {
        host_nap(10);
        seen += take_all(c);
    }
    CHECK(seen == 3);
    WANT(ISCDESK_E_INVALID_ARGUMENT, iscdesk_wake_window(c, window, EVENTS_WAIT, err()));
    WANT(ISCDESK_OK, iscdesk_wake_window(c, NULL, 0, err()));
    WANT(ISCDESK_OK, iscdesk_shut_out(c, err()));
    WANT(ISCDESK_E_CLOSED, iscdesk_wake_window(c, NULL, 0, err()));
    return 0;
}
