/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/reconcile/reconciler.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/cache/live.h"
#include "common/objects/names.h"
#include "common/seat/claim_clock.h"
#include "common/seat/lease_store.h"
#include "common/seat/token_store.h"
#include "controller/apply/jobs.h"
#include "controller/traffic_director/service_route.h"

#include <string.h>

static const struct zl_metric TRANSITIONS = {
    .name = "zen_lead_leader_changes_total",
    .type = ZL_METRIC_COUNTER,
    .help = "Writes of the controller that changed who holds a pool's Lease, by action.",
    .label1 = "action",
};

static const struct zl_metric RELEASES = {
    .name = "zen_lead_provisional_releases_total",
    .type = ZL_METRIC_COUNTER,
    .help = "Claims whose pod never appeared, so that the seat was taken back: a quota or another "
            "webhook "
            "refused it.",
};

const struct zl_metric *const ZL_POOL_METRICS[] = {&TRANSITIONS, &RELEASES, &ZL_WAKES,
                                                   &ZL_SURPLUS_DELETED, NULL};

void zl_emit_policy_event(struct zl_reconciler *reconciler, const struct zl_policy *policy,
                          bool warning, const char *reason, const char *message)
{
    const struct zl_event_object object = {.api_version = ZL_POLICY_API_VERSION,
                                           .kind = ZL_POLICY_KIND,
                                           .namespace_ = policy->meta.namespace_,
                                           .name = policy->meta.name,
                                           .uid = policy->meta.uid};
    zl_events_emit(reconciler->events, &object, warning, reason, "%s", message);
}

/*
 * In a standby pool the wrong leader costs a write, not two leaders in one seat, and traffic waits: there a
 * cache that is newer than the Lease will do.
 */
static bool cache_is_proof(struct zl_reconciler *reconciler, const struct zl_pool *pool)
{
    const struct zl_lease *lease = pool->facts.lease;
    return pool->facts.policy->standby && !lease->provisional &&
           zl_cache_is_as_new(reconciler->cache, ZL_CACHED_PODS, lease->resource_version);
}

/*
 * The cache does not show the holder's pod. That is no proof: it may lag behind the Lease. Ask, because
 * what follows is a release.
 */
static enum zl_status look_up_holder(struct zl_reconciler *reconciler, struct zl_pool *pool,
                                     struct zl_error *err)
{
    const struct zl_lease *lease = pool->facts.lease;
    struct zl_pod *pod = NULL;
    if (!zl_lease_is_held(lease) || pool->facts.holder != ZL_HOLDER_UNKNOWN) {
        return ZL_OK;
    }
    /* Written by hand: no pod can have such a name. */
    if (lease->holder_pod == NULL || cache_is_proof(reconciler, pool)) {
        zl_pool_use_holder(pool, NULL);
        return ZL_OK;
    }
    enum zl_status status =
        zl_pod_read(reconciler->client, lease->namespace_, lease->holder_pod, 0, &pod, err);
    if (status == ZL_OK) {
        zl_pool_use_holder(pool, pod);
    }
    return status;
}

/*
 * Is the pod that the cache shows really there? A leader that is dead already would be released a moment
 * later, and an empty seat invites the next pod in while another may still live.
 */
static enum zl_status confirm_taker(struct zl_reconciler *reconciler, const struct zl_pod *taker,
                                    struct zl_error *err)
{
    struct zl_pod *pod = NULL;
    enum zl_status status =
        zl_pod_read(reconciler->client, taker->meta.namespace_, taker->meta.name, 0, &pod, err);
    bool alive = pod != NULL && !pod->finished && strcmp(pod->meta.uid, taker->meta.uid) == 0;
    zl_pod_free(pod);
    if (status == ZL_OK && !alive) {
        return zl_error_set(err, ZL_E_CONFLICT, "pod %s is gone, the cache does not know yet",
                            taker->meta.name);
    }
    return status;
}

/*
 * The cache shows no Lease. It may lag, or someone took our label off, which hides it from the
 * informer. Ask, because what follows would create one.
 */
