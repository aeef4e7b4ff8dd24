/* SPDX-License-Identifier: Apache-2.0 */
#include "client/status/pools.h"

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/limits.h"

#include <stdarg.h>

#define US_PER_S INT64_C(1000000)

/* One sentence after the other. */
static void add_reason(struct zl_buf *out, const char *format, ...) ZL_PRINTF(2, 3);
static void add_reason(struct zl_buf *out, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)zl_buf_printf(out, "%s%s", out->length > 0 ? "; " : "", text);
}

static bool is_false(const struct zl_condition *condition)
{
    return zl_same_string(condition->status, "False");
}

static char *why(const struct zl_policy_status *status, int64_t now_us)
{
    ZL_AUTO_BUF struct zl_buf out;
    zl_buf_init(&out, 2 * ZL_KIB);
    const struct zl_condition *ready = &status->conditions[ZL_CONDITION_READY];
    const struct zl_condition *armed = &status->conditions[ZL_CONDITION_GATEKEEPER_ARMED];
    int64_t since_us = 0;
    char age[ZL_AGE_TEXT_MAX];
    if (is_false(ready)) {
        add_reason(&out, "%s", ready->message != NULL ? ready->message : ready->reason);
        if (now_us != 0 && zl_time_parse(ready->since, &since_us)) {
            zl_age_format((now_us - since_us) / US_PER_S, age);
            (void)zl_buf_printf(&out, " (for %s)", age);
        }
    }
    if (status->successor_name != NULL) {
        add_reason(&out, "hands over to %s", status->successor_name);
    }
    if (status->executing.name != NULL) {
        add_reason(&out, "Job %s executes", status->executing.name);
    }
    if (is_false(armed)) {
        add_reason(&out, "gatekeeper: %s", armed->message != NULL ? armed->message : armed->reason);
    }
    if (status->phase == NULL) {
        add_reason(&out, "the controller has not seen this pool yet");
    }
    return zl_buf_take(&out);
}

static void set_condition(struct cJSON *row, const char *name, const struct zl_condition *condition)
{
    if (condition->status == NULL) {
        zl_json_set_null(row, name);
    } else {
        zl_json_set_bool(row, name, zl_same_string(condition->status, "True"));
    }
}

/* The leader as the Lease has it now; what status says follows a moment later. */
static void set_leader(struct cJSON *row, const struct zl_policy_status *status,
                       const struct zl_lease *lease, int64_t now_us)
{
    char acquired[ZL_TIME_TEXT_MAX] = "";
    if (lease == NULL) {
        zl_json_set_text(row, "leader", status->holder_name);
        zl_json_set_text(row, "leaderUid", status->holder_uid);
        zl_json_set_i64(row, "token", status->fencing_token);
        zl_json_set_text(row, "since", status->holder_start_time);
        zl_json_set_null(row, "leaseSeconds");
        return;
    }
    const bool held = zl_lease_is_held(lease);
    zl_time_format(lease->acquire_us, acquired);
    zl_json_set_text(row, "leader",
                     !held                       ? NULL
                     : lease->holder_pod != NULL ? lease->holder_pod
                                                 : lease->holder_identity);
    zl_json_set_text(row, "leaderUid", held ? lease->holder_uid : NULL);
    zl_json_set_i64(row, "token",
                    lease->fencing_token > status->fencing_token ? lease->fencing_token
                                                                 : status->fencing_token);
    zl_json_set_text(row, "since",
                     held && lease->acquire_us != 0 ? acquired : status->last_transition_time);
    if (held && now_us != 0) {
        zl_json_set_i64(row, "leaseSeconds",
                        lease->duration_s - (now_us - lease->renew_us) / US_PER_S);
    } else {
        zl_json_set_null(row, "leaseSeconds");
    }
}

struct cJSON *zl_pool_describe(const struct zl_policy *policy, const struct zl_lease *lease,
                               int64_t now_us)
{
    const struct zl_policy_status *status = &policy->status;
    ZL_AUTO_FREE char *reason = why(status, now_us);
    struct cJSON *row = zl_json_object();
    zl_json_set_text(row, "namespace", policy->meta.namespace_);
    zl_json_set_text(row, "pool", policy->meta.name);
    zl_json_set_text(row, "followerMode", policy->standby ? "standby" : "scaleDown");
    zl_json_set_text(row, "phase", status->phase);
    set_leader(row, status, lease, now_us);
    zl_json_set_i64(row, "candidates", status->candidates);
    zl_json_set_i64(row, "blocked", status->blocked);
    zl_json_set_i64(row, "waiting", status->waiting);
    zl_json_set_text(row, "executing", status->executing.name);
    zl_json_set_text(row, "successor", status->successor_name);
    zl_json_set_i64(row, "transitions", status->lease_transitions);
    set_condition(row, "ready", &status->conditions[ZL_CONDITION_READY]);
    set_condition(row, "armed", &status->conditions[ZL_CONDITION_GATEKEEPER_ARMED]);
    zl_json_set_text(row, "why", *reason != '\0' ? reason : NULL);
    return row;
}
