/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history_internal.h - what a history knows: shared by its parts, the one that applies facts (history.c), the one that looks at
 * what they have led to (history_look.c), the one that knows by when a pool must have settled (calm.c), and what is special
 * about Jobs (history_jobs.c).
 *
 * Threads: as history.h.
 */
#ifndef ZL_TEST_CHAOS_HISTORY_INTERNAL_H
#define ZL_TEST_CHAOS_HISTORY_INTERNAL_H

#include "common/base/hash.h"
#include "test/chaos/history.h"

#include <stddef.h>

struct pool {
    char *name;
    bool has_policy, standby, recreate;
    int64_t status_token;
    char *status_uid;
    bool has_lease, provisional;
    char *holder_uid, *successor_uid, *last_holder_uid;
    int64_t lease_token;
    int64_t highest_token; /* that any holder ever had */
    bool crowded;          /* two believers, and that was said */
    bool jobs;             /* Jobs take turns in it */
    char *turn_uid;        /* whose turn the Lease says it is */
    int64_t job_over_ms;   /* when one of them was last over */
    int64_t open_until_ms; /* what the objects say; see also doors */
    bool has_led;
    int64_t leaderless_since_ms; /* -1: led, or nobody is wanted */
    struct {
        unsigned long number;     /* the calm that the rest is about */
        int64_t settled_since_ms; /* -1: it lacks something */
        int64_t lacking_since_ms; /* the calm's begin, or when it came undone after that */
        int64_t held_ms;          /* when it was last held up by expectations; -1: never */
        bool counted;             /* as held, in the record */
    } calm;
    struct zl_pool_record record;
    UT_hash_handle hh;
};

struct workload {
    char *uid, *name, *pool;
    int64_t replicas;
    bool job, over;   /* a Job; gone, being deleted, Complete or Failed */
    int64_t waits_ms; /* of a Job, as a ReplicaSet's */
    UT_hash_handle hh;
};

struct replicaset {
    char *uid, *owner_uid, *name;
    bool gone;
    int64_t replicas, revision;
    int64_t waits_ms; /* when that was last said; -1: it goes on */
    UT_hash_handle hh;
};

struct pod {
    char *uid, *name, *owner_uid;
    bool finished, ready, terminating;
    char *believes; /* the pool that it believes to lead, or NULL */
    bool confirmed; /* its claim is no longer provisional */
    UT_hash_handle hh;
};

/* A pod that a Lease named, as holder or as successor, whether it ever existed or not. */
struct named {
    char *uid;
    int64_t token; /* 0: as successor only */
    bool deposed;
    UT_hash_handle hh;
};

struct door {
    enum zl_door kind;
    char *pool; /* NULL: all */
    int64_t from_ms, to_ms;
};

struct zl_history {
    void (*violated)(void *ctx, enum zl_violation violation, const char *text);
    void *ctx;
    struct pool *pools;
    struct workload *workloads;
    struct replicaset *replicasets;
    struct pod *pods;
    struct named *named;
    struct door *doors;
    size_t door_count;
    unsigned long calms;
    int64_t calm_ms, bound_ms; /* of the last one */
    bool long_; /* it may last longer: a pool was held up, or its Jobs made progress */
};

struct pool *zl_history_pool(struct zl_history *history,
                             const char *name); /* made when it is new */
__attribute__((format(printf, 5, 6))) void
zl_history_violated(const struct zl_history *history, enum zl_violation violation,
                    const struct zl_fact *fact, const struct pool *pool, const char *format, ...);
/* pod -> (ReplicaSet ->) workload; NULL: none that is known */
const struct workload *zl_history_workload_of(const struct zl_history *history,
                                              const struct pod *pod);
/* Does some workload want more than one replica, so that the pool has something to elect? */
bool zl_history_wants_leader(const struct zl_history *history, const struct pool *pool);
/* What POOL lacks; the caller frees; NULL: nothing. */
char *zl_history_lack(const struct zl_history *history, const struct pool *pool);
/* The pod that the Lease names, if it is there, Ready and not on its way out; else NULL. */
const struct pod *zl_history_ready_leader(const struct zl_history *history,
                                          const struct pool *pool);

/* --- Jobs --- */

/* FACT, of a Job, has been applied as a workload's. */
void zl_history_note_job(struct zl_history *history, const struct zl_fact *fact);
/* The turn that the Lease FACT names comes after the one that POOL knows. */
void zl_history_judge_turn(const struct zl_history *history, const struct zl_fact *fact,
                           const struct pool *pool);
/* POD, which is there, is named by the Lease: if it is a Job's, is it that one's turn? */
void zl_history_judge_seat(const struct zl_history *history, const struct zl_fact *fact,
                           const struct pool *pool, const struct pod *pod);
/* The Job whose pod ought to come next; NULL: all are over. */
const struct workload *zl_history_next_job(const struct zl_history *history,
                                           const struct pool *pool);
/* Does a pod of its Jobs execute? */
bool zl_history_executes(const struct zl_history *history, const struct pool *pool);
char *zl_history_lack_of_jobs(const struct zl_history *history, const struct pool *pool);

#endif
