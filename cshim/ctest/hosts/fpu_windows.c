/* Row 29: a host that unmasks the floating-point exceptions of both units and sets
 * its rounding (Delphi, old C++ tools) gets no trap out of a call, and its state
 * back. In assembly: what the C library calls it differs from one to the next. */
#include "host.h"

static uint16_t x87(void)
{
    uint16_t control;
    __asm__ volatile("fnstcw %0" : "=m"(control));
    return control;
}

static uint32_t sse(void)
{
    uint32_t control;
    __asm__ volatile("stmxcsr %0" : "=m"(control));
    return control;
}

/* Only denormals and underflow are masked, rounding is upwards: what Delphi has, and
 * inexact results trap as well, which any arithmetic of ours would raise. */
static const uint16_t x87_open = 0x0b42;
static const uint32_t sse_open = 0x4900;

static void unmask(void)
{
    __asm__ volatile("fnclex\n\tfldcw %0" : : "m"(x87_open));
    __asm__ volatile("ldmxcsr %0" : : "m"(sse_open));
}

static void same(void)
{
    CHECK(x87() == x87_open);
    CHECK((sse() & ~0x3fu) == sse_open);
}

static void called(void *user, iscdesk_event event)
{
    (void)event;
    ++*(volatile int *)user;
}

int main(int argc, char **argv)
{
    iscdesk_client c;
    iscdesk_list l;
    int i;
    volatile int calls = 0;
    char print[ISCDESK_MAX_DEV_INFO + 1];
    CHECK(argc == 2);
    unmask();
    c = host_open(argv[1]);
    same();
    for (i = 0; i < 200; i++) {
        WANT(1, iscdesk_sign_in_status(c, NULL, err()));
        same();
    }
    CHECK(iscdesk_get_fingerprint(c, print, sizeof print, err()) > 0);
    CHECK(iscdesk_list_folder(c, "s1", NULL, NULL, &l, err()) > 0);
    iscdesk_list_free(l);
    WANT(ISCDESK_OK, iscdesk_get_license_string_request(c, "", NULL, err()));
    WANT(ISCDESK_OK, iscdesk_dispatch(c, 10000, called, (void *)&calls, err()));
    same();
    WANT(ISCDESK_OK, iscdesk_register_event_recall(c, called, (void *)&calls, err()));
    WANT(ISCDESK_OK, iscdesk_get_license_string_request(c, "", NULL, err()));
    for (i = 0; i < 1000 && calls < 2; i++)
        host_nap(10);
    CHECK(calls >= 2);
    WANT(ISCDESK_OK, iscdesk_shut_out(c, err()));
    same();
    return 0;
}
