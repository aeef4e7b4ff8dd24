/* SPDX-License-Identifier: Apache-2.0 */
#include "common/seat/lease_store.h"

enum zl_status zl_lease_read(struct zl_kube_client *client, const char *namespace_,
                             const char *pool, int64_t deadline_ms, struct zl_lease **out,
                             struct zl_error *err)
{
    ZL_AUTO_FREE char *name = zl_lease_name(pool);
    ZL_AUTO_JSON struct cJSON *object = NULL;
    const struct zl_kube_target target = {.resource = &ZL_KUBE_LEASES,
                                          .namespace_ = namespace_,
                                          .name = name,
                                          .deadline_ms = deadline_ms,
                                          .shape = ZL_LEASE_SHAPE};
    *out = NULL;
    enum zl_status status = zl_kube_get(client, &target, &object, err);
    if (status == ZL_E_NOT_FOUND) {
        return ZL_OK;
    }
    if (status != ZL_OK) {
        return status;
    }
    return zl_lease_decode(object, out, err);
}

enum zl_status zl_lease_swap(struct zl_kube_client *client, const struct zl_lease *next,
                             const struct zl_policy *policy, int64_t deadline_ms,
                             struct zl_lease **stored, struct zl_error *err)
{
    ZL_AUTO_FREE char *name = zl_lease_name(next->pool);
    ZL_AUTO_JSON struct cJSON *object = zl_lease_encode(next, policy);
    ZL_AUTO_JSON struct cJSON *answer = NULL;
    bool create = next->resource_version == NULL;
    const struct zl_kube_target target = {.resource = &ZL_KUBE_LEASES,
                                          .namespace_ = next->namespace_,
                                          .name = create ? NULL : name,
                                          .deadline_ms = deadline_ms,
                                          .shape = ZL_LEASE_SHAPE};
    enum zl_status status =
        create ? zl_kube_create(client, &target, object, &answer, err)
               : zl_kube_patch(client, &target, ZL_KUBE_PATCH_MERGE, object, &answer, err);
    if (status == ZL_E_DENIED && !create && next->wants_repair) {
        /*
         * OwnerReferencesPermissionEnforcement (OpenShift): who may not delete a Lease may not change its owner. The claim
         * counts more; the controller may, and puts the owner back.
         */
        struct zl_lease plain = *next;
        plain.wants_repair = false;
        ZL_AUTO_JSON struct cJSON *without = zl_lease_encode(&plain, policy);
        status = zl_kube_patch(client, &target, ZL_KUBE_PATCH_MERGE, without, &answer, err);
    }
    /* It was deleted since it was read: that, too, is someone else being first. */
    if (status == ZL_E_NOT_FOUND && !create) {
        return zl_error_wrap(err, ZL_E_CONFLICT, "the Lease was deleted meanwhile");
    }
    if (status != ZL_OK || stored == NULL) {
        return status;
    }
    return zl_lease_decode(answer, stored, err);
}
