/* SPDX-License-Identifier: Apache-2.0 */
/*
 * specs.c - what is kept of each kind: decoding is filtering.
 */
#include "common/cache/internal.h"
#include "common/objects/names.h"

static enum zl_status decode_policy(void *ctx, const struct cJSON *object, void **out,
                                    struct zl_error *err)
{
    (void)ctx;
    struct zl_policy *policy = NULL;
    enum zl_status status = zl_policy_decode(object, &policy, err);
    *out = policy;
    return status;
}

static enum zl_status decode_workload(void *ctx, const struct cJSON *object, void **out,
                                      struct zl_error *err)
{
    const struct slot *slot = ctx;
    struct zl_workload *workload = NULL;
    enum zl_workload_kind kind =
        slot->kind == ZL_CACHED_DEPLOYMENTS ? ZL_WORKLOAD_DEPLOYMENT : ZL_WORKLOAD_STATEFULSET;
    enum zl_status status = zl_workload_decode(kind, object, &workload, err);
    if (status == ZL_OK && workload->pool != NULL) {
        *out = workload;
    } else {
        zl_workload_free(workload);
    }
    return status;
}

static enum zl_status decode_cronjob(void *ctx, const struct cJSON *object, void **out,
                                     struct zl_error *err)
{
    (void)ctx;
    struct zl_cronjob *cronjob = NULL;
    enum zl_status status = zl_cronjob_decode(object, &cronjob, err);
    if (status == ZL_OK && cronjob->pool != NULL) {
        *out = cronjob;
    } else {
        zl_cronjob_free(cronjob);
    }
    return status;
}

/*
 * Whether a CronJob is in a pool may change, and its Jobs show nothing of that. One that we queued is followed
 * until it is let go, in whatever pool it is.
 */
static enum zl_status decode_job(void *ctx, const struct cJSON *object, void **out,
                                 struct zl_error *err)
{
    const struct slot *slot = ctx;
    struct zl_job *job = NULL;
    enum zl_status status = zl_job_decode(object, &job, err);
    if (status != ZL_OK) {
        return status;
    }
    bool scheduled = zl_same_string(job->meta.controller.kind, "CronJob") && !job->opted_out &&
                     zl_cache_interest(slot->cache, job->meta.namespace_).policies > 0;
    if (job->pool != NULL || scheduled || job->queued) {
        *out = job;
    } else {
        zl_job_free(job);
    }
    return ZL_OK;
}

static enum zl_status decode_lease(void *ctx, const struct cJSON *object, void **out,
                                   struct zl_error *err)
{
    (void)ctx;
    struct zl_lease *lease = NULL;
    enum zl_status status = zl_lease_decode(object, &lease, err);
    *out = lease;
    return status;
}

static enum zl_status decode_pod(void *ctx, const struct cJSON *object, void **out,
                                 struct zl_error *err)
{
    const struct slot *slot = ctx;
    struct zl_pod *pod = NULL;
    struct interest interest =
        zl_cache_interest(slot->cache, zl_json_text(object, "metadata", "namespace", NULL));
    if (interest.policies + interest.services == 0) {
        return ZL_OK;
    }
    enum zl_status status = zl_pod_decode(object, &pod, err);
    if (status == ZL_OK && (interest.services > 0 || pod->meta.controller.uid != NULL)) {
        *out = pod;
    } else {
        zl_pod_free(pod);
    }
    return status;
}

static enum zl_status decode_replicaset(void *ctx, const struct cJSON *object, void **out,
                                        struct zl_error *err)
{
    const struct slot *slot = ctx;
    struct zl_replicaset *replicaset = NULL;
    const char *namespace_ = zl_json_text(object, "metadata", "namespace", NULL);
    if (zl_cache_interest(slot->cache, namespace_).policies == 0) {
        return ZL_OK;
    }
    enum zl_status status = zl_replicaset_decode(object, &replicaset, err);
    *out = replicaset;
    return status;
}

