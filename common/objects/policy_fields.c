/* SPDX-License-Identifier: Apache-2.0 */
#include "common/objects/policy_fields.h"

#include "common/objects/policy.h"

#include <string.h>

#define NAMED(name_) .name = (name_), .path = "spec." name_
#define IN(member) .offset = offsetof(struct zl_policy, member)

const struct zl_policy_field ZL_POLICY_FIELDS[] = {
    {NAMED("leaseDurationSeconds"), .type = ZL_POLICY_SECONDS, .fallback = 15, .min = 5,
     .max = 3600, IN(lease_duration_s),
     .help = "How long a leader may be not Ready before it loses the seat, and how long the Lease "
             "is valid after a renewal."},
    {NAMED("renewDeadlineSeconds"), .type = ZL_POLICY_SECONDS, .fallback = 10, .min = 2,
     .max = 3599, .less_than = "leaseDurationSeconds", IN(renew_deadline_s),
     .help = "Without effect: the controller renews for the leader, which gives up nothing when a "
             "renewal fails. More than retryPeriodSeconds, less than leaseDurationSeconds."},
    {NAMED("retryPeriodSeconds"), .type = ZL_POLICY_SECONDS, .fallback = 2, .min = 1, .max = 3598,
     .less_than = "renewDeadlineSeconds", IN(retry_period_s),
     .help =
         "So long before its end the Lease is renewed at the latest, or a tenth of "
         "leaseDurationSeconds if that is more: time for a write that is slow, or that is tried "
         "again. Less than renewDeadlineSeconds."},
    {NAMED("identityStrategy"), .type = ZL_POLICY_CHOICE, .choices = {"pod", "custom"},
     IN(custom_identity),
     .help = "What the Lease names as holder: pod writes <pod name>_<pod uid>; custom writes the "
             "value of the pod's annotation zen-lead/identity."},
    {NAMED("followerMode"), .type = ZL_POLICY_CHOICE, .choices = {"scaleDown", "standby"},
     IN(standby),
     .help = "scaleDown refuses every pod but the leader's; standby lets all pods run and sends "
             "traffic to the leader alone."},
    {NAMED("rollout"), .type = ZL_POLICY_CHOICE, .choices = {"Handover", "Recreate"}, IN(recreate),
     .help = "Handover starts one pod of the new revision beside the leader and moves leadership "
             "when it is Ready; Recreate ends the old leader first."},
    {NAMED("handoverGracePeriodSeconds"), .type = ZL_POLICY_SECONDS, .fallback = 2, .min = 0,
     .max = 60, IN(handover_grace_s),
     .help = "How long the old leader of a handover runs on before it is deleted, while it is "
             "Ready: the seat and the leader Services have moved at once, and proxies need time to "
             "follow."},
    {NAMED("ticks"), .type = ZL_POLICY_CHOICE, .choices = {"Once", "Each"}, IN(each_tick),
     .help = "Of CronJobs in one pool, Once lets one Job run for each scheduled time and removes "
             "the others, as copies of one task; Each gives every Job its turn, for different "
             "tasks that must not overlap."},
    {NAMED("podRoleLabel"), .type = ZL_POLICY_SWITCH, IN(role_label),
     .help = "Keep the label zen-lead/role (leader or follower) on the pods of the pool. Needs "
             "the permission to patch pods, which zen-lead does not have by default."},
    {.name = NULL},
};

const struct zl_policy_field *zl_policy_field_find(const char *name)
{
    for (const struct zl_policy_field *field = ZL_POLICY_FIELDS; field->name != NULL; field++) {
        if (zl_same_string(field->name, name)) {
            return field;
        }
    }
    return NULL;
}

static void decode(const struct zl_policy_field *field, const struct cJSON *spec,
                   struct zl_policy *policy)
{
    char *member = (char *)policy + field->offset; /* memcpy: alignment is the table's business */
    int64_t seconds = 0;
    bool holds = false;
    switch (field->type) {
    case ZL_POLICY_SECONDS:
        seconds = zl_json_i64(spec, field->fallback, field->name, NULL);
        /* The CRD lets nothing else be stored; one of another release, or one that was loosened, may. */
        seconds = seconds < field->min ? field->min : seconds > field->max ? field->max : seconds;
        memcpy(member, &seconds, sizeof seconds);
        return;
    case ZL_POLICY_CHOICE:
        holds = zl_same_string(zl_json_text(spec, field->name, NULL), field->choices[1]);
        break;
    case ZL_POLICY_SWITCH:
        holds = zl_json_bool(spec, false, field->name, NULL);
        break;
    }
    memcpy(member, &holds, sizeof holds);
}

void zl_policy_fields_decode(const struct cJSON *spec, struct zl_policy *policy)
{
    for (const struct zl_policy_field *field = ZL_POLICY_FIELDS; field->name != NULL; field++) {
        decode(field, spec, policy);
    }
}
