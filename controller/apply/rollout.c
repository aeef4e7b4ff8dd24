/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rollout.c - carries out what plan_rollout.c decided: handover to a successor, leaders that stay not Ready,
 * revisions that are replaced.
 */
#include "controller/reconcile/reconciler.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/cache/live.h"
#include "common/seat/claim_clock.h"
#include "common/seat/lease_store.h"

#include <string.h>

/* The cache does not show the successor's pod, which may lag. Ask before its place is given away. */
static enum zl_status look_up_successor(struct zl_reconciler *reconciler, struct zl_pool *pool,
                                        struct zl_error *err)
{
    const struct zl_lease *lease = pool->facts.lease;
    struct zl_pod *pod = NULL;
    bool unknown = lease != NULL && lease->successor_uid != NULL &&
                   pool->facts.successor_pod == NULL &&
                   pool->facts.successor_age_ms >= reconciler->claim_timeout_ms;
    if (!unknown) {
        return ZL_OK;
    }
    enum zl_status status =
        zl_pod_read(reconciler->client, lease->namespace_, lease->successor_pod, 0, &pod, err);
    if (status == ZL_OK && pod != NULL) {
        zl_pool_use_successor(pool, pod);
    }
    return status;
}

enum zl_status zl_look_at_rollout(struct zl_reconciler *reconciler, struct zl_pool *pool,
                                  struct zl_error *err)
{
    struct zl_pool_facts *facts = &pool->facts;
    const struct zl_meta *meta = &facts->policy->meta;
    const struct zl_pod *pod = facts->holder_pod;
    int64_t now_ms = zl_clock_ms();
    bool unready = pod != NULL && !pod->serving;
    bool leaving = pod != NULL && pod->meta.deleting;

    facts->unready_ms = zl_since(reconciler->sinces, meta->namespace_, meta->name, ZL_TOPIC_UNREADY,
                                 unready ? pod->meta.uid : NULL, now_ms);
    facts->terminating_ms = zl_since(reconciler->sinces, meta->namespace_, meta->name,
                                     ZL_TOPIC_TERMINATING, leaving ? pod->meta.uid : NULL, now_ms);
    facts->successor_age_ms =
        zl_claim_clock_observe_successor(reconciler->clock, facts->lease, now_ms);
    facts->members_are_current =
        facts->lease != NULL &&
        zl_cache_is_as_new(reconciler->cache, ZL_CACHED_PODS, facts->lease->resource_version);
    zl_pool_gather_rollout(reconciler->cache, pool);
    bool cached = facts->successor_pod != NULL;
    enum zl_status status = look_up_successor(reconciler, pool, err);
    if (status == ZL_OK && !cached && facts->successor_pod != NULL) {
        zl_pool_gather_rollout(reconciler->cache, pool);
    }
    const struct zl_pod *successor = facts->successor_pod;
    bool out = successor != NULL && successor->meta.deleting;
    facts->successor_terminating_ms =
        zl_since(reconciler->sinces, meta->namespace_, meta->name, ZL_TOPIC_SUCCESSOR_TERMINATING,
                 out ? successor->meta.uid : NULL, now_ms);
    return status;
}

enum zl_status zl_confirm_unready(struct zl_reconciler *reconciler, const struct zl_pool *pool,
                                  struct zl_error *err)
{
    const struct zl_pod *known = pool->facts.holder_pod;
    struct zl_pod *pod = NULL;
    enum zl_status status =
        zl_pod_read(reconciler->client, known->meta.namespace_, known->meta.name, 0, &pod, err);
    bool same = pod != NULL && strcmp(pod->meta.uid, known->meta.uid) == 0;
    bool agreed = same && !pod->serving && pod->meta.deleting == known->meta.deleting;
    zl_pod_free(pod);
    if (status == ZL_OK && !agreed) {
        return zl_error_set(err, ZL_E_CONFLICT, "pod %s has changed, the cache does not know yet",
                            known->meta.name);
    }
    return status;
}

/* --- the Lease --- */

static bool is_member(void *ctx, const char *uid)
{
    const struct zl_pool_facts *facts = ctx;
    if (zl_same_string(facts->lease->successor_uid, uid)) {
        return true;
    }
    for (size_t i = 0; i < facts->member_count; i++) {
        if (strcmp(facts->members[i].pod->meta.uid, uid) == 0) {
            return true;
        }
    }
    return false;
}

static void prove(struct zl_lease *next, const struct zl_pod *leader)
{
    zl_replace_string(&next->ready_holder, leader->meta.uid);
    zl_replace_string(&next->ready_revision, leader->meta.controller.uid);
}

static void depose_others(const struct zl_pool_facts *facts, const struct zl_pod *taker,
                          struct zl_lease *next)
{
    for (size_t i = 0; i < facts->member_count; i++) {
        const struct zl_pod *pod = facts->members[i].pod;
        const struct zl_member *member = &facts->members[i];
        /* A Job may send pods again and again, and any of them may have its turn. */
        if (member->gatekept && member->job == NULL &&
            strcmp(pod->meta.uid, taker->meta.uid) != 0) {
            zl_lease_depose(next, pod->meta.uid);
        }
    }
}

