/* SPDX-License-Identifier: Apache-2.0 */
#include "client/dashboard/rows.h"

#include "client/status/pools.h"
#include "common/base/clock.h"

#define US_PER_MS INT64_C(1000)
#define US_PER_S INT64_C(1000000)

/* TEXT as RFC 3339; NULL, and what is no time: null. */
static void set_time(struct cJSON *row, const char *name, const char *text)
{
    int64_t us = 0;
    if (text != NULL && zl_time_parse(text, &us)) {
        zl_json_set_i64(row, name, us / US_PER_MS);
    } else {
        zl_json_set_null(row, name);
    }
}

/* One word for the sign before a pool. */
static const char *state_of(const struct zl_policy_status *status, const struct zl_lease *lease)
{
    const bool held = lease != NULL ? zl_lease_is_held(lease) : status->holder_name != NULL;
    const bool ready = zl_same_string(status->conditions[ZL_CONDITION_READY].status, "True");
    if (held) {
        return !ready ? "starting" : status->successor_name != NULL ? "handover" : "leads";
    }
    /* Of turns: nobody waits, so nobody leads. */
    const bool wanted = status->candidates > 0 || status->blocked > 0 || status->waiting > 0;
    return wanted ? "electing" : "idle";
}

static void add_workloads(struct cJSON *row, const struct zl_policy_status *status)
{
    struct cJSON *list = zl_json_array();
    for (size_t i = 0; i < status->workload_count; i++) {
        const struct zl_status_workload *workload = &status->workloads[i];
        struct cJSON *item = zl_json_object();
        zl_json_set_text(item, "kind", workload->kind);
        zl_json_set_text(item, "name", workload->name);
        zl_json_set_text(item, "strategy", workload->strategy);
        zl_json_set_text(item, "waitingRevision", workload->waiting_revision);
        zl_json_append(list, item);
    }
    zl_json_set(row, "workloads", list);
}

static void add_queue(struct cJSON *row, const struct zl_policy_status *status)
{
    struct cJSON *list = zl_json_array();
    for (size_t i = 0; i < status->queue_count; i++) {
        struct cJSON *item = zl_json_object();
        zl_json_set_text(item, "name", status->queue[i].name);
        set_time(item, "sinceMs", status->queue[i].since);
        zl_json_append(list, item);
    }
    zl_json_set(row, "queue", list);
    set_time(row, "executingSinceMs", status->executing.since);
}

/* A rollout that is under way is as it ought to be. */
static bool is_progress(enum zl_condition_type type, const struct zl_condition *condition)
{
    return type == ZL_CONDITION_ROLLED_OUT && !zl_same_string(condition->reason, "HandoverFailed");
}

static void add_problems(struct cJSON *row, const struct zl_policy_status *status)
{
    /* Those that other builds have say nothing that the first do not. */
    static const enum zl_condition_type types[] = {
        ZL_CONDITION_READY, ZL_CONDITION_GATEKEEPER_ARMED, ZL_CONDITION_POD_ROLE_LABELS,
        ZL_CONDITION_COMPATIBLE, ZL_CONDITION_ROLLED_OUT};
    struct cJSON *list = zl_json_array();
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        const struct zl_condition *condition = &status->conditions[types[i]];
        if (!zl_same_string(condition->status, "False")) {
            continue;
        }
        struct cJSON *item = zl_json_object();
        zl_json_set_text(item, "reason", condition->reason);
        zl_json_set_text(item, "message", condition->message);
        set_time(item, "sinceMs", condition->since);
        zl_json_set_bool(item, "wrong", !is_progress(types[i], condition));
        zl_json_append(list, item);
    }
    zl_json_set(row, "problems", list);
}

struct cJSON *zl_row_of_pool(const struct zl_policy *policy, const struct zl_lease *lease)
{
    struct cJSON *row = zl_pool_describe(policy, lease, 0);
    set_time(row, "sinceMs", zl_json_text(row, "since", NULL));
    zl_json_set_text(row, "state", state_of(&policy->status, lease));
    if (zl_lease_is_held(lease) && lease->renew_us != 0) {
        zl_json_set_i64(row, "validMs",
                        (lease->renew_us + lease->duration_s * US_PER_S) / US_PER_MS);
    } else {
        zl_json_set_null(row, "validMs");
    }
    add_workloads(row, &policy->status);
    add_queue(row, &policy->status);
    add_problems(row, &policy->status);
    return row;
}

struct cJSON *zl_row_of_service(const struct zl_service *service, const struct zl_service *led)
{
    ZL_AUTO_FREE char *wanted = zl_service_leader_name(service);
    struct cJSON *row = zl_json_object();
    const bool ours = led != NULL && led->ours;
    zl_json_set_text(row, "namespace", service->meta.namespace_);
    zl_json_set_text(row, "service", service->meta.name);
    zl_json_set_text(row, "leaderService", wanted);
    zl_json_set_text(row, "state",
                     !ours                     ? "missing"
                     : led->leader_pod != NULL ? "leads"
                                               : "electing");
    zl_json_set_text(row, "leader", ours ? led->leader_pod : NULL);
    set_time(row, "sinceMs", ours ? led->leader_switch_time : NULL);
    zl_json_set_bool(row, "sticky", service->sticky);
    return row;
}

static void copy_members(struct cJSON *row, const struct cJSON *from, const char *const *names)
{
    for (; *names != NULL; names++) {
        const struct cJSON *value = zl_json_at(from, *names, NULL);
        zl_json_set(row, *names, value != NULL ? zl_json_copy(value) : NULL);
    }
}

static bool condition_is(const struct cJSON *status, const char *type, const char *wanted)
{
    const struct cJSON *condition = zl_json_first(zl_json_at(status, "conditions", NULL));
    while (condition != NULL && !zl_same_string(zl_json_text(condition, "type", NULL), type)) {
        condition = zl_json_next(condition);
    }
    return zl_same_string(zl_json_text(condition, "status", NULL), wanted);
}

struct cJSON *zl_row_of_membership(const struct cJSON *object)
{
    static const char *const members[] = {"phase",   "cluster", "position", "why",   "active",
                                          "waiting", "done",    "failed",   "round", NULL};
    const struct cJSON *status = zl_json_at(object, "status", NULL);
    struct cJSON *row = zl_json_object();
    zl_json_set_text(row, "namespace", zl_json_text(object, "metadata", "namespace", NULL));
    zl_json_set_text(row, "name", zl_json_text(object, "metadata", "name", NULL));
    zl_json_set_text(row, "pool", zl_json_text(object, "spec", "pool", NULL));
    zl_json_set_i64(row, "n", zl_json_i64(object, 1, "spec", "maxConcurrentLeaders", NULL));
    copy_members(row, status, members);
    const struct cJSON *paused = zl_json_at(status, "paused", NULL);
    if (zl_json_is_object(paused)) {
        struct cJSON *out = zl_json_child(row, "paused");
        zl_json_set_text(out, "by", zl_json_text(paused, "by", NULL));
        zl_json_set_text(out, "reason", zl_json_text(paused, "reason", NULL));
        set_time(out, "sinceMs", zl_json_text(paused, "since", NULL));
    } else {
        zl_json_set_null(row, "paused");
    }
    zl_json_set_i64(row, "token", zl_json_i64(status, 0, "turn", "token", NULL));
    set_time(row, "untilMs", zl_json_text(status, "turn", "until", NULL));
    zl_json_set_bool(row, "hubReached", !condition_is(status, "HubReached", "False"));
    zl_json_set_bool(row, "specDiffers", condition_is(status, "SpecDiffers", "True"));
    return row;
}
