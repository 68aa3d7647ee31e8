/* shim.h - what the C files of the shim and the Go part share. Not installed.
 *
 * Who calls whom: the application calls iscdesk_* (C); C calls go* (export.go)
 * for the agent; Go calls shim_* below to hand over events, licence states,
 * lists and refusals. Go never calls an application's function. A file of C knows
 * only those before it: table, error and the system's, rows, events, then the calls. */
#ifndef SHIM_H
#define SHIM_H

#include <stddef.h>
#include <stdint.h>

#include "iscdesk.h"

/* ---- what differs per system: shim_linux.c, shim_windows.c */

#ifdef _WIN32
/* As windows.h has them (SRWLOCK, CONDITION_VARIABLE, a thread's number), without
 * its thousands of names: shim_windows.c compares. */
typedef struct {
    void *word;
} shim_mutex;
typedef struct {
    void *word;
} shim_cond;
typedef uint32_t shim_thread;
#define SHIM_MUTEX_INITIALIZER {NULL}
struct shim_guard {
    unsigned char x87[28]; /* what fnstenv writes */
    uint32_t sse;          /* MXCSR */
};
#else
#include <fenv.h>
#include <pthread.h>
#include <signal.h>
typedef pthread_mutex_t shim_mutex;
typedef pthread_cond_t shim_cond;
typedef pthread_t shim_thread;
#define SHIM_MUTEX_INITIALIZER PTHREAD_MUTEX_INITIALIZER
struct shim_guard {
    fenv_t fpu;
    sigset_t signals;
};
#endif

void shim_mutex_init(shim_mutex *m);
void shim_mutex_end(shim_mutex *m);
void shim_lock(shim_mutex *m);
void shim_unlock(shim_mutex *m);
void shim_cond_init(shim_cond *c);
void shim_cond_end(shim_cond *c);
void shim_wake(shim_cond *c);                                    /* all who wait */
int shim_wait(shim_cond *c, shim_mutex *m, int64_t until_ms);    /* 0, or 1 when the time is over; until < 0 never */
int shim_thread_start(shim_thread *thread, void (*body)(void *), void *arg); /* 0, or -1 */
int shim_thread_is_this(shim_thread thread);
int64_t shim_now_ms(void);  /* of a clock that nobody sets */
int64_t shim_boot_ms(void); /* the same, and suspended time counts: a laptop that slept a week has old news */

/* Whether the process's other threads are gone, so that Go must not be entered
 * and nothing may be waited for: in a forked child (FORKED); on Windows at the
 * very end of the process (CLOSED). OK, or the code and why. */
int32_t shim_cut_off(const char **why);

/* Asked before each iscdesk_init: whether Go can be entered here. OK, or the code and why. */
int32_t shim_ready(const char **why);

/* A call into Go stands between these: the floating-point environment becomes
 * the default, on Linux all signals of this thread wait until it is back. */
void shim_enter(struct shim_guard *g);
void shim_leave(struct shim_guard *g);

/* Called when Go's runtime runs, before anything else of Go does; and with its result
 * when the client is open. */
int shim_go_started(void);
void shim_go_settled(int taken);
int32_t shim_descriptor_new(int *descriptor); /* OK; or a code, and *descriptor is -1 */
void shim_descriptor_set(int descriptor, int readable);
void shim_descriptor_close(int descriptor);

/* Posts message to a window of the host, so that the loop of its thread wakes;
 * never waits. OK, INVALID_ARGUMENT when it is no window, NOT_SUPPORTED, BUSY
 * when that thread's queue is full. */
int32_t shim_window_post(void *window, uint32_t message);

/* ---- the same on all */

enum { SHIM_CLIENTS = 64, SHIM_QUEUE = 256, SHIM_END_WAIT_MS = 5000, SHIM_MAX_URL = 2048 };

/* Every handle is the number of one of these, found in one table. */
enum shim_kind { SHIM_CLIENT = 1, SHIM_EVENT = 2, SHIM_LIST = 3 };

/* How an application writes its texts: one of these, or the number of a code page. */
enum { SHIM_UTF8 = 0, SHIM_UTF16 = 1, SHIM_ASCII = 2 /* JSON's escapes for all else */ };

/* A text of an object in another encoding, made when it was first asked for. */
struct shim_kept {
    struct shim_kept *next;
    const char *from; /* the object's own text */
    uint32_t page;
    int32_t code; /* why text is NULL */
    void *text;   /* owned */
};