void zl_apply_rollout(const struct zl_pool *pool, const struct zl_plan *plan, struct zl_lease *next)
{
    struct zl_pool_facts facts = pool->facts;
    if (plan->forget_rollout) {
        zl_lease_set_successor(next, NULL, NULL);
        zl_replace_string(&next->deposed, NULL);
        return;
    }
    if (facts.members_are_current) {
        zl_lease_prune_deposed(next, is_member, &facts);
    }
    if (plan->depose_successor) {
        zl_lease_depose(next, facts.successor_pod->meta.uid);
    }
    if (plan->depose) {
        zl_lease_depose(next, facts.lease->holder_uid);
    }
    if (plan->drop_successor) {
        zl_lease_set_successor(next, NULL, NULL);
    }
    if (plan->forgive_revision) {
        zl_replace_string(&next->failed_revision, NULL);
    }
    if (plan->fail_revision) {
        zl_replace_string(&next->failed_revision, facts.successor_pod->meta.controller.uid);
    }
    if (plan->action == ZL_LEASE_TAKE && !facts.policy->standby && facts.last_token > 0 &&
        zl_lease_is_lost(facts.lease)) {
        depose_others(&facts, plan->taker, next); /* one of them may have led */
    }
    if (plan->prove) {
        prove(next, facts.holder_pod);
    } else if (plan->action == ZL_LEASE_TAKE && plan->taker->ready) {
        prove(next, plan->taker);
    }
}

/* --- Events --- */

static void tell(struct zl_reconciler *reconciler, const struct zl_pool *pool, bool warning,
                 const char *reason, char *taken_message)
{
    ZL_AUTO_FREE char *message = taken_message;
    zl_emit_policy_event(reconciler, pool->facts.policy, warning, reason, message);
}

void zl_tell_of_rollout(struct zl_reconciler *reconciler, const struct zl_pool *pool,
                        const struct zl_lease *before, const struct zl_plan *plan)
{
    if (plan->depose && plan->unready) {
        tell(reconciler, pool, true, "LeaderNotReady",
             zl_asprintf("leader pod %s stayed not Ready (leaseDurationSeconds: %lld): it lost the "
                         "seat for good and is deleted; the next pod leads",
                         before->holder_pod, (long long)pool->facts.policy->lease_duration_s));
    } else if (plan->depose) {
        tell(reconciler, pool, false, "HandedOver",
             zl_asprintf("pod %s of the newest revision is Ready and leads; the leader before it, "
                         "pod %s, is deleted",
                         plan->taker->meta.name, before->holder_pod));
    }
}

static void tell_of_removal(struct zl_reconciler *reconciler, const struct zl_pool *pool,
                            const struct zl_plan *plan)
{
    const char *pod = plan->removed->meta.name;
    switch (plan->removal) {
    case ZL_REMOVE_FAILED_SUCCESSOR:
        tell(reconciler, pool, true, "HandoverFailed",
             zl_asprintf("pod %s of the newest revision was not Ready before the progress deadline "
                         "(%lld s): it is deleted and the leader stays; fix the Deployment, or "
                         "kubectl rollout restart to try again",
                         pod, (long long)pool->facts.deployment->progress_deadline_s));
        break;
    case ZL_REMOVE_STALE_SUCCESSOR:
        tell(reconciler, pool, false, "HandoverCancelled",
             zl_asprintf("pod %s was to take over, but its revision is not the newest any more, or "
                         "no handover is wanted: it is deleted and the leader stays",
                         pod));
        break;
    case ZL_REMOVE_OUTDATED_LEADER:
        tell(reconciler, pool, false, "LeaderReplaced",
             zl_asprintf("leader pod %s is of an old revision and is deleted; a pod of the newest "
                         "one leads when it is gone",
                         pod));
        break;
    case ZL_REMOVE_NONE:
        break;
    }
}

/* --- pods that are removed --- */

enum zl_status zl_remove_pod(struct zl_reconciler *reconciler, const struct zl_pool *pool,
                             const struct zl_plan *plan, struct zl_error *err)
{
    const struct zl_pod *pod = plan->removed;
    const struct zl_meta *policy = &pool->facts.policy->meta;
    struct zl_lease *live = NULL;
    bool deleted = false;
    if (plan->removal == ZL_REMOVE_NONE) {
        return ZL_OK;
    }
    /* As with surplus pods: what was planned from memory must still be so, or a new leader is deleted. */
    enum zl_status status =
        zl_lease_read(reconciler->client, policy->namespace_, policy->name, 0, &live, err);
    bool leads = zl_lease_is_held_by(live, pod->meta.uid);
    zl_lease_free(live);
    if (status != ZL_OK) {
        return status;
    }
    if (leads != (plan->removal == ZL_REMOVE_OUTDATED_LEADER)) {
        return zl_error_set(err, ZL_E_CONFLICT, "the Lease is newer than the cache");
    }
    status = zl_delete_pod(reconciler, pod, &deleted, err);
    if (status == ZL_OK && deleted) {
        ZL_LOG_INFO("pod removed by rollout", ZL_STR("namespace", policy->namespace_),
                    ZL_STR("pool", policy->name), ZL_STR("pod", pod->meta.name),
                    ZL_BOOL("leader", leads));
        tell_of_removal(reconciler, pool, plan);
    }
    return status;
}
