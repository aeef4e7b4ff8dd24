/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claim.c - the live half of a decision: who holds the seat according to the API server, and taking it.
 */
#include "webhook/gatekeeper.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/pool/live.h"

#include <string.h>

/* A conflict means that something else wrote first: another claim, or only a renewal or release. */
enum { ROUNDS = 3 };

struct seat_view {
    struct zl_lease *lease; /* NULL: there is none */
    struct zl_pod *holder;  /* what stands under its holder's name; NULL: nothing */
    struct zl_pod *other;   /* a live pod of the pool that the Lease does not name, or NULL */
};

static void clear_view(struct seat_view *view)
{
    zl_lease_free(view->lease);
    zl_pod_free(view->holder);
    zl_pod_free(view->other);
    memset(view, 0, sizeof *view);
}

/* Within the review's deadline. */
static enum zl_status read_pod(const struct zl_gatekeeper *gatekeeper,
                               const struct zl_request *request, const char *name,
                               struct zl_pod **out, struct zl_error *err)
{
    return zl_pod_read(gatekeeper->client, request->namespace_, name,
                       zl_clock_left_ms(request->deadline_ms), out, err);
}

static enum zl_status read_holder(const struct zl_gatekeeper *gatekeeper,
                                  const struct zl_request *request, struct seat_view *view,
                                  enum zl_holder *out, struct zl_error *err)
{
    enum zl_status status = ZL_OK;
    if (view->lease->holder_pod != NULL) { /* else written by hand: no pod can have such a name */
        status = read_pod(gatekeeper, request, view->lease->holder_pod, &view->holder, err);
    }
    if (status == ZL_OK) {
        *out = zl_holder_of(view->lease, view->holder);
    }
    return status;
}

/* --- live pods that no Lease speaks for --- */

struct search {
    const struct zl_gatekeeper *gatekeeper;
    const struct zl_request *request;
    const struct zl_lease *lease;
    bool proven;         /* a proven revision wants pods: the successor waits for its turn */
    struct zl_pod *best; /* owned */
};

/* Has POD a part in this: not the leader, not one that lost the seat, nor one that waits to be Ready? */
static bool is_in_question(const struct search *search, const struct zl_pod *pod)
{
    const struct zl_lease *lease = search->lease;
    bool waits = search->proven && zl_lease_is_succeeded_by(lease, pod->meta.uid);
    return !pod->finished && !zl_lease_is_held_by(lease, pod->meta.uid) &&
           !zl_lease_has_deposed(lease, pod->meta.uid) && !waits;
}

/* Take POD (owned) if it is a live pod of the pool, and better than what was found. */
static enum zl_status consider(struct search *search, struct zl_pod *pod, struct zl_error *err)
{
    const struct zl_request *request = search->request;
    ZL_AUTO_REF struct zl_ref *workload = NULL;
    enum zl_status status = ZL_OK;

    bool eligible = is_in_question(search, pod) && strcmp(pod->meta.uid, request->pod_uid) != 0;
    if (eligible) {
        status = zl_owners_workload_of(search->gatekeeper->owners, request->namespace_,
                                       &pod->meta.controller, request->deadline_ms, &workload, err);
    }
    if (status == ZL_OK && workload != NULL) {
        const struct zl_workload *owner = zl_ref_object(workload);
        const struct zl_workload *own = request->facts.workload;
        /* Another workload that wants a single replica has no part in the election. */
        bool takes_part = strcmp(owner->meta.uid, own->meta.uid) == 0 || owner->replicas > 1;
        if (takes_part && zl_same_string(owner->pool, own->pool) &&
            (search->best == NULL || zl_pod_precedes(pod, search->best))) {
            zl_pod_free(search->best);
            search->best = pod;
            return ZL_OK;
        }
    }
    zl_pod_free(pod);
    return status;
}

/*
 * By names alone: may POD belong to a workload of the pool? Saves a read for every other pod around. A
 * StatefulSet's pods name it as their owner, a Deployment's a ReplicaSet "<deployment>-<hash>".
 */
static bool may_belong(const struct zl_pod *pod, const struct zl_workload *workload)
{
    const char *owner = pod->meta.controller.name;
    const char *name = workload->meta.name;
    return owner != NULL && strncmp(owner, name, strlen(name)) == 0;
}

