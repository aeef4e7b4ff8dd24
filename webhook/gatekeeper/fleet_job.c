/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/gatekeeper/fleet_job.h"

#include "common/kinds/kind.h"
#include "common/objects/names.h"

#include <string.h>

static const struct zl_json_shape LABELS[] = {{.name = ZL_KEY_FLEET}, {.name = NULL}};
static const struct zl_json_shape ANNOTATIONS[] = {{.name = ZL_KEY_FLEET_TURN}, {.name = NULL}};
static const struct zl_json_shape METADATA[] = {{.name = "uid"},
                                                {.name = "labels", .members = LABELS},
                                                {.name = "annotations", .members = ANNOTATIONS},
                                                {.name = "ownerReferences"},
                                                {.name = NULL}};
static const struct zl_json_shape JOB[] = {{.name = "metadata", .members = METADATA},
                                           {.name = NULL}};
static const struct zl_json_shape POOL[] = {{.name = "pool"}, {.name = NULL}};
static const struct zl_json_shape POLICY[] = {{.name = "spec", .members = POOL}, {.name = NULL}};

struct search {
    const char *pool;
    bool found;
};

static enum zl_status look_at_policy(void *ctx, const struct cJSON *object, struct zl_error *err)
{
    struct search *search = ctx;
    (void)err;
    search->found =
        search->found || zl_same_string(zl_json_text(object, "spec", "pool", NULL), search->pool);
    return ZL_OK;
}

/* A label whose LeaderPolicy is not there does nothing. */
static enum zl_status has_policy(const struct zl_gatekeeper *gatekeeper,
                                 const struct zl_request *request, const char *pool, bool *has,
                                 struct zl_error *err)
{
    struct search search = {.pool = pool};
    const struct zl_kube_selector all = {0};
    const struct zl_kube_target target = {.resource = &ZL_KUBE_FLEETPOLICIES,
                                          .namespace_ = request->namespace_,
                                          .deadline_ms = request->deadline_ms,
                                          .shape = POLICY};
    enum zl_status status =
        zl_kube_list(gatekeeper->client, &target, &all, look_at_policy, &search, NULL, err);
    *has = search.found;
    return status == ZL_E_NOT_FOUND ? ZL_OK : status;
}

static enum zl_status read_metadata(const struct zl_gatekeeper *gatekeeper,
                                    const struct zl_request *request,
                                    const struct zl_kube_resource *resource, const char *name,
                                    struct cJSON **out, struct zl_error *err)
{
    const struct zl_kube_target target = {.resource = resource,
                                          .namespace_ = request->namespace_,
                                          .name = name,
                                          .deadline_ms = request->deadline_ms,
                                          .metadata_only = true,
                                          .shape = JOB};
    return zl_kube_get(gatekeeper->client, &target, out, err);
}

/* The label of the CronJob that OWNER is, into *OUT, which the caller frees; NULL: it has none, or is none. */
static enum zl_status read_cronjob_label(const struct zl_gatekeeper *gatekeeper,
                                         const struct zl_request *request,
                                         const struct zl_controller_ref *owner, char **out,
                                         struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *cronjob = NULL;
    if (!zl_kind_is(&ZL_KIND_CRONJOB, owner) || owner->name == NULL) {
        return ZL_OK;
    }
    enum zl_status status =
        read_metadata(gatekeeper, request, &ZL_KIND_CRONJOB.resource, owner->name, &cronjob, err);
    if (status == ZL_E_NOT_FOUND) { /* before Kubernetes 1.21 */
        status = read_metadata(gatekeeper, request, ZL_KIND_CRONJOB.alternative, owner->name,
                               &cronjob, err);
    }
    zl_replace_string(out, zl_json_text(cronjob, "metadata", "labels", ZL_KEY_FLEET, NULL));
    return status == ZL_E_NOT_FOUND ? ZL_OK : status; /* its Jobs go with it */
}

/* Its own label; or else its CronJob's. */
static enum zl_status read_label(const struct zl_gatekeeper *gatekeeper,
                                 const struct zl_request *request, const struct cJSON *job,
                                 char **out, struct zl_error *err)
{
    struct zl_controller_ref owner = {0};
    const char *own = zl_json_text(job, "metadata", "labels", ZL_KEY_FLEET, NULL);
    if (own != NULL) {
        *out = zl_strdup(own);
        return ZL_OK;
    }
    zl_controller_ref_decode(zl_json_at(job, "metadata", NULL), &owner);
    enum zl_status status = read_cronjob_label(gatekeeper, request, &owner, out, err);
    zl_controller_ref_clear(&owner);
    return status;
}

enum zl_status zl_fleet_job_waits(const struct zl_gatekeeper *gatekeeper,
                                  const struct zl_request *request, bool *waits, char **pool,
                                  struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *job = NULL;
    ZL_AUTO_FREE char *label = NULL;
    *waits = false;
    if (!gatekeeper->fleets || !zl_controller_ref_is_job(request->owner)) {
        return ZL_OK;
    }
    enum zl_status status =
        read_metadata(gatekeeper, request, &ZL_KUBE_JOBS, request->owner->name, &job, err);
    if (status == ZL_E_NOT_FOUND) {
        return ZL_OK; /* what becomes of a pod without its owner is not ours to say */
    }
    if (status != ZL_OK ||
        zl_json_text(job, "metadata", "annotations", ZL_KEY_FLEET_TURN, NULL) != NULL) {
        return status; /* it was started */
    }
    status = read_label(gatekeeper, request, job, &label, err);
    if (status != ZL_OK || label == NULL) {
        return status;
    }
    status = has_policy(gatekeeper, request, label, waits, err);
    if (*waits) {
        zl_replace_string(pool, label);
    }
    return status;
}
