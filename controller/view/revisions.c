/* SPDX-License-Identifier: Apache-2.0 */
/*
 * revisions.c - what the cache shows of a pool's rollout: the revisions of the workload that leads, and the
 * successor's pod.
 */
#include "controller/view/gather.h"

#include "common/base/parse.h"

#include <string.h>

void zl_view_use_successor(struct zl_gathered *gathered, struct zl_pod *pod)
{
    zl_view_retire(gathered, &gathered->successor_ref);
    gathered->successor_ref = pod != NULL ? zl_ref_new(pod, zl_pod_free) : NULL;
    gathered->view.successor_pod =
        pod != NULL && zl_lease_is_succeeded_by(gathered->view.lease, pod->meta.uid) ? pod : NULL;
}

static void find_successor(struct zl_cache *cache, struct zl_gathered *gathered)
{
    const struct zl_lease *lease = gathered->view.lease;
    if (lease == NULL || lease->successor_uid == NULL || gathered->view.successor_pod != NULL) {
        return;
    }
    struct zl_ref *ref =
        zl_cache_find(cache, ZL_CACHED_PODS, lease->namespace_, lease->successor_pod);
    const struct zl_pod *pod = ref != NULL ? zl_ref_object(ref) : NULL;
    zl_view_retire(gathered, &gathered->successor_ref);
    gathered->successor_ref = ref;
    if (pod != NULL && zl_lease_is_succeeded_by(lease, pod->meta.uid)) {
        gathered->view.successor_pod = pod;
    }
}

static void gather_revisions(struct zl_cache *cache, struct zl_gathered *gathered,
                             const struct zl_workload *deployment)
{
    struct zl_refs *refs = &gathered->replicaset_refs;
    zl_refs_clear(refs);
    zl_cache_list_by(cache, ZL_CACHED_REPLICASETS, ZL_BY_OWNER, deployment->meta.namespace_,
                     deployment->meta.uid, refs);
    const struct zl_replicaset **replicasets =
        zl_alloc((refs->count + 1) * sizeof(struct zl_replicaset *));
    for (size_t i = 0; i < refs->count; i++) {
        replicasets[i] = zl_ref_object(refs->items[i]);
    }
    const struct zl_pod *successor = gathered->view.successor_pod;
    gathered->view.successor_revision_known = false;
    for (size_t i = 0; successor != NULL && i < refs->count; i++) {
        if (zl_same_string(replicasets[i]->meta.uid, successor->meta.controller.uid)) {
            gathered->view.successor_revision_known = true;
        }
    }
    gathered->view.rollout =
        zl_rollout_of(replicasets, refs->count, deployment->meta.uid, gathered->view.lease);
    free(replicasets);
}

/* The number at the end of a StatefulSet's pod; -1: there is none. */
static int64_t ordinal_of(const struct zl_pod *pod)
{
    const char *dash = strrchr(pod->meta.name, '-');
    int64_t ordinal = -1;
    if (dash == NULL || zl_parse_i64(dash + 1, 0, INT32_MAX, &ordinal, NULL) != ZL_OK) {
        return -1;
    }
    return ordinal;
}

/* The newest ControllerRevision tells, because status.updateRevision is not written while pods cannot be created (before 1.24). */
static void gather_newest(struct zl_cache *cache, struct zl_gathered *gathered,
                          const struct zl_workload *set)
{
    const struct zl_revision *newest = NULL;
    ZL_AUTO_REFS struct zl_refs refs = {0};
    zl_cache_list_by(cache, ZL_CACHED_REVISIONS, ZL_BY_OWNER, set->meta.namespace_, set->meta.uid,
                     &refs);
    zl_view_retire(gathered, &gathered->revision_ref);
    for (size_t i = 0; i < refs.count; i++) {
        const struct zl_revision *revision = zl_ref_object(refs.items[i]);
        if (newest == NULL || revision->number > newest->number) {
            newest = revision;
            zl_ref_drop(gathered->revision_ref);
            gathered->revision_ref = zl_ref_hold(refs.items[i]);
        }
    }
    gathered->view.newest = newest;
}

/*
 * Has the StatefulSet a newer revision than its leader? Its own controller cannot replace it: it wants all
 * ordinals to exist first, and the gatekeeper refuses them.
 */
static bool is_outdated(const struct zl_view *view, const struct zl_workload *set,
                        const struct zl_pod *leader)
{
    const struct zl_revision *newest = view->newest;
    if (set->on_delete || !zl_view_refuses(view, set) || set->meta.deleting ||
        leader->revision == NULL || ordinal_of(leader) < set->partition) {
        return false;
    }
    return newest != NULL && strcmp(newest->meta.name, leader->revision) != 0;
}

void zl_view_gather_revisions(struct zl_cache *cache, struct zl_gathered *gathered)
{
    struct zl_view *view = &gathered->view;
    find_successor(cache, gathered);
    const struct zl_pod *pod = view->holder_pod != NULL ? view->holder_pod : view->successor_pod;
    zl_view_retire(gathered, &gathered->deployment_ref);
    gathered->deployment_ref =
        pod != NULL ? zl_pool_workload_of(cache, pod->meta.namespace_, &pod->meta.controller)
                    : NULL;
    const struct zl_workload *workload =
        gathered->deployment_ref != NULL ? zl_ref_object(gathered->deployment_ref) : NULL;
    /* One that left the pool rolls out as it likes. */
    if (workload == NULL || !zl_same_string(workload->pool, view->name)) {
        return;
    }
    if (workload->kind->rollout == ZL_ROLLOUT_REPLACE && view->holder_pod != NULL) {
        view->stateful_set = workload;
        gather_newest(cache, gathered, workload);
        view->leader_outdated = is_outdated(view, workload, view->holder_pod);
    } else if (workload->kind->rollout == ZL_ROLLOUT_HANDOVER) {
        view->deployment = workload;
        gather_revisions(cache, gathered, workload);
    }
}
