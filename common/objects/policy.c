/* SPDX-License-Identifier: Apache-2.0 */
#include "common/objects/policy.h"

#include "common/objects/policy_fields.h"

enum zl_status zl_policy_decode(const struct cJSON *object, struct zl_policy **out,
                                struct zl_error *err)
{
    struct zl_policy *policy = zl_alloc(sizeof *policy);
    enum zl_status result = zl_meta_decode(object, &policy->meta, err);
    if (result != ZL_OK) {
        zl_policy_free(policy);
        return result;
    }
    zl_policy_fields_decode(zl_json_at(object, "spec", NULL), policy);
    zl_policy_status_decode(zl_json_at(object, "status", NULL), &policy->status);
    *out = policy;
    return ZL_OK;
}

bool zl_policy_led_last(const struct zl_policy *policy, const char *pod_uid, int64_t token)
{
    const struct zl_policy_status *status = &policy->status;
    return status->holder_uid != NULL && zl_same_string(status->holder_uid, pod_uid) &&
           status->holder_token == token;
}

void zl_policy_free(void *object)
{
    struct zl_policy *policy = object;
    if (policy == NULL) {
        return;
    }
    zl_policy_status_clear(&policy->status);
    zl_meta_clear(&policy->meta);
    free(policy);
}
