/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/gatekeeper/live.h"

#include "common/cache/live.h"
#include "common/objects/selectors.h"
#include "common/seat/lease_store.h"
#include "common/seat/token_store.h"
#include "webhook/gatekeeper/memory.h"

#include <string.h>

void zl_look_clear(struct zl_look *look)
{
    zl_workload_free(look->workload);
    zl_job_free(look->job);
    free(look->job_pool);
    zl_policy_free(look->policy);
    zl_lease_free(look->lease);
    zl_pod_free(look->holder);
    zl_living_pods_clear(&look->living);
    memset(look, 0, sizeof *look);
}

/* --- owner and policy ----------------------------------------------------------------------------- */

static enum zl_status look_at_workload(const struct zl_gatekeeper *gatekeeper,
                                       const struct zl_request *request,
                                       const struct zl_workload *known, struct zl_look *look,
                                       struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *object = NULL;
    const struct zl_kube_target target = {.resource = &known->kind->resource,
                                          .namespace_ = request->namespace_,
                                          .name = known->meta.name,
                                          .deadline_ms = request->deadline_ms,
                                          .shape = known->kind->shape};
    enum zl_status status = zl_kube_get(gatekeeper->client, &target, &object, err);
    if (status == ZL_OK) {
        status = zl_workload_decode(known->kind, object, &look->workload, err);
    }
    if (status != ZL_OK && status != ZL_E_NOT_FOUND) {
        return status;
    }
    if (look->workload == NULL || strcmp(look->workload->meta.uid, known->meta.uid) != 0) {
        look->seen.owner_gone = true;
    } else if (look->workload->pool != NULL) {
        look->seen.workload = look->workload;
        look->seen.pool = look->workload->pool;
    }
    return ZL_OK;
}

static enum zl_status look_at_job(const struct zl_gatekeeper *gatekeeper,
                                  const struct zl_request *request, const struct zl_job *known,
                                  struct zl_look *look, struct zl_error *err)
{
    enum zl_status status = zl_job_read(gatekeeper->client, request->namespace_, known->meta.name,
                                        request->deadline_ms, &look->job, err);
    if (status != ZL_OK) {
        return status;
    }
    if (look->job == NULL || strcmp(look->job->meta.uid, known->meta.uid) != 0) {
        look->seen.owner_gone = true;
        return ZL_OK;
    }
    status = zl_owners_pool_of_job(gatekeeper->owners, look->job, request->deadline_ms,
                                   &look->job_pool, err);
    if (status == ZL_OK && look->job_pool != NULL) {
        look->seen.job = look->job;
        look->seen.pool = look->job_pool;
    }
    return status;
}

static enum zl_status look_at_policy(const struct zl_gatekeeper *gatekeeper,
                                     const struct zl_request *request, struct zl_look *look,
                                     struct zl_error *err)
{
    struct zl_seen *seen = &look->seen;
    ZL_AUTO_JSON struct cJSON *object = NULL;
    if (!zl_pool_name_is_valid(seen->pool)) {
        seen->strategy = ZL_STRATEGY_ABSENT; /* "team/web" would be another address of the API */
        return ZL_OK;
    }
    const struct zl_kube_target target = {.resource = &ZL_KUBE_LEADERPOLICIES,
                                          .namespace_ = request->namespace_,
                                          .name = seen->pool,
                                          .deadline_ms = request->deadline_ms,
                                          .shape = ZL_POLICY_SHAPE};
    enum zl_status status = zl_kube_get(gatekeeper->client, &target, &object, err);
    if (status == ZL_OK) {
        status = zl_policy_decode(object, &look->policy, err);
    }
    if (status != ZL_OK && status != ZL_E_NOT_FOUND) {
        return status;
    }
    seen->policy = look->policy;
    seen->strategy = zl_memory_strategy(gatekeeper, request->namespace_, seen->pool, seen->policy,
                                        seen->job != NULL);
    return ZL_OK;
}