/* How to speak to an application. */
struct shim_voice {
    char language[16];
    uint32_t page; /* SHIM_UTF8 or a code page */
};

struct shim_object {
    struct shim_object *chain; /* of the bucket; guarded by the table's lock */
    uintptr_t number;
    enum shim_kind kind;
    void (*destroy)(struct shim_object *); /* called once, when nobody holds it any more */
    int refs; /* 1 for the table, 1 for each call under way; guarded by the table's lock */
};

/* Texts by key, rows of them: the parameters of an event (one row), a list. */
struct shim_rows {
    char *blob; /* key NUL value NUL ... NUL, row after row; owned */
    size_t size;
    int32_t count;
    uint32_t page;          /* what the getters of the object give; set before the application knows it */
    struct shim_kept *kept; /* of all texts of the object; owned, only ever added to, without a lock */
};

struct shim_event {
    struct shim_object object;
    struct shim_event *next; /* in the client's queue; guarded by its lock */
    int32_t type;
    int64_t operation;
    char *name, *json; /* owned */
    struct shim_rows params;
};

struct shim_list {
    struct shim_object object;
    char *next; /* mark of the next page, or NULL; owned */
    struct shim_rows rows;
};

struct shim_client {
    struct shim_object object;
    struct shim_voice voice;
    int32_t timeout_ms;
    uint32_t flags;

    shim_mutex lock; /* guards all below; nothing blocks while it is held */
    shim_cond ready; /* events wait, the thread's work changed, or closed */
    shim_cond calm;  /* room in the queue, or no callback runs, or closed */
    struct shim_event *first, *last;
    int32_t queued;
    int closed; /* also read without the lock, by shim_closed */
    int descriptor; /* eventfd, or -1 until somebody asks */
    void *window; /* gets message when events wait; NULL for none */
    uint32_t message;
    int called; /* message was posted for the events that wait now */
    iscdesk_event_fn fn;
    void *user;
    shim_thread thread; /* the callback's thread while threaded */
    int threaded;
    int calling; /* fn runs on thread now */

    shim_mutex license_lock; /* guards license and license_at; held for copies only */
    iscdesk_license license;
    int64_t license_at; /* shim_now_ms when it came */
};

/* One text argument of a call and what it may be. */
struct shim_argument {
    const char *name;
    const void *text;
    size_t limit;
    int kind; /* SHIM_REQUIRED and SHIM_WIDE */
};
enum { SHIM_REQUIRED = 1, SHIM_WIDE = 2 /* UTF-16, whatever was chosen */ };
enum { SHIM_TEXTS = 5 }; /* the most of one call */

#define SHIM_COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* What a request carries into Go and out of it. */
enum shim_call {
    SHIM_LICENSE_STRING = 1,
    SHIM_LICENSE_FILE,
    SHIM_LICENSE_VERIFY,
    SHIM_FINGERPRINT,
    SHIM_PICK,
    SHIM_SAVE,
    SHIM_SAVE_AS,
    SHIM_OPEN,
    SHIM_SAVE_TO,
    SHIM_CHECK_IN,
    SHIM_CHECK_IN_OBJECT,
    SHIM_LIST_SPACES,
    SHIM_LIST_FOLDER,
    SHIM_LIST_VERSIONS,
    SHIM_SIGN_IN_PAGE,
    SHIM_SIGN_IN_STATUS,
    SHIM_SIGN_OUT,
    SHIM_CANCEL,
    SHIM_OPERATION_STATE,
    SHIM_COME_BACK
};

struct shim_request {
    int32_t call;
    int32_t flag;
    int64_t number;
    const char *text[SHIM_TEXTS];
    /* out */
    int64_t operation;
    int32_t state;
    uint32_t buffer_size;
    char *buffer;
    uintptr_t object; /* a new event or list */
};

/* shim_table.c */
void shim_table_lock(void);
void shim_table_unlock(void);
/* 0, or -1 when numbers or clients ran out: then destroy is not called. */
int shim_add(struct shim_object *o, enum shim_kind kind, void (*destroy)(struct shim_object *));
struct shim_object *shim_hold(uintptr_t number, enum shim_kind kind);
void shim_release(struct shim_object *o);
int shim_drop(uintptr_t number, enum shim_kind kind); /* 0, or -1 when it was not there */

/* shim_rows.c */
int shim_rows_copy(struct shim_rows *rows, const char *blob, size_t size, int32_t count);
const char *shim_rows_find(const struct shim_rows *rows, int32_t row, const char *key);

