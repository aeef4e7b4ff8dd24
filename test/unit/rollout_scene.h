/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rollout_scene.h - a pool in the middle of a rollout, and what its plan must be.
 */
#ifndef ZL_TEST_ROLLOUT_SCENE_H
#define ZL_TEST_ROLLOUT_SCENE_H

#include "controller/leader/plan.h"
#include "test/unit/controller/trace.h"

/* Uids of ReplicaSets: the leader's, the successor's, the one after it, and another. */
extern char rs_old[], rs_new[], rs_next[], rs_other[];

enum scene_seat { LED, LEADER_LEAVING, VACANT, DEAD };
enum scene_newest { NEW, OLD, NEXT, NEW_WANTS_NONE, UNKNOWN };

/*
 * What differs from a handover that is due: A leads and is Ready, its revision is proven; S, of the newest
 * revision, is its successor, was admitted 10 s ago and is Ready for 5 s.
 */
struct knobs {
    enum scene_seat seat;
    enum scene_newest newest;
    /* the leader */
    int64_t unready_s, terminating_s, grace_s;
    bool starting;     /* it was never Ready, as far as the Lease knows */
    bool status_knows; /* ... but LeaderPolicy status does */
    bool leader_new;   /* it is of the newest revision itself */
    bool serves;       /* leaving, but still Ready */
    bool runs_on;      /* leaving, and by now it should have: its node is Ready */
    bool outdated;     /* of a StatefulSet with a newer revision */
    bool elsewhere;    /* of another workload of the pool */
    bool deposed;      /* it lost the seat, and still lives */
    /* the successor */
    bool none;                          /* the Lease names none */
    bool missing;                       /* it names one, but there is no such pod */
    int64_t leaving_s, leaving_grace_s; /* with DELETING: how long, of how long */
    bool goes_on;                       /* with DELETING: it still serves */
    bool stays_on;                      /* with DELETING: as the leader's RUNS_ON */
    bool ousted;                        /* it is deposed already */
    bool unready, deleting, finished, late_clock;
    int64_t age_s, ready_s; /* 0: 10 and 5 */
    /* the rollout */
    bool lagging; /* the ReplicaSets are older than the successor */
    bool paused, recreate, recreates, unproven;
    bool single;  /* the workload wants one replica: nothing is gatekept */
    bool beside;  /* ... but for another workload of the pool, which wants three */
    char *failed; /* revision */
    int64_t min_ready_s, deadline_s;
    int64_t grace_period_s; /* of a leader that hands over */
};

/* What the plan of scaleDown must be of a scene, all of it and nothing else (controller/trace.h). */
struct plan_row {
    const char *name;
    struct knobs knobs;
    const char *steps;
};

struct scene {
    struct zl_view view;
    struct zl_policy policy;
    struct zl_lease lease;
    struct zl_pod leader, successor;
    struct zl_workload deployment;
    struct zl_replicaset old, newest;
    struct zl_member members[2];
    const struct zl_workload *workloads[2];
};

/* SCENE borrows from itself: it must not be moved. */
void set_scene(struct scene *scene, const struct knobs *knobs);
/*
 * Where owners are woken, "; idle MS" (or "never") stands at the end: when it looks again if that were not due; a wake lowers the
 * time.
 *
 * Fail with both unless scaleDown's plan for SCENE is WANTED.
 */
void expect_plan(const char *name, const struct scene *scene, const char *wanted);
void check_row(const struct plan_row *row);

#define CHECK(rows)                                                                                \
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows)[0]; i++) {                                  \
        check_row(&(rows)[i]);                                                                     \
    }

#endif
