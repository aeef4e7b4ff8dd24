/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.h - who leads a pool of Deployments and StatefulSets, and what must be done for it: a pure function from a view to
 * steps for each of the two strategies.
 *
 * Threads: pure.
 */
#ifndef ZL_CONTROLLER_LEADER_PLAN_H
#define ZL_CONTROLLER_LEADER_PLAN_H

#include "controller/leader/next_lease.h"

/* All pods run; the Lease says which one gets the traffic. */
void zl_plan_standby(const struct zl_view *view, struct zl_steps *steps);
/* One pod runs, the others are refused. */
void zl_plan_scale_down(const struct zl_view *view, struct zl_steps *steps);

/* --- what somebody asked for (request.c); each changes DRAFT --- */

/* A pool whose pods all run, and a leader that could stay: true when the Lease was decided. */
bool zl_plan_request_standby(struct zl_draft *draft);
/* One pod runs. @return the leader's pod, if it is to be deleted so that the next one may lead; NULL: no */
const struct zl_pod *zl_plan_request_scale_down(struct zl_draft *draft);
/* May the successor, once Ready, lead before it has been so for minReadySeconds? */
bool zl_plan_request_hastens(struct zl_draft *draft);

/* Delete the members that the Lease leaves no place for; also of Jobs (surplus.c). */
void zl_plan_surplus(struct zl_steps *steps);

/* --- the parts of scaleDown (handover.c); each changes DRAFT --- */

/* Whoever holds the seat was not Ready for too long, or does not get out: true when it loses it. */
bool zl_plan_sick_leader(struct zl_draft *draft);
/* The successor is Ready: true when the seat moves to it. */
bool zl_plan_handover(struct zl_draft *draft);
/* With nobody in the seat: the successor, if it is to have it now. */
const struct zl_pod *zl_plan_heir(const struct zl_view *view);

/* What a rollout asks for beside the Lease. */
struct zl_rollout_needs {
    enum zl_why removal;          /* with REMOVED */
    const struct zl_pod *removed; /* the leader or the successor is to be deleted; NULL: neither */
    const char *asked_by;         /* of the leader: who asked for it; NULL: nobody did */
    bool newest_waits; /* the place beside the leader is free, and the newest revision wants it */
};
/* What becomes of the successor, and of a leader of an old revision, when neither of the two is true. */
struct zl_rollout_needs zl_plan_rollout(struct zl_draft *draft, enum zl_seat seat);

#endif
