/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workload.h - what cannot work in a workload or Service that carries our keys: pure functions over
 * the object and its pool's LeaderPolicy. They warn and never refuse. A KIND of NULL is a Service's, which has no row.
 *
 * Threads: pure.
 */
#ifndef ZL_VALIDATION_WORKLOAD_H
#define ZL_VALIDATION_WORKLOAD_H

#include "common/kinds/kind.h"
#include "common/objects/policy.h"
#include "common/validation/findings.h"

/*
 * Is there anything to say to a person? Not when the object has no key of ours, is being deleted, is written
 * by zen-lead or by a CronJob, or when an update changes neither our keys nor the spec.
 */
bool zl_warned_concerns(const struct zl_kind *kind, const struct cJSON *object,
                        const struct cJSON *old_object);

/* The pool whose LeaderPolicy the warnings depend on, borrowed; NULL: none. */
const char *zl_warned_pool(const struct zl_kind *kind, const struct cJSON *object);

struct zl_warned_policy {
    bool missing;                   /* it is certain that there is none */
    const struct zl_policy *policy; /* NULL: missing, or not known */
    bool has_workloads, has_jobs;   /* members of Kinds whose pods lead; that take turns */
    int64_t others;                 /* pods that the pool's other workloads want */
};

void zl_warn_workload(const struct zl_kind *kind, const struct cJSON *object,
                      const struct zl_warned_policy *pool, struct zl_findings *findings);

/* A volume that one node alone may mount, and a handover in the pool of POLICY, which wants two pods at once. */
void zl_warn_of_volumes(const struct zl_kind *kind, const struct cJSON *object,
                        const struct zl_policy *policy, struct zl_findings *findings);

/* Of a Service (service.c); zl_warn_workload calls it. */
void zl_warn_service(const struct cJSON *object, const struct zl_warned_policy *pool,
                     struct zl_findings *findings);

/* VALUE, at FIELD, must be able to name a LeaderPolicy. */
void zl_warn_pool_name(const char *value, const char *field, struct zl_findings *findings);
/* The pool that FIELD names has no LeaderPolicy. */
void zl_warn_policy_missing(const char *pool, const char *field, struct zl_findings *findings);

#endif
