/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lookup.c - what memory cannot say of a pool, or only since when: the look that a strategy asks for.
 */
#include "controller/view/gather.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/cache/live.h"
#include "common/objects/names.h"
#include "common/seat/lease_store.h"
#include "common/seat/token_store.h"

#include <string.h>

/*
 * The cache shows no Lease. It may lag, or someone took our label off, which hides it from the
 * informer. Ask: the choice of a strategy depends on it, and what follows may create one.
 */
static enum zl_status look_up_lease(const struct zl_sources *sources, struct zl_gathered *gathered,
                                    struct zl_error *err)
{
    struct zl_view *view = &gathered->view;
    struct zl_lease *lease = NULL;
    if (view->lease != NULL) {
        return ZL_OK;
    }
    enum zl_status status =
        zl_lease_read(sources->client, view->namespace_, view->name, 0, &lease, err);
    if (status == ZL_OK && lease != NULL) {
        gathered->lease_ref = zl_ref_new(lease, zl_lease_free);
        view->lease = lease;
    }
    return status;
}

static void note_seat(const struct zl_sources *sources, struct zl_view *view)
{
    int64_t now_ms = zl_clock_ms();
    struct zl_last_claim last =
        zl_claim_clock_last(sources->clock, view->namespace_, view->name, now_ms);
    view->now_ms = now_ms;
    view->deserted_ms = zl_since(sources->sinces, view->namespace_, view->name, ZL_TOPIC_DESERTED,
                                 view->workload_count == 0 ? "deserted" : NULL, now_ms);
    view->claim_timeout_ms = sources->claim_timeout_ms;
    view->claim_age_ms = zl_claim_clock_observe(sources->clock, view->lease, now_ms);
    view->last_token = view->policy->status.fencing_token;
    view->known_token =
        last.fencing_token > view->last_token ? last.fencing_token : view->last_token;
    view->wake = zl_wakes_find(sources->wakes, view->namespace_, view->name, now_ms);
    view->jobs.can_suspend = !atomic_load(&sources->job_notes->cannot_suspend);
}

static void forget_pool(const struct zl_sources *sources, const struct zl_view *view)
{
    const struct zl_wake_clock none = {0};
    zl_wakes_set(sources->wakes, view->namespace_, view->name, &none, 0);
    zl_since_forget(sources->sinces, view->namespace_, view->name);
    zl_claim_clock_forget(sources->clock, view->namespace_, view->name, zl_clock_ms());
}

enum zl_status zl_view_gather(const struct zl_sources *sources, const char *namespace_,
                              const char *name, struct zl_gathered *out, struct zl_error *err)
{
    struct zl_cache *cache = sources->cache;
    bool are_current = zl_job_notes_are_seen(sources->job_notes, namespace_,
                                             zl_cache_position(cache, ZL_CACHED_JOBS, namespace_));
    /* Asked first: of a list that ends while they are gathered, half may be in them. */
    bool being_listed = !zl_cache_is_settled(cache, ZL_CACHED_PODS, namespace_) ||
                        !zl_cache_is_settled(cache, ZL_CACHED_REPLICASETS, namespace_) ||
                        !zl_cache_is_settled(cache, ZL_CACHED_JOBS, namespace_);
    zl_view_gather_cached(cache, namespace_, name, out);
    out->view.being_listed = being_listed;
    out->view.jobs.are_current = are_current;
    if (out->view.policy == NULL) {
        forget_pool(sources, &out->view);
        return ZL_OK;
    }
    if (out->view.policy->meta.deleting) {
        return ZL_OK;
    }
    enum zl_status status = look_up_lease(sources, out, err);
    note_seat(sources, &out->view);
    return status;
}

/*
 * The Lease was lost: what it said nobody knows, and the cache may not show yet whom it let in. So what is
 * decided now is decided from what the API server has.
 */
static enum zl_status look_at_loss(const struct zl_sources *sources, struct zl_gathered *gathered,
                                   struct zl_error *err)
{
    struct zl_view *view = &gathered->view;
    if (!zl_lease_is_lost(view->lease) || !zl_view_is_gatekept(view)) {
        return ZL_OK;
    }
    enum zl_status status = zl_token_read(sources->client, view->policy, 0, &view->last_token, err);
    if (status != ZL_OK) {
        return status; /* the clock is not told: another token would begin the wait anew */
    }
    view->lost_ms = zl_claim_clock_observe_loss(sources->clock, view->namespace_, view->name,
                                                view->last_token, zl_clock_ms());
    return view->last_token > 0 ? zl_view_read_members(sources, gathered, err) : ZL_OK;
}

/* --- the holder --- */

static void use_holder(struct zl_gathered *gathered, struct zl_pod *taken)
{
    struct zl_view *view = &gathered->view;
    zl_view_retire(gathered, &gathered->holder_ref);
    gathered->holder_ref = taken != NULL ? zl_ref_new(taken, zl_pod_free) : NULL;
    view->holder = zl_holder_of(view->lease, taken);
    bool lives = view->holder == ZL_HOLDER_ALIVE || view->holder == ZL_HOLDER_TERMINATING;
    view->holder_pod = lives ? taken : NULL;
}