static enum zl_status look_up_lease(struct zl_reconciler *reconciler, struct zl_pool *pool,
                                    struct zl_error *err)
{
    const struct zl_meta *policy = &pool->facts.policy->meta;
    struct zl_lease *lease = NULL;
    if (pool->facts.lease != NULL) {
        return ZL_OK;
    }
    enum zl_status status =
        zl_lease_read(reconciler->client, policy->namespace_, policy->name, 0, &lease, err);
    if (status == ZL_OK && lease == NULL && !pool->facts.policy->standby &&
        zl_is_gatekept(&pool->facts) && pool->facts.member_count > 0) {
        struct zl_lease *vacant = zl_lease_vacant(pool->facts.policy);
        status = zl_lease_swap(reconciler->client, vacant, pool->facts.policy, 0, &lease, err);
        zl_lease_free(vacant);
    }
    if (status == ZL_OK) {
        zl_pool_use_lease(reconciler->cache, pool, lease);
    }
    return status;
}

/* Whose pod holds the seat of NEXT: the turn is its Job's. One that was left behind goes on with the turn that it has. */
static void name_turn(struct zl_lease *next, const struct zl_pod *pod)
{
    const struct zl_controller_ref *owner = &pod->meta.controller;
    bool of_job = zl_is_of_job(pod);
    if (owner->uid == NULL) {
        return;
    }
    zl_lease_set_turn(next, of_job ? owner->name : NULL, of_job ? owner->uid : NULL);
}

static struct zl_lease *next_holder(struct zl_reconciler *reconciler, const struct zl_pool *pool,
                                    const struct zl_plan *plan)
{
    const struct zl_pool_facts *facts = &pool->facts;
    const struct zl_policy *policy = facts->policy;
    struct zl_last_claim last = zl_claim_clock_last(reconciler->clock, policy->meta.namespace_,
                                                    policy->meta.name, zl_clock_ms());
    int64_t known_token = policy->status.fencing_token;
    if (last.fencing_token > known_token) {
        known_token = last.fencing_token;
    }

    if (plan->action == ZL_LEASE_RELEASE) {
        return zl_lease_released(facts->lease, facts->now_us);
    }
    if (plan->action == ZL_LEASE_TAKE) {
        const struct zl_candidate taker = zl_candidate_of(plan->taker, policy);
        if (zl_lease_is_lost(facts->lease) && known_token > 0) {
            known_token += ZL_TOKEN_SKIP - 1;
        }
        struct zl_lease *taken =
            zl_lease_claimed(facts->lease, policy, known_token, &taker, false, facts->now_us);
        name_turn(taken, plan->taker);
        return taken;
    }
    struct zl_candidate holder = {0};
    if (facts->holder_pod != NULL) {
        holder = zl_candidate_of(facts->holder_pod, policy);
    }
    struct zl_lease *next = zl_lease_renewed(
        facts->lease, policy, facts->holder_pod != NULL ? &holder : NULL, facts->now_us);
    if (facts->holder_pod != NULL) {
        name_turn(next, facts->holder_pod);
    }
    if (next->fencing_token < known_token) {
        next->fencing_token = known_token; /* someone edited it down */
    }
    return next;
}

static struct zl_lease *next_lease(struct zl_reconciler *reconciler, const struct zl_pool *pool,
                                   const struct zl_plan *plan)
{
    struct zl_lease *next = next_holder(reconciler, pool, plan);
    zl_apply_rollout(pool, plan, next);
    return next;
}

static void tell_of_release(struct zl_reconciler *reconciler, const struct zl_pool *pool,
                            const struct zl_plan *plan)
{
    const struct zl_lease *lease = pool->facts.lease;
    ZL_AUTO_FREE char *message = NULL;
    if (plan->claim_expired) {
        message = zl_asprintf("the pod that was admitted as leader did not appear within %lld s: a "
                              "quota or another webhook refused it; the seat is free again",
                              (long long)(reconciler->claim_timeout_ms / 1000));
        zl_emit_policy_event(reconciler, pool->facts.policy, true, "ClaimReleased", message);
        return;
    }
    if (plan->depose) {
        zl_tell_of_rollout(reconciler, pool, lease, plan);
        return;
    }
    if (plan->action != ZL_LEASE_RELEASE || lease->turn_uid != NULL) {
        return; /* LeaderElected follows and says enough; so do a Job's own Events */
    }
    const char *what = pool->facts.holder == ZL_HOLDER_OUTSIDE ? "left the pool" : "is gone";
    message =
        zl_asprintf("leader pod %s %s; the next pod that is created leads",
                    lease->holder_pod != NULL ? lease->holder_pod : lease->holder_identity, what);
    zl_emit_policy_event(reconciler, pool->facts.policy, true, "LeaderLost", message);
}