/* shim_events.c */
struct shim_client *shim_client_new(const iscdesk_options *o, const struct shim_voice *voice);
void shim_client_destroy(struct shim_object *client);
/* The client of a handle for one call, or why there is none: the process
 * is cut off, or the handle is closed or never was. shim_release(&(*c)->object) ends it. */
int32_t shim_client_hold(iscdesk_client client, struct shim_client **c, iscdesk_error *err);
int shim_client_close(struct shim_client *c);     /* 0, or -1 when it was closed before */
int32_t shim_client_quiet(struct shim_client *c); /* waits for a running callback and forgets the client; TIMEOUT */
int shim_closed(struct shim_client *c);

/* shim_error.c */
int32_t shim_fail(iscdesk_error *err, int32_t code, const struct shim_voice *voice, const char *detail); /* voice NULL: English */
void shim_clear(iscdesk_error *err);
void shim_give(iscdesk_error *to, const iscdesk_error *from, const struct shim_voice *voice); /* from is in UTF-8 */
/* Copies utf8 for page and cuts it between characters; instead, in ASCII, where page cannot hold it. */
void shim_say(char *to, size_t size, const char *utf8, size_t length, const char *instead, uint32_t page);
int32_t shim_text_ok(const char *text, size_t limit); /* OK, INVALID_ARGUMENT, TOO_LARGE; NULL is OK */
int shim_url_ok(const char *url, size_t size); /* an address that a browser may be given: one page of this machine, or https */
void shim_copy_text(char *to, size_t size, const char *from, size_t length); /* cuts between characters */

/* shim_text.c: all that is called utf8 is good UTF-8, and codes are OK,
 * INVALID_ARGUMENT, TOO_LARGE, TEXT_ENCODING, INTERNAL (no memory). */
int32_t shim_text_in(uint32_t page, const void *text, size_t limit, char **made, const char **utf8); /* free(*made) */
int32_t shim_text_out(uint32_t page, const char *utf8, size_t length, void **made); /* with NUL; free(*made) */
char *shim_text_ascii(const char *utf8); /* with JSON's escapes; free it; NULL without memory */
int shim_text_fit(uint32_t page, char *to, size_t size, const char *utf8, size_t length); /* cuts between characters; -1 when page cannot hold it */
/* The texts of one call as UTF-8; *bad names the first that is refused. After OK
 * shim_texts_free(made, n) ends utf8. */
int32_t shim_texts_in(uint32_t page, const struct shim_argument *a, size_t n, const char **utf8, char **made, const char **bad);
void shim_texts_free(char **made, size_t n);
/* A text of an object as page has it, as long as the object lives; NULL with *code. */
const void *shim_kept(struct shim_kept **list, uint32_t page, const char *utf8, int32_t *code);
void shim_kept_free(struct shim_kept *list);

/* shim_text_linux.c, shim_text_windows.c: the process's ANSI code page, or a code
 * and why there is none; and conversions, which give the length or 0. strict asks
 * the system to refuse what does not fit; *lost is what it says about that. */
int32_t shim_page_ansi(uint32_t *page, const char **why);
size_t shim_page_decode(uint32_t page, int strict, const char *from, size_t size, uint16_t *to, size_t room);
size_t shim_page_encode(uint32_t page, int strict, const uint16_t *from, size_t count, char *to, size_t room, int *lost);

/* shim_rows.c */
void shim_speak(uintptr_t object, uint32_t page); /* an event or a list that Go made for the client */

/* Called by Go, on any thread. Texts are borrowed for the call, with a length,
 * and hold no NUL. */
int32_t shim_go_event(uintptr_t client, int64_t operation, const char *name, size_t name_size, const char *json,
                      size_t json_size, const char *params, size_t params_size);
uintptr_t shim_go_event_new(int64_t operation, const char *name, size_t name_size, const char *json, size_t json_size,
                            const char *params, size_t params_size);
uintptr_t shim_go_list(int32_t count, const char *rows, size_t rows_size, const char *next, size_t next_size);
void shim_go_license(uintptr_t client, int32_t state, int32_t code, uint32_t offline, int64_t until_ms,
                     int64_t checked_ms, const char *reason, size_t reason_size, const char *hint, size_t hint_size);
void shim_go_fail(iscdesk_error *err, int32_t code, const char *message, size_t message_size, const char *hint,
                  size_t hint_size, const char *detail, size_t detail_size);
int32_t shim_go_browse(const char *url, size_t size); /* shim_browser_linux.c, _windows.c; 0 when a browser was started */

#endif
