/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gatekeeper.h - from an AdmissionReview to its answer: gathers facts, asks zl_decide, claims the seat.
 *
 * Always answers within its deadline (plus the few milliseconds of its own computing): a late answer is
 * worse than a refusal, because old ReplicaSet and Job controllers stop retrying after a time-out.
 *
 * Threads: any number of reviews at once; compare-and-swap on the Lease decides between them, also
 * between replicas of the webhook.
 */
#ifndef ZL_WEBHOOK_GATEKEEPER_GATEKEEPER_H
#define ZL_WEBHOOK_GATEKEEPER_GATEKEEPER_H

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
};

/* Everything that a review's decision is about; {0} is a valid start. */
struct zl_request {
    const char *namespace_;
    const char *pod_name, *pod_uid;        /* NULL when the review lacks them */
    const char *identity;                  /* annotation zen-lead/identity, or NULL */
    const struct zl_controller_ref *owner; /* the pod's controller; fields may be NULL */
    bool dry_run;
    int64_t deadline_ms; /* zl_clock_ms */
    char *pool;          /* owned; NULL: in none */
    struct zl_ref *workload_ref, *job_ref, *policy_ref;
    struct zl_facts facts; /* WORKLOAD, JOB and POLICY borrow from the references */
};
void zl_request_clear(struct zl_request *request);
/* Read its pool's LeaderPolicy live; FACTS.policy becomes NULL when there is none. */
enum zl_status zl_request_reread_policy(const struct zl_gatekeeper *gatekeeper,
                                        struct zl_request *request,
                                        struct zl_error *err) ZL_MUST_CHECK;

/*
 * Decide one decoded review.
 *
 * @param pool  receives the pool's name for the message, "" if none; the caller frees
 */
enum zl_outcome zl_gatekeeper_decide(const struct zl_gatekeeper *gatekeeper,
                                     const struct zl_review *review, char **pool);

/*
 * The rollout's part of the live half (succession.c): fills FACTS.may_lead, .may_succeed, .is_successor and
 * .successor_lives.
 *
 * @param lease        as it is now; NULL: there is none
 * @param holder       its holder's pod as it is now; NULL: not there
 * @param seat         what they mean
 * @param out_proven   a proven revision still wants pods: its successor waits, and is not to be adopted
 */
enum zl_status zl_view_rollout(const struct zl_gatekeeper *gatekeeper, struct zl_request *request,
                               const struct zl_lease *lease, const struct zl_pod *holder,
                               enum zl_seat seat, bool *out_proven,
                               struct zl_error *err) ZL_MUST_CHECK;
/*
 * The queue's part of the live half (guard_turn.c), for a seat that is free: fills FACTS.turn, .other_has_turn,
 * .standing and .is_next.
 *
 * @param lease  as it is now; NULL: there is none
 * @param other  the live pod that it does not name; NULL: none
 */
enum zl_status zl_view_turn(const struct zl_gatekeeper *gatekeeper, struct zl_request *request,
                            const struct zl_lease *lease, const struct zl_pod *other,
                            struct zl_error *err) ZL_MUST_CHECK;

/* Live pods of a pool that its Lease does not name; {0} is a valid start, zl_others_clear frees. */
struct zl_others {
    struct zl_pod *best;    /* NULL: there is none */
    struct zl_ref *job_ref; /* the Job of BEST (struct zl_job); NULL: it has none */
    char *rest;             /* uids of the others, separated by commas; NULL: none */
};
void zl_others_clear(struct zl_others *others);
/*
 * The live pods of the pool's workloads and Jobs that LEASE does not name as leader (search.c). Terminating ones
 * count: one may be the leader on its way out. Pods that lost the seat do not, nor a successor that still
 * waits to be Ready while a PROVEN revision wants pods.
 *
 * @param out  empty; to be cleared also after a failure
 */
enum zl_status zl_find_others(const struct zl_gatekeeper *gatekeeper,
                              const struct zl_request *request, const struct zl_lease *lease,
                              bool proven, struct zl_others *out,
                              struct zl_error *err) ZL_MUST_CHECK;
/* From memory: is it worth asking the API server whether the pod may be HOLDER's successor? */
bool zl_may_succeed_by_memory(const struct zl_gatekeeper *gatekeeper,
                              const struct zl_request *request, const struct zl_lease *lease,
                              const struct zl_pod *holder);

/* The live half (claim.c): read Lease and pods, decide, claim or adopt; up to three rounds. */
enum zl_status zl_claim_seat(const struct zl_gatekeeper *gatekeeper, struct zl_request *request,
                             enum zl_outcome *outcome, struct zl_error *err) ZL_MUST_CHECK;

/* A body as it came in, to a body to send back; never NULL. *STATUS receives the HTTP status. */
char *zl_gatekeeper_answer(const struct zl_gatekeeper *gatekeeper, const char *body, size_t length,
                           int *http_status);

void zl_gatekeeper_register_metrics(void);
void zl_claim_register_metrics(void);

#endif
