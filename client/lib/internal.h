/* SPDX-License-Identifier: Apache-2.0 */
/*
 * internal.h - what the library's files share: zenlead.c the handle and its answers, follow.c one thread for each pool,
 * turn.c one for each fleet, elect.c elections and locks, judge.c the rules.
 *
 * Threads: see zenlead.h. LOCK guards what is made once and the lists; a pool's monitor its answer.
 */
#ifndef ZL_CLIENT_LIB_INTERNAL_H
#define ZL_CLIENT_LIB_INTERNAL_H

#include "client/election/lease_watch.h"
#include "client/election/turn_watch.h"
#include "client/lib/judge.h"
#include "client/lib/zenlead.h"
#include "common/base/monitor.h"
#include "common/kube/client.h"

#include <stdatomic.h>

/* One that was asked about. It stays until the handle is closed, so that readers need no lock. */
struct zl_lead_pool {
    struct zl_lead_pool *next;
    zenlead *handle;
    char *name, *lease;
    _Atomic int64_t leader_until_ns; /* all that zenlead_is_leader reads */
    struct zl_lease_watch *watch;    /* NULL: the answer is for ever, and there is no thread */
    pthread_t thread;
    struct zl_lead_renewal renewal; /* the thread's own, as the next one */
    char *version;                  /* of the Lease that was read last */
    struct zl_monitor monitor;      /* guards the rest */
    bool answered;                  /* something was found out, or tried in vain */
    struct zenlead_answer answer;
    struct zl_error failure;    /* of the last look; OK: none */
    struct zenlead_answer told; /* to CHANGED */
    bool is_told;
};

/* A fleet that was asked about; as a pool. */
struct zl_lead_turn {
    struct zl_lead_turn *next;
    zenlead *handle;
    char *name;
    struct zl_turn_watch *watch;
    pthread_t thread;
    struct zl_monitor monitor; /* guards the rest */
    bool answered;
    struct zenlead_turn answer;
    struct zl_error failure;
    struct zenlead_turn told;
    bool is_told;
};

struct zl_lead_lock {
    struct zl_lead_lock *next;
    char *name;
    zenlead_elector *elector; /* NULL: it is being acquired */
};

struct zenlead {
    char *kubeconfig, *context, *namespace_, *pod, *pod_uid;
    int timeout_ms;
    void (*changed)(void *ctx, const char *pool, const struct zenlead_answer *answer);
    void (*turn_changed)(void *ctx, const char *fleet, const struct zenlead_turn *turn);
    void *ctx;
    int news; /* an eventfd: some pool has something to tell; -1: none */
    pthread_mutex_t lock;
    struct zl_kube_client *client; /* NULL: not made yet */
    char *where;                   /* the namespace that is used */
    bool closing;                  /* below LOCK, as the two before */
    _Atomic(struct zl_lead_pool *) pools;
    _Atomic(struct zl_lead_turn *) turns;
    struct zl_lead_lock *locks;
};

/* The handle's client, made at the first call. */
enum zl_status zl_lead_client(zenlead *handle, struct zl_kube_client **out,
                              struct zl_error *err) ZL_MUST_CHECK;
/* The pool of that name, followed from now on. */
struct zl_lead_pool *zl_lead_follow(zenlead *handle, const char *name);
/* Is that something else than was told before? */
bool zl_lead_differs(const struct zenlead_answer *left, const struct zenlead_answer *right);
void zl_lead_pool_free(struct zl_lead_pool *pool); /* ends its thread */
/* With the fleets' news, if there are any. */
void zl_lead_turns_tell(zenlead *handle);
void zl_lead_turns_free(zenlead *handle); /* ends their threads */
int64_t zl_lead_boot_ns(void);
void zl_lead_locks_free(zenlead *handle);

/* ERR as the caller's struct. @return enum zenlead_status */
int zl_lead_fail(struct zenlead_error *error, enum zl_status status, const char *message);
int zl_lead_refuse(struct zenlead_error *error, enum zenlead_status status, const char *format, ...)
    ZL_PRINTF(3, 4);

#endif
