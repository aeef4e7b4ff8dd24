/* SPDX-License-Identifier: Apache-2.0 */
#include "common/pool/live.h"

enum zl_status zl_pod_read(struct zl_kube_client *client, const char *namespace_, const char *name,
                           int64_t timeout_ms, struct zl_pod **out, struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *object = NULL;
    const struct zl_kube_target target = {.resource = &ZL_KUBE_PODS,
                                          .namespace_ = namespace_,
                                          .name = name,
                                          .timeout_ms = timeout_ms};
    enum zl_status status = zl_kube_get(client, &target, &object, err);
    if (status == ZL_E_NOT_FOUND) {
        return ZL_OK;
    }
    return status == ZL_OK ? zl_pod_decode(object, out, err) : status;
}
