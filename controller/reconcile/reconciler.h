/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reconciler.h - makes one pool true: Lease, owners woken, surplus pods deleted, status, Events.
 *
 * Level-based: a reconcile looks at what is, never at what happened, so any event may be lost or
 * repeated. Each write is a compare-and-swap or idempotent; the process may die between any two.
 *
 * Threads: zl_reconcile_pool for different pools at once; the work queue never runs one pool twice at
 * the same time.
 */
#ifndef ZL_CONTROLLER_RECONCILE_RECONCILER_H
#define ZL_CONTROLLER_RECONCILE_RECONCILER_H

#include "common/base/metrics.h"
#include "common/base/since.h"
#include "common/kube/events.h"
#include "common/seat/claim_clock.h"
#include "controller/apply/wakes.h"
#include "controller/observe/failovers.h"
#include "controller/view/pool.h"

#include <stdatomic.h>

struct zl_armer;

struct zl_reconciler {
    struct zl_kube_client *client;
    struct zl_cache *cache;
    const struct zl_kube_resource *slices; /* EndpointSlice in the version that the server has */
    struct zl_events *events;
    struct zl_claim_clock *clock;
    struct zl_wakes *wakes;
    struct zl_sinces *sinces;
    struct zl_failovers *failovers;
    struct zl_armer *armer;
    int64_t claim_timeout_ms;
    /* The server dropped spec.suspend of a Job: it is older than 1.22. */
    atomic_bool cannot_suspend;
    atomic_uint_fast64_t job_written; /* resourceVersion of the newest Job that was written here */
};

struct zl_result {
    enum zl_status status;    /* ZL_OK, or the failure that a rate-limited retry may cure */
    int64_t requeue_after_ms; /* with ZL_OK: look again then; 0: only on the next event */
};

struct zl_result zl_reconcile_pool(struct zl_reconciler *reconciler, const char *namespace_,
                                   const char *name, struct zl_error *err);

extern const struct zl_metric *const ZL_POOL_METRICS[];
extern const struct zl_metric ZL_SURPLUS_DELETED, ZL_WAKES;

/* The same when there is no LeaderPolicy of that name (any more): routes are removed, Jobs let go (pool_absent.c). */
struct zl_result zl_reconcile_absent_pool(struct zl_reconciler *reconciler,
                                          const struct zl_pool *pool, const char *namespace_,
                                          const char *name, struct zl_error *err);

/* --- for the parts of a reconcile (wake.c, surplus.c, policy_status.c) --- */

/*
 * A holder that the cache counts to no workload of the pool: does it belong to one? Asks the API server, and
 * expels it from POOL if its workload moved to another pool, left, or was never in one (membership.c).
 */
enum zl_status zl_check_membership(struct zl_reconciler *reconciler, struct zl_pool *pool,
                                   struct zl_error *err) ZL_MUST_CHECK;
/* The Job among the pool's whose pod POD is; NULL: none. */
const struct zl_turn *zl_turn_of_pod(const struct zl_pool *pool, const struct zl_pod *pod);
/* Add the annotation to a merge PATCH whose change makes an owner's controller sync at once. */
void zl_annotate_wake(struct cJSON *patch);
/* OWNER was sent such a patch, and not for another reason as well: counts and logs it. */
void zl_count_wake(const struct zl_kube_resource *resource, const struct zl_meta *owner);
/* Wake each owner of the pool. */
enum zl_status zl_wake_owners(struct zl_reconciler *reconciler, const struct zl_pool *pool,
                              struct zl_error *err) ZL_MUST_CHECK;
/* The same for one ReplicaSet. */
enum zl_status zl_wake_replicaset(struct zl_reconciler *reconciler,
                                  const struct zl_replicaset *replicaset,
                                  struct zl_error *err) ZL_MUST_CHECK;
/* What a workload or Job that nobody gatekeeps any more waits with; read live. NAME: "Deployment/web". */
enum zl_status zl_wake_workload(struct zl_reconciler *reconciler, const char *namespace_,
                                const char *name, struct zl_error *err) ZL_MUST_CHECK;
/* Fill in what is known of the pool's rollout and its leader's health (rollout.c). */
enum zl_status zl_look_at_rollout(struct zl_reconciler *reconciler, struct zl_pool *pool,
                                  struct zl_error *err) ZL_MUST_CHECK;
/* Does the API server agree that the leader is still not Ready? Else ZL_E_CONFLICT. */
enum zl_status zl_confirm_unready(struct zl_reconciler *reconciler, const struct zl_pool *pool,
                                  struct zl_error *err) ZL_MUST_CHECK;
/* What PLAN says of successor, revisions and deposed pods, written into NEXT. */
void zl_apply_rollout(const struct zl_pool *pool, const struct zl_plan *plan,
                      struct zl_lease *next);
/* Delete the pod that PLAN removes, and say why by an Event. */
enum zl_status zl_remove_pod(struct zl_reconciler *reconciler, const struct zl_pool *pool,
                             const struct zl_plan *plan, struct zl_error *err) ZL_MUST_CHECK;
/* Tell by Events what the Lease write brought the rollout. */
void zl_tell_of_rollout(struct zl_reconciler *reconciler, const struct zl_pool *pool,
                        const struct zl_lease *before, const struct zl_plan *plan);
/*
 * Delete POD if it is still the one with that uid. *DELETED: it was there.
 */
enum zl_status zl_delete_pod(struct zl_reconciler *reconciler, const struct zl_pod *pod,
                             bool *deleted, struct zl_error *err) ZL_MUST_CHECK;
/* Delete the members that LEASE's holder leaves no place for. */
enum zl_status zl_delete_surplus(struct zl_reconciler *reconciler, const struct zl_pool *pool,
                                 struct zl_error *err) ZL_MUST_CHECK;
/*
 * Write the label zen-lead/role where the pool asks for it; POOL says what came of it (role.h). Lowers RESULT's
 * requeue where the right is missing, which is no failure.
 */
enum zl_status zl_label_roles(struct zl_reconciler *reconciler, struct zl_pool *pool,
                              struct zl_result *result, struct zl_error *err) ZL_MUST_CHECK;
/* Write LeaderPolicy status if it differs; tell of a new or lost leader by Events. */
enum zl_status zl_write_status(struct zl_reconciler *reconciler, const struct zl_pool *pool,
                               struct zl_error *err) ZL_MUST_CHECK;
/* An Event about the pool's LeaderPolicy. */
void zl_emit_policy_event(struct zl_reconciler *reconciler, const struct zl_policy *policy,
                          bool warning, const char *reason, const char *message);

#endif
