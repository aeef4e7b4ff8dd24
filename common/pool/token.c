/* SPDX-License-Identifier: Apache-2.0 */
#include "common/pool/token.h"

/* A conflict means that somebody else wrote the status, mostly of other things. */
enum { ROUNDS = 4 };

/* The LeaderPolicy's version, and the token that stood in it. */
struct stand {
    int64_t token;
    char *version;
};

static enum zl_status read_stand(struct zl_kube_client *client, const struct zl_policy *policy,
                                 int64_t timeout_ms, struct stand *stand, struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *object = NULL;
    const struct zl_kube_target target = {.resource = &ZL_KUBE_LEADERPOLICIES,
                                          .namespace_ = policy->meta.namespace_,
                                          .name = policy->meta.name,
                                          .timeout_ms = timeout_ms};
    enum zl_status status = zl_kube_get(client, &target, &object, err);
    if (status != ZL_OK) {
        return status;
    }
    stand->token = zl_json_i64(object, 0, "status", "fencingToken", NULL);
    zl_replace_string(&stand->version, zl_json_text(object, "metadata", "resourceVersion", NULL));
    return ZL_OK;
}

static enum zl_status swap(struct zl_kube_client *client, const struct zl_policy *policy,
                           const struct stand *stand, int64_t token, int64_t timeout_ms,
                           struct zl_error *err)
{
    const struct zl_kube_target target = {.resource = &ZL_KUBE_LEADERPOLICIES,
                                          .namespace_ = policy->meta.namespace_,
                                          .name = policy->meta.name,
                                          .subresource = "status",
                                          .timeout_ms = timeout_ms};
    ZL_AUTO_JSON struct cJSON *patch = zl_json_object();
    zl_json_set_text(zl_json_child(patch, "metadata"), "resourceVersion", stand->version);
    zl_json_set_i64(zl_json_child(patch, "status"), "fencingToken", token);
    return zl_kube_patch(client, &target, ZL_KUBE_PATCH_MERGE, patch, NULL, err);
}

/* Until the status' token is at least FLOOR; with RESERVE, until this call has raised it. */
static enum zl_status raise(struct zl_kube_client *client, const struct zl_policy *policy,
                            int64_t floor, bool reserve, int64_t timeout_ms, int64_t *token,
                            struct zl_error *err)
{
    /* What the caller knows of the policy is mostly right, and saves a read. */
    struct stand stand = {.token = policy->status.fencing_token,
                          .version = zl_strdup(policy->meta.resource_version)};
    enum zl_status status = ZL_OK;
    bool done = false;
    for (int round = 0; round < ROUNDS && !done; round++) {
        *token = stand.token >= floor ? stand.token + reserve : floor;
        if (*token == stand.token) {
            done = true;
            break;
        }
        status = swap(client, policy, &stand, *token, timeout_ms, err);
        done = status != ZL_E_CONFLICT;
        if (!done) {
            status = read_stand(client, policy, timeout_ms, &stand, err);
            done = status != ZL_OK;
        }
    }
    free(stand.version);
    return done ? status
                : zl_error_set(err, ZL_E_TRANSIENT, "LeaderPolicy status is changing too fast");
}

enum zl_status zl_token_read(struct zl_kube_client *client, const struct zl_policy *policy,
                             int64_t timeout_ms, int64_t *token, struct zl_error *err)
{
    struct stand stand = {0};
    enum zl_status status = read_stand(client, policy, timeout_ms, &stand, err);
    *token = stand.token;
    free(stand.version);
    return status;
}

enum zl_status zl_token_record(struct zl_kube_client *client, const struct zl_policy *policy,
                               int64_t token, int64_t timeout_ms, struct zl_error *err)
{
    int64_t recorded = 0;
    return raise(client, policy, token, false, timeout_ms, &recorded, err);
}

enum zl_status zl_token_reserve(struct zl_kube_client *client, const struct zl_policy *policy,
                                int64_t above, int64_t timeout_ms, int64_t *token,
                                struct zl_error *err)
{
    return raise(client, policy, above + 1, true, timeout_ms, token, err);
}