/* --- who shares the pool --------------------------------------------------------------------------- */

struct others {
    const struct zl_kind *kind;
    const char *pool, *uid; /* of the workload itself, which does not count */
    int64_t wanted;
};

static enum zl_status count_other(void *ctx, const struct cJSON *object, struct zl_error *err)
{
    struct others *others = ctx;
    struct zl_workload *workload = NULL;
    enum zl_status status = zl_workload_decode(others->kind, object, &workload, err);
    if (status == ZL_OK && zl_same_string(workload->pool, others->pool) &&
        !zl_same_string(workload->meta.uid, others->uid)) {
        others->wanted += zl_workload_wants(workload);
    }
    zl_workload_free(workload);
    return status;
}

/*
 * Memory tells which workloads share the pool. That there are none is asked once more, because two that are applied together are
 * milliseconds apart, and each would be let in as the only one. The selector does not find who is a member by annotation.
 */
static enum zl_status look_at_others(const struct zl_gatekeeper *gatekeeper,
                                     const struct zl_request *request, struct zl_look *look,
                                     struct zl_error *err)
{
    struct zl_seen *seen = &look->seen;
    struct others others = {.pool = seen->pool, .uid = seen->workload->meta.uid};
    ZL_AUTO_FREE char *labelled = zl_asprintf(ZL_KEY_POOL "=%s", seen->pool);
    const struct zl_kube_selector selector = {.label = labelled};
    enum zl_status status = ZL_OK;
    seen->others = zl_memory_others(gatekeeper, request->namespace_, seen->workload);
    if (zl_refuses_followers(seen->workload, seen->others)) {
        return ZL_OK;
    }
    for (size_t i = 0; status == ZL_OK && i < ZL_KIND_COUNT; i++) {
        others.kind = ZL_KINDS[i];
        const struct zl_kube_target target = {.resource = &others.kind->resource,
                                              .namespace_ = request->namespace_,
                                              .deadline_ms = request->deadline_ms,
                                              .shape = others.kind->shape};
        if (others.kind->wanted != NULL) {
            status = zl_kube_list(gatekeeper->client, &target, &selector, count_other, &others,
                                  NULL, err);
        }
    }
    if (others.wanted > seen->others) {
        seen->others = others.wanted;
    }
    return status;
}

static enum zl_status look_at_holder(const struct zl_gatekeeper *gatekeeper,
                                     const struct zl_request *request, struct zl_look *look,
                                     enum zl_holder *out, struct zl_error *err)
{
    enum zl_status status = ZL_OK;
    if (look->lease->holder_pod != NULL) { /* else written by hand: no pod can have such a name */
        status = zl_pod_read(gatekeeper->client, request->namespace_, look->lease->holder_pod,
                             request->deadline_ms, &look->holder, err);
    }
    if (status == ZL_OK) {
        *out = zl_holder_of(look->lease, look->holder);
    }
    return status;
}

/*
 * Does the pod's own ReplicaSet have the leader, and keep it? Then it has not heard yet that it is to have one pod, and asks for another:
 * that would be one too many in a moment, and which of the two goes then is its choice. A StatefulSet's pods are not alike: it may rightly
 * want another one than leads.
 */
static bool keeps_leader(const struct zl_request *request, enum zl_holder holder,
                         const struct zl_pod *leader)
{
    return holder == ZL_HOLDER_ALIVE && zl_kind_is(&ZL_KIND_REPLICASET, request->owner) &&
           zl_same_string(leader->meta.controller.uid, request->owner->uid);
}

