/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cache/live.h"

/* *OUT stays NULL when there is none. */
static enum zl_status read_object(struct zl_kube_client *client,
                                  const struct zl_kube_target *target, struct cJSON **out,
                                  struct zl_error *err)
{
    enum zl_status status = zl_kube_get(client, target, out, err);
    return status == ZL_E_NOT_FOUND ? ZL_OK : status;
}

enum zl_status zl_pod_read(struct zl_kube_client *client, const char *namespace_, const char *name,
                           int64_t deadline_ms, struct zl_pod **out, struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *object = NULL;
    const struct zl_kube_target target = {.resource = &ZL_KUBE_PODS,
                                          .namespace_ = namespace_,
                                          .name = name,
                                          .deadline_ms = deadline_ms,
                                          .shape = ZL_POD_SHAPE};
    enum zl_status status = read_object(client, &target, &object, err);
    return object != NULL ? zl_pod_decode(object, out, err) : status;
}

enum zl_status zl_job_read(struct zl_kube_client *client, const char *namespace_, const char *name,
                           int64_t deadline_ms, struct zl_job **out, struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *object = NULL;
    const struct zl_kube_target target = {.resource = &ZL_KIND_JOB.resource,
                                          .namespace_ = namespace_,
                                          .name = name,
                                          .deadline_ms = deadline_ms,
                                          .shape = ZL_JOB_SHAPE};
    enum zl_status status = read_object(client, &target, &object, err);
    return object != NULL ? zl_job_decode(object, out, err) : status;
}

enum zl_status zl_node_read_ready(struct zl_kube_client *client, const char *name,
                                  int64_t deadline_ms, bool *ready, struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *object = NULL;
    const struct zl_kube_target target = {.resource = &ZL_KUBE_NODES,
                                          .name = name,
                                          .deadline_ms = deadline_ms,
                                          .shape = ZL_NODE_READY_SHAPE};
    enum zl_status status = read_object(client, &target, &object, err);
    *ready = object != NULL && zl_node_is_ready(object);
    return status;
}

static enum zl_status add_replicaset(void *ctx, const struct cJSON *object, struct zl_error *err)
{
    struct zl_replicasets *out = ctx;
    struct zl_replicaset *replicaset = NULL;
    enum zl_status status = zl_replicaset_decode(object, &replicaset, err);
    if (status == ZL_OK) {
        out->items = zl_realloc(out->items, out->count + 1, sizeof(struct zl_replicaset *));
        out->items[out->count++] = replicaset;
    }
    return status;
}

enum zl_status zl_replicasets_read(struct zl_kube_client *client, const char *namespace_,
                                   const char *selector, int64_t deadline_ms,
                                   struct zl_replicasets *out, struct zl_error *err)
{
    const struct zl_kube_target target = {.resource = &ZL_KIND_REPLICASET.resource,
                                          .namespace_ = namespace_,
                                          .deadline_ms = deadline_ms,
                                          .shape = ZL_REPLICASET_SHAPE};
    const struct zl_kube_selector selected = {.label = selector};
    return zl_kube_list(client, &target, &selected, add_replicaset, out, NULL, err);
}

void zl_replicasets_clear(struct zl_replicasets *replicasets)
{
    for (size_t i = 0; i < replicasets->count; i++) {
        zl_replicaset_free(replicasets->items[i]);
    }
    free(replicasets->items);
    replicasets->items = NULL;
    replicasets->count = 0;
}