static bool cache_is_proof(const struct zl_sources *sources, const struct zl_lease *lease)
{
    return !lease->provisional && zl_cache_is_as_new(sources->cache, ZL_CACHED_PODS,
                                                     lease->namespace_, lease->resource_version);
}

/*
 * The cache does not show the holder's pod. That is no proof: it may lag behind the Lease. Ask, because
 * what follows is a release.
 */
static enum zl_status look_up_holder(const struct zl_sources *sources, struct zl_gathered *gathered,
                                     bool trusts_cache, struct zl_error *err)
{
    const struct zl_lease *lease = gathered->view.lease;
    struct zl_pod *pod = NULL;
    if (!zl_lease_is_held(lease) || gathered->view.holder != ZL_HOLDER_UNKNOWN) {
        return ZL_OK;
    }
    /* Written by hand: no pod can have such a name. */
    if (lease->holder_pod == NULL || (trusts_cache && cache_is_proof(sources, lease))) {
        use_holder(gathered, NULL);
        return ZL_OK;
    }
    enum zl_status status =
        zl_pod_read(sources->client, lease->namespace_, lease->holder_pod, 0, &pod, err);
    if (status == ZL_OK) {
        use_holder(gathered, pod);
    }
    return status;
}

static int64_t note_since(const struct zl_sources *sources, const struct zl_view *view,
                          enum zl_topic topic, bool is_on, const struct zl_pod *pod)
{
    return zl_since(sources->sinces, view->namespace_, view->name, topic,
                    is_on ? pod->meta.uid : NULL, zl_clock_ms());
}

/*
 * A pod that is on its way out for longer than it was given is dead only if its containers have ended or its node is
 * lost: a machine without time to spare takes minutes over a pod that it could end in seconds. The node is asked for live, and
 * only then: whether it is Ready is followed of none. Where we may not ask (without rights in the cluster), time decides.
 *
 * @param pod      NULL: there is none
 * @param runs_on  as zl_view.holder_runs_on
 */
static enum zl_status look_whether_it_runs_on(const struct zl_sources *sources,
                                              const struct zl_view *view, const struct zl_pod *pod,
                                              int64_t terminating_ms, bool *runs_on,
                                              struct zl_error *err)
{
    *runs_on = false;
    if (pod == NULL || !pod->meta.deleting || pod->serving || pod->ended || pod->node == NULL ||
        view->elects_all || zl_view_overdue_in_ms(view, pod, terminating_ms) > 0) {
        return ZL_OK;
    }
    enum zl_status status = zl_node_read_ready(sources->client, pod->node, 0, runs_on, err);
    if (status == ZL_E_DENIED) {
        ZL_LOG_WARN("nodes may not be read: a pod that does not get out in time counts as lost",
                    ZL_STR("namespace", pod->meta.namespace_), ZL_STR("pod", pod->meta.name),
                    ZL_ERR(err));
        return ZL_OK;
    }
    return status;
}

/* --- the rollout --- */

/* One that was Ready in between, and not seen then, has another time in its condition: that is another spell. */
static int64_t note_unready(const struct zl_sources *sources, const struct zl_view *view)
{
    const struct zl_pod *pod = view->holder_pod;
    ZL_AUTO_FREE char *spell =
        pod != NULL && !pod->serving
            ? zl_asprintf("%s@%lld", pod->meta.uid, (long long)pod->ready_changed_us)
            : NULL;
    return zl_since(sources->sinces, view->namespace_, view->name, ZL_TOPIC_UNREADY, spell,
                    zl_clock_ms());
}

/* The cache does not show the successor's pod, which may lag. Ask before its place is given away. */
static enum zl_status look_up_successor(const struct zl_sources *sources,
                                        struct zl_gathered *gathered, struct zl_error *err)
{
    const struct zl_view *view = &gathered->view;
    const struct zl_lease *lease = view->lease;
    struct zl_pod *pod = NULL;
    bool unknown = lease != NULL && lease->successor_uid != NULL && view->successor_pod == NULL &&
                   view->successor_age_ms >= view->claim_timeout_ms;
    if (!unknown) {
        return ZL_OK;
    }
    enum zl_status status =
        zl_pod_read(sources->client, lease->namespace_, lease->successor_pod, 0, &pod, err);
    if (status == ZL_OK && pod != NULL) {
        zl_view_use_successor(gathered, pod);
    }
    return status;
}

