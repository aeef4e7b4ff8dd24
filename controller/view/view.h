/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view.h - what is known of one pool: the facts that its strategy plans from, plain data.
 *
 * Everything is borrowed from whoever gathered it (gather.h), or from a test.
 *
 * Threads: pure.
 */
#ifndef ZL_CONTROLLER_VIEW_VIEW_H
#define ZL_CONTROLLER_VIEW_VIEW_H

#include "common/seat/judge.h"
#include "common/seat/rollout.h"
#include "common/seat/turns.h"

/* A live pod of the pool: it exists, phase neither Failed nor Succeeded. */
struct zl_member {
    const struct zl_pod *pod;
    const struct zl_workload *workload; /* whose it is; NULL: a Job's */
    const struct zl_job *job;           /* whose it is; NULL: a workload's whose pods lead */
    bool gatekept; /* its pool wants more than one pod: only the leader may run */
};

/* The Jobs and CronJobs of a pool (state_guard/plan_jobs.h). */
struct zl_jobs_view {
    struct zl_turn *turns; /* all of its Jobs, judged and in order */
    size_t turn_count;
    const struct zl_cronjob *const *cronjobs;
    size_t cronjob_count;
    /* The Job that the Lease's turn names is complete, failed, gone, paused, or left the pool. */
    bool turn_over;
    bool are_current;    /* the Jobs were seen after the last write to one of them */
    bool can_suspend;    /* the server has spec.suspend of Jobs, as far as is known */
    int64_t retrying_ms; /* how long ago its last pod was first seen Failed; 0: it was not */
};

/* When the owners of an empty seat were woken, and are next (leader/wake.h). */
struct zl_wake_clock {
    bool runs;         /* false: the seat was not seen empty yet */
    int attempts;      /* wakes so far, counting one that the owners are trusted with */
    int64_t due_in_ms; /* 0 and less: now */
};

/* What other people's objects make of the pool (surroundings.h): a sentence each; NULL: nothing. */
struct zl_surroundings {
    bool looked; /* false: it was not looked at now, and what the status says of it stays */
    char *budget, *autoscaler, *slice;
};

struct zl_view {
    /* What the installed CRD drops of what is written, as a sentence; NULL: nothing. */
    const char *definition_complaint;
    const char *namespace_, *name;  /* the pool's, also when there is no LeaderPolicy */
    const struct zl_policy *policy; /* NULL: there is none of that name */
    /* The LeaderPolicies are served, and were listed: one that is missing does not exist. */
    bool policies_known;
    const struct zl_lease *lease;    /* NULL: there is none */
    enum zl_holder holder;           /* never UNKNOWN when the Lease is held */
    const struct zl_pod *holder_pod; /* NULL: not there */
    int64_t claim_age_ms, claim_timeout_ms;
    int64_t lost_ms;     /* how long the Lease has been seen absent, or emptied by others */
    int64_t last_token;  /* the last fencing token that was given, as LeaderPolicy status has it */
    int64_t known_token; /* the largest that was seen anywhere but in the Lease */
    /* How long the holder's pod has been seen not Ready, and on its way out; 0: it is not. */
    int64_t unready_ms, terminating_ms;
    /* It ought to be gone by now, and may still run: its node is Ready, and its containers have not ended. */
    bool holder_runs_on;
    /* With deposed pods about: how long no route had to be written since the holder leads. */
    int64_t routed_ms;
    /* Of the Deployment that the leader belongs to, or with an empty seat the successor. */
    const struct zl_workload *deployment; /* NULL: neither, or a StatefulSet */
    struct zl_rollout rollout;
    const struct zl_workload *stateful_set; /* that the leader belongs to; NULL: it does not */
    const struct zl_revision *newest;       /* of that StatefulSet; NULL: none is known */
    bool leader_outdated;               /* a StatefulSet's leader that is to get a newer revision */
    const struct zl_pod *successor_pod; /* NULL: the Lease names none, or its pod is not there */
    int64_t successor_age_ms;           /* since its admission was first seen */
    int64_t successor_ready_ms;         /* how long it has been seen Ready */
    int64_t successor_terminating_ms;   /* how long it has been seen on its way out */
    bool successor_runs_on;             /* as HOLDER_RUNS_ON */
    bool successor_revision_known; /* its ReplicaSet is among those that ROLLOUT is made from */
    const struct zl_workload *const *workloads;
    size_t workload_count;
    int64_t deserted_ms; /* how long no workload has joined it; 0: one does, or just now */
    const struct zl_workload *const
        *marked; /* those of them whose ReplicaSets carry the mark of a wake */
    size_t marked_count;
    struct zl_jobs_view jobs;
    const struct zl_member *members; /* pods of Jobs only where Jobs are refused or take turns */
    size_t member_count;
    /* Its strategy elects among all pods, also those of a workload that wants a single one. */
    bool elects_all;
    bool being_listed; /* pods of the namespace may be missing that have been there for long */
    /* The pods were seen after the Lease was written: who is missing is gone. */
    bool members_are_current;
    /* Something else than a renewal is urgent, here or in another pool: one that is merely due waits for a look of its own. */
    bool defers_renewal;
    struct zl_wake_clock wake;
    struct zl_surroundings surroundings; /* the texts are borrowed */
    const struct zl_condition *armed;    /* condition GatekeeperArmed now; NULL: not asked */
    int64_t now_us;                      /* wall clock, for what is written */
    int64_t now_ms;                      /* monotonic, of the same moment: WAKE counts from it */
};

/* Is the pool gatekept: do its workloads want more than one pod together, or are there Jobs alone? */
bool zl_view_is_gatekept(const struct zl_view *view);
/* Are followers of WORKLOAD, one of VIEW's, refused? */
bool zl_view_refuses(const struct zl_view *view, const struct zl_workload *workload);
/* Is POD one of a Job? */
bool zl_is_of_job(const struct zl_pod *pod);
/* The workload of the member POD; NULL: it is none, or a Job's. */
const struct zl_workload *zl_view_workload_of(const struct zl_view *view, const struct zl_pod *pod);
/* The Job among the pool's whose pod POD is; NULL: none. */
const struct zl_turn *zl_view_turn_of(const struct zl_view *view, const struct zl_pod *pod);
/* Is the holder's pod one of the members? */
bool zl_view_knows_holder(const struct zl_view *view);

/* Milliseconds until POD, seen on its way out for TERMINATING_MS, ought to be gone: its grace, and a lease duration more. */
int64_t zl_view_overdue_in_ms(const struct zl_view *view, const struct zl_pod *pod,
                              int64_t terminating_ms);

/*
 * Judge JOBS' turns by LEASE and the members; in place.
 */
void zl_view_judge_turns(const struct zl_view *view, const struct zl_lease *lease,
                         struct zl_turn *turns);

#endif
