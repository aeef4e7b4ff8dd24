/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wake.c - make the owners of a free seat create a pod now, not after their back-off (up to 16 minutes):
 * any change of their annotations makes their controller sync at once.
 */
#include "controller/apply/internal.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/cache/live.h"
#include "common/objects/names.h"

#include <string.h>

const struct zl_metric ZL_WAKES = {
    .name = "zen_lead_wakes_total",
    .type = ZL_METRIC_COUNTER,
    .help = "Owners of pods that were made to create one now, past their back-off, by kind.",
    .label1 = "kind",
};

void zl_annotate_wake(struct cJSON *patch)
{
    char now[ZL_TIME_TEXT_MAX];
    struct cJSON *metadata = zl_json_child(patch, "metadata");
    zl_time_format_micro(zl_clock_wall_us(), now);
    zl_json_set_text(zl_json_child(metadata, "annotations"), ZL_KEY_WAKE, now);
}

void zl_count_wake(const struct zl_kube_resource *resource, const struct zl_meta *owner)
{
    zl_metric_add(&ZL_WAKES, resource->kind, NULL, 1);
    ZL_LOG_INFO(zl_reason_of(ZL_WHY_SEAT_FREE)->log, ZL_STR("kind", resource->kind),
                ZL_STR("namespace", owner->namespace_), ZL_STR("name", owner->name));
}

static enum zl_status wake(const struct zl_writer *writer, const struct zl_kube_resource *resource,
                           const struct zl_meta *owner, struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *patch = zl_json_object();
    const struct zl_kube_target target = {
        .resource = resource, .namespace_ = owner->namespace_, .name = owner->name};

    zl_annotate_wake(patch);
    enum zl_status status =
        zl_kube_patch(writer->client, &target, ZL_KUBE_PATCH_MERGE, patch, NULL, err);
    if (status == ZL_E_NOT_FOUND) {
        return ZL_OK; /* nobody to wake */
    }
    if (status == ZL_OK) {
        zl_count_wake(resource, owner);
    }
    return status;
}

/*
 * Every ReplicaSet of the Deployment that wants pods. None does: then one that is scaled to zero,
 * because the Deployment's controller syncs on it. It is late to make the next revision's with
 * strategy Recreate: it waits for the old pod's deletion, and overlooks that one while a Failed pod
 * of the Deployment lies about (deletePod in deployment_controller.go counts all pods).
 */
static enum zl_status wake_deployment(const struct zl_writer *writer,
                                      const struct zl_workload *deployment, struct zl_error *err)
{
    ZL_AUTO_REFS struct zl_refs replicasets = {0};
    const struct zl_replicaset *idle = NULL;
    bool woken = false;
    enum zl_status status = ZL_OK;
    zl_cache_list_by(writer->cache, ZL_CACHED_REPLICASETS, ZL_BY_OWNER, deployment->meta.namespace_,
                     deployment->meta.uid, &replicasets);
    for (size_t i = 0; status == ZL_OK && i < replicasets.count; i++) {
        const struct zl_replicaset *replicaset = zl_ref_object(replicasets.items[i]);
        if (replicaset->replicas > 0) {
            woken = true;
            status = wake(writer, &ZL_KIND_REPLICASET.resource, &replicaset->meta, err);
        } else {
            idle = replicaset;
        }
    }
    if (status == ZL_OK && !woken && idle != NULL) {
        status = wake(writer, &ZL_KIND_REPLICASET.resource, &idle->meta, err);
    }
    return status;
}

/* It is there, and in no pool any more: perhaps its user does not know. */
static void tell_of_leaving(const struct zl_writer *writer, const struct zl_workload *workload)
{
    const struct zl_step step = {.kind = ZL_STEP_TELL,
                                 .why = ZL_WHY_LEFT_POOL,
                                 .subject = zl_subject_of_kind(workload->kind, &workload->meta)};
    if (workload->pool == NULL && !workload->meta.deleting) {
        zl_tell(writer, &step);
    }
}