static enum zl_status confirm_lease(struct zl_reconciler *reconciler, const struct zl_lease *known,
                                    struct zl_error *err)
{
    struct zl_lease *live = NULL;
    enum zl_status status =
        zl_lease_read(reconciler->client, known->namespace_, known->pool, 0, &live, err);
    bool same = live != NULL && zl_same_string(live->resource_version, known->resource_version);
    zl_lease_free(live);
    if (status == ZL_OK && !same) {
        return zl_error_set(err, ZL_E_CONFLICT, "the Lease is newer than the cache");
    }
    return status;
}

/*
 * What token.h asks for before a leader is taken: in a scaleDown pool NEXT gets a token that is reserved, in a
 * standby pool the one before is recorded.
 */
static enum zl_status secure_token(struct zl_reconciler *reconciler, const struct zl_pool *pool,
                                   const struct zl_pod *taker, struct zl_lease *next,
                                   struct zl_error *err)
{
    const struct zl_policy *policy = pool->facts.policy;
    const struct zl_lease *lease = pool->facts.lease;
    if (policy->standby) {
        return lease != NULL
                   ? zl_token_record(reconciler->client, policy, lease->fencing_token, 0, err)
                   : ZL_OK;
    }
    /* A reservation for a swap that must fail would wake this pool again at once, past its back-off. */
    enum zl_status status = lease != NULL ? confirm_lease(reconciler, lease, err) : ZL_OK;
    if (status != ZL_OK) {
        return status;
    }
    const struct zl_turn *turn = zl_turn_of_pod(pool, taker);
    bool uses_tick =
        turn != NULL && turn->job->tick_s > 0 &&
        (turn->standing == ZL_STANDING_WAITING || turn->standing == ZL_STANDING_EXECUTING);
    if (!uses_tick) {
        return zl_token_reserve(reconciler->client, policy, next->fencing_token - 1, 0,
                                &next->fencing_token, err);
    }
    const struct zl_tick tick = {
        .time_s = turn->job->tick_s, .job = turn->job->meta.name, .uid = turn->job->meta.uid};
    status = zl_token_reserve_tick(reconciler->client, policy, next->fencing_token - 1, &tick, 0,
                                   &next->fencing_token, err);
    /* Another Job has used it up, and the cache does not know yet. */
    return status == ZL_E_INVALID ? zl_error_wrap(err, ZL_E_CONFLICT, "adopting a pod") : status;
}

static enum zl_status carry_out(struct zl_reconciler *reconciler, struct zl_pool *pool,
                                const struct zl_plan *plan, struct zl_error *err)
{
    if (plan->action == ZL_LEASE_KEEP) {
        return ZL_OK;
    }
    struct zl_lease *stored = NULL;
    bool must_live = plan->action == ZL_LEASE_TAKE && !pool->facts.policy->standby;
    enum zl_status status = must_live ? confirm_taker(reconciler, plan->taker, err) : ZL_OK;
    if (status == ZL_OK && plan->unready) {
        status = zl_confirm_unready(reconciler, pool, err);
    }
    if (status != ZL_OK) {
        return status;
    }
    struct zl_lease *next = next_lease(reconciler, pool, plan);
    if (plan->action == ZL_LEASE_TAKE) {
        status = secure_token(reconciler, pool, plan->taker, next, err);
    }
    if (status == ZL_OK) {
        status = zl_lease_swap(reconciler->client, next, pool->facts.policy, 0, &stored, err);
    }
    zl_lease_free(next);
    if (status != ZL_OK) {
        return status;
    }
    if (plan->action != ZL_LEASE_RENEW) {
        const char *action = plan->action == ZL_LEASE_TAKE ? "elected" : "released";
        zl_metric_add(&TRANSITIONS, action, NULL, 1);
        ZL_LOG_INFO(plan->action == ZL_LEASE_TAKE ? "leader elected" : "seat released",
                    ZL_STR("namespace", stored->namespace_), ZL_STR("pool", stored->pool),
                    ZL_STR("pod", plan->taker != NULL ? plan->taker->meta.name
                                                      : pool->facts.lease->holder_pod),
                    ZL_I64("fencingToken", stored->fencing_token),
                    ZL_BOOL("claimExpired", plan->claim_expired));
        if (plan->claim_expired) {
            zl_metric_add(&RELEASES, NULL, NULL, 1);
        }
        tell_of_release(reconciler, pool, plan);
    }
    zl_count_turn(pool, pool->facts.lease, stored);
    (void)zl_claim_clock_observe(reconciler->clock, stored, zl_clock_ms());
    const struct zl_pod *holder_pod = pool->facts.holder_pod;
    enum zl_holder holder = pool->facts.holder;
    zl_pool_use_lease(reconciler->cache, pool, stored);
    if (plan->action == ZL_LEASE_RENEW && pool->facts.holder == ZL_HOLDER_UNKNOWN) {
        /* It is not cached (no workload owns it any more); it was read a moment ago. */
        pool->facts.holder = holder;
        pool->facts.holder_pod = holder_pod;
    }
    return ZL_OK;
}