/* The pool shrank to one workload of one pod. Whoever led it for another workload may still be on its way out. */
static enum zl_status look_for_leader_that_stays(const struct zl_gatekeeper *gatekeeper,
                                                 const struct zl_request *request,
                                                 struct zl_look *look, struct zl_error *err)
{
    struct zl_seen *seen = &look->seen;
    enum zl_status status = zl_lease_read(gatekeeper->client, request->namespace_, seen->pool,
                                          request->deadline_ms, &look->lease, err);
    if (status != ZL_OK || !zl_lease_is_held(look->lease) || look->lease->holder_pod == NULL) {
        return status;
    }
    enum zl_holder holder = ZL_HOLDER_UNKNOWN;
    status = look_at_holder(gatekeeper, request, look, &holder, err);
    bool lives = holder == ZL_HOLDER_ALIVE || holder == ZL_HOLDER_TERMINATING;
    if (lives && zl_lease_is_held_by(look->lease, look->holder->meta.uid)) {
        seen->another_leads =
            !zl_selector_may_match(seen->workload->selector, look->holder->labels) ||
            keeps_leader(request, holder, look->holder);
    }
    return status;
}

/* --- the seat ------------------------------------------------------------------------------------- */

/*
 * The Lease was lost: whose claim it carried nobody knows, and that pod may still be on its way into the
 * store. Such a claim is over after a claim timeout. If no token had ever been given after the Lease was read, the Lease
 * has to say so first, or else a claim that dies half-way would look like one that was lost.
 */
static enum zl_status look_for_lost_claim(const struct zl_gatekeeper *gatekeeper,
                                          const struct zl_request *request, struct zl_look *look,
                                          struct zl_error *err)
{
    struct zl_seen *seen = &look->seen;
    if (seen->seat == ZL_SEAT_ABANDONED || !zl_lease_is_lost(look->lease)) {
        return ZL_OK;
    }
    enum zl_status status = zl_token_read(gatekeeper->client, seen->policy, request->deadline_ms,
                                          &look->lost_token, err);
    if (status != ZL_OK) {
        return status;
    }
    int64_t now_ms = zl_clock_ms(), token = look->lost_token;
    struct zl_last_claim last =
        zl_claim_clock_last(gatekeeper->clock, request->namespace_, seen->pool, now_ms);
    int64_t lost_ms = zl_claim_clock_observe_loss(gatekeeper->clock, request->namespace_,
                                                  seen->pool, token, now_ms);
    bool observed =
        last.provisional && last.age_ms >= 0 && last.age_ms < gatekeeper->claim_timeout_ms;
    bool unobserved = token > 0 && lost_ms < gatekeeper->claim_timeout_ms; /* 0: nobody ever led */
    seen->claim_in_flight = observed || unobserved;
    seen->unprepared = token == 0 && !observed && look->lease != NULL && !request->dry_run;
    return ZL_OK;
}

/* Nobody holds the seat: what else must be known before it is taken? */
static enum zl_status look_at_free_seat(const struct zl_gatekeeper *gatekeeper,
                                        const struct zl_request *request, struct zl_look *look,
                                        struct zl_error *err)
{
    struct zl_seen *seen = &look->seen;
    enum zl_status status = look_for_lost_claim(gatekeeper, request, look, err);
    if (status == ZL_OK && !seen->unprepared) {
        status = zl_look_for_living_pods(gatekeeper, request, look, &look->living, err);
    }
    const struct zl_pod *other = look->living.first;
    seen->other = other;
    seen->other_led = other != NULL && look->lost_token > 0 &&
                      zl_policy_led_last(seen->policy, other->meta.uid, look->lost_token);
    if (status == ZL_OK && !seen->unprepared && seen->job != NULL) {
        status = zl_look_at_queue(gatekeeper, request, look, &seen->queue, err);
    }
    return status;
}

