/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge.h - what zen-lead does with an object, in four lines: what is so, by whom, what changes it, what to do.
 *
 * Threads: pure.
 */
#ifndef ZL_CLIENT_EXPLAIN_JUDGE_H
#define ZL_CLIENT_EXPLAIN_JUDGE_H

#include "common/kinds/kind.h"
#include "common/objects/job.h"
#include "common/objects/service.h"
#include "common/seat/lease.h"

/* One word each, for scripts: they never change. */
#define ZL_VERDICT_NOT_OURS "not-ours" /* zen-lead does nothing with it */
#define ZL_VERDICT_OPTED_OUT "opted-out"
#define ZL_VERDICT_POLICY_MISSING "policy-missing"
#define ZL_VERDICT_ALL_RUN "all-run" /* standby: nothing is refused, one leads */
#define ZL_VERDICT_SINGLE "single"   /* the pool wants one pod: nothing to elect */
#define ZL_VERDICT_REFUSED "refused"
#define ZL_VERDICT_ELECTING "electing" /* nobody leads */
#define ZL_VERDICT_LEADS "leads"
#define ZL_VERDICT_FOLLOWS "follows"
#define ZL_VERDICT_SUCCEEDS "succeeds" /* it is to take over */
#define ZL_VERDICT_DEPOSED "deposed"   /* it lost the seat for good */
#define ZL_VERDICT_SURPLUS "surplus"   /* it runs beside the leader and is deleted */
#define ZL_VERDICT_EXECUTES "executes"
#define ZL_VERDICT_WAITS "waits"
#define ZL_VERDICT_OVER "over"
#define ZL_VERDICT_PAUSED "paused"
#define ZL_VERDICT_MEMBER "member" /* a CronJob: its Jobs take turns */
#define ZL_VERDICT_ROUTED "routed" /* a Service: a leader Service stands beside it */
#define ZL_VERDICT_LEADER_SERVICE "leader-service"
#define ZL_VERDICT_WARNED "warned"
#define ZL_VERDICT_UNKNOWN "unknown" /* a text that is not zen-lead's */

/* What was read of the object and around it. */
struct zl_explain_facts {
    const char *kind, *name, *namespace_; /* "Deployment" */
    const char *pool;                     /* that it joins; NULL: none */
    bool opted_out;                       /* zen-lead/join: "false" */
    const struct zl_policy *policy;       /* of POOL; NULL: there is none */
    const struct zl_lease *lease;         /* of POOL; NULL: none, or it may not be read */
    bool takes_turns;                     /* a Job or CronJob, or a pod of one */
    const struct zl_workload *workload;   /* it is this one, or POD is of it; NULL: neither */
    int64_t others;                       /* how many pods the pool's other workloads want */
    int64_t running;                      /* pods of WORKLOAD that live */
    bool leader_inside;                   /* the Lease's holder is one of them */
    bool foreign_leads;                   /* the holder lives, and is no pod of WORKLOAD */
    const struct zl_pod *pod;             /* it is this pod; NULL: it is none */
    const struct zl_job *job;             /* it is this Job; NULL: it is none */
    const struct zl_service *service;     /* it is this Service; NULL: it is none */
    const struct zl_service *led;         /* of SERVICE: its leader Service; NULL: there is none */
    int64_t now_us;
};

struct zl_explanation {
    const char *verdict; /* constant */
    char *what, *by, *changes, *cure;
};
void zl_explanation_clear(struct zl_explanation *explanation);

/* OUT must be empty; each of its lines is there. */
void zl_explain_judge(const struct zl_explain_facts *facts, struct zl_explanation *out);
/* What somebody was told: a denied create, a warning, an Event. */
void zl_explain_text(const char *text, struct zl_explanation *out);

#endif