/* Wake the owners of a free seat when it is time; lowers RESULT's requeue to the next time. */
static enum zl_status wake_if_due(struct zl_reconciler *reconciler, const struct zl_pool *pool,
                                  const struct zl_plan *plan, struct zl_result *result,
                                  struct zl_error *err)
{
    const struct zl_meta *meta = &pool->facts.policy->meta;
    int64_t wait_ms = 0;
    if (plan->wake_blocked) {
        /* The status forgets them in a moment: not before there is somebody to wake. */
        if (!zl_cache_is_settled(reconciler->cache, ZL_CACHED_REPLICASETS)) {
            return zl_error_set(err, ZL_E_CONFLICT, "the ReplicaSets are being listed");
        }
        return zl_wake_owners(reconciler, pool, err);
    }
    if (!plan->seat_free && !plan->wake_newest) {
        if (zl_lease_is_held(pool->facts.lease) && !pool->facts.lease->provisional) {
            zl_wakes_forget(reconciler->wakes, meta->namespace_, meta->name);
        }
        return ZL_OK;
    }
    bool urgent = plan->action == ZL_LEASE_RELEASE || plan->drop_successor;
    bool due = zl_wakes_is_due(reconciler->wakes, meta->namespace_, meta->name, urgent,
                               zl_clock_ms(), &wait_ms);
    if (result->requeue_after_ms == 0 || wait_ms < result->requeue_after_ms) {
        result->requeue_after_ms = wait_ms;
    }
    if (!due) {
        return ZL_OK;
    }
    return plan->seat_free ? zl_wake_owners(reconciler, pool, err)
                           : zl_wake_replicaset(reconciler, pool->facts.rollout.newest, err);
}

/*
 * The Lease was lost: what it said nobody knows, and the cache may not show yet whom it let in. So what is
 * decided now is decided from what the API server has.
 */
static enum zl_status look_at_loss(struct zl_reconciler *reconciler, struct zl_pool *pool,
                                   struct zl_error *err)
{
    struct zl_pool_facts *facts = &pool->facts;
    const struct zl_meta *meta = &facts->policy->meta;
    if (facts->policy->standby || !zl_is_gatekept(&pool->facts)) {
        return ZL_OK;
    }
    enum zl_status status =
        zl_token_read(reconciler->client, facts->policy, 0, &facts->last_token, err);
    facts->lost_ms = zl_claim_clock_observe_loss(reconciler->clock, meta->namespace_, meta->name,
                                                 facts->last_token, zl_clock_ms());
    if (status == ZL_OK && facts->last_token > 0) {
        status = zl_pool_read_members(reconciler->client, reconciler->cache, pool, err);
    }
    return status;
}

/* What the plan is made from, as far as the cache cannot say. */
static enum zl_status look_at(struct zl_reconciler *reconciler, struct zl_pool *pool,
                              struct zl_error *err)
{
    struct zl_pool_facts *facts = &pool->facts;
    facts->claim_timeout_ms = reconciler->claim_timeout_ms;
    enum zl_status status = look_up_lease(reconciler, pool, err);
    facts->claim_age_ms = zl_claim_clock_observe(reconciler->clock, facts->lease, zl_clock_ms());
    facts->last_token = facts->policy->status.fencing_token;
    if (status == ZL_OK && zl_lease_is_lost(facts->lease)) {
        status = look_at_loss(reconciler, pool, err);
    }
    if (status == ZL_OK) {
        status = look_up_holder(reconciler, pool, err);
    }
    if (status == ZL_OK) {
        status = zl_check_membership(reconciler, pool, err);
    }
    if (status != ZL_OK) {
        return status;
    }
    return zl_is_guarded(facts) ? zl_look_at_turn(reconciler, pool, err)
                                : zl_look_at_rollout(reconciler, pool, err);
}