static bool may_take_part(const struct search *search, const struct zl_refs *workloads,
                          const struct zl_pod *pod)
{
    if (!is_in_question(search, pod)) {
        return false;
    }
    for (size_t i = 0; i < workloads->count; i++) {
        if (may_belong(pod, zl_ref_object(workloads->items[i]))) {
            return true;
        }
    }
    return may_belong(pod, search->request->facts.workload);
}

static enum zl_status consider_object(void *ctx, const struct cJSON *object, struct zl_error *err)
{
    struct zl_pod *pod = NULL;
    enum zl_status status = zl_pod_decode(object, &pod, err);
    return status == ZL_OK ? consider(ctx, pod, err) : status;
}

static enum zl_status list_pods_of(struct search *search, const char *selector,
                                   struct zl_error *err)
{
    const struct zl_request *request = search->request;
    const struct zl_kube_target target = {.resource = &ZL_KUBE_PODS,
                                          .namespace_ = request->namespace_,
                                          .timeout_ms = zl_clock_left_ms(request->deadline_ms)};
    const struct zl_kube_selector pods = {.label = selector};
    return zl_kube_list(search->gatekeeper->client, &target, &pods, consider_object, search, NULL,
                        err);
}

/*
 * An absent Lease proves nothing (someone may have deleted it, or the label is new): ask the API server
 * for the live pods of every workload in the pool. A terminating one counts: it may be the leader on
 * its way out.
 */
static enum zl_status search_live(struct search *search, struct zl_error *err)
{
    const struct zl_workload *own = search->request->facts.workload;
    ZL_AUTO_REFS struct zl_refs others = {0};
    enum zl_status status = list_pods_of(search, own->selector, err);

    zl_cache_list_workloads(search->gatekeeper->cache, search->request->namespace_, own->pool,
                            &others);
    for (size_t i = 0; status == ZL_OK && i < others.count; i++) {
        const struct zl_workload *other = zl_ref_object(others.items[i]);
        if (strcmp(other->meta.uid, own->meta.uid) != 0) {
            status = list_pods_of(search, other->selector, err);
        }
    }
    return status;
}

/*
 * The holder is dead, or the Lease was emptied. A pod beside it got in without a claim (the webhook was
 * down, the workload had one replica then, or someone edited the Lease): memory knows it. But memory may
 * show a pod that is gone by now, so each is read again; there are none in the normal case.
 */
static enum zl_status search_memory(struct search *search, struct zl_error *err)
{
    const struct zl_request *request = search->request;
    struct zl_cache *cache = search->gatekeeper->cache;
    ZL_AUTO_REFS struct zl_refs pods = {0};
    ZL_AUTO_REFS struct zl_refs workloads = {0};
    enum zl_status status = ZL_OK;
    zl_cache_list(cache, ZL_CACHED_PODS, request->namespace_, &pods);
    zl_cache_list_workloads(cache, request->namespace_, request->facts.workload->pool, &workloads);
    for (size_t i = 0; status == ZL_OK && i < pods.count; i++) {
        const struct zl_pod *cached = zl_ref_object(pods.items[i]);
        struct zl_pod *pod = NULL;
        if (may_take_part(search, &workloads, cached)) {
            status = read_pod(search->gatekeeper, request, cached->meta.name, &pod, err);
        }
        if (status == ZL_OK && pod != NULL) {
            status = consider(search, pod, err);
        }
    }
    return status;
}

static enum zl_status view_seat(const struct zl_gatekeeper *gatekeeper, struct zl_request *request,
                                struct seat_view *view, struct zl_error *err)
{
    const char *pool = request->facts.workload->pool;
    struct zl_facts *facts = &request->facts;
    struct search search = {.gatekeeper = gatekeeper, .request = request};
    enum zl_holder holder = ZL_HOLDER_UNKNOWN;

    enum zl_status status =
        zl_lease_read(gatekeeper->client, request->namespace_, pool,
                      zl_clock_left_ms(request->deadline_ms), &view->lease, err);
    if (status != ZL_OK) {
        return status;
    }
    int64_t now_ms = zl_clock_ms();
    int64_t age_ms = zl_claim_clock_observe(gatekeeper->clock, view->lease, now_ms);
    facts->is_holder = zl_lease_is_held_by(view->lease, request->pod_uid);
    if (zl_lease_is_held(view->lease) && !facts->is_holder) {
        status = read_holder(gatekeeper, request, view, &holder, err);
    }
    if (status != ZL_OK) {
        return status;
    }
    facts->seat = zl_seat_judge(view->lease, holder, age_ms, gatekeeper->claim_timeout_ms);
    facts->holder_terminating = holder == ZL_HOLDER_TERMINATING;
    status = zl_view_rollout(gatekeeper, request, view->lease, view->holder, facts->seat,
                             &search.proven, err);
    if (status != ZL_OK) {
        return status;
    }

