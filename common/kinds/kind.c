/* SPDX-License-Identifier: Apache-2.0 */
#include "common/kinds/kind.h"

#include <string.h>

const struct zl_kind *const ZL_KINDS[ZL_KIND_COUNT] = {
    [ZL_KIND_INDEX_DEPLOYMENT] = &ZL_KIND_DEPLOYMENT,
    [ZL_KIND_INDEX_STATEFULSET] = &ZL_KIND_STATEFULSET,
    [ZL_KIND_INDEX_DAEMONSET] = &ZL_KIND_DAEMONSET,
    [ZL_KIND_INDEX_CRONJOB] = &ZL_KIND_CRONJOB,
    [ZL_KIND_INDEX_JOB] = &ZL_KIND_JOB,
};

const struct zl_kind *zl_kind_of_resource(const char *group, const char *plural)
{
    for (size_t i = 0; i < ZL_KIND_COUNT; i++) {
        if (zl_same_string(ZL_KINDS[i]->resource.group, group) &&
            zl_same_string(ZL_KINDS[i]->resource.plural, plural)) {
            return ZL_KINDS[i];
        }
    }
    return NULL;
}

const struct zl_kind *zl_kind_named(const char *name)
{
    for (size_t i = 0; i < ZL_KIND_COUNT; i++) {
        if (zl_same_string(ZL_KINDS[i]->name, name)) {
            return ZL_KINDS[i];
        }
    }
    return NULL;
}

static bool is_of_group(const struct zl_controller_ref *ref, const char *group)
{
    size_t length = strlen(group);
    return ref->api_version == NULL ||
           (strncmp(ref->api_version, group, length) == 0 && ref->api_version[length] == '/');
}

bool zl_kind_is(const struct zl_kind *kind, const struct zl_controller_ref *ref)
{
    return zl_same_string(ref->kind, kind->name) && is_of_group(ref, kind->resource.group);
}

const struct zl_kind *zl_kind_of(const struct zl_controller_ref *ref)
{
    for (size_t i = 0; i < ZL_KIND_COUNT; i++) {
        if (zl_kind_is(ZL_KINDS[i], ref)) {
            return ZL_KINDS[i];
        }
    }
    return NULL;
}

const struct zl_kind *zl_kind_of_pods(const struct zl_controller_ref *controller)
{
    for (size_t i = 0; i < ZL_KIND_COUNT; i++) {
        const struct zl_kind *kind = ZL_KINDS[i];
        if (kind->job_template == NULL &&
            zl_kind_is(kind->between != NULL ? kind->between : kind, controller)) {
            return kind;
        }
    }
    return NULL;
}

bool zl_kind_is_of_turns(const struct zl_controller_ref *controller)
{
    const struct zl_kind *kind = zl_kind_of_pods(controller);
    return kind != NULL && kind->takes_turns;
}

int64_t zl_workload_wants(const struct zl_workload *workload)
{
    int64_t wanted = workload->kind->wanted != NULL ? workload->kind->wanted(workload) : 0;
    return wanted > 0 ? wanted : 0;
}

bool zl_refuses_followers(const struct zl_workload *workload, int64_t others)
{
    return workload->kind->wanted != NULL && zl_workload_wants(workload) + others > 1;
}

bool zl_stand_by(const struct zl_workload *const *workloads, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (workloads[i]->kind->wanted != NULL) {
            return false;
        }
    }
    return true;
}

const struct zl_meta *zl_kind_meta(const void *object)
{
    return object;
}
