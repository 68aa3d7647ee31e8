/* host.h - what every host program of ctest shares. A host gets the endpoint as
 * its first argument, says on standard error what failed, and exits with 0 only
 * when all of it held. */
#ifndef HOST_H
#define HOST_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host_system.h"

#include "iscdesk.h"

#define CHECK(cond)                                                                  \
    do {                                                                             \
        if (!(cond)) {                                                               \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #cond); \
            exit(1);                                                                 \
        }                                                                            \
    } while (0)

/* want is a code; on another one the whole error is shown. */
#define WANT(want, call)                                                                                        \
    do {                                                                                                        \
        long got_ = (long)(call);                                                                               \
        if (got_ != (long)(want)) {                                                                             \
            fprintf(stderr, "%s:%d: %s = %ld, want %ld: %s (%s)\n", __FILE__, __LINE__, #call, got_, (long)(want), \
                    host_err.message, host_err.detail);                                                         \
            exit(1);                                                                                            \
        }                                                                                                       \
    } while (0)

static iscdesk_error host_err;

static inline iscdesk_error *err(void)
{
    memset(&host_err, 0, sizeof host_err);
    host_err.size = (uint32_t)sizeof host_err;
    return &host_err;
}

static inline iscdesk_options host_options(const char *endpoint)
{
    iscdesk_options o;
    memset(&o, 0, sizeof o);
    o.size = (uint32_t)sizeof o;
    o.flags = ISCDESK_FLAG_NO_BROWSER;
    o.product = "ctest";
    o.app_version = "1";
    o.endpoint = endpoint;
    return o;
}

static inline iscdesk_client host_open(const char *endpoint)
{
    iscdesk_options o = host_options(endpoint);
    iscdesk_client c;
    WANT(ISCDESK_OK, iscdesk_init(&o, &c, err()));
    return c;
}

/* Tells the driver that the next step may happen, and waits for its answer. */
static inline void host_step(const char *what)
{
    char line[256];
    printf("%s\n", what);
    fflush(stdout);
    CHECK(fgets(line, sizeof line, stdin) != NULL);
}

#endif
