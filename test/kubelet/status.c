/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status.c - the pod status that a kubelet would write.
 */
#include "common/base/clock.h"
#include "test/kubelet/pod.h"

static void add_condition(struct cJSON *conditions, const char *type, bool holds, const char *since,
                          const char *reason)
{
    struct cJSON *condition = zl_json_object();
    zl_json_set_text(condition, "type", type);
    zl_json_set_text(condition, "status", holds ? "True" : "False");
    zl_json_set_text(condition, "lastTransitionTime", since);
    if (reason != NULL) {
        zl_json_set_text(condition, "reason", reason);
    }
    zl_json_append(conditions, condition);
}

static const char *not_ready_reason(const struct zl_kubelet_plan *plan)
{
    if (plan->step == ZL_KUBELET_SUCCEED) {
        return "PodCompleted";
    }
    if (plan->step == ZL_KUBELET_FAIL) {
        return "PodFailed";
    }
    return plan->ready ? NULL : "ContainersNotReady";
}

static struct cJSON *conditions_of(const struct zl_kubelet_plan *plan, const char *started,
                                   const char *now)
{
    struct cJSON *conditions = zl_json_array();
    bool ready = plan->step == ZL_KUBELET_SET_STATUS && plan->ready;
    add_condition(conditions, "PodScheduled", true, started, NULL);
    add_condition(conditions, "Initialized", true, started, NULL);
    add_condition(conditions, "ContainersReady", ready, now, not_ready_reason(plan));
    add_condition(conditions, "Ready", ready, now, not_ready_reason(plan));
    return conditions;
}

static struct cJSON *container_state(const struct zl_kubelet_plan *plan, const char *started,
                                     const char *now)
{
    struct cJSON *state = zl_json_object();
    if (plan->step == ZL_KUBELET_SET_STATUS) {
        zl_json_set_text(zl_json_child(state, "running"), "startedAt", started);
        return state;
    }
    struct cJSON *ended = zl_json_child(state, "terminated");
    zl_json_set_text(ended, "startedAt", started);
    zl_json_set_text(ended, "finishedAt", now);
    zl_json_set_i64(ended, "exitCode", plan->step == ZL_KUBELET_FAIL ? 1 : 0);
    zl_json_set_text(ended, "reason", plan->step == ZL_KUBELET_FAIL ? "Error" : "Completed");
    return state;
}

static struct cJSON *container_statuses(const struct zl_kubelet_pod *pod,
                                        const struct zl_kubelet_plan *plan, const char *started,
                                        const char *now)
{
    struct cJSON *statuses = zl_json_array();
    for (const struct cJSON *c = zl_json_first(pod->containers); c != NULL; c = zl_json_next(c)) {
        struct cJSON *status = zl_json_copy(c);
        bool runs = plan->step == ZL_KUBELET_SET_STATUS;
        zl_json_set_text(status, "imageID", "");
        zl_json_set_i64(status, "restartCount", 0);
        zl_json_set_bool(status, "ready", runs && plan->ready);
        zl_json_set_bool(status, "started", runs);
        zl_json_set(status, "state", container_state(plan, started, now));
        zl_json_append(statuses, status);
    }
    return statuses;
}

static const char *phase_of(const struct zl_kubelet_plan *plan)
{
    if (plan->step == ZL_KUBELET_FAIL) {
        return "Failed";
    }
    return plan->step == ZL_KUBELET_SUCCEED ? "Succeeded" : "Running";
}

struct cJSON *zl_kubelet_status_patch(const struct zl_kubelet_pod *pod,
                                      const struct zl_kubelet_life *life,
                                      const struct zl_kubelet_plan *plan)
{
    char started[ZL_TIME_TEXT_MAX];
    char now[ZL_TIME_TEXT_MAX];
    char address[sizeof "10.128.255.255"];
    zl_time_format(life->bound_wall_us, started);
    zl_time_format(zl_clock_wall_us(), now);
    snprintf(address, sizeof address, "10.%u.%u.%u", 128 + (life->number >> 16 & 127),
             life->number >> 8 & 255, life->number & 255);

    struct cJSON *patch = zl_json_object();
    struct cJSON *status = zl_json_child(patch, "status");
    zl_json_set_text(status, "phase", phase_of(plan));
    zl_json_set_text(status, "startTime", started);
    zl_json_set_text(status, "hostIP", "10.0.0.1");
    zl_json_set_text(status, "podIP", address);
    struct cJSON *addresses = zl_json_array();
    struct cJSON *first = zl_json_object();
    zl_json_set_text(first, "ip", address);
    zl_json_append(addresses, first);
    zl_json_set(status, "podIPs", addresses);
    zl_json_set(status, "conditions", conditions_of(plan, started, now));
    zl_json_set(status, "containerStatuses", container_statuses(pod, plan, started, now));
    return patch;
}
