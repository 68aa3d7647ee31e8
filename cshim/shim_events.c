//go:build cgo && (linux || windows)

/* shim_events.c - one client's state in C: the event queue, whoever waits on
 * it, and the callback's thread. Only C ever calls the application: Go puts an
 * event into the queue and returns, then C calls. */
#include <stdlib.h>
#include <string.h>

#include "shim.h"

struct shim_client *shim_client_new(const iscdesk_options *o, const struct shim_voice *voice)
{
    struct shim_client *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    shim_cond_init(&c->ready);
    shim_cond_init(&c->calm);
    shim_mutex_init(&c->lock);
    shim_mutex_init(&c->license_lock);
    c->descriptor = -1;
    c->timeout_ms = o->timeout_ms == 0 ? 10000 : o->timeout_ms;
    c->flags = o->flags;
    c->voice = *voice;
    c->license.size = sizeof c->license;
    return c;
}

/* Runs when neither the table nor a call knows the client any more. */
void shim_client_destroy(struct shim_object *client)
{
    struct shim_client *c = (struct shim_client *)client;
    struct shim_event *e;
    while ((e = c->first) != NULL) {
        c->first = e->next;
        (void)shim_drop(e->object.number, SHIM_EVENT);
    }
    if (c->descriptor >= 0)
        shim_descriptor_close(c->descriptor);
    shim_cond_end(&c->ready);
    shim_cond_end(&c->calm);
    shim_mutex_end(&c->lock);
    shim_mutex_end(&c->license_lock);
    free(c);
}

/* ---- the queue */

/* Tells the host's window once that events wait; the caller holds c->lock. A
 * window that is gone is forgotten: its number may become another's. When its
 * queue is full the next event tries again. */
static void call_window(struct shim_client *c)
{
    int32_t rc;
    if (c->window == NULL || c->called || c->first == NULL || c->fn != NULL)
        return;
    rc = shim_window_post(c->window, c->message);
    c->called = rc == ISCDESK_OK;
    if (rc != ISCDESK_OK && rc != ISCDESK_E_BUSY)
        c->window = NULL;
}

/* Called by Go's event pump. It waits while the queue is full, so a program
 * that does not read costs one waiting thread and bounded memory; the events
 * beyond stay in the sdk and the agent, which know what a gap is. */
int32_t shim_go_event(uintptr_t client, int64_t operation, const char *name, size_t name_size, const char *json,
                      size_t json_size, const char *params, size_t params_size)
{
    struct shim_client *c = (struct shim_client *)shim_hold(client, SHIM_CLIENT);
    struct shim_event *e;
    uintptr_t number;
    int closed;
    if (c == NULL)
        return ISCDESK_E_CLOSED;
    number = shim_go_event_new(operation, name, name_size, json, json_size, params, params_size);
    e = (struct shim_event *)shim_hold(number, SHIM_EVENT);
    if (e == NULL) {
        shim_release(&c->object);
        return ISCDESK_E_INTERNAL;
    }
    e->params.page = c->voice.page;
    shim_lock(&c->lock);
    while (!c->closed && c->queued >= SHIM_QUEUE)
        (void)shim_wait(&c->calm, &c->lock, -1);
    closed = c->closed;
    if (!closed) {
        if (c->last == NULL)
            c->first = e;
        else
            c->last->next = e;
        c->last = e;
        if (c->queued++ == 0 && c->descriptor >= 0)
            shim_descriptor_set(c->descriptor, 1);
        call_window(c);
        shim_wake(&c->ready);
    }
    shim_unlock(&c->lock);
    shim_release(&e->object);
    if (closed)
        (void)shim_drop(number, SHIM_EVENT);
    shim_release(&c->object);
    return closed ? ISCDESK_E_CLOSED : ISCDESK_OK;
}

/* Takes the first event; the caller holds c->lock and knows that there is one. */
static uintptr_t take(struct shim_client *c)
{
    struct shim_event *e = c->first;
    c->first = e->next;
    e->next = NULL;
    if (c->first == NULL) {
        c->last = NULL;
        c->called = 0;
    }
    if (--c->queued == 0 && c->descriptor >= 0)
        shim_descriptor_set(c->descriptor, 0);
    shim_wake(&c->calm);
    return e->object.number;
}

int32_t shim_client_hold(iscdesk_client client, struct shim_client **c, iscdesk_error *err)
{
    const char *why;
    int32_t rc;
    *c = NULL;
    rc = shim_cut_off(&why);
    if (rc != ISCDESK_OK)
        return shim_fail(err, rc, NULL, why);
    *c = (struct shim_client *)shim_hold((uintptr_t)client, SHIM_CLIENT);
    return *c != NULL ? ISCDESK_OK : shim_fail(err, ISCDESK_E_CLOSED, NULL, "");
}

