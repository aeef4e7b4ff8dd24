/* SPDX-License-Identifier: Apache-2.0 */
#include "common/objects/policy_status.h"

#include "common/base/json.h"
#include "common/base/memory.h"

#include <string.h>

static void decode_workloads(const struct cJSON *list, struct zl_policy_status *out)
{
    size_t count = zl_json_count(list);
    out->workloads = zl_alloc((count + 1) * sizeof *out->workloads);
    const struct cJSON *item = zl_json_first(list);
    for (; item != NULL; item = zl_json_next(item)) {
        struct zl_status_workload *workload = &out->workloads[out->workload_count++];
        workload->kind = zl_strdup(zl_json_text(item, "kind", NULL));
        workload->name = zl_strdup(zl_json_text(item, "name", NULL));
        workload->strategy = zl_strdup(zl_json_text(item, "strategy", NULL));
        workload->observed_generation = zl_json_i64(item, 0, "observedGeneration", NULL);
        workload->leading_revision = zl_strdup(zl_json_text(item, "leadingRevision", NULL));
        workload->waiting_revision = zl_strdup(zl_json_text(item, "waitingRevision", NULL));
    }
}

static const char *const CONDITION_NAMES[ZL_CONDITION_COUNT] = {
    [ZL_CONDITION_READY] = "Ready",
    [ZL_CONDITION_GATEKEEPER_ARMED] = "GatekeeperArmed",
    [ZL_CONDITION_POD_ROLE_LABELS] = "PodRoleLabels",
    [ZL_CONDITION_COMPATIBLE] = "Compatible",
    [ZL_CONDITION_ROLLED_OUT] = "RolledOut",
    [ZL_CONDITION_LEADER_ELECTED] = "LeaderElected",
    [ZL_CONDITION_CANDIDATES_AVAILABLE] = "CandidatesAvailable",
};

static void decode_condition(const struct cJSON *json, struct zl_condition *out)
{
    if (out->status != NULL) {
        return; /* the first of a type counts */
    }
    out->status = zl_strdup(zl_json_text(json, "status", NULL));
    out->reason = zl_strdup(zl_json_text(json, "reason", NULL));
    out->message = zl_strdup(zl_json_text(json, "message", NULL));
    out->since = zl_strdup(zl_json_text(json, "lastTransitionTime", NULL));
}

static void decode_conditions(const struct cJSON *conditions, struct zl_policy_status *out)
{
    const struct cJSON *condition = zl_json_first(conditions);
    for (; condition != NULL; condition = zl_json_next(condition)) {
        const char *name = zl_json_text(condition, "type", NULL);
        for (int type = 0; type < ZL_CONDITION_COUNT; type++) {
            if (zl_same_string(name, CONDITION_NAMES[type])) {
                decode_condition(condition, &out->conditions[type]);
            }
        }
    }
}

static void decode_job(const struct cJSON *json, const char *since, struct zl_status_job *out)
{
    out->name = zl_strdup(zl_json_text(json, "name", NULL));
    out->uid = zl_strdup(zl_json_text(json, "uid", NULL));
    out->since = zl_strdup(zl_json_text(json, since, NULL));
}

static void decode_turns(const struct cJSON *status, struct zl_policy_status *out)
{
    const struct cJSON *queue = zl_json_at(status, "queue", NULL);
    decode_job(zl_json_at(status, "executing", NULL), "startTime", &out->executing);
    out->queue = zl_alloc((zl_json_count(queue) + 1) * sizeof *out->queue);
    for (const struct cJSON *item = zl_json_first(queue); item != NULL; item = zl_json_next(item)) {
        decode_job(item, "waitingSince", &out->queue[out->queue_count++]);
    }
    out->waiting = zl_json_i64(status, 0, "waiting", NULL);
    zl_ticks_decode(zl_json_at(status, "ticks", NULL), &out->ticks);
}