    struct zl_last_claim last =
        zl_claim_clock_last(gatekeeper->clock, request->namespace_, pool, now_ms);
    facts->claim_in_flight =
        last.provisional && last.age_ms >= 0 && last.age_ms < gatekeeper->claim_timeout_ms;

    search.lease = view->lease;
    if (facts->seat == ZL_SEAT_ABSENT) {
        status = search_live(&search, err);
    } else if (facts->seat == ZL_SEAT_ABANDONED || facts->seat == ZL_SEAT_EMPTY) {
        status = search_memory(&search, err);
    }
    view->other = search.best;
    facts->other_pod_lives = view->other != NULL;
    facts->live = true;
    return status;
}

/* --- taking the seat --- */

static enum zl_status read_token(const struct zl_gatekeeper *gatekeeper,
                                 const struct zl_request *request, int64_t *token,
                                 char **resource_version, struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *object = NULL;
    const struct zl_kube_target target = {.resource = &ZL_KUBE_LEADERPOLICIES,
                                          .namespace_ = request->namespace_,
                                          .name = request->facts.policy->meta.name,
                                          .timeout_ms = zl_clock_left_ms(request->deadline_ms)};
    enum zl_status status = zl_kube_get(gatekeeper->client, &target, &object, err);
    if (status != ZL_OK) {
        return status;
    }
    *token = zl_json_i64(object, 0, "status", "fencingToken", NULL);
    zl_replace_string(resource_version, zl_json_text(object, "metadata", "resourceVersion", NULL));
    return ZL_OK;
}

/*
 * Write the new fencing token into LeaderPolicy status before the pod is let in: so that it stays
 * strictly increasing even if the Lease is deleted and every process dies right now.
 */
static enum zl_status record_token(const struct zl_gatekeeper *gatekeeper,
                                   const struct zl_request *request, int64_t token,
                                   struct zl_error *err)
{
    const struct zl_kube_target target = {.resource = &ZL_KUBE_LEADERPOLICIES,
                                          .namespace_ = request->namespace_,
                                          .name = request->facts.policy->meta.name,
                                          .subresource = "status",
                                          .timeout_ms = zl_clock_left_ms(request->deadline_ms)};
    ZL_AUTO_FREE char *version = zl_strdup(request->facts.policy->meta.resource_version);
    int64_t recorded = request->facts.policy->status.fencing_token;
    enum zl_status status = ZL_OK;

    for (int round = 0; round < ROUNDS && recorded < token; round++) {
        ZL_AUTO_JSON struct cJSON *patch = zl_json_object();
        zl_json_set_text(zl_json_child(patch, "metadata"), "resourceVersion", version);
        zl_json_set_i64(zl_json_child(patch, "status"), "fencingToken", token);
        status = zl_kube_patch(gatekeeper->client, &target, ZL_KUBE_PATCH_MERGE, patch, NULL, err);
        if (status != ZL_E_CONFLICT) {
            return status;
        }
        status = read_token(gatekeeper, request, &recorded, &version, err);
        if (status != ZL_OK) {
            return status;
        }
    }
    if (recorded < token) {
        return zl_error_set(err, ZL_E_CONFLICT, "LeaderPolicy status is changing too fast");
    }
    return ZL_OK;
}

static enum zl_status take_seat(const struct zl_gatekeeper *gatekeeper,
                                const struct zl_request *request, const struct seat_view *view,
                                const struct zl_candidate *candidate, bool provisional,
                                struct zl_error *err)
{
    const struct zl_policy *policy = request->facts.policy;
    int64_t now_ms = zl_clock_ms();
    struct zl_last_claim last =
        zl_claim_clock_last(gatekeeper->clock, request->namespace_, policy->meta.name, now_ms);
    int64_t known_token = policy->status.fencing_token;
    enum zl_status status = ZL_OK;

    if (view->lease == NULL) {
        ZL_AUTO_FREE char *version = NULL;
        status = read_token(gatekeeper, request, &known_token, &version, err);
        if (status != ZL_OK) {
            return status;
        }
    }
    if (last.fencing_token > known_token) {
        known_token = last.fencing_token;
    }

