/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/fleet/member_internal.h"

#include "common/base/backoff.h"
#include "common/base/log.h"

#include <string.h>

enum { DUPLICATE_MS = 180000 }; /* three beats: then another cluster of this name is gone */

int64_t zl_member_random(int64_t bound)
{
    return (int64_t)(zl_random() % (uint64_t)bound);
}

int64_t zl_member_nonce(void)
{
    return 1 + zl_member_random(ZL_FLEET_NUMBER_MAX - 1);
}

static void note_failure(struct zl_cluster_member *member, const struct zl_error *err)
{
    if (member->reached || member->problem[0] == '\0') {
        ZL_LOG_WARN("the hub is not reached", ZL_ERR(err));
    }
    member->reached = false;
    ZL_FLEET_TEXT(member->problem, err->message);
    member->retry_ms = zl_clock_boot_ms() + zl_spread_ms(ZL_FLEET_RECONNECT_LEAST_MS,
                                                         ZL_FLEET_RECONNECT_MAX_MS, zl_random());
}

static void note_success(struct zl_cluster_member *member)
{
    if (!member->reached) {
        ZL_LOG_INFO("the hub is reached");
    }
    member->reached = true;
    member->problem[0] = '\0';
    member->retry_ms = 0;
}

/* What the hub has of this cluster's Lease. One that is older than it was written says that the hub was restored. */
bool zl_member_read_own(struct zl_cluster_member *member)
{
    struct zl_error err = {0};
    struct zl_hub_lease *found = NULL;
    if (zl_hub_lease_read(member->spec.hub, member->hub_namespace, member->own_name, &found,
                          &err) != ZL_OK) {
        note_failure(member, &err);
        return false;
    }
    note_success(member);
    if (zl_fleet_hub_is_older(member->beat, member->uid, found != NULL ? &found->member : NULL)) {
        member->mark = zl_member_nonce();
        zl_informer_relist(member->turns); /* its watch waits for a version that the hub has lost */
        ZL_LOG_WARN("the hub is older than it was: it was restored from a backup");
    }
    bool ours = found != NULL && strcmp(found->member.cluster_uid, member->uid) == 0;
    if (found != NULL && !ours && member->beat > 0) { /* it was ours, and somebody has written it */
        member->duplicate_until_ms = zl_clock_boot_ms() + DUPLICATE_MS;
    }
    if (ours) {
        member->beat = found->member.beat > member->beat ? found->member.beat : member->beat;
        member->mark = member->mark != 0 ? member->mark : found->member.mark;
    }
    zl_hub_lease_free(member->own);
    member->own = found;
    member->read_own = true;
    return true;
}

static bool is_active(const struct zl_cluster_member *member)
{
    for (size_t i = 0; i < member->part_count; i++) {
        if (member->parts[i].agent.turn.state == ZL_FLEET_ACTIVE) {
            return true;
        }
    }
    return false;
}

static int64_t beat_period_ms(const struct zl_cluster_member *member)
{
    int64_t asked_ms = 0;
    for (size_t i = 0; i < member->part_count; i++) {
        const struct zl_member_part *part = &member->parts[i];
        if (part->wanted && part->beat_ms > 0 && (asked_ms == 0 || part->beat_ms < asked_ms)) {
            asked_ms = part->beat_ms;
        }
    }
    return zl_fleet_beat_ms(is_active(member), asked_ms);
}

static char *compose_own(const struct zl_cluster_member *member, int64_t period_ms)
{
    struct zl_fleet_member own = {
        .beat = member->beat + 1, .mark = member->mark, .period_ms = period_ms};
    ZL_FLEET_TEXT(own.cluster_uid, member->uid);
    ZL_FLEET_TEXT(own.labels, member->labels);
    for (size_t i = 0; i < member->part_count && i < ZL_FLEET_POOLS_MAX; i++) {
        zl_fleet_request_put(&own, &member->parts[i].agent.request);
    }
    char *text = zl_fleet_member_encode(&own);
    zl_fleet_member_clear(&own);
    return text;
}

static void write_own(struct zl_cluster_member *member)
{
    struct zl_error err = {0};
    struct zl_hub_lease *stored = NULL;
    int64_t period_ms = beat_period_ms(member);
    ZL_AUTO_FREE char *text = compose_own(member, period_ms);
    enum zl_status status =
        zl_hub_lease_put(member->spec.hub, member->hub_namespace, member->own_name, member->own,
                         text, true, &stored, &err);
    if (status == ZL_OK) {
        note_success(member);
        zl_hub_lease_free(member->own);
        member->own = stored;
        member->beat++;
        member->dirty = false;
        member->next_beat_ms = zl_clock_boot_ms() + period_ms - zl_member_random(period_ms / 10);
        return;
    }
    member->read_own = false; /* whether it was stored or not: look before it is written again */
    if (status != ZL_E_CONFLICT) {
        note_failure(member, &err);
    }
}

static void read_ledger(struct zl_cluster_member *member, struct zl_member_part *part)
{
    struct zl_error err = {0};
    struct zl_hub_lease *lease = NULL;
    ZL_AUTO_FREE char *name = zl_asprintf("%s%s", ZL_FLEET_LEDGER_PREFIX, part->agent.turn.pool);
    if (zl_hub_lease_read(member->spec.hub, member->hub_namespace, name, &lease, &err) == ZL_OK &&
        lease != NULL && !lease->broken) {
        zl_fleet_ledger_clear(&part->ledger);
        part->ledger = *lease->ledger;
        memset(lease->ledger, 0, sizeof *lease->ledger);
        part->ledger_is_known = true;
    }
    zl_hub_lease_free(lease);
}

/* What is due on the hub: its own Lease first, then what people read. */
void zl_member_keep_lease(struct zl_cluster_member *member)
{
    int64_t now_ms = zl_clock_boot_ms();
    bool due = member->dirty || now_ms >= member->next_beat_ms;
    if (now_ms < member->retry_ms || (member->read_own && !due)) {
        return;
    }
    if (!member->read_own && !zl_member_read_own(member)) {
        return;
    }
    if (member->part_count > 0 || member->dirty) {
        write_own(member);
    }
    for (size_t i = 0; i < member->part_count && member->reached; i++) {
        read_ledger(member, &member->parts[i]);
    }
}

/* A witness is heard once in each of its fleets; then it has nothing more to say. */
void zl_member_forget_mark(struct zl_cluster_member *member)
{
    bool heard = member->mark != 0 && member->part_count > 0;
    for (size_t i = 0; i < member->part_count && heard; i++) {
        heard = member->parts[i].agent.turn.witnessed == member->mark;
    }
    if (heard) {
        member->mark = 0;
    }
}

void zl_member_see_turn(struct zl_cluster_member *member, struct zl_member_part *part,
                        bool *forgotten)
{
    struct zl_informer_state state = zl_informer_state(member->turns, member->hub_namespace);
    ZL_AUTO_REF struct zl_ref *ref =
        zl_store_find(zl_informer_store(member->turns), member->hub_namespace, member->turn_name);
    const struct zl_hub_lease *lease = ref != NULL ? zl_ref_object(ref) : NULL;
    if (!state.synced || (lease != NULL && lease->broken)) {
        return;
    }
    const struct zl_fleet_turn *turn =
        lease != NULL ? zl_fleet_turn_of(&lease->turns, part->agent.turn.pool) : NULL;
    *forgotten = zl_fleet_agent_is_forgotten(&part->agent, turn, zl_clock_boot_ms());
    zl_fleet_agent_see(&part->agent, turn);
}