static enum zl_status look_at_successor(const struct zl_sources *sources,
                                        struct zl_gathered *gathered, struct zl_error *err)
{
    struct zl_view *view = &gathered->view;
    bool cached = view->successor_pod != NULL;
    enum zl_status status = look_up_successor(sources, gathered, err);
    if (status == ZL_OK && !cached && view->successor_pod != NULL) {
        zl_view_gather_revisions(sources->cache, gathered);
    }
    const struct zl_pod *successor = view->successor_pod;
    if (successor != NULL) {
        view->successor_ready_ms =
            zl_ready_clock_ms(sources->ready_clock, successor, zl_clock_ms());
    }
    view->successor_terminating_ms =
        note_since(sources, view, ZL_TOPIC_SUCCESSOR_TERMINATING,
                   successor != NULL && successor->meta.deleting, successor);
    return status == ZL_OK
               ? look_whether_it_runs_on(sources, view, successor, view->successor_terminating_ms,
                                         &view->successor_runs_on, err)
               : status;
}

static enum zl_status look_at_rollout(const struct zl_sources *sources,
                                      struct zl_gathered *gathered, struct zl_error *err)
{
    struct zl_view *view = &gathered->view;
    const struct zl_pod *pod = view->holder_pod;
    view->unready_ms = note_unready(sources, view);
    view->terminating_ms =
        note_since(sources, view, ZL_TOPIC_TERMINATING, pod != NULL && pod->meta.deleting, pod);
    bool others_led = pod != NULL && view->lease != NULL && view->lease->deposed != NULL;
    view->routed_ms = note_since(sources, view, ZL_TOPIC_ROUTED, others_led, pod);
    view->successor_age_ms =
        zl_claim_clock_observe_successor(sources->clock, view->lease, zl_clock_ms());
    view->members_are_current =
        view->lease != NULL && zl_cache_is_as_new(sources->cache, ZL_CACHED_PODS, view->namespace_,
                                                  view->lease->resource_version);
    zl_view_gather_revisions(sources->cache, gathered);
    enum zl_status status = look_at_successor(sources, gathered, err);
    return status == ZL_OK ? look_whether_it_runs_on(sources, view, pod, view->terminating_ms,
                                                     &view->holder_runs_on, err)
                           : status;
}

/* --- the turn --- */

/* The Job of the Lease's turn, which the cache does not show in this pool, as the API server has it. */
static enum zl_status read_turn(const struct zl_sources *sources, struct zl_view *view,
                                struct zl_error *err)
{
    const struct zl_lease *lease = view->lease;
    struct zl_job *job = NULL;
    enum zl_status status =
        zl_job_read(sources->client, lease->namespace_, lease->turn_job, 0, &job, err);
    if (status != ZL_OK) {
        return status;
    }
    if (job == NULL) {
        view->jobs.turn_over = true;
        return ZL_OK;
    }
    ZL_AUTO_FREE char *joined = NULL;
    status = zl_view_read_pool_of_job(sources, job, &joined, err);
    view->jobs.turn_over = strcmp(job->meta.uid, lease->turn_uid) != 0 || job->finished ||
                           job->meta.deleting || zl_job_is_paused(job) ||
                           (status == ZL_OK && !zl_same_string(joined, lease->pool));
    zl_job_free(job);
    return status;
}

static enum zl_status look_at_turn(const struct zl_sources *sources, struct zl_view *view,
                                   struct zl_error *err)
{
    const struct zl_lease *lease = view->lease;
    const struct zl_pod *pod = view->holder_pod;
    bool retries = view->holder == ZL_HOLDER_FINISHED && pod != NULL && pod->failed;
    view->jobs.retrying_ms = note_since(sources, view, ZL_TOPIC_RETRYING, retries, pod);
    if (lease == NULL || lease->turn_uid == NULL) {
        return ZL_OK;
    }
    const struct zl_turn *turn =
        zl_turns_find(view->jobs.turns, view->jobs.turn_count, lease->turn_uid);
    if (turn != NULL) {
        view->jobs.turn_over =
            turn->standing == ZL_STANDING_OVER || turn->standing == ZL_STANDING_PAUSED;
        return ZL_OK;
    }
    /* While a pod holds the seat it plays no part. */
    bool alive = view->holder == ZL_HOLDER_ALIVE || view->holder == ZL_HOLDER_TERMINATING;
    return alive ? ZL_OK : read_turn(sources, view, err);
}

enum zl_status zl_view_look(const struct zl_sources *sources, struct zl_gathered *gathered,
                            unsigned looks, struct zl_error *err)
{
    enum zl_status status = ZL_OK;
    zl_view_remember(sources->cache, gathered, looks);
    if ((looks & ZL_LOOK_LOSS) != 0) {
        status = look_at_loss(sources, gathered, err);
    }
    if (status == ZL_OK && (looks & ZL_LOOK_HOLDER) != 0) {
        status = look_up_holder(sources, gathered, (looks & ZL_LOOK_TRUSTS_CACHE) != 0, err);
        status = status == ZL_OK ? zl_view_expel_stranger(sources, gathered, err) : status;
    }
    if (status == ZL_OK && (looks & ZL_LOOK_ROLLOUT) != 0) {
        status = look_at_rollout(sources, gathered, err);
    }
    if (status == ZL_OK && (looks & ZL_LOOK_TURN) != 0) {
        status = look_at_turn(sources, &gathered->view, err);
    }
    return status;
}
