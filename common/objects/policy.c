/* SPDX-License-Identifier: Apache-2.0 */
#include "common/objects/policy.h"

#include "common/objects/names.h"
#include "common/objects/policy_fields.h"

#include <string.h>

const struct zl_json_shape ZL_POLICY_SHAPE[] = {{.name = "metadata", .members = ZL_META_SHAPE},
                                                {.name = "spec"},
                                                {.name = "status"},
                                                {.name = NULL}};

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

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* An RFC 1123 subdomain, as the API server asks of a custom resource's name. */
static bool is_subdomain(const char *name, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        bool inside = i > 0 && i + 1 < length;
        bool dash = name[i] == '-' && inside;
        bool dot = name[i] == '.' && inside && is_plain(name[i - 1]) && is_plain(name[i + 1]);
        if (!is_plain(name[i]) && !dash && !dot) {
            return false;
        }
    }
    return length > 0;
}

bool zl_pool_name_is_reserved(const char *name)
{
    return strcmp(name, &ZL_ELECTION_LEASE[strlen(ZL_LEASE_PREFIX)]) == 0;
}

bool zl_pool_name_is_valid(const char *name)
{
    size_t length = strlen(name);
    return length <= ZL_POOL_NAME_MAX && is_subdomain(name, length) &&
           !zl_pool_name_is_reserved(name);
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
