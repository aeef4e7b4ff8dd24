/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rollout.h - which revision of a Deployment may lead, and which may send a successor.
 *
 * A Deployment that rolls out wants pods of two revisions at once, and a gatekeeper that only counts would
 * refuse the new one until the old one is gone, which waits for the new one. So one pod of the newest
 * revision may start beside the leader. It leads when it is Ready; until then a bad image has harmed nobody.
 *
 * Threads: pure.
 */
#ifndef ZL_SEAT_ROLLOUT_H
#define ZL_SEAT_ROLLOUT_H

#include "common/kinds/kind.h"
#include "common/objects/replicaset.h"
#include "common/seat/lease.h"

/* What a Deployment's ReplicaSets say; borrowed from them. */
struct zl_rollout {
    const struct zl_replicaset *newest; /* of the highest revision; NULL: none is known */
    /* The one whose pod led and was Ready last, if it still wants pods; else NULL. */
    const struct zl_replicaset *proven;
    int64_t
        others; /* pods that the pool's other workloads want, for zl_rollout_may_succeed; else 0 */
};

/* @param lease  names the proven revision; may be NULL */
struct zl_rollout zl_rollout_of(const struct zl_replicaset *const *replicasets, size_t count,
                                const char *deployment_uid, const struct zl_lease *lease);

/*
 * Nobody sits in the seat: may a pod of REVISION (uid of its ReplicaSet) take it? The proven revision while
 * it wants pods, else the newest; with rollout: Recreate always the newest.
 */
bool zl_rollout_may_lead(const struct zl_rollout *rollout, const struct zl_policy *policy,
                         const char *revision);

/*
 * May a pod of REVISION be admitted beside the pods of HOLDER_REVISION (NULL: beside an empty seat)? Whether
 * the place is taken already is not asked here.
 */
bool zl_rollout_may_succeed(const struct zl_rollout *rollout, const struct zl_policy *policy,
                            const struct zl_workload *deployment, const struct zl_lease *lease,
                            const char *revision, const char *holder_revision);

#endif
