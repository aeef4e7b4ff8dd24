/* SPDX-License-Identifier: Apache-2.0 */
/*
 * living_pods.c - live pods of the pool that its Lease does not name as leader: before a seat is claimed, the API
 * server is asked for them. Memory may lag, and one pod that it does not show is one leader too many.
 */
#include "webhook/gatekeeper/live.h"

#include "common/objects/selectors.h"
#include "common/seat/rank.h"

#include <string.h>

struct search {
    const struct zl_gatekeeper *gatekeeper;
    const struct zl_request *request;
    const struct zl_look *look;
    struct zl_living_pods *out; /* what was found */
};

void zl_living_pods_clear(struct zl_living_pods *living)
{
    zl_pod_free(living->first);
    zl_ref_drop(living->job_ref);
    free(living->other_uids);
    memset(living, 0, sizeof *living);
}

static void add_other_uid(struct zl_living_pods *out, const struct zl_pod *pod)
{
    char *uids = out->other_uids != NULL ? zl_asprintf("%s,%s", out->other_uids, pod->meta.uid)
                                         : zl_strdup(pod->meta.uid);
    free(out->other_uids);
    out->other_uids = uids;
}

/* A pod may be selected twice. */
static bool is_found(const struct zl_living_pods *out, const struct zl_pod *pod)
{
    return (out->first != NULL && strcmp(out->first->meta.uid, pod->meta.uid) == 0) ||
           zl_uids_have(out->other_uids, pod->meta.uid);
}

/* Has POD a part in this: not the leader, not one that lost the seat, nor one that waits to be Ready? */
static bool is_in_question(const struct search *search, const struct zl_pod *pod)
{
    const struct zl_lease *lease = search->look->lease;
    bool waits = search->look->seen.revision.proven && !pod->ready &&
                 zl_lease_is_succeeded_by(lease, pod->meta.uid);
    /* A Job's pod that runs runs, whatever it lost. */
    bool lost = zl_lease_has_deposed(lease, pod->meta.uid) &&
                !zl_controller_ref_is_job(&pod->meta.controller);
    return !pod->finished && !zl_lease_is_held_by(lease, pod->meta.uid) && !lost && !waits &&
           strcmp(pod->meta.uid, search->request->pod_uid) != 0 && !is_found(search->out, pod);
}

static bool has_turn(const struct search *search, const struct zl_pod *pod)
{
    const struct zl_lease *lease = search->look->lease;
    return lease != NULL && lease->turn_uid != NULL &&
           zl_same_string(lease->turn_uid, pod->meta.controller.uid);
}

/* Whoever led when the status was written led, then a pod of the Job whose turn it is; then the usual order. */
static bool comes_first(const struct search *search, const struct zl_pod *pod)
{
    const struct zl_policy *policy = search->look->seen.policy;
    const struct zl_pod *first = search->out->first;
    int64_t token = policy->status.fencing_token;
    if (first == NULL || zl_policy_led_last(policy, pod->meta.uid, token)) {
        return true;
    }
    if (zl_policy_led_last(policy, first->meta.uid, token)) {
        return false;
    }
    if (has_turn(search, pod) != has_turn(search, first)) {
        return has_turn(search, pod);
    }
    return zl_pod_precedes(pod, first);
}

/* @param pod, job_ref  taken; JOB_REF: its Job, or NULL */
static void add_living_pod(struct search *search, struct zl_pod *pod, struct zl_ref *job_ref)
{
    struct zl_living_pods *out = search->out;
    if (comes_first(search, pod)) {
        struct zl_pod *second = out->first;
        out->first = pod;
        pod = second;
        zl_ref_drop(out->job_ref);
        out->job_ref = job_ref;
    } else {
        zl_ref_drop(job_ref);
    }
    if (pod != NULL) {
        add_other_uid(out, pod);
        zl_pod_free(pod);
    }
}