static enum zl_status look_at_seat(const struct zl_gatekeeper *gatekeeper,
                                   const struct zl_request *request, struct zl_look *look,
                                   struct zl_error *err)
{
    struct zl_seen *seen = &look->seen;
    enum zl_holder holder = ZL_HOLDER_UNKNOWN;
    enum zl_status status = zl_lease_read(gatekeeper->client, request->namespace_, seen->pool,
                                          request->deadline_ms, &look->lease, err);
    if (status != ZL_OK) {
        return status;
    }
    seen->lease = look->lease;
    if (look->lease == NULL && !request->dry_run) {
        seen->unprepared = true;
        return ZL_OK;
    }
    int64_t age_ms = zl_claim_clock_observe(gatekeeper->clock, look->lease, zl_clock_ms());
    seen->is_holder = zl_lease_is_held_by(look->lease, request->pod_uid);
    if (zl_lease_is_held(look->lease) && !seen->is_holder) {
        status = look_at_holder(gatekeeper, request, look, &holder, err);
    }
    if (status != ZL_OK) {
        return status;
    }
    seen->seat = zl_seat_judge(
        look->lease, holder, age_ms,
        zl_claim_patience_ms(look->lease, request->owner->uid, gatekeeper->claim_timeout_ms));
    seen->holder_terminating = holder == ZL_HOLDER_TERMINATING;
    seen->held_by_job = zl_turn_of(NULL, look->lease) != ZL_TURN_NOBODYS;
    if (seen->workload != NULL) {
        status = zl_look_at_revisions(gatekeeper, request, look, &seen->revision, err);
    }
    bool is_free = seen->seat == ZL_SEAT_ABSENT || seen->seat == ZL_SEAT_EMPTY ||
                   seen->seat == ZL_SEAT_ABANDONED;
    return status == ZL_OK && is_free ? look_at_free_seat(gatekeeper, request, look, err) : status;
}

/* A Lease that was just made changes nothing about owner and policy, and a first claim has two of them to wait for. */
static void forget_seat(struct zl_look *look)
{
    const struct zl_seen was = look->seen;
    look->seen = (struct zl_seen){.nameless = was.nameless,
                                  .workload = was.workload,
                                  .others = was.others,
                                  .job = was.job,
                                  .pool = was.pool,
                                  .policy = was.policy,
                                  .strategy = was.strategy,
                                  .memory_lags = was.memory_lags};
    zl_lease_free(look->lease);
    look->lease = NULL;
    zl_pod_free(look->holder);
    look->holder = NULL;
    look->lost_token = 0;
    zl_living_pods_clear(&look->living);
}

/* A policy that memory has not heard of: nobody follows its namespace's workloads yet. */
static bool knows_workloads(struct zl_cache *cache, const char *namespace_)
{
    for (size_t i = 0; i < ZL_KIND_COUNT; i++) {
        if (!zl_cache_is_followed(cache, zl_cached_of(ZL_KINDS[i]), namespace_)) {
            return false;
        }
    }
    return true;
}

enum zl_status zl_look(const struct zl_gatekeeper *gatekeeper, const struct zl_request *request,
                       const struct zl_known *known, struct zl_look *look, struct zl_error *err)
{
    struct zl_seen *seen = &look->seen;
    const char *lagging = NULL;
    if (seen->unprepared) {
        forget_seat(look);
        return look_at_seat(gatekeeper, request, look, err);
    }
    zl_look_clear(look);
    seen->nameless = request->pod_name == NULL || request->pod_uid == NULL;
    seen->memory_lags = !zl_cache_is_synced(gatekeeper->cache, request->namespace_, &lagging) ||
                        !knows_workloads(gatekeeper->cache, request->namespace_);
    enum zl_status status = known->job != NULL
                                ? look_at_job(gatekeeper, request, known->job, look, err)
                                : look_at_workload(gatekeeper, request, known->workload, look, err);
    if (status == ZL_OK && seen->pool != NULL) {
        status = look_at_policy(gatekeeper, request, look, err);
    }
    if (status == ZL_OK && seen->workload != NULL && seen->strategy == ZL_STRATEGY_SCALE_DOWN) {
        status = look_at_others(gatekeeper, request, look, err);
        if (status == ZL_OK && !zl_refuses_followers(seen->workload, seen->others)) {
            return look_for_leader_that_stays(gatekeeper, request, look, err);
        }
    }
    return status == ZL_OK && zl_needs_seat(seen) ? look_at_seat(gatekeeper, request, look, err)
                                                  : status;
}
