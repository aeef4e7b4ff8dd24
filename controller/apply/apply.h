/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apply.h - carries out steps (steps.h): the one place that writes to the API server for a pool or a route.
 *
 * Level-based: steps are made from what is, never from what happened, so any event may be lost or repeated. Each write is a
 * compare-and-swap or idempotent; the process may die between any two.
 *
 * Threads: different pools and routes at once; the work queue never runs one of them twice at the same time.
 */
#ifndef ZL_CONTROLLER_APPLY_APPLY_H
#define ZL_CONTROLLER_APPLY_APPLY_H

#include "common/base/metrics.h"
#include "common/kube/events.h"
#include "controller/apply/steps.h"
#include "controller/observe/failovers.h"
#include "controller/result.h"
#include "controller/view/sources.h"

/* What is written with, and what this process remembers of it. All borrowed. */
struct zl_writer {
    struct zl_kube_client *client;
    struct zl_cache *cache;
    /* EndpointSlice as the server has it; NULL: it has none (yet). Set once, while others look. */
    const struct zl_kube_resource *_Atomic slices;
    struct zl_events *events;
    struct zl_claim_clock *clock;
    struct zl_sinces *sinces;
    struct zl_wakes *wakes;
    struct zl_failovers *failovers;
    struct zl_job_notes *job_notes;
    struct zl_definition_note *definition;
};

/*
 * In the order of enum zl_step_kind. A step that fails stops only those that wait for its kind.
 *
 * @return the first failure, with *ERR; its requeue is STEPS', lowered where a write found something to look at again
 */
struct zl_result zl_apply(const struct zl_writer *writer, struct zl_steps *steps,
                          struct zl_error *err);

/* Write a new renewTime into LEASE, of POLICY, if it is still what is stored; all else stays. */
enum zl_status zl_apply_renewal(const struct zl_writer *writer, const struct zl_lease *lease,
                                const struct zl_policy *policy, struct zl_error *err) ZL_MUST_CHECK;
/* A workload or Job that nobody gatekeeps any more: wake it past its back-off. Read live. NAME: "Deployment/web". */
enum zl_status zl_wake_freed(const struct zl_writer *writer, const char *namespace_,
                             const char *name, struct zl_error *err) ZL_MUST_CHECK;

extern const struct zl_metric *const ZL_POOL_METRICS[], *const ZL_JOB_METRICS[],
                                                            *const ZL_ROUTE_METRICS[];

#endif