    struct zl_lease *next = zl_lease_claimed(view->lease, policy, known_token, candidate,
                                             provisional, zl_clock_wall_us());
    status = zl_lease_swap(gatekeeper->client, next, policy, zl_clock_left_ms(request->deadline_ms),
                           NULL, err);
    if (status == ZL_OK) {
        (void)zl_claim_clock_observe(gatekeeper->clock, next, zl_clock_ms());
        ZL_LOG_INFO(provisional ? "seat claimed" : "pod adopted as leader",
                    ZL_STR("namespace", request->namespace_), ZL_STR("pool", next->pool),
                    ZL_STR("pod", next->holder_pod), ZL_STR("uid", next->holder_uid),
                    ZL_I64("fencingToken", next->fencing_token));
        status = record_token(gatekeeper, request, next->fencing_token, err);
        /* Not a lost swap: the seat is ours, so another round must not run. */
        if (status == ZL_E_CONFLICT) {
            status = zl_error_wrap(err, ZL_E_TRANSIENT, "recording the fencing token");
        }
    }
    zl_lease_free(next);
    return status;
}

/* The place beside the leader, by the same compare-and-swap; leader and fencing token stay as they are. */
static enum zl_status take_place(const struct zl_gatekeeper *gatekeeper,
                                 const struct zl_request *request, const struct zl_lease *lease,
                                 struct zl_error *err)
{
    struct zl_lease *next = zl_lease_copy(lease);
    zl_lease_set_successor(next, request->pod_name, request->pod_uid);
    enum zl_status status = zl_lease_swap(gatekeeper->client, next, request->facts.policy,
                                          zl_clock_left_ms(request->deadline_ms), NULL, err);
    if (status == ZL_OK) {
        (void)zl_claim_clock_observe_successor(gatekeeper->clock, next, zl_clock_ms());
        ZL_LOG_INFO("successor admitted", ZL_STR("namespace", request->namespace_),
                    ZL_STR("pool", next->pool), ZL_STR("pod", next->successor_pod),
                    ZL_STR("uid", next->successor_uid), ZL_STR("leader", next->holder_pod));
    }
    zl_lease_free(next);
    return status;
}

static enum zl_status act(const struct zl_gatekeeper *gatekeeper, const struct zl_request *request,
                          const struct seat_view *view, enum zl_step step, struct zl_error *err)
{
    bool custom = request->facts.policy->custom_identity;
    if (request->dry_run) {
        return ZL_OK;
    }
    if (step == ZL_STEP_CLAIM) {
        const struct zl_candidate self = {.pod = request->pod_name,
                                          .uid = request->pod_uid,
                                          .identity = custom ? request->identity : NULL};
        return take_seat(gatekeeper, request, view, &self, true, err);
    }
    if (step == ZL_STEP_SUCCEED) {
        return take_place(gatekeeper, request, view->lease, err);
    }
    if (view->other == NULL) {
        return zl_error_set(err, ZL_E_INVALID, "nothing to adopt");
    }
    const struct zl_candidate other = zl_candidate_of(view->other, request->facts.policy);
    return take_seat(gatekeeper, request, view, &other, false, err);
}

enum zl_status zl_claim_seat(const struct zl_gatekeeper *gatekeeper, struct zl_request *request,
                             enum zl_outcome *outcome, struct zl_error *err)
{
    const char *lagging = NULL;
    /*
     * Which other workloads share the pool stands in memory. Before the first lists are in, it may not
     * know the one that leads; no option makes that safe, so this is no API error either.
     */
    if (!zl_cache_is_synced(gatekeeper->cache, &lagging)) {
        *outcome = ZL_OUTCOME_UNREACHABLE;
        return ZL_OK;
    }
    for (int round = 0; round < ROUNDS; round++) {
        struct seat_view view = {0};
        struct zl_decision decision = {0};
        enum zl_status status = view_seat(gatekeeper, request, &view, err);
        if (status == ZL_OK) {
            decision = zl_decide(&request->facts);
            *outcome = decision.outcome;
            if (decision.step != ZL_STEP_ANSWER) {
                status = act(gatekeeper, request, &view, decision.step, err);
            }
        }
        clear_view(&view);
        if (status != ZL_E_CONFLICT) {
            return status;
        }
    }
    *outcome = ZL_OUTCOME_CLAIM_LOST;
    return ZL_OK;
}