/* Does a workload of the pool select POD? */
static bool is_selected(const struct search *search, const struct zl_pod *pod)
{
    const struct zl_seen *seen = &search->look->seen;
    ZL_AUTO_REFS struct zl_refs others = {0};
    bool is = zl_selector_may_match(seen->workload->selector, pod->labels);
    zl_cache_list_workloads(search->gatekeeper->cache, search->request->namespace_, seen->pool,
                            &others);
    for (size_t i = 0; !is && i < others.count; i++) {
        const struct zl_workload *other = zl_ref_object(others.items[i]);
        is = zl_selector_may_match(other->selector, pod->labels);
    }
    return is;
}

/* Is POD of a workload of the pool that takes part in its election? */
static enum zl_status is_of_workload(struct search *search, const struct zl_pod *pod, bool *is,
                                     struct zl_error *err)
{
    const struct zl_request *request = search->request;
    const struct zl_seen *seen = &search->look->seen;
    const struct zl_workload *own = seen->workload;
    ZL_AUTO_REF struct zl_ref *ref = NULL;
    *is = false;
    if (own == NULL) {
        return ZL_OK;
    }
    enum zl_status status =
        zl_owners_workload_of(search->gatekeeper->owners, request->namespace_,
                              &pod->meta.controller, pod->labels, request->deadline_ms, &ref, err);
    if (status == ZL_E_NOT_FOUND) {
        /* It follows its owner, and runs till then. Whether it ever goes is the controller's business. */
        *is = is_selected(search, pod);
        return ZL_OK;
    }
    if (status != ZL_OK || ref == NULL) {
        return status;
    }
    const struct zl_workload *owner = zl_ref_object(ref);
    bool same = strcmp(owner->meta.uid, own->meta.uid) == 0;
    /* Whether the successor of another workload may lead, its own rollout says. */
    bool foreign_successor =
        !same && !pod->ready && zl_lease_is_succeeded_by(seen->lease, pod->meta.uid);
    /* One of a Kind of which no pod is refused has no part in the election. */
    *is = (same || owner->kind->wanted != NULL) && !foreign_successor &&
          zl_same_string(owner->pool, seen->pool);
    return ZL_OK;
}

/* Is POD of a Job of the pool? Then OUT is that Job; the caller drops the reference. */
static enum zl_status is_of_job(struct search *search, const struct zl_pod *pod, bool *is,
                                struct zl_ref **out, struct zl_error *err)
{
    const struct zl_request *request = search->request;
    const struct zl_seen *seen = &search->look->seen;
    ZL_AUTO_REF struct zl_ref *ref = NULL;
    ZL_AUTO_FREE char *pool = NULL;
    enum zl_status status =
        zl_owners_job_of(search->gatekeeper->owners, request->namespace_, &pod->meta.controller,
                         request->deadline_ms, &ref, &pool, err);
    if (status == ZL_E_NOT_FOUND) { /* the pod goes after it, but still runs */
        *is = zl_same_string(pool, seen->pool) ||
              zl_policy_led_last(seen->policy, pod->meta.uid, seen->policy->status.fencing_token);
        return ZL_OK;
    }
    *is = status == ZL_OK && zl_same_string(pool, seen->pool);
    if (*is) {
        *out = ZL_STEAL(&ref);
    }
    return status;
}

/* Take POD (owned) if it is a live pod of the pool. */
static enum zl_status consider_pod(struct search *search, struct zl_pod *pod, struct zl_error *err)
{
    struct zl_ref *job_ref = NULL;
    enum zl_status status = ZL_OK;
    bool is = false;
    if (is_in_question(search, pod)) {
        status = zl_controller_ref_is_job(&pod->meta.controller)
                     ? is_of_job(search, pod, &is, &job_ref, err)
                     : is_of_workload(search, pod, &is, err);
    }
    if (is) {
        add_living_pod(search, pod, job_ref);
    } else {
        zl_pod_free(pod);
    }
    return status;
}

