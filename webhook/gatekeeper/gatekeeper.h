/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gatekeeper.h - from an AdmissionReview to its answer: what memory knows decides (memory.h, decide.h), or else what is
 * seen on the API server (live.h); then the seat is claimed (claim.h), and if somebody was faster, one looks again.
 *
 * Always answers within its deadline (plus the few milliseconds of its own computing): a late answer is
 * worse than a refusal, because old ReplicaSet and Job controllers stop retrying after a time-out.
 *
 * Threads: any number of reviews at once; compare-and-swap on the Lease decides between them, also
 * between replicas of the webhook.
 */
#ifndef ZL_WEBHOOK_GATEKEEPER_GATEKEEPER_H
#define ZL_WEBHOOK_GATEKEEPER_GATEKEEPER_H

#include "common/base/clock.h"
#include "common/base/metrics.h"
#include "common/seat/claim_clock.h"
#include "webhook/gatekeeper/decide.h"
#include "webhook/gatekeeper/owners.h"
#include "webhook/review/admission_review.h"

struct zl_gatekeeper {
    struct zl_kube_client *client;
    struct zl_cache *cache;
    struct zl_owners *owners;
    struct zl_claim_clock *clock;
    int64_t deadline_ms;      /* for one review */
    int64_t claim_timeout_ms; /* how long a claim counts without its pod */
    bool allow_on_api_error;
    bool fleets; /* Jobs wait for their cluster's turn */
};

/* What a review asks; it stays as it is while memory and the API server are asked. Borrowed from the review. */
struct zl_request {
    const char *namespace_;
    const char *pod_name, *pod_uid;        /* NULL when the review lacks them */
    const char *identity;                  /* annotation zen-lead/identity, or NULL */
    const struct zl_controller_ref *owner; /* the pod's controller; fields may be NULL */
    const char *labels;                    /* the pod's, as in labels.h; NULL: none */
    bool is_static;                        /* mirror of a static pod */
    bool dry_run;
    int64_t
        deadline_ms; /* zl_clock_ms by which it is answered; every call to the API server ends then */
};

/* Does WORKLOAD send the pod by revisions? A StatefulSet's pods have names that stay: it replaces them one by one. */
static inline bool zl_request_rolls_out(const struct zl_request *request,
                                        const struct zl_workload *workload)
{
    return workload->kind->rollout == ZL_ROLLOUT_HANDOVER &&
           zl_kind_is(&ZL_KIND_REPLICASET, request->owner) && request->owner->uid != NULL;
}

/*
 * Decide one decoded review.
 *
 * @param pool  receives the pool's name for the message, "" if none; the caller frees
 */
enum zl_outcome zl_gatekeeper_decide(const struct zl_gatekeeper *gatekeeper,
                                     const struct zl_review *review, char **pool);

/* A body as it came in, to a body to send back; never NULL. *STATUS receives the HTTP status. */
char *zl_gatekeeper_answer(const struct zl_gatekeeper *gatekeeper, const char *body, size_t length,
                           int *http_status);

extern const struct zl_metric *const ZL_GATEKEEPER_METRICS[];

#endif