static enum zl_status decode_revision(void *ctx, const struct cJSON *object, void **out,
                                      struct zl_error *err)
{
    const struct slot *slot = ctx;
    struct zl_revision *revision = NULL;
    const char *namespace_ = zl_json_text(object, "metadata", "namespace", NULL);
    if (zl_cache_interest(slot->cache, namespace_).policies == 0) {
        return ZL_OK;
    }
    enum zl_status status = zl_revision_decode(object, &revision, err);
    if (status == ZL_OK && zl_same_string(revision->meta.controller.kind, "StatefulSet")) {
        *out = revision;
    } else {
        zl_revision_free(revision);
    }
    return status;
}

static enum zl_status decode_service(void *ctx, const struct cJSON *object, void **out,
                                     struct zl_error *err)
{
    const struct slot *slot = ctx;
    struct zl_service *service = NULL;
    enum zl_status status = zl_service_decode(object, &service, err);
    if (status != ZL_OK) {
        return status;
    }
    struct interest interest = zl_cache_interest(slot->cache, service->meta.namespace_);
    if (service->opted_in || service->ours || interest.policies + interest.services > 0) {
        *out = service;
    } else {
        zl_service_free(service);
    }
    return ZL_OK;
}

static enum zl_status decode_slice(void *ctx, const struct cJSON *object, void **out,
                                   struct zl_error *err)
{
    (void)ctx;
    struct zl_slice *slice = NULL;
    enum zl_status status = zl_slice_decode(object, &slice, err);
    *out = slice;
    return status;
}

static enum zl_status decode_node(void *ctx, const struct cJSON *object, void **out,
                                  struct zl_error *err)
{
    (void)ctx;
    struct zl_node *node = NULL;
    enum zl_status status = zl_node_decode(object, &node, err);
    *out = node;
    return status;
}

static const struct zl_informer_spec SPECS[ZL_CACHED_COUNT] = {
    [ZL_CACHED_POLICIES] = {.resource = &ZL_KUBE_LEADERPOLICIES,
                            .decode = decode_policy,
                            .free_object = zl_policy_free},
    [ZL_CACHED_DEPLOYMENTS] = {.resource = &ZL_KUBE_DEPLOYMENTS,
                               .decode = decode_workload,
                               .free_object = zl_workload_free},
    [ZL_CACHED_STATEFULSETS] = {.resource = &ZL_KUBE_STATEFULSETS,
                                .decode = decode_workload,
                                .free_object = zl_workload_free},
    [ZL_CACHED_CRONJOBS] = {.resource = &ZL_KUBE_CRONJOBS,
                            .alternative = &ZL_KUBE_CRONJOBS_V1BETA1,
                            .decode = decode_cronjob,
                            .free_object = zl_cronjob_free},
    [ZL_CACHED_JOBS] = {.resource = &ZL_KUBE_JOBS,
                        .decode = decode_job,
                        .free_object = zl_job_free},
    [ZL_CACHED_LEASES] = {.resource = &ZL_KUBE_LEASES,
                          .label_selector = ZL_LEASE_SELECTOR,
                          .decode = decode_lease,
                          .free_object = zl_lease_free},
    [ZL_CACHED_PODS] = {.resource = &ZL_KUBE_PODS,
                        .decode = decode_pod,
                        .free_object = zl_pod_free},
    [ZL_CACHED_REPLICASETS] = {.resource = &ZL_KUBE_REPLICASETS,
                               .decode = decode_replicaset,
                               .free_object = zl_replicaset_free},
    [ZL_CACHED_REVISIONS] = {.resource = &ZL_KUBE_CONTROLLERREVISIONS,
                             .decode = decode_revision,
                             .free_object = zl_revision_free},
    [ZL_CACHED_SERVICES] = {.resource = &ZL_KUBE_SERVICES,
                            .decode = decode_service,
                            .free_object = zl_service_free},
    [ZL_CACHED_SLICES] = {.resource = &ZL_KUBE_ENDPOINTSLICES,
                          .label_selector = ZL_SLICE_SELECTOR,
                          .decode = decode_slice,
                          .free_object = zl_slice_free},
    [ZL_CACHED_NODES] = {.resource = &ZL_KUBE_NODES,
                         .metadata_only = true,
                         .decode = decode_node,
                         .free_object = zl_node_free},
};

const struct zl_informer_spec *zl_cache_spec(enum zl_cached kind)
{
    return &SPECS[kind];
}
