/* SPDX-License-Identifier: Apache-2.0 */
/*
 * traffic.h - what is known of whom traffic is led to: plain data for traffic_director/.
 *
 * Threads: pure.
 */
#ifndef ZL_CONTROLLER_VIEW_TRAFFIC_H
#define ZL_CONTROLLER_VIEW_TRAFFIC_H

#include "common/objects/service.h"
#include "controller/view/view.h"

/* Where one route of a pool may lead. */
struct zl_traffic_target {
    const struct zl_pod *pod;           /* NULL: nowhere */
    const struct zl_workload *workload; /* whose pod it is, or would be; NULL: not known */
    /* The users' Services that select the pod, or with nobody the workload's template: one of them lends its ports. */
    const struct zl_service **lenders;
    size_t lender_count;
};

/* Of a pool, after its Lease is written. Borrowed from the view and from who looked. */
struct zl_traffic_view {
    struct zl_traffic_target leader; /* the pool's */
    struct zl_traffic_target
        *own; /* one for each workload: where it leads while the leader is not its */
    struct zl_traffic_target *templates; /* the same with nobody */
    size_t count;
    bool director_is_stored; /* the Service "<pool>-director" is there, and ours */
    bool services_settled;   /* no list of Services is under way */
};

/* Of an annotated Service. */
struct zl_service_view {
    const struct zl_service *source;
    const char *name;                 /* how its leader Service is to be called */
    const struct zl_pod *const *pods; /* behind it, none of them over */
    const int64_t *ready_ms;          /* how long each has been seen Ready */
    size_t pod_count;
    const char *current_uid;  /* whom its leader Service leads to; NULL: nobody */
    const char *current_node; /* where that pod is or was; NULL: not known */
    int64_t unready_ms;       /* for how long it has been seen not Ready; 0: just now, or it is */
    const char
        *holder_uid; /* who holds the Lease of the pool that it has joined; NULL: nobody, or none */
    bool settled;    /* no list of pods was under way when they were gathered */
};

#endif