int32_t iscdesk_next_event(iscdesk_client client, int32_t timeout_ms, iscdesk_event *event, iscdesk_error *err)
{
    struct shim_client *c;
    int32_t rc;
    int64_t until;
    shim_clear(err);
    if (event == NULL)
        return shim_fail(err, ISCDESK_E_INVALID_ARGUMENT, NULL, "event is NULL");
    *event = NULL;
    rc = shim_client_hold(client, &c, err);
    if (rc != ISCDESK_OK)
        return rc;
    until = timeout_ms < 0 ? -1 : shim_now_ms() + timeout_ms;
    shim_lock(&c->lock);
    for (;;) {
        if (c->closed)
            rc = ISCDESK_E_CLOSED;
        else if (c->fn != NULL)
            rc = ISCDESK_E_BUSY;
        else if (c->first != NULL)
            *event = (iscdesk_event)take(c);
        else if (timeout_ms == 0 || shim_wait(&c->ready, &c->lock, until))
            rc = c->first != NULL && !c->closed ? ISCDESK_OK : ISCDESK_E_TIMEOUT;
        if (*event != NULL || rc != ISCDESK_OK)
            break;
    }
    shim_unlock(&c->lock);
    if (rc != ISCDESK_OK)
        (void)shim_fail(err, rc, &c->voice, rc == ISCDESK_E_BUSY ? "an event function is registered" : "");
    shim_release(&c->object);
    return rc;
}

/* No Go frame and no lock of ours is on the stack while fn runs, so fn may
 * throw or longjmp past us. */
int32_t iscdesk_dispatch(iscdesk_client client, int32_t timeout_ms, iscdesk_event_fn fn, void *user, iscdesk_error *err)
{
    iscdesk_event event;
    int32_t rc;
    if (fn == NULL) {
        shim_clear(err);
        return shim_fail(err, ISCDESK_E_INVALID_ARGUMENT, NULL, "fn is NULL");
    }
    rc = iscdesk_next_event(client, timeout_ms, &event, err);
    if (rc == ISCDESK_OK) {
        fn(user, event);
        iscdesk_event_free(event);
    }
    return rc;
}

int32_t iscdesk_event_descriptor(iscdesk_client client, int32_t *descriptor, iscdesk_error *err)
{
    struct shim_client *c;
    int32_t rc;
    shim_clear(err);
    if (descriptor == NULL)
        return shim_fail(err, ISCDESK_E_INVALID_ARGUMENT, NULL, "descriptor is NULL");
    *descriptor = 0;
    rc = shim_client_hold(client, &c, err);
    if (rc != ISCDESK_OK)
        return rc;
    shim_lock(&c->lock);
    if (c->closed) {
        rc = ISCDESK_E_CLOSED;
    } else {
        if (c->descriptor < 0) {
            rc = shim_descriptor_new(&c->descriptor);
            if (rc == ISCDESK_OK && c->queued > 0)
                shim_descriptor_set(c->descriptor, 1);
        }
        if (rc == ISCDESK_OK)
            *descriptor = c->descriptor;
    }
    shim_unlock(&c->lock);
    if (rc != ISCDESK_OK)
        (void)shim_fail(err, rc, &c->voice, rc == ISCDESK_E_INTERNAL ? "no descriptor can be made" : "");
    shim_release(&c->object);
    return rc;
}

int32_t iscdesk_wake_window(iscdesk_client client, void *window, uint32_t message, iscdesk_error *err)
{
    static const uintptr_t every_window = 0xffff; /* HWND_BROADCAST */
    static const uint32_t first_own = 0x0400, last = 0xffff; /* WM_USER: what is below belongs to the system */
    struct shim_client *c;
    int32_t rc;
    shim_clear(err);
    rc = shim_client_hold(client, &c, err);
    if (rc != ISCDESK_OK)
        return rc;
    shim_lock(&c->lock);
    if (c->closed)
        rc = ISCDESK_E_CLOSED;
    else if (window != NULL && (message < first_own || message > last || (uintptr_t)window == every_window))
        rc = ISCDESK_E_INVALID_ARGUMENT;
    else if (window != NULL)
        rc = shim_window_post(window, message); /* shows whether it is one, and tells of events that wait already */
    if (rc == ISCDESK_OK) {
        c->window = window;
        c->message = message;
        c->called = window != NULL && c->first != NULL;
    }
    shim_unlock(&c->lock);
    if (rc != ISCDESK_OK)
        (void)shim_fail(err, rc, &c->voice, rc == ISCDESK_E_INVALID_ARGUMENT ? "no window, or a message below WM_USER" :
                        rc == ISCDESK_E_NOT_SUPPORTED ? "there are no messages here: iscdesk_event_descriptor" : "");
    shim_release(&c->object);
    return rc;
}

/* ---- the callback's thread */

/* The thread's body. It holds the client; it ends when the function is taken
 * away or the client is closed. */
