/* SPDX-License-Identifier: Apache-2.0 */
#include "common/kube/discovery.h"

static bool serves(const struct cJSON *group, const char *version)
{
    const struct cJSON *served = zl_json_first(zl_json_at(group, "versions", NULL));
    for (; served != NULL; served = zl_json_next(served)) {
        if (zl_same_string(zl_json_text(served, "version", NULL), version)) {
            return true;
        }
    }
    return false;
}

enum zl_status zl_kube_discover(struct zl_kube_client *client,
                                const struct zl_kube_resource *const *candidates,
                                const struct zl_kube_resource **out, struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *group = NULL;
    ZL_AUTO_FREE char *path = zl_asprintf("/apis/%s", candidates[0]->group);
    enum zl_status status = zl_kube_get_path(client, path, &group, err);
    if (status != ZL_OK) {
        return status;
    }
    for (; *candidates != NULL; candidates++) {
        if (serves(group, (*candidates)->version)) {
            *out = *candidates;
            return ZL_OK;
        }
    }
    return zl_error_set(err, ZL_E_NOT_FOUND, "%s: none of its versions is one that we know", path);
}
