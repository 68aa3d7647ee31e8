//go:build cgo && (linux || windows)

/* shim_table.c - handles. A handle is a number that only counts up, found in
 * one table; so a stale, doubly closed or invented one is never an address. */
#include "shim.h"

enum { BUCKETS = 256 };

/* First number: far from descriptors, odd like all that follow, so that none
 * looks like an aligned address. */
static const uintptr_t first_number = ((uintptr_t)42 << 16) + 1;

static shim_mutex table_lock = SHIM_MUTEX_INITIALIZER; /* guards all below */
static struct shim_object *table[BUCKETS];
static uintptr_t next_number;
static int clients;

/* For the fork guard of the system's file: a fork must not catch the lock held by
 * a thread that the child does not have. */
void shim_table_lock(void)
{
    shim_lock(&table_lock);
}

void shim_table_unlock(void)
{
    shim_unlock(&table_lock);
}

static struct shim_object **bucket(uintptr_t number)
{
    return &table[(number >> 1) % BUCKETS];
}

int shim_add(struct shim_object *o, enum shim_kind kind, void (*destroy)(struct shim_object *))
{
    int rc = -1;
    shim_lock(&table_lock);
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
    shim_unlock(&table_lock);
    return rc;
}

struct shim_object *shim_hold(uintptr_t number, enum shim_kind kind)
{
    struct shim_object *o;
    if (number == 0)
        return NULL;
    shim_lock(&table_lock);
    for (o = *bucket(number); o != NULL; o = o->chain)
        if (o->number == number && o->kind == kind) {
            o->refs++;
            break;
        }
    shim_unlock(&table_lock);
    return o;
}

void shim_release(struct shim_object *o)
{
    int last;
    shim_lock(&table_lock);
    last = --o->refs == 0;
    shim_unlock(&table_lock);
    if (last)
        o->destroy(o);
}

int shim_drop(uintptr_t number, enum shim_kind kind)
{
    struct shim_object **at, *o = NULL;
    if (number == 0)
        return -1;
    shim_lock(&table_lock);
    for (at = bucket(number); *at != NULL; at = &(*at)->chain)
        if ((*at)->number == number && (*at)->kind == kind) {
            o = *at;
            *at = o->chain;
            clients -= kind == SHIM_CLIENT;
            break;
        }
    shim_unlock(&table_lock);
    if (o == NULL)
        return -1;
    shim_release(o);
    return 0;
}