static void pump(void *arg)
{
    struct shim_client *c = arg;
    int closed;
    shim_lock(&c->lock);
    for (;;) {
        iscdesk_event_fn fn;
        void *user;
        iscdesk_event event;
        while (!c->closed && c->fn != NULL && c->first == NULL)
            (void)shim_wait(&c->ready, &c->lock, -1);
        if (c->closed || c->fn == NULL)
            break;
        fn = c->fn;
        user = c->user;
        event = (iscdesk_event)take(c);
        c->calling = 1;
        shim_unlock(&c->lock);
        fn(user, event);
        iscdesk_event_free(event);
        shim_lock(&c->lock);
        c->calling = 0;
        shim_wake(&c->calm);
    }
    c->threaded = 0;
    closed = c->closed;
    shim_wake(&c->calm);
    shim_unlock(&c->lock);
    if (closed)
        (void)shim_drop(c->object.number, SHIM_CLIENT);
    shim_release(&c->object);
}

/* Whether the calling thread is the callback's; the caller holds c->lock. */
static int inside(const struct shim_client *c)
{
    return c->calling && shim_thread_is_this(c->thread);
}

/* Waits until no callback runs; the caller holds c->lock. A callback that waits
 * for a lock of the caller would make this a deadlock, so it has an end. */
static int32_t quiet(struct shim_client *c)
{
    int64_t until = shim_now_ms() + SHIM_END_WAIT_MS;
    if (inside(c))
        return ISCDESK_OK;
    while (c->calling)
        if (shim_wait(&c->calm, &c->lock, until))
            return c->calling ? ISCDESK_E_TIMEOUT : ISCDESK_OK;
    return ISCDESK_OK;
}

/* A client that was ended inside its own callback keeps its number until that
 * has returned, so that another thread's shut_out can still wait for it. */
int32_t shim_client_quiet(struct shim_client *c)
{
    int32_t rc;
    int later;
    shim_lock(&c->lock);
    rc = quiet(c);
    later = c->calling; /* pump forgets it */
    shim_unlock(&c->lock);
    if (!later)
        (void)shim_drop(c->object.number, SHIM_CLIENT);
    return rc;
}

int shim_closed(struct shim_client *c)
{
    return __atomic_load_n(&c->closed, __ATOMIC_ACQUIRE);
}

int shim_client_close(struct shim_client *c)
{
    int before;
    shim_lock(&c->lock);
    before = c->closed;
    __atomic_store_n(&c->closed, 1, __ATOMIC_RELEASE);
    c->fn = NULL;
    if (c->descriptor >= 0)
        shim_descriptor_set(c->descriptor, 1); /* a loop that still watches it wakes and learns CLOSED */
    shim_wake(&c->ready);
    shim_wake(&c->calm);
    shim_unlock(&c->lock);
    return before ? -1 : 0;
}

/* Replaces the function; the caller holds c->lock. The client's thread takes it
 * up, or is made now. */
static int32_t set_function(struct shim_client *c, iscdesk_event_fn fn, void *user)
{
    int32_t rc;
    if (c->closed)
        return ISCDESK_E_CLOSED;
    c->fn = NULL; /* from here on the old one is not called again */
    shim_wake(&c->ready);
    rc = quiet(c);
    if (rc != ISCDESK_OK || fn == NULL)
        return rc;
    while (c->threaded && !inside(c)) /* the old thread has seen NULL and leaves at once */
        (void)shim_wait(&c->calm, &c->lock, -1);
    if (c->closed)
        return ISCDESK_E_CLOSED;
    if (c->fn != NULL)
        return ISCDESK_E_BUSY; /* another thread registered meanwhile */
    c->user = user;
    c->fn = fn;
    if (c->threaded) {
        shim_wake(&c->ready);
        return ISCDESK_OK;
    }
    if (shim_hold(c->object.number, SHIM_CLIENT) == NULL) {
        c->fn = NULL;
        return ISCDESK_E_CLOSED;
    }
    if (shim_thread_start(&c->thread, pump, c) != 0) {
        c->fn = NULL;
        shim_release(&c->object);
        return ISCDESK_E_BUSY;
    }
    c->threaded = 1;
    return ISCDESK_OK;
}

int32_t iscdesk_register_event_recall(iscdesk_client client, iscdesk_event_fn fn, void *user, iscdesk_error *err)
{
    struct shim_client *c;
    int32_t rc;
    shim_clear(err);
    rc = shim_client_hold(client, &c, err);
    if (rc != ISCDESK_OK)
        return rc;
    shim_lock(&c->lock);
    rc = set_function(c, fn, user);
    call_window(c);
    shim_unlock(&c->lock);
    if (rc != ISCDESK_OK)
        (void)shim_fail(err, rc, &c->voice, "");
    shim_release(&c->object);
    return rc;
}
