/* SPDX-License-Identifier: Apache-2.0 */
/*
 * member_internal.h - what the files of a member share: it, its parts in fleets, and what each file does for it.
 *
 * Threads: all of it is the member's thread, but for what the monitor guards.
 */
#ifndef ZL_CONTROLLER_FLEET_MEMBER_INTERNAL_H
#define ZL_CONTROLLER_FLEET_MEMBER_INTERNAL_H

#include "common/base/clock.h"
#include "common/base/monitor.h"
#include "common/fleet/hub_store.h"
#include "common/kube/informer.h"
#include "controller/fleet/member.h"
#include "controller/fleet/news.h"
#include "controller/fleet/policy.h"

#include <stdatomic.h>

/* One fleet that this cluster has a part in. */
struct zl_member_part {
    struct zl_fleet_agent agent;
    struct zl_fleet_ledger ledger;
    bool ledger_is_known;
    int64_t started;          /* the last token that a Job was started in */
    uint64_t started_version; /* of that Job, as it was stored */
    bool wanted;              /* a LeaderPolicy names it */
    int64_t beat_ms;
    /* What is open, and since when (boot clock; 0: nothing is). */
    int64_t open_nonce, open_token, open_ms;
    struct zl_fleet_heard heard; /* what Events have told */
};

struct zl_cluster_member {
    struct zl_cluster_spec spec;
    char *name, *hub_namespace, *namespaces, *labels, *own_name, *turn_name, *turn_field;
    struct zl_informer_thread *informers; /* of those of the cluster */
    struct zl_informer *turns, *policies, *jobs, *cronjobs;
    pthread_t thread;
    /* The thread's own. */
    char uid[ZL_FLEET_UID_MAX];
    struct zl_member_part *parts;
    size_t part_count;
    struct zl_hub_lease *own;       /* as it was last read or written; NULL: there is none */
    int64_t beat, mark;             /* of this process: what it wrote last */
    int64_t next_beat_ms, retry_ms; /* boot clock: when the Lease is due, and not before when */
    bool dirty;                     /* a request is another than the Lease says */
    bool read_own;                  /* the Lease was read since it was last unsure */
    int64_t duplicate_until_ms; /* boot clock: another cluster has used this name a moment ago */
    bool reached;
    char problem[ZL_FLEET_TEXT_MAX];
    struct zl_monitor monitor; /* guards the rest */
    bool stopping, changed;
    bool undefined;             /* the API server has no such LeaderPolicies */
    atomic_bool cannot_suspend; /* it dropped spec.suspend of a Job */
};

/* member_parts.c */
/* Begins a part that is not there; the pointer is good until the next part begins or is dropped. */
struct zl_member_part *zl_member_part_of(struct zl_cluster_member *member, const char *pool);
/* Of several LeaderPolicies of one fleet the first counts. One that has gone leaves its part until that is settled. */
void zl_member_find_parts(struct zl_cluster_member *member, const struct zl_refs *policies);
void zl_member_drop_settled(struct zl_cluster_member *member);

/* member_hub.c */
int64_t zl_member_random(int64_t bound); /* below BOUND */
int64_t zl_member_nonce(void);
/* What the hub has of this cluster's Lease. @return false: it is not reached */
bool zl_member_read_own(struct zl_cluster_member *member);
/* Write what is due on the hub: its own Lease. Then the ledgers are read, for people. */
void zl_member_keep_lease(struct zl_cluster_member *member);
void zl_member_see_turn(struct zl_cluster_member *member, struct zl_member_part *part,
                        bool *forgotten);
void zl_member_forget_mark(struct zl_cluster_member *member);

/* member_jobs.c */
/* Of a CronJob with the label, the Jobs that have none. */
void zl_member_label_jobs(struct zl_cluster_member *member, const struct zl_refs *jobs,
                          const struct zl_refs *policies);
void zl_member_hold_jobs(struct zl_cluster_member *member, const struct zl_refs *jobs,
                         const struct zl_refs *policies);
/* Stop, start and report PART's Jobs, and ask for what it needs next. */
void zl_member_look_at_jobs(struct zl_cluster_member *member, struct zl_member_part *part,
                            const struct zl_refs *jobs, const struct zl_refs *policies);

/* member_status.c */
/* Events for what is news since the last look, and metrics. POLICIES in any order. */
void zl_member_tell(struct zl_cluster_member *member, const struct zl_refs *policies);
void zl_member_write_status(struct zl_cluster_member *member, const struct zl_fleet_policy *policy);

#endif
