//go:build cgo && linux

/* shim_table.c - handles. A handle is a number that only counts up, found in
 * one table; so a stale, doubly closed or invented one is never an address. */
#include "shim.h"

enum { BUCKETS = 256 };

/* First number: far from descriptors, odd like all that follow, so that none
 * looks like an aligned address. */
static const uintptr_t first_number = ((uintptr_t)42 << 16) + 1;

static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER; /* guards all below */
static struct shim_object *table[BUCKETS];
static uintptr_t next_number;
static int clients;

/* A fork must not catch the lock held by a thread that the child does not have:
 * the child may still read and free what it has. */
static void before_fork(void)
{
    pthread_mutex_lock(&table_lock);
}

static void after_fork(void)
{
    pthread_mutex_unlock(&table_lock);
}

void shim_table_init(void)
{
    (void)pthread_atfork(before_fork, after_fork, after_fork);
}

static struct shim_object **bucket(uintptr_t number)
{
    return &table[(number >> 1) % BUCKETS];
}

int shim_add(struct shim_object *o, enum shim_kind kind, void (*destroy)(struct shim_object *))
{
    int rc = -1;
    pthread_mutex_lock(&table_lock);
    if (next_number == 0)
        next_number = first_number;
    /* a 32-bit process that has used up its numbers gets no more: re-use would
     * give somebody's old handle a new meaning */
    if (next_number < UINTPTR_MAX - 2 && (kind != SHIM_CLIENT || clients < SHIM_CLIENTS)) {
        o->number = next_number;
        o->kind = kind;
        o->destroy = destroy;
        o->refs = 1;
        o->chain = *bucket(o->number);
        *bucket(o->number) = o;
        next_number += 2;
        clients += kind == SHIM_CLIENT;
        rc = 0;
    }
    pthread_mutex_unlock(&table_lock);
    return rc;
}

struct shim_object *shim_hold(uintptr_t number, enum shim_kind kind)
{
    struct shim_object *o;
    if (number == 0)
        return NULL;
    pthread_mutex_lock(&table_lock);
    for (o = *bucket(number); o != NULL; o = o->chain)
        if (o->number == number && o->kind == kind) {
            o->refs++;
            break;
        }
    pthread_mutex_unlock(&table_lock);
    return o;
}

void shim_release(struct shim_object *o)
{
    int last;
    pthread_mutex_lock(&table_lock);
    last = --o->refs == 0;
    pthread_mutex_unlock(&table_lock);
    if (last)
        o->destroy(o);
}

int shim_drop(uintptr_t number, enum shim_kind kind)
{
    struct shim_object **at, *o = NULL;
    if (number == 0)
        return -1;
    pthread_mutex_lock(&table_lock);
    for (at = bucket(number); *at != NULL; at = &(*at)->chain)
        if ((*at)->number == number && (*at)->kind == kind) {
            o = *at;
            *at = o->chain;
            clients -= kind == SHIM_CLIENT;
            break;
        }
    pthread_mutex_unlock(&table_lock);
    if (o == NULL)
        return -1;
    shim_release(o);
    return 0;
}