void zl_policy_status_decode(const struct cJSON *status, struct zl_policy_status *out)
{
    const struct cJSON *holder = zl_json_at(status, "currentHolder", NULL);
    out->phase = zl_strdup(zl_json_text(status, "phase", NULL));
    out->holder_name = zl_strdup(zl_json_text(holder, "name", NULL));
    out->holder_uid = zl_strdup(zl_json_text(holder, "uid", NULL));
    out->holder_namespace = zl_strdup(zl_json_text(holder, "namespace", NULL));
    out->holder_start_time = zl_strdup(zl_json_text(holder, "startTime", NULL));
    out->holder_ready_time = zl_strdup(zl_json_text(holder, "firstReadyTime", NULL));
    out->holder_token = zl_json_i64(holder, 0, "fencingToken", NULL);
    out->successor_name = zl_strdup(zl_json_text(status, "successor", "name", NULL));
    out->successor_uid = zl_strdup(zl_json_text(status, "successor", "uid", NULL));
    out->candidates = zl_json_i64(status, 0, "candidates", NULL);
    out->blocked = zl_json_i64(status, 0, "blocked", NULL);
    out->fencing_token = zl_json_i64(status, 0, "fencingToken", NULL);
    out->lease_transitions = zl_json_i64(status, 0, "leaseTransitions", NULL);
    out->last_transition_time = zl_strdup(zl_json_text(status, "lastTransitionTime", NULL));
    out->observed_generation = zl_json_i64(status, 0, "observedGeneration", NULL);
    decode_workloads(zl_json_at(status, "workloads", NULL), out);
    decode_turns(status, out);
    decode_conditions(zl_json_at(status, "conditions", NULL), out);
}

static void clear_condition(struct zl_condition *condition)
{
    free(condition->status);
    free(condition->reason);
    free(condition->message);
    free(condition->since);
}

static void clear_job(struct zl_status_job *job)
{
    free(job->name);
    free(job->uid);
    free(job->since);
}

void zl_policy_status_clear(struct zl_policy_status *status)
{
    for (size_t i = 0; i < status->queue_count; i++) {
        clear_job(&status->queue[i]);
    }
    free(status->queue);
    clear_job(&status->executing);
    zl_ticks_clear(&status->ticks);
    for (size_t i = 0; i < status->workload_count; i++) {
        free(status->workloads[i].kind);
        free(status->workloads[i].name);
        free(status->workloads[i].strategy);
        free(status->workloads[i].leading_revision);
        free(status->workloads[i].waiting_revision);
    }
    free(status->workloads);
    free(status->phase);
    free(status->holder_name);
    free(status->holder_uid);
    free(status->holder_namespace);
    free(status->holder_start_time);
    free(status->holder_ready_time);
    free(status->successor_name);
    free(status->successor_uid);
    free(status->last_transition_time);
    for (int type = 0; type < ZL_CONDITION_COUNT; type++) {
        clear_condition(&status->conditions[type]);
    }
    memset(status, 0, sizeof *status);
}

void zl_condition_set(struct zl_condition *condition, bool holds, const char *reason,
                      const char *message)
{
    condition->status = zl_strdup(holds ? "True" : "False");
    condition->reason = zl_strdup(reason);
    condition->message = zl_strdup(message);
}

void zl_condition_date(struct zl_condition *condition, const struct zl_condition *before,
                       const char *now)
{
    bool same = zl_same_string(condition->status, before->status);
    zl_replace_string(&condition->since, same && before->since != NULL ? before->since : now);
}

void zl_condition_copy(struct zl_condition *copy, const struct zl_condition *condition)
{
    copy->status = zl_strdup(condition->status);
    copy->reason = zl_strdup(condition->reason);
    copy->message = zl_strdup(condition->message);
    copy->since = zl_strdup(condition->since);
}

/*
 * API servers before 1.21 take an empty text for null and refuse the status for it. Who edits a Lease or a pod's labels can
 * leave one behind.
 */
static const char *text_or_null(const char *text)
{
    return text != NULL && text[0] != '\0' ? text : NULL;
}

static struct cJSON *encode_conditions(const struct zl_policy_status *status)
{
    struct cJSON *list = zl_json_array();
    for (int type = 0; type < ZL_CONDITION_COUNT; type++) {
        const struct zl_condition *condition = &status->conditions[type];
        if (condition->status == NULL) {
            continue;
        }
        struct cJSON *json = zl_json_object();
        zl_json_set_text(json, "type", CONDITION_NAMES[type]);
        zl_json_set_text(json, "status", condition->status);
        zl_json_set_text(json, "reason", condition->reason);
        zl_json_set_text(json, "message", condition->message);
        zl_json_set_text(json, "lastTransitionTime", condition->since);
        zl_json_set_i64(json, "observedGeneration", status->observed_generation);
        zl_json_append(list, json);
    }
    return list;
}