/* Those who make pods: woken, queued or let go, after traffic was moved. */
static enum zl_status guide_owners(struct zl_reconciler *reconciler, struct zl_pool *pool,
                                   const struct zl_plan *plan, struct zl_result *result,
                                   struct zl_error *err)
{
    if (zl_is_guarded(&pool->facts)) {
        return zl_guide_jobs(reconciler, pool, plan, result, err);
    }
    enum zl_status status = wake_if_due(reconciler, pool, plan, result, err);
    if (status == ZL_OK) {
        status = zl_remove_pod(reconciler, pool, plan, err);
    }
    return status == ZL_OK ? zl_let_go_jobs(reconciler, pool, err) : status;
}

/* After all that a failover waits for: labels, and the status, which says what came of them. */
static enum zl_status tell(struct zl_reconciler *reconciler, struct zl_pool *pool,
                           struct zl_result *result, struct zl_error *err)
{
    enum zl_status labelled = zl_label_roles(reconciler, pool, result, err);
    enum zl_status status = zl_write_status(reconciler, pool, err);
    return status == ZL_OK ? labelled : status;
}

/* What comes after traffic; the first failure is in *RESULT, with *ERR. */
static void attend(struct zl_reconciler *reconciler, struct zl_pool *pool,
                   const struct zl_plan *plan, struct zl_result *result, struct zl_error *err)
{
    struct zl_error other = {0};
    result->status = guide_owners(reconciler, pool, plan, result, err);
    if (result->status != ZL_OK && !zl_is_guarded(&pool->facts)) {
        return;
    }
    /* One Job that cannot be queued keeps neither surplus nor status waiting. */
    enum zl_status status = ZL_OK;
    struct zl_error *second = result->status == ZL_OK ? err : &other;
    if (plan->delete_surplus) {
        status = zl_delete_surplus(reconciler, pool, second);
    }
    if (status == ZL_OK) {
        status = tell(reconciler, pool, result, second);
    }
    result->status = result->status == ZL_OK ? status : result->status;
}

static struct zl_result reconcile(struct zl_reconciler *reconciler, struct zl_pool *pool,
                                  const char *namespace_, const char *name, struct zl_error *err)
{
    struct zl_plan plan = {0};
    struct zl_error unrouted = {0};
    struct zl_result result = {.status = look_at(reconciler, pool, err)};
    if (result.status == ZL_OK) {
        plan = zl_plan_pool(&pool->facts);
        result.requeue_after_ms = plan.requeue_after_ms;
        result.status = carry_out(reconciler, pool, &plan, err);
    }
    if (result.status != ZL_OK) {
        return result;
    }
    enum zl_status routed =
        zl_reconcile_pool_routes(reconciler, pool, namespace_, name, &result, &unrouted);
    /*
     * A Service that cannot be written, because a quota or somebody's webhook refuses it, keeps no pod waiting and is no reason
     * to be silent about who leads. After a lost race all of it is looked at again at once.
     */
    if (routed != ZL_E_CONFLICT) {
        attend(reconciler, pool, &plan, &result, err);
    }
    if (routed != ZL_OK) {
        result.status = routed;
        *err = unrouted;
    }
    return result;
}

struct zl_result zl_reconcile_pool(struct zl_reconciler *reconciler, const char *namespace_,
                                   const char *name, struct zl_error *err)
{
    struct zl_pool pool;
    struct zl_result result = {.status = ZL_OK};

    bool are_current =
        zl_cache_position(reconciler->cache, ZL_CACHED_JOBS) >= reconciler->job_written;
    /* Asked first: of a list that ends while they are gathered, half may be in them. */
    bool being_listed = !zl_cache_is_settled(reconciler->cache, ZL_CACHED_PODS) ||
                        !zl_cache_is_settled(reconciler->cache, ZL_CACHED_REPLICASETS) ||
                        !zl_cache_is_settled(reconciler->cache, ZL_CACHED_JOBS);
    zl_pool_gather(reconciler->cache, namespace_, name, &pool);
    pool.facts.being_listed = being_listed;
    pool.facts.guard.are_current = are_current;
    if (pool.facts.policy == NULL) {
        result = zl_reconcile_absent_pool(reconciler, &pool, namespace_, name, err);
    } else if (!pool.facts.policy->meta.deleting) {
        result = reconcile(reconciler, &pool, namespace_, name, err);
    }
    zl_pool_clear(&pool);
    return result;
}