/* Every object between it and its pods that wants some; by what the API server has now. */
static enum zl_status wake_between(const struct zl_writer *writer, const struct zl_kind *kind,
                                   const struct zl_meta *owner, struct zl_error *err)
{
    const struct zl_kube_target target = {.resource = &kind->resource,
                                          .namespace_ = owner->namespace_,
                                          .name = owner->name,
                                          .shape = kind->shape};
    ZL_AUTO_JSON struct cJSON *object = NULL;
    struct zl_workload *workload = NULL;
    struct zl_replicasets replicasets = {0};
    enum zl_status status = zl_kube_get(writer->client, &target, &object, err);
    if (status == ZL_OK) {
        status = zl_workload_decode(kind, object, &workload, err);
    }
    if (status == ZL_OK) {
        tell_of_leaving(writer, workload);
        status = zl_replicasets_read(writer->client, owner->namespace_, workload->selector, 0,
                                     &replicasets, err);
    }
    for (size_t i = 0; status == ZL_OK && i < replicasets.count; i++) {
        const struct zl_replicaset *replicaset = replicasets.items[i];
        if (replicaset->replicas > 0 &&
            zl_same_string(replicaset->meta.controller.uid, workload->meta.uid)) {
            status = wake(writer, &ZL_KIND_REPLICASET.resource, &replicaset->meta, err);
        }
    }
    zl_replicasets_clear(&replicasets);
    zl_workload_free(workload);
    return status == ZL_E_NOT_FOUND ? ZL_OK : status;
}

/* NAME is "Kind/name". */
enum zl_status zl_wake_freed(const struct zl_writer *writer, const char *namespace_,
                             const char *name, struct zl_error *err)
{
    const char *slash = strchr(name, '/');
    ZL_AUTO_FREE char *kind_name = zl_strndup(name, slash != NULL ? (size_t)(slash - name) : 0);
    ZL_AUTO_FREE char *owner_namespace = zl_strdup(namespace_);
    ZL_AUTO_FREE char *owner_name = zl_strdup(slash != NULL ? slash + 1 : name);
    const struct zl_meta owner = {.namespace_ = owner_namespace, .name = owner_name};
    const struct zl_kind *kind = zl_kind_named(kind_name);
    if (kind == NULL || kind->woken == NULL) {
        return ZL_OK;
    }
    return kind->between != NULL ? wake_between(writer, kind, &owner, err)
                                 : wake(writer, kind->woken, &owner, err);
}

enum zl_status zl_apply_wake(struct zl_applying *applying, const struct zl_step *step,
                             struct zl_error *err)
{
    const struct zl_wake_target *owner = &step->of.owner;
    if (owner->job != NULL) {
        return zl_wake_job(applying->writer, owner->job, err);
    }
    if (owner->replicaset != NULL) {
        return wake(applying->writer, &ZL_KIND_REPLICASET.resource, &owner->replicaset->meta, err);
    }
    const struct zl_kind *kind = owner->workload->kind;
    if (kind->woken == NULL) {
        return ZL_OK;
    }
    return kind->between != NULL ? wake_deployment(applying->writer, owner->workload, err)
                                 : wake(applying->writer, kind->woken, &owner->workload->meta, err);
}

/* --- afterwards --- */

/* The change was all that was wanted of the mark. Left there kubectl rollout undo copies it to the user's Deployment. */
static enum zl_status take_off(const struct zl_writer *writer, const struct zl_meta *replicaset,
                               struct zl_error *err)
{
    const struct zl_kube_target target = {.resource = &ZL_KIND_REPLICASET.resource,
                                          .namespace_ = replicaset->namespace_,
                                          .name = replicaset->name};
    ZL_AUTO_JSON struct cJSON *patch = zl_json_object();
    zl_json_set_null(zl_json_child(zl_json_child(patch, "metadata"), "annotations"), ZL_KEY_WAKE);
    enum zl_status status =
        zl_kube_patch(writer->client, &target, ZL_KUBE_PATCH_MERGE, patch, NULL, err);
    return status == ZL_E_NOT_FOUND ? ZL_OK : status;
}

enum zl_status zl_apply_unmark(struct zl_applying *applying, const struct zl_step *step,
                               struct zl_error *err)
{
    const struct zl_writer *writer = applying->writer;
    const struct zl_meta *deployment = &step->of.owner.workload->meta;
    ZL_AUTO_REFS struct zl_refs replicasets = {0};
    enum zl_status status = ZL_OK;
    zl_cache_list_by(writer->cache, ZL_CACHED_REPLICASETS, ZL_BY_OWNER, deployment->namespace_,
                     deployment->uid, &replicasets);
    for (size_t i = 0; status == ZL_OK && i < replicasets.count; i++) {
        const struct zl_replicaset *replicaset = zl_ref_object(replicasets.items[i]);
        if (replicaset->marked) {
            status = take_off(writer, &replicaset->meta, err);
        }
    }
    return status;
}
