/* Row 21: prints sizes and offsets; the driver compares 32 and 64 bit with what
 * is written down. Includes only the header: no library is needed. */
#include <stddef.h>
#include <stdio.h>

#include "iscdesk.h"

#define SIZE(t) printf("sizeof %s %lu\n", #t, (unsigned long)sizeof(t))
#define AT(t, m) printf("offset %s.%s %lu\n", #t, #m, (unsigned long)offsetof(t, m))

int main(void)
{
    SIZE(iscdesk_error);
    AT(iscdesk_error, code);
    AT(iscdesk_error, message);
    AT(iscdesk_error, hint);
    AT(iscdesk_error, detail);
    SIZE(iscdesk_license);
    AT(iscdesk_license, state);
    AT(iscdesk_license, code);
    AT(iscdesk_license, offline);
    AT(iscdesk_license, until_ms);
    AT(iscdesk_license, checked_ms);
    AT(iscdesk_license, age_ms);
    AT(iscdesk_license, reason);
    AT(iscdesk_license, hint);
    AT(iscdesk_options, flags);
    AT(iscdesk_options, timeout_ms);
    AT(iscdesk_options, text_encoding);
    AT(iscdesk_options, product);
    return 0;
}
