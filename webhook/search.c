/* SPDX-License-Identifier: Apache-2.0 */
/*
 * search.c - live pods of the pool that its Lease does not name as leader: before a seat is claimed, the API
 * server is asked for them. Memory may lag, and one pod that it does not show is one leader too many.
 */
#include "webhook/gatekeeper.h"

#include "common/base/clock.h"

#include <string.h>

struct search {
    const struct zl_gatekeeper *gatekeeper;
    const struct zl_request *request;
    const struct zl_lease *lease;
    bool proven;         /* a proven revision wants pods: the successor waits for its turn */
    struct zl_pod *best; /* owned */
    char *rest;          /* owned: uids of the others */
};

static void set_aside(struct search *search, const struct zl_pod *pod)
{
    if (pod != NULL) {
        char *rest = search->rest != NULL ? zl_asprintf("%s,%s", search->rest, pod->meta.uid)
                                          : zl_strdup(pod->meta.uid);
        free(search->rest);
        search->rest = rest;
    }
}

/* Has POD a part in this: not the leader, not one that lost the seat, nor one that waits to be Ready? */
static bool is_in_question(const struct search *search, const struct zl_pod *pod)
{
    const struct zl_lease *lease = search->lease;
    bool waits = search->proven && !pod->ready && zl_lease_is_succeeded_by(lease, pod->meta.uid);
    return !pod->finished && !zl_lease_is_held_by(lease, pod->meta.uid) &&
           !zl_lease_has_deposed(lease, pod->meta.uid) && !waits;
}

/* Whoever led when the status was written led; among others the usual order. */
static bool is_better(const struct search *search, const struct zl_pod *pod)
{
    const struct zl_policy *policy = search->request->facts.policy;
    if (search->best == NULL ||
        zl_policy_led_last(policy, pod->meta.uid, policy->status.fencing_token)) {
        return true;
    }
    return !zl_policy_led_last(policy, search->best->meta.uid, policy->status.fencing_token) &&
           zl_pod_precedes(pod, search->best);
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
        bool same = strcmp(owner->meta.uid, own->meta.uid) == 0;
        /* Whether the successor of another workload may lead, its own rollout says. */
        bool foreign_successor =
            !same && !pod->ready && zl_lease_is_succeeded_by(search->lease, pod->meta.uid);
        if ((same || owner->replicas > 1) && !foreign_successor &&
            zl_same_string(owner->pool, own->pool)) {
            struct zl_pod *loser = pod;
            if (is_better(search, pod)) {
                loser = search->best;
                search->best = pod;
            }
            set_aside(search, loser);
            pod = loser;
        }
    }
    zl_pod_free(pod);
    return status;
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

enum zl_status zl_find_other(const struct zl_gatekeeper *gatekeeper,
                             const struct zl_request *request, const struct zl_lease *lease,
                             bool proven, struct zl_pod **out, char **rest, struct zl_error *err)
{
    const struct zl_workload *own = request->facts.workload;
    struct search search = {
        .gatekeeper = gatekeeper, .request = request, .lease = lease, .proven = proven};
    ZL_AUTO_REFS struct zl_refs others = {0};
    enum zl_status status = list_pods_of(&search, own->selector, err);

    zl_cache_list_workloads(gatekeeper->cache, request->namespace_, own->pool, &others);
    for (size_t i = 0; status == ZL_OK && i < others.count; i++) {
        const struct zl_workload *other = zl_ref_object(others.items[i]);
        if (strcmp(other->meta.uid, own->meta.uid) != 0) {
            status = list_pods_of(&search, other->selector, err);
        }
    }
    *out = search.best;
    *rest = search.rest;
    return status;
}
