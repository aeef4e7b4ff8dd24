/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/fleet/member_internal.h"

#include "common/base/log.h"
#include "common/objects/names.h"
#include "controller/fleet/member_metrics.h"

#include <string.h>

/* How long what PART asks for has been open. */
static int64_t note_open(struct zl_member_part *part, int64_t boot_ms)
{
    const struct zl_fleet_request *request = &part->agent.request;
    bool is_new = part->open_ms == 0 || part->open_nonce != request->nonce ||
                  part->open_token != request->report.token;
    if (!zl_fleet_is_unanswered(&part->agent)) {
        part->open_ms = 0;
        return 0;
    }
    if (is_new) {
        part->open_nonce = request->nonce;
        part->open_token = request->report.token;
        part->open_ms = boot_ms;
    }
    return boot_ms - part->open_ms;
}

static struct zl_event_object object_of(const struct zl_fleet_policy *policy)
{
    return (struct zl_event_object){.api_version = "leadership.kube-zen.io/v1alpha1",
                                    .kind = "LeaderPolicy",
                                    .namespace_ = policy->meta.namespace_,
                                    .name = policy->meta.name,
                                    .uid = policy->meta.uid};
}

static void tell_news(const struct zl_cluster_member *member, struct zl_member_part *part,
                      const struct zl_refs *policies, int64_t boot_ms)
{
    struct zl_fleet_item items[ZL_FLEET_NEWS_MAX];
    size_t count = zl_fleet_news(&part->heard, &part->agent,
                                 part->ledger_is_known ? &part->ledger : NULL, boot_ms, items);
    for (size_t i = 0; i < policies->count && count > 0; i++) {
        const struct zl_fleet_policy *policy = zl_ref_object(policies->items[i]);
        const struct zl_event_object object = object_of(policy);
        for (size_t j = 0; j < count && strcmp(policy->pool, part->agent.turn.pool) == 0; j++) {
            zl_events_emit(member->spec.events, &object, items[j].warning, items[j].reason, "%s",
                           items[j].message);
        }
    }
}

static void tell_problems(const struct zl_cluster_member *member, const struct zl_refs *policies)
{
    for (size_t i = 0; i < policies->count; i++) {
        const struct zl_fleet_policy *policy = zl_ref_object(policies->items[i]);
        if (policy->problem != NULL) {
            const struct zl_event_object object = object_of(policy);
            zl_events_remind(member->spec.events, &object, zl_meta_edition(&policy->meta), true,
                             "ReportNotUnderstood", policy->problem);
        }
    }
}

void zl_member_tell(struct zl_cluster_member *member, const struct zl_refs *policies)
{
    struct zl_member_gauges *gauges = zl_member_gauges_new();
    const int64_t boot_ms = zl_clock_boot_ms();
    for (size_t i = 0; i < member->part_count; i++) {
        struct zl_member_part *part = &member->parts[i];
        tell_news(member, part, policies, boot_ms);
        zl_member_gauges_add(gauges, &part->agent, zl_fleet_phase(&part->agent, boot_ms),
                             part->ledger_is_known ? &part->ledger : NULL, note_open(part, boot_ms),
                             boot_ms);
    }
    tell_problems(member, policies);
    zl_member_gauges_show(gauges, member->name, member->reached);
}

void zl_member_write_status(struct zl_cluster_member *member, const struct zl_fleet_policy *policy)
{
    struct zl_error err = {0};
    struct zl_member_part *part = zl_member_part_of(member, policy->pool);
    const struct zl_fleet_known known = {
        .cluster = member->name,
        .agent = &part->agent,
        .ledger = part->ledger_is_known ? &part->ledger : NULL,
        .duplicate = zl_clock_boot_ms() < member->duplicate_until_ms,
        .hub_is_reached = member->reached,
        .hub_problem = member->problem[0] != '\0' ? member->problem : NULL,
        .boot_ms = zl_clock_boot_ms(),
        .wall_us = zl_clock_wall_us()};
    struct cJSON *status_now = zl_fleet_policy_status(policy, &known);
    if (status_now == NULL) {
        return;
    }
    ZL_AUTO_JSON struct cJSON *patch = zl_json_object();
    zl_json_set(patch, "status", status_now);
    const struct zl_kube_target target = {.resource = &ZL_KUBE_FLEETPOLICIES,
                                          .namespace_ = policy->meta.namespace_,
                                          .name = policy->meta.name,
                                          .subresource = "status",
                                          .shape = ZL_OBJECT_SHAPE};
    enum zl_status status =
        zl_kube_patch(member->spec.cluster, &target, ZL_KUBE_PATCH_MERGE, patch, NULL, &err);
    if (status != ZL_OK && status != ZL_E_NOT_FOUND) {
        ZL_LOG_WARN("the status of a LeaderPolicy cannot be written",
                    ZL_STR("namespace", policy->meta.namespace_),
                    ZL_STR("policy", policy->meta.name), ZL_ERR(&err));
    }
}
