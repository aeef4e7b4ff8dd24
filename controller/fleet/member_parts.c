/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/fleet/member_internal.h"

#include <string.h>

/* Another cluster of this name does not speak for us. */
static bool own_is_ours(const struct zl_cluster_member *member)
{
    return member->own != NULL && strcmp(member->own->member.cluster_uid, member->uid) == 0;
}

struct zl_member_part *zl_member_part_of(struct zl_cluster_member *member, const char *pool)
{
    for (size_t i = 0; i < member->part_count; i++) {
        if (strcmp(member->parts[i].agent.turn.pool, pool) == 0) {
            return &member->parts[i];
        }
    }
    member->parts = zl_realloc(member->parts, member->part_count + 1, sizeof *member->parts);
    struct zl_member_part *part = &member->parts[member->part_count++];
    memset(part, 0, sizeof *part);
    zl_fleet_agent_begin(&part->agent, pool,
                         own_is_ours(member) ? zl_fleet_request_of(&member->own->member, pool)
                                             : NULL);
    member->dirty = true;
    return part;
}

/* Of several LeaderPolicies of one fleet the first counts. One that has gone leaves its part until that is settled. */
void zl_member_find_parts(struct zl_cluster_member *member, const struct zl_refs *policies)
{
    for (size_t i = 0; i < member->part_count; i++) {
        member->parts[i].wanted = false;
    }
    for (size_t i = 0; i < policies->count; i++) {
        const struct zl_fleet_policy *policy = zl_ref_object(policies->items[i]);
        struct zl_member_part *part = zl_member_part_of(member, policy->pool);
        if (!part->wanted) {
            part->wanted = true;
            part->agent.request.spec = policy->spec;
            part->beat_ms = policy->heartbeat_ms;
        }
    }
    if (!own_is_ours(member)) {
        return;
    }
    for (size_t i = 0; i < member->own->member.count; i++) {
        (void)zl_member_part_of(member, member->own->member.items[i].pool);
    }
}

void zl_member_drop_settled(struct zl_cluster_member *member)
{
    size_t kept = 0;
    for (size_t i = 0; i < member->part_count; i++) {
        struct zl_member_part part = member->parts[i];
        bool settled = !part.wanted && part.agent.turn.state == ZL_FLEET_IDLE &&
                       zl_fleet_is_answered(&part.agent.request.report, &part.agent.turn) &&
                       part.agent.request.verb == ZL_FLEET_NOTHING;
        if (settled) {
            zl_fleet_ledger_clear(&part.ledger);
            member->dirty = true;
            continue;
        }
        member->parts[kept++] = part;
    }
    member->part_count = kept;
}