static struct cJSON *encode_workload(const struct zl_status_workload *workload)
{
    struct cJSON *item = zl_json_object();
    zl_json_set_text(item, "kind", workload->kind);
    zl_json_set_text(item, "name", workload->name);
    zl_json_set_text(item, "strategy", workload->strategy);
    if (workload->observed_generation > 0) {
        zl_json_set_i64(item, "observedGeneration", workload->observed_generation);
    }
    zl_json_set_text_if_any(item, "leadingRevision", workload->leading_revision);
    zl_json_set_text_if_any(item, "waitingRevision", workload->waiting_revision);
    return item;
}

static struct cJSON *encode_workloads(const struct zl_policy_status *status)
{
    struct cJSON *list = zl_json_array();
    for (size_t i = 0; i < status->workload_count; i++) {
        zl_json_append(list, encode_workload(&status->workloads[i]));
    }
    return list;
}

static struct cJSON *encode_job(const struct zl_status_job *job, const char *since)
{
    struct cJSON *json = zl_json_object();
    zl_json_set_text(json, "name", job->name);
    zl_json_set_text_if_any(json, "uid", job->uid);
    zl_json_set_text_if_any(json, since, job->since);
    return json;
}

/* NULL, which a merge patch removes, where there is nothing to say: most pools guard no Jobs. */
static void encode_turns(const struct zl_policy_status *status, struct cJSON *json)
{
    struct cJSON *queue = zl_json_array();
    for (size_t i = 0; i < status->queue_count; i++) {
        zl_json_append(queue, encode_job(&status->queue[i], "waitingSince"));
    }
    zl_json_set(json, "executing",
                status->executing.name != NULL ? encode_job(&status->executing, "startTime")
                                               : NULL);
    zl_json_set(json, "waiting", NULL);
    if (status->waiting > 0) {
        zl_json_set_i64(json, "waiting", status->waiting);
        zl_json_set(json, "queue", queue);
    } else {
        zl_json_free(queue);
        zl_json_set(json, "queue", NULL);
    }
    zl_json_set(json, "ticks", status->ticks.count > 0 ? zl_ticks_encode(&status->ticks) : NULL);
}

/* What this leader has not, an earlier one may have had: a null takes it away. */
static struct cJSON *encode_holder(const struct zl_policy_status *status)
{
    struct cJSON *holder = zl_json_object();
    zl_json_set_text(holder, "name", status->holder_name);
    zl_json_set_text(holder, "uid", text_or_null(status->holder_uid));
    zl_json_set_text(holder, "namespace", status->holder_namespace);
    zl_json_set_text(holder, "startTime", text_or_null(status->holder_start_time));
    zl_json_set_text(holder, "firstReadyTime", text_or_null(status->holder_ready_time));
    zl_json_set_null(holder, "fencingToken");
    if (status->holder_token > 0) {
        zl_json_set_i64(holder, "fencingToken", status->holder_token);
    }
    return holder;
}

struct cJSON *zl_policy_status_encode(const struct zl_policy_status *status)
{
    struct cJSON *json = zl_json_object();
    zl_json_set_text(json, "phase", status->phase);
    zl_json_set(json, "currentHolder", /* a merge patch removes it */
                status->holder_name != NULL ? encode_holder(status) : NULL);
    if (status->successor_name == NULL) {
        zl_json_set_null(json, "successor");
    } else {
        struct cJSON *successor = zl_json_child(json, "successor");
        zl_json_set_text(successor, "name", status->successor_name);
        zl_json_set_text(successor, "uid", status->successor_uid);
    }
    zl_json_set_i64(json, "candidates", status->candidates);
    zl_json_set_i64(json, "blocked", status->blocked);
    zl_json_set_i64(json, "fencingToken", status->fencing_token);
    zl_json_set_i64(json, "leaseTransitions", status->lease_transitions);
    zl_json_set_text_if_any(json, "lastTransitionTime", status->last_transition_time);
    zl_json_set_i64(json, "observedGeneration", status->observed_generation);
    zl_json_set(json, "workloads", encode_workloads(status));
    encode_turns(status, json);
    zl_json_set(json, "conditions", encode_conditions(status));
    return json;
}

bool zl_policy_status_same(const struct zl_policy_status *left,
                           const struct zl_policy_status *right)
{
    ZL_AUTO_JSON struct cJSON *left_json = zl_policy_status_encode(left);
    ZL_AUTO_JSON struct cJSON *right_json = zl_policy_status_encode(right);
    ZL_AUTO_FREE char *left_text = zl_json_print(left_json);
    ZL_AUTO_FREE char *right_text = zl_json_print(right_json);
    return strcmp(left_text, right_text) == 0;
}
