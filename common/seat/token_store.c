/* SPDX-License-Identifier: Apache-2.0 */
#include "common/seat/token_store.h"

/* A conflict means that somebody else wrote the status, mostly of other things. */
enum { ROUNDS = 4 };

/* What is to be written. */
struct raise {
    int64_t floor;              /* at least this */
    bool reserve;               /* and more than it was */
    const struct zl_tick *tick; /* note this, too; or NULL */
};

static enum zl_status read_policy(struct zl_kube_client *client, const struct zl_policy *policy,
                                  int64_t timeout_ms, struct zl_policy **out, struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *object = NULL;
    const struct zl_kube_target target = {.resource = &ZL_KUBE_LEADERPOLICIES,
                                          .namespace_ = policy->meta.namespace_,
                                          .name = policy->meta.name,
                                          .timeout_ms = timeout_ms};
    enum zl_status status = zl_kube_get(client, &target, &object, err);
    return status == ZL_OK ? zl_policy_decode(object, out, err) : status;
}

/* If STAND is still what the API server has. */
static enum zl_status swap(struct zl_kube_client *client, const struct zl_policy *stand,
                           int64_t token, const struct zl_tick *tick, int64_t timeout_ms,
                           struct zl_error *err)
{
    const struct zl_kube_target target = {.resource = &ZL_KUBE_LEADERPOLICIES,
                                          .namespace_ = stand->meta.namespace_,
                                          .name = stand->meta.name,
                                          .subresource = "status",
                                          .timeout_ms = timeout_ms};
    ZL_AUTO_JSON struct cJSON *patch = zl_json_object();
    zl_json_set_text(zl_json_child(patch, "metadata"), "resourceVersion",
                     stand->meta.resource_version);
    struct cJSON *status = zl_json_child(patch, "status");
    zl_json_set_i64(status, "fencingToken", token);
    if (tick != NULL) {
        struct zl_ticks ticks = {0};
        zl_ticks_copy(&stand->status.ticks, &ticks);
        zl_ticks_add(&ticks, tick->time_s, tick->job, tick->uid);
        zl_json_set(status, "ticks", zl_ticks_encode(&ticks));
        zl_ticks_clear(&ticks);
    }
    return zl_kube_patch(client, &target, ZL_KUBE_PATCH_MERGE, patch, NULL, err);
}

static enum zl_status check_tick(const struct zl_policy *stand, const struct zl_tick *tick,
                                 struct zl_error *err)
{
    if (tick == NULL || zl_ticks_allow(&stand->status.ticks, tick->time_s, tick->uid)) {
        return ZL_OK;
    }
    return zl_error_set(err, ZL_E_INVALID, "the scheduled time of Job %s was used up by another",
                        tick->job);
}

/* Until the status' token is as WANTED. */
static enum zl_status raise(struct zl_kube_client *client, const struct zl_policy *policy,
                            const struct raise *wanted, int64_t timeout_ms, int64_t *token,
                            struct zl_error *err)
{
    /* What the caller knows of the policy is mostly right, and saves a read. */
    const struct zl_policy *stand = policy;
    struct zl_policy *read = NULL;
    enum zl_status status = ZL_OK;
    bool done = false;
    for (int round = 0; round < ROUNDS && !done; round++) {
        int64_t was = stand->status.fencing_token;
        *token = was >= wanted->floor ? was + wanted->reserve : wanted->floor;
        if (*token == was) {
            done = true;
            break;
        }
        status = check_tick(stand, wanted->tick, err);
        if (status == ZL_OK) {
            status = swap(client, stand, *token, wanted->tick, timeout_ms, err);
        }
        done = status != ZL_E_CONFLICT;
        if (!done) {
            zl_policy_free(read);
            read = NULL;
            status = read_policy(client, policy, timeout_ms, &read, err);
            stand = read;
            done = status != ZL_OK;
        }
    }
    zl_policy_free(read);
    return done ? status
                : zl_error_set(err, ZL_E_TRANSIENT, "LeaderPolicy status is changing too fast");
}

enum zl_status zl_token_read(struct zl_kube_client *client, const struct zl_policy *policy,
                             int64_t timeout_ms, int64_t *token, struct zl_error *err)
{
    struct zl_policy *read = NULL;
    enum zl_status status = read_policy(client, policy, timeout_ms, &read, err);
    *token = read != NULL ? read->status.fencing_token : 0;
    zl_policy_free(read);
    return status;
}

enum zl_status zl_token_record(struct zl_kube_client *client, const struct zl_policy *policy,
                               int64_t token, int64_t timeout_ms, struct zl_error *err)
{
    int64_t recorded = 0;
    const struct raise wanted = {.floor = token};
    return raise(client, policy, &wanted, timeout_ms, &recorded, err);
}

enum zl_status zl_token_reserve(struct zl_kube_client *client, const struct zl_policy *policy,
                                int64_t above, int64_t timeout_ms, int64_t *token,
                                struct zl_error *err)
{
    const struct raise wanted = {.floor = above + 1, .reserve = true};
    return raise(client, policy, &wanted, timeout_ms, token, err);
}

enum zl_status zl_token_reserve_tick(struct zl_kube_client *client, const struct zl_policy *policy,
                                     int64_t above, const struct zl_tick *tick, int64_t timeout_ms,
                                     int64_t *token, struct zl_error *err)
{
    const struct raise wanted = {.floor = above + 1, .reserve = true, .tick = tick};
    return raise(client, policy, &wanted, timeout_ms, token, err);
}
