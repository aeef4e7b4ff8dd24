/* SPDX-License-Identifier: Apache-2.0 */
#include "common/seat/token_store.h"

#include "common/objects/definition.h"

/* A conflict means that somebody else wrote the status, mostly of other things. */
enum { ROUNDS = 4 };

/* What is to be written. */
struct raise {
    int64_t floor;              /* at least this */
    bool reserve;               /* and more than it was */
    const struct zl_tick *tick; /* note this, too; or NULL */
};

static enum zl_status read_policy(struct zl_kube_client *client, const struct zl_policy *policy,
                                  int64_t deadline_ms, struct zl_policy **out, struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *object = NULL;
    const struct zl_kube_target target = {.resource = &ZL_KUBE_LEADERPOLICIES,
                                          .namespace_ = policy->meta.namespace_,
                                          .name = policy->meta.name,
                                          .deadline_ms = deadline_ms,
                                          .shape = ZL_POLICY_SHAPE};
    enum zl_status status = zl_kube_get(client, &target, &object, err);
    return status == ZL_OK ? zl_policy_decode(object, out, err) : status;
}

/* What was written must have been kept: a token or a tick that is not could be given again. */
static enum zl_status check_kept(const struct cJSON *patch, const struct cJSON *answer,
                                 struct zl_error *err)
{
    ZL_AUTO_FREE char *dropped = zl_definition_dropped(patch, answer);
    if (dropped == NULL) {
        return ZL_OK;
    }
    ZL_AUTO_FREE char *complaint = zl_definition_complaint(dropped);
    return zl_error_set(err, ZL_E_DENIED, "%s", complaint);
}

/* If STAND is still what the API server has. */
static enum zl_status swap(struct zl_kube_client *client, const struct zl_policy *stand,
                           int64_t token, const struct zl_tick *tick, int64_t deadline_ms,
                           struct zl_error *err)
{
    const struct zl_kube_target target = {.resource = &ZL_KUBE_LEADERPOLICIES,
                                          .namespace_ = stand->meta.namespace_,
                                          .name = stand->meta.name,
                                          .subresource = "status",
                                          .deadline_ms = deadline_ms,
                                          .shape = ZL_POLICY_SHAPE};
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
    ZL_AUTO_JSON struct cJSON *answer = NULL;
    enum zl_status swapped =
        zl_kube_patch(client, &target, ZL_KUBE_PATCH_MERGE, patch, &answer, err);
    return swapped == ZL_OK ? check_kept(patch, answer, err) : swapped;
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

/* The token that WANTED asks for, if STAND is the policy; STAND's own: nothing is to be written. */
static int64_t token_for(const struct raise *wanted, const struct zl_policy *stand)
{
    int64_t was = stand->status.fencing_token;
    return was >= wanted->floor ? was + wanted->reserve : wanted->floor;
}

/* One swap on top of STAND. ZL_E_CONFLICT: it is not what the API server has. */
static enum zl_status raise_once(struct zl_kube_client *client, const struct zl_policy *stand,
                                 const struct raise *wanted, int64_t deadline_ms, int64_t *token,
                                 struct zl_error *err)
{
    *token = token_for(wanted, stand);
    if (*token == stand->status.fencing_token) {
        return ZL_OK;
    }
    enum zl_status status = check_tick(stand, wanted->tick, err);
    return status == ZL_OK ? swap(client, stand, *token, wanted->tick, deadline_ms, err) : status;
}

/* Until the status' token is as WANTED. Who was slower once has lost a race, also when time runs out on the next try. */
static enum zl_status raise(struct zl_kube_client *client, const struct zl_policy *policy,
                            const struct raise *wanted, int64_t deadline_ms, int64_t *token,
                            struct zl_error *err)
{
    /* What the caller knows of the policy is mostly right, and saves a read. */
    enum zl_status status = raise_once(client, policy, wanted, deadline_ms, token, err);
    bool lost = status == ZL_E_CONFLICT;
    for (int again = 1; again < ROUNDS && status == ZL_E_CONFLICT; again++) {
        struct zl_policy *stand = NULL;
        status = read_policy(client, policy, deadline_ms, &stand, err);
        if (status == ZL_OK) {
            status = raise_once(client, stand, wanted, deadline_ms, token, err);
        }
        zl_policy_free(stand);
    }
    return lost && status == ZL_E_TRANSIENT
               ? zl_error_wrap(err, ZL_E_CONFLICT, "others were faster, then")
               : status;
}

enum zl_status zl_token_read(struct zl_kube_client *client, const struct zl_policy *policy,
                             int64_t deadline_ms, int64_t *token, struct zl_error *err)
{
    struct zl_policy *read = NULL;
    enum zl_status status = read_policy(client, policy, deadline_ms, &read, err);
    if (status == ZL_OK) {
        *token = read->status.fencing_token;
    }
    zl_policy_free(read);
    return status;
}

enum zl_status zl_token_record(struct zl_kube_client *client, const struct zl_policy *policy,
                               int64_t token, int64_t deadline_ms, struct zl_error *err)
{
    int64_t recorded = 0;
    const struct raise wanted = {.floor = token};
    return raise(client, policy, &wanted, deadline_ms, &recorded, err);
}

enum zl_status zl_token_reserve(struct zl_kube_client *client, const struct zl_policy *policy,
                                int64_t above, int64_t deadline_ms, int64_t *token,
                                struct zl_error *err)
{
    const struct raise wanted = {.floor = above + 1, .reserve = true};
    return raise(client, policy, &wanted, deadline_ms, token, err);
}

enum zl_status zl_token_reserve_tick(struct zl_kube_client *client, const struct zl_policy *policy,
                                     int64_t above, const struct zl_tick *tick, int64_t deadline_ms,
                                     int64_t *token, struct zl_error *err)
{
    const struct raise wanted = {.floor = above + 1, .reserve = true, .tick = tick};
    return raise(client, policy, &wanted, deadline_ms, token, err);
}