static enum zl_status consider_object(void *ctx, const struct cJSON *object, struct zl_error *err)
{
    struct zl_pod *pod = NULL;
    enum zl_status status = zl_pod_decode(object, &pod, err);
    return status == ZL_OK ? consider_pod(ctx, pod, err) : status;
}

/* The pods that SELECTOR (NULL: all) selects and that are not over. */
static enum zl_status list_unfinished(struct search *search, const char *selector,
                                      struct zl_error *err)
{
    const struct zl_request *request = search->request;
    const struct zl_kube_target target = {.resource = &ZL_KUBE_PODS,
                                          .namespace_ = request->namespace_,
                                          .deadline_ms = request->deadline_ms,
                                          .shape = ZL_POD_SHAPE};
    /* Finished ones may be many, and stay: each eviction leaves one. */
    const struct zl_kube_selector selected = {
        .label = selector, .field = "status.phase!=Succeeded,status.phase!=Failed"};
    return zl_kube_list(search->gatekeeper->client, &target, &selected, consider_object, search,
                        NULL, err);
}

/*
 * The workloads of a pool may be many, and their pods are asked for within one review. Since Kubernetes 1.31 a list that follows
 * another at once waits for up to a tenth of a second (KEP-2340: the API server answers from its cache when that has caught up), so a
 * request for each would take longer than the deadline.
 */
static enum zl_status list_workloads_pods(struct search *search, struct zl_error *err)
{
    const struct zl_seen *seen = &search->look->seen;
    const struct zl_workload *own = seen->workload;
    ZL_AUTO_REFS struct zl_refs others = {0};
    ZL_AUTO_SELECTORS struct zl_selectors cover = {0};
    enum zl_status status = ZL_OK;

    zl_cache_list_workloads(search->gatekeeper->cache, search->request->namespace_, seen->pool,
                            &others);
    ZL_AUTO_FREE const char **texts = zl_alloc((others.count + 1) * sizeof *texts);
    size_t count = 0;
    texts[count++] = own->selector;
    for (size_t i = 0; i < others.count; i++) {
        const struct zl_workload *other = zl_ref_object(others.items[i]);
        if (strcmp(other->meta.uid, own->meta.uid) != 0) {
            texts[count++] = other->selector;
        }
    }
    zl_selectors_cover(texts, count, &cover);
    for (size_t i = 0; status == ZL_OK && i < cover.count; i++) {
        status = list_unfinished(search, cover.items[i], err);
    }
    return status;
}

/*
 * The Job controller puts its label on all its pods, but for Jobs that have a selector of their own. Jobs that are over count: their
 * last pods may still be on their way out; and so do those that are gone, whose pods outlive them for a moment: so it cannot be
 * asked for by the names of the Jobs that memory has.
 */
static enum zl_status list_jobs_pods(struct search *search, struct zl_error *err)
{
    const struct zl_seen *seen = &search->look->seen;
    ZL_AUTO_REFS struct zl_refs jobs = {0};
    zl_cache_list_jobs(search->gatekeeper->cache, search->request->namespace_, seen->pool, &jobs);
    if (seen->job == NULL && jobs.count == 0) {
        return ZL_OK;
    }
    enum zl_status status = list_unfinished(search, "job-name", err);
    for (size_t i = 0; status == ZL_OK && i < jobs.count; i++) {
        const struct zl_job *job = zl_ref_object(jobs.items[i]);
        if (job->own_selector != NULL) {
            status = list_unfinished(search, job->own_selector, err);
        }
    }
    return status;
}

enum zl_status zl_look_for_living_pods(const struct zl_gatekeeper *gatekeeper,
                                       const struct zl_request *request, const struct zl_look *look,
                                       struct zl_living_pods *out, struct zl_error *err)
{
    struct search search = {.gatekeeper = gatekeeper, .request = request, .look = look, .out = out};
    enum zl_status status = ZL_OK;
    if (look->seen.workload != NULL) {
        status = list_workloads_pods(&search, err);
    }
    return status == ZL_OK ? list_jobs_pods(&search, err) : status;
}
