/* SPDX-License-Identifier: Apache-2.0 */
#include "test/unit/fleet_world.h"

#include "common/base/memory.h"
#include "common/fleet/codec.h"
#include "common/fleet/member.h"
#include "common/fleet/next.h"

#include <stdarg.h>
#include <stdio.h>

enum {
    WALL_AHEAD_S = 600,
    CLUSTERS_MAX = 8,
    LEASES = 1 + 2 * CLUSTERS_MAX,
    STEP_MS = 500,
    DECODED = 7,
    LIMIT_MS = 60000
};

/* Of the hub: one Lease's annotation. */
struct lease {
    char *text; /* NULL: there is none */
    int64_t version;
};

struct hub {
    struct lease leases[LEASES]; /* the ledger, then turns, then members */
};

struct arbiter {
    struct hub cache; /* what its watch has shown, and its own writes */
    struct zl_fleet_clocks *clocks;
    int64_t watching_since_ms, dead_until_ms, lag_until_ms;
    int64_t decided_version, decide_ms; /* nothing to do at that version, until then */
    int64_t clock_ahead_ms;
    double rate;
    int64_t wall_ahead_s; /* of this process' wall clock */
};

struct cluster {
    char name[16], uid[16];
    struct zl_fleet_agent agent;
    int64_t beat, mark, dead_until_ms, cut_until_ms, beat_ms, wants_from_ms;
    bool alive;
    double rate;
    int64_t clock_ahead_ms;
    char *in_flight; /* a PUT on its way */
    int64_t arrives_ms, put_version, read_version;
    int64_t work_token, work_left_ms; /* it has begun, and so much is left */
    int64_t over_token;
    enum zl_fleet_outcome over;
    int turns;
    int turns_before_calm;
};

struct decoded {
    int64_t version;
    struct zl_fleet_ledger ledger;
};

struct world {
    struct decoded decoded[DECODED];
    uint64_t random;
    const struct zl_world_faults *faults;
    int count;
    int64_t now_ms, version, hub_down_until_ms, restored_at_ms;
    int64_t largest_token;
    struct hub hub, backup;
    int64_t backup_ms;
    struct arbiter arbiters[2];
    struct cluster clusters[CLUSTERS_MAX];
    struct zl_world_result result;
    bool calm;
};

static uint32_t draw(struct world *world, uint32_t below)
{
    world->random ^= world->random << 13;
    world->random ^= world->random >> 7;
    world->random ^= world->random << 17;
    return (uint32_t)(world->random >> 20) % below;
}

static bool chance(struct world *world, uint32_t one_in)
{
    return draw(world, one_in) == 0;
}

static int64_t nonce(struct world *world)
{
    return (int64_t)draw(world, UINT32_MAX) * 1000 + draw(world, 1000) + 1;
}

__attribute__((format(printf, 2, 3))) static void violate(struct world *world, const char *format,
                                                          ...)
{
    if (world->result.violation[0] == '\0') {
        va_list args;
        va_start(args, format);
        int used = snprintf(world->result.violation, sizeof world->result.violation,
                            "at %lld s: ", (long long)world->now_ms / 1000);
        (void)vsnprintf(world->result.violation + used,
                        sizeof world->result.violation - (size_t)used, format, args);
        va_end(args);
    }
}

static int turn_lease(int cluster)
{
    return 1 + cluster;
}

static int member_lease(int cluster)
{
    return 1 + CLUSTERS_MAX + cluster;
}

static void copy_hub(struct hub *to, const struct hub *from)
{
    for (int i = 0; i < LEASES; i++) {
        if (to->leases[i].version != from->leases[i].version || to->leases[i].text == NULL) {
            free(to->leases[i].text);
            to->leases[i].text = zl_strdup(from->leases[i].text);
            to->leases[i].version = from->leases[i].version;
        }
    }
}

static void clear_hub(struct hub *hub)
{
    for (int i = 0; i < LEASES; i++) {
        free(hub->leases[i].text);
    }
    memset(hub, 0, sizeof *hub);
}

/* --- the checker: of what the hub stored and who acts --- */

static void must_decode(struct world *world, enum zl_status status, const struct zl_error *err)
{
    if (status != ZL_OK) {
        violate(world, "what was written cannot be read: %s", err->message);
    }
}

/* As decoded the last time, while nothing was written: most looks find the same ledger. */
static const struct zl_fleet_ledger *see_ledger(struct world *world, const struct hub *hub)
{
    const struct lease *lease = &hub->leases[0];
    struct decoded *decoded = &world->decoded[lease->version % DECODED];
    if (decoded->version != lease->version || lease->version == 0) {
        struct zl_error err = {0};
        zl_fleet_ledger_clear(&decoded->ledger);
        must_decode(world, zl_fleet_ledger_decode(lease->text, &decoded->ledger, &err), &err);
        decoded->version = lease->version;
    }
    return &decoded->ledger;
}

static struct zl_fleet_ledger read_ledger(struct world *world, const struct hub *hub)
{
    struct zl_fleet_ledger *copy = zl_fleet_ledger_copy(see_ledger(world, hub));
    struct zl_fleet_ledger ledger = *copy;
    free(copy);
    return ledger;
}

static struct zl_fleet_turn read_turn(struct world *world, const struct hub *hub, int cluster)
{
    struct zl_fleet_turns turns;
    struct zl_error err = {0};
    must_decode(world, zl_fleet_turns_decode(hub->leases[turn_lease(cluster)].text, &turns, &err),
                &err);
    struct zl_fleet_turn turn = turns.count > 0 ? turns.items[0] : (struct zl_fleet_turn){0};
    zl_fleet_turns_clear(&turns);
    return turn;
}

static int cluster_named(const struct world *world, const char *name)
{
    for (int i = 0; i < world->count; i++) {
        if (strcmp(world->clusters[i].name, name) == 0) {
            return i;
        }
    }
    return 0;
}

static void check_added(struct world *world, const struct zl_fleet_ledger *was,
                        const struct zl_fleet_ledger *is, const struct zl_fleet_entry *entry)
{
    const struct zl_fleet_entry *old = zl_fleet_entry_of(was, entry->cluster);
    bool same = old != NULL && old->token == entry->token;
    bool held = was->pause.id != 0 || was->restored_serial != 0;
    if (same && !old->active && entry->active && held) {
        violate(world, "I1: %s became active in a pause", entry->cluster);
    }
    if (same) {
        return;
    }
    if (was->restored_serial != 0 && entry->active) { /* adopted: it must have been given before */
        if (entry->token > world->largest_token) {
            violate(world, "I3: %s adopted a token that nobody gave", entry->cluster);
        }
        return;
    }
    if (held || is->pause.id != 0) {
        violate(world, "I1: an offer to %s in a pause", entry->cluster);
    }
    if (is->active_count > (size_t)was->n) {
        violate(world, "I1: %s got a slot beyond %d", entry->cluster, (int)was->n);
    }
    if (entry->active) {
        violate(world, "%s became active without an offer", entry->cluster);
    }
    if (entry->token <= world->largest_token) {
        violate(world, "I3: token %lld of %s is not new", (long long)entry->token, entry->cluster);
    }
}

static void check_removed(struct world *world, const struct zl_fleet_ledger *was,
                          const struct zl_fleet_ledger *is, const struct zl_fleet_entry *entry)
{
    const struct zl_fleet_entry *now = zl_fleet_entry_of(is, entry->cluster);
    bool gone = now == NULL || now->token != entry->token;
    if (!gone || !entry->active || was->restored_serial != 0) {
        return;
    }
    struct zl_fleet_turn turn = read_turn(world, &world->hub, cluster_named(world, entry->cluster));
    if (turn.ended_token < entry->token) {
        violate(world, "the slot of %s was freed before its turn was ended", entry->cluster);
    }
    bool failed = turn.ended_token == entry->token &&
                  (turn.outcome == ZL_FLEET_FAILED || turn.outcome == ZL_FLEET_EXPIRED);
    bool counted = zl_fleet_has_failed(is, entry->token);
    if (failed != counted) {
        violate(world, "I5: the end of %s (%s) %s as a failure", entry->cluster,
                zl_fleet_outcome_name(turn.outcome), counted ? "counted" : "did not count");
    }
    if (counted && is->max_failures >= 0 && (int64_t)is->failed_count > is->max_failures &&
        (is->pause.id == 0 || is->pause.id == was->pause.id)) {
        violate(world, "I5: the failure of %s did not pause", entry->cluster);
    }
    world->result.expiries += turn.outcome == ZL_FLEET_EXPIRED;
}

static void check_swap(struct world *world, const struct zl_fleet_ledger *was,
                       const struct zl_fleet_ledger *is)
{
    for (size_t i = 0; i < is->active_count; i++) {
        check_added(world, was, is, &is->active[i]);
    }
    for (size_t i = 0; i < was->active_count; i++) {
        check_removed(world, was, is, &was->active[i]);
    }
    for (size_t i = 0; i < is->active_count; i++) {
        if (is->active[i].token > world->largest_token) {
            world->largest_token = is->active[i].token;
        }
        for (size_t j = 0; j < i; j++) {
            if (strcmp(is->active[i].cluster, is->active[j].cluster) == 0) {
                violate(world, "%s has two slots", is->active[i].cluster);
            }
        }
    }
    if (is->pause.id != was->pause.id && is->pause.id != 0) {
        world->result.pauses++;
    }
    world->result.late += is->counts.late > was->counts.late;
}

static int64_t member_clock(const struct world *world, const struct cluster *cluster)
{
    return cluster->clock_ahead_ms + (int64_t)((double)world->now_ms * cluster->rate);
}

static bool acts(const struct world *world, const struct cluster *cluster)
{
    return cluster->alive && zl_fleet_may_act(&cluster->agent, member_clock(world, cluster), NULL);
}

/* I2: who acts has a slot. After a restore the hub does not know yet; the hold covers that. */
static void check_acting(struct world *world)
{
    const struct zl_fleet_ledger *ledger = see_ledger(world, &world->hub);
    int acting = 0;
    bool forgets = ledger->restored_serial != 0 || world->now_ms - world->restored_at_ms < 130000;
    for (int i = 0; i < world->count; i++) {
        const struct cluster *cluster = &world->clusters[i];
        if (!acts(world, cluster)) {
            continue;
        }
        acting++;
        const struct zl_fleet_entry *entry = zl_fleet_entry_of(ledger, cluster->name);
        bool has = entry != NULL && entry->active && entry->token == cluster->agent.turn.token;
        if (!has && !forgets) {
            violate(world, "I2: %s acts with token %lld without a slot", cluster->name,
                    (long long)cluster->agent.turn.token);
        }
    }
    world->result.most_acting =
        acting > world->result.most_acting ? acting : world->result.most_acting;
}

/* --- the hub --- */

static bool hub_is_up(const struct world *world)
{
    return world->now_ms >= world->hub_down_until_ms;
}

/* A PUT with a resourceVersion. TEXT is taken. */
static bool put(struct world *world, int at, int64_t version, char *text)
{
    struct lease *lease = &world->hub.leases[at];
    if (lease->version != version) {
        free(text);
        return false;
    }
    struct zl_fleet_ledger was = {0};
    if (at == 0) {
        was = read_ledger(world, &world->hub);
    }
    bool first = lease->text == NULL;
    free(lease->text);
    lease->text = text;
    lease->version = ++world->version;
    if (at == 0) {
        struct zl_fleet_ledger is = read_ledger(world, &world->hub);
        if (!first) {
            check_swap(world, &was, &is);
        }
        zl_fleet_ledger_clear(&is);
    }
    zl_fleet_ledger_clear(&was);
    return true;
}

/* --- arbiters --- */

struct looked {
    struct zl_fleet_ledger ledger;
    struct zl_fleet_turns turns[CLUSTERS_MAX];
    struct zl_fleet_member members[CLUSTERS_MAX];
    struct zl_fleet_cluster clusters[CLUSTERS_MAX];
    struct zl_fleet_view view;
};

static void look(struct world *world, struct arbiter *arbiter, struct looked *looked)
{
    struct zl_error err = {0};
    memset(looked, 0, sizeof *looked);
    looked->view.pool = "pool";
    looked->ledger = read_ledger(world, &arbiter->cache);
    looked->view.ledger = arbiter->cache.leases[0].text != NULL ? &looked->ledger : NULL;
    for (int i = 0; i < world->count; i++) {
        must_decode(world,
                    zl_fleet_turns_decode(arbiter->cache.leases[turn_lease(i)].text,
                                          &looked->turns[i], &err),
                    &err);
        const char *member = arbiter->cache.leases[member_lease(i)].text;
        must_decode(world, zl_fleet_member_decode(member, &looked->members[i], &err), &err);
        looked->clusters[i] =
            (struct zl_fleet_cluster){.name = world->clusters[i].name,
                                      .turn = zl_fleet_turn_of(&looked->turns[i], "pool"),
                                      .member = member != NULL ? &looked->members[i] : NULL,
                                      .request = zl_fleet_request_of(&looked->members[i], "pool")};
    }
    looked->view.clusters = looked->clusters;
    looked->view.count = (size_t)world->count;
    int64_t clock = arbiter->clock_ahead_ms + (int64_t)((double)world->now_ms * arbiter->rate);
    int64_t since =
        arbiter->clock_ahead_ms + (int64_t)((double)arbiter->watching_since_ms * arbiter->rate);
    zl_fleet_clocks_look(arbiter->clocks, &looked->view, since, clock);
}

static void unlook(struct world *world, struct looked *looked)
{
    zl_fleet_ledger_clear(&looked->ledger);
    for (int i = 0; i < world->count; i++) {
        zl_fleet_turns_clear(&looked->turns[i]);
        zl_fleet_member_clear(&looked->members[i]);
    }
}

/* I4, by the view that decided: who waits longer and was passed over has a reason of its own. */
static void check_order(struct world *world, const struct looked *looked,
                        const struct zl_fleet_ledger *next)
{
    for (int i = 0; i < world->count; i++) {
        const struct zl_fleet_entry *entry = zl_fleet_entry_of(next, world->clusters[i].name);
        const struct zl_fleet_turn *mine = looked->clusters[i].turn;
        if (entry == NULL || entry->active ||
            zl_fleet_entry_of(&looked->ledger, entry->cluster) != NULL) {
            continue; /* no new offer */
        }
        for (int j = 0; j < world->count; j++) {
            const struct zl_fleet_cluster *other = &looked->clusters[j];
            bool waits = other->turn != NULL && other->turn->state == ZL_FLEET_WAITING &&
                         zl_fleet_entry_of(next, other->name) == NULL;
            if (!waits || other->turn->turns > mine->turns ||
                (other->turn->turns == mine->turns && other->turn->ticket >= mine->ticket)) {
                continue;
            }
            bool reason = other->silent_ms > 45000 || other->turn->declines > 0 ||
                          other->request->verb == ZL_FLEET_DECLINE ||
                          other->request->verb == ZL_FLEET_NOTHING ||
                          other->request->verb == ZL_FLEET_RESUME ||
                          other->request->verb == ZL_FLEET_CLAIM;
            if (!reason) {
                violate(world, "I4: %s was passed over by %s", other->name, entry->cluster);
            }
        }
    }
}

static bool write_one(struct world *world, struct arbiter *arbiter)
{
    struct looked looked;
    look(world, arbiter, &looked);
    const int64_t right_s = 1800000000 + world->now_ms / 1000;
    const struct zl_fleet_now now = {.wall_s = right_s + arbiter->wall_ahead_s,
                                     .server_s = right_s};
    struct zl_fleet_write write = zl_fleet_next(&looked.view, &now);
    int at = 0;
    char *text = NULL;
    if (write.kind == ZL_FLEET_WRITE_LEDGER) {
        check_order(world, &looked, write.ledger);
        text = zl_fleet_ledger_encode(write.ledger);
    } else if (write.kind == ZL_FLEET_WRITE_TURN) {
        int cluster = cluster_named(world, write.cluster);
        at = turn_lease(cluster);
        zl_fleet_turn_put(&looked.turns[cluster], &write.turn);
        text = zl_fleet_turns_encode(&looked.turns[cluster]);
    }
    bool wrote = false;
    if (text != NULL) {
        ZL_AUTO_FREE char *kept = zl_strdup(text);
        wrote = put(world, at, arbiter->cache.leases[at].version, text);
        if (wrote) {
            free(arbiter->cache.leases[at].text);
            arbiter->cache.leases[at].text = zl_strdup(kept);
            arbiter->cache.leases[at].version = world->hub.leases[at].version;
        } else { /* a conflict: it reads again */
            copy_hub(&arbiter->cache, &world->hub);
        }
    }
    zl_fleet_write_clear(&write);
    unlook(world, &looked);
    return wrote;
}

static void start_arbiter(struct world *world, struct arbiter *arbiter)
{
    zl_fleet_clocks_free(arbiter->clocks);
    arbiter->clocks = zl_fleet_clocks_new(0);
    arbiter->watching_since_ms = world->now_ms;
    arbiter->decided_version = 0;
    arbiter->wall_ahead_s =
        world->faults->forgetting ? (int64_t)draw(world, 2 * WALL_AHEAD_S) - WALL_AHEAD_S : 0;
    clear_hub(&arbiter->cache);
}

static int64_t newest(const struct hub *hub)
{
    int64_t version = 0;
    for (int i = 0; i < LEASES; i++) {
        version = hub->leases[i].version > version ? hub->leases[i].version : version;
    }
    return version;
}

static void step_arbiter(struct world *world, struct arbiter *arbiter, bool stale)
{
    if (world->now_ms < arbiter->dead_until_ms) {
        return;
    }
    if (!hub_is_up(world)) {
        arbiter->watching_since_ms = world->now_ms;
        return;
    }
    if (!stale || world->now_ms >= arbiter->lag_until_ms) {
        copy_hub(&arbiter->cache, &world->hub);
        if (stale) {
            arbiter->lag_until_ms = world->now_ms + (int64_t)draw(world, 120000);
        }
    }
    int64_t version = newest(&arbiter->cache);
    if (version == arbiter->decided_version && world->now_ms < arbiter->decide_ms) {
        return;
    }
    for (int i = 0; i < 4; i++) {
        if (!write_one(world, arbiter)) {
            arbiter->decided_version = newest(&arbiter->cache);
            arbiter->decide_ms = world->now_ms + 2000;
            return;
        }
        if (world->faults->crashes && !world->calm && chance(world, 60)) {
            arbiter->dead_until_ms = world->now_ms + 1000 + (int64_t)draw(world, 30000);
            start_arbiter(world, arbiter);
            arbiter->watching_since_ms = arbiter->dead_until_ms;
            return;
        }
    }
}

/* --- members --- */

static void start_member(struct world *world, struct cluster *cluster)
{
    struct zl_fleet_member own;
    struct zl_error err = {0};
    int at = member_lease((int)(cluster - world->clusters));
    must_decode(world, zl_fleet_member_decode(world->hub.leases[at].text, &own, &err), &err);
    zl_fleet_agent_begin(&cluster->agent, "pool", zl_fleet_request_of(&own, "pool"));
    cluster->beat = own.beat;
    cluster->mark = own.mark;
    cluster->read_version = world->hub.leases[at].version;
    cluster->agent.request.spec = (struct zl_fleet_spec){.n = 1, .limit_ms = LIMIT_MS};
    cluster->alive = true;
    cluster->beat_ms = 0;
    zl_fleet_member_clear(&own);
}

static void send_request(struct world *world, struct cluster *cluster)
{
    struct zl_fleet_member own = {.beat = ++cluster->beat, .mark = cluster->mark};
    bool active = cluster->agent.turn.state == ZL_FLEET_ACTIVE;
    own.period_ms = active ? 15000 : 60000;
    ZL_FLEET_TEXT(own.cluster_uid, cluster->uid);
    zl_fleet_request_put(&own, &cluster->agent.request);
    free(cluster->in_flight);
    cluster->in_flight = zl_fleet_member_encode(&own);
    cluster->put_version = cluster->read_version;
    cluster->arrives_ms = world->now_ms + (int64_t)draw(world, 3000);
    cluster->beat_ms = world->now_ms + (active ? 14000 : 50000);
    zl_fleet_member_clear(&own);
}

static void land(struct world *world, struct cluster *cluster)
{
    int at = member_lease((int)(cluster - world->clusters));
    if (cluster->in_flight == NULL || world->now_ms < cluster->arrives_ms) {
        return;
    }
    bool stored =
        hub_is_up(world) && put(world, at, cluster->put_version, ZL_STEAL(&cluster->in_flight));
    free(ZL_STEAL(&cluster->in_flight));
    if (stored) {
        cluster->read_version = world->hub.leases[at].version;
    } else {
        cluster->beat_ms = 0; /* it asks again */
    }
}

/* The Job of this cluster: it works while it may, and ends. */
static void step_work(struct world *world, struct cluster *cluster, bool may)
{
    int64_t token = cluster->agent.turn.token;
    if (may && cluster->work_token != token) {
        cluster->work_token = token;
        bool hangs = world->faults->failures && !world->calm && chance(world, 12);
        cluster->work_left_ms = hangs ? 10 * LIMIT_MS : 2000 + (int64_t)draw(world, 30000);
        cluster->turns++;
        world->result.turns++;
    }
    if (may && cluster->work_left_ms > 0) {
        cluster->work_left_ms -= STEP_MS;
        if (cluster->work_left_ms <= 0) {
            bool fails = world->faults->failures && !world->calm && chance(world, 15);
            cluster->over = fails ? ZL_FLEET_FAILED : ZL_FLEET_DONE;
            cluster->over_token = token;
            cluster->wants_from_ms = world->now_ms + (int64_t)draw(world, 20000);
        }
    }
}

static void read_own(struct world *world, struct cluster *cluster)
{
    struct zl_fleet_member own;
    struct zl_error err = {0};
    const struct lease *lease = &world->hub.leases[member_lease((int)(cluster - world->clusters))];
    must_decode(world, zl_fleet_member_decode(lease->text, &own, &err), &err);
    if (cluster->in_flight == NULL && lease->version != cluster->read_version) {
        if (zl_fleet_hub_is_older(cluster->beat, cluster->uid, lease->text != NULL ? &own : NULL)) {
            cluster->mark = nonce(world);
            cluster->beat_ms = 0;
        }
        cluster->read_version = lease->version;
    }
    zl_fleet_member_clear(&own);
}

static void step_member(struct world *world, int at)
{
    struct cluster *cluster = &world->clusters[at];
    land(world, cluster);
    if (world->now_ms < cluster->dead_until_ms) {
        return;
    }
    bool reaches = hub_is_up(world) && world->now_ms >= cluster->cut_until_ms;
    if (!cluster->alive) {
        if (reaches) {
            start_member(world, cluster);
        }
        return;
    }
    int64_t clock = member_clock(world, cluster);
    bool forgotten = false;
    if (reaches) {
        read_own(world, cluster);
        struct zl_fleet_turn turn = read_turn(world, &world->hub, at);
        bool told = turn.pool[0] != '\0';
        forgotten = zl_fleet_agent_is_forgotten(&cluster->agent, told ? &turn : NULL, clock);
        zl_fleet_agent_see(&cluster->agent, told ? &turn : NULL);
    }
    step_work(world, cluster, zl_fleet_may_act(&cluster->agent, clock, NULL));
    struct zl_fleet_intent intent = {.wants = world->now_ms >= cluster->wants_from_ms,
                                     .is_ready = !world->faults->failures || world->calm ||
                                                 world->now_ms / 40000 % 5 != at % 5,
                                     .outcome = cluster->over,
                                     .outcome_token = cluster->over_token};
    bool unreported = cluster->over_token > cluster->agent.request.report.token;
    intent.wants = intent.wants || (unreported && cluster->over_token > 0);
    bool changed = zl_fleet_member_next(&cluster->agent, &intent, forgotten, nonce(world), clock);
    world->result.declined += changed && cluster->agent.request.verb == ZL_FLEET_DECLINE;
    if (reaches && cluster->in_flight == NULL && (changed || world->now_ms >= cluster->beat_ms)) {
        send_request(world, cluster);
    } else if (changed) {
        cluster->beat_ms = 0;
    }
}

/* --- faults --- */

static void set_n(struct world *world, int64_t n)
{
    if (world->hub.leases[0].text == NULL) {
        return;
    }
    struct zl_fleet_ledger ledger = read_ledger(world, &world->hub);
    ledger.set = true;
    ledger.n = n;
    (void)put(world, 0, world->hub.leases[0].version, zl_fleet_ledger_encode(&ledger));
    zl_fleet_ledger_clear(&ledger);
}

static void resume_pause(struct world *world)
{
    struct zl_fleet_ledger ledger = read_ledger(world, &world->hub);
    if (ledger.pause.id != 0 && zl_fleet_resume(&ledger, ledger.pause.id)) {
        (void)put(world, 0, world->hub.leases[0].version, zl_fleet_ledger_encode(&ledger));
    }
    zl_fleet_ledger_clear(&ledger);
}

/* A member whose process lives; -1: there is none. */
static int living(struct world *world)
{
    const int first = (int)draw(world, (uint32_t)world->count);
    for (int i = 0; i < world->count; i++) {
        if (world->clusters[(first + i) % world->count].alive) {
            return (first + i) % world->count;
        }
    }
    return -1;
}

/* As etcd does it: versions go on, what they are of does not. A backup is older than a heartbeat. */
static void restore(struct world *world)
{
    const int witness = living(world);
    if (world->backup_ms == 0 || world->now_ms - world->backup_ms < 70000 || witness < 0) {
        return;
    }
    clear_hub(&world->hub);
    copy_hub(&world->hub, &world->backup);
    for (int i = 0; i < LEASES; i++) {
        if (world->hub.leases[i].version != 0) {
            world->hub.leases[i].version = ++world->version;
        }
    }
    world->restored_at_ms = world->now_ms;
    world->result.restores++;
    for (int i = 0; i < 2; i++) { /* their watches break with it */
        copy_hub(&world->arbiters[i].cache, &world->hub);
        world->arbiters[i].watching_since_ms = world->now_ms;
        if (world->faults->forgetting) {
            start_arbiter(world, &world->arbiters[i]);
        }
    }
    const int unheard = world->faults->forgetting ? (int)draw(world, 2 * CLUSTERS_MAX) : -1;
    for (int i = 0; i < world->count; i++) {
        struct cluster *cluster = &world->clusters[i];
        free(ZL_STEAL(&cluster->in_flight));
        cluster->cut_until_ms = world->now_ms + 1000 + (int64_t)draw(world, 60000);
        if (i == witness) {
            continue;
        }
        if (i == unheard) {
            cluster->cut_until_ms += (int64_t)draw(world, 600000);
        }
        if (world->faults->forgetting && chance(world, 2)) { /* what it saw dies with it */
            cluster->alive = false;
            cluster->dead_until_ms = world->now_ms + (int64_t)draw(world, 90000);
        }
    }
}

static void step_faults(struct world *world)
{
    const struct zl_world_faults *faults = world->faults;
    if (chance(world, 120)) {
        resume_pause(world);
    }
    if (world->calm) {
        return;
    }
    for (int i = 0; i < world->count; i++) {
        struct cluster *cluster = &world->clusters[i];
        if (faults->restarts && chance(world, 400)) {
            cluster->alive = false;
            cluster->dead_until_ms = world->now_ms + (int64_t)draw(world, 90000);
        }
        if (faults->partitions && chance(world, 600)) {
            cluster->cut_until_ms = world->now_ms + (int64_t)draw(world, 180000);
        }
    }
    if (faults->outages && chance(world, 2000)) {
        world->hub_down_until_ms = world->now_ms + (int64_t)draw(world, 180000);
    }
    if (faults->n_changes && chance(world, 300)) {
        set_n(world, 1 + draw(world, 4));
    }
    if (faults->restores && chance(world, 400)) {
        restore(world);
    }
    if (faults->restores && world->now_ms - world->restored_at_ms > 200000 && chance(world, 60)) {
        clear_hub(&world->backup);
        copy_hub(&world->backup, &world->hub);
        world->backup_ms = world->now_ms;
    }
}

/* --- the run --- */

static void open_world(struct world *world, int n)
{
    for (int i = 0; i < world->count; i++) {
        struct cluster *cluster = &world->clusters[i];
        (void)snprintf(cluster->name, sizeof cluster->name, "c%d", i);
        (void)snprintf(cluster->uid, sizeof cluster->uid, "uid-%d", i);
        cluster->rate = 0.996 + (double)draw(world, 9) / 1000;
        cluster->clock_ahead_ms = (int64_t)draw(world, 100000000);
        cluster->wants_from_ms = (int64_t)draw(world, 10000);
        start_member(world, cluster);
    }
    for (int i = 0; i < 2; i++) {
        world->arbiters[i].rate = 0.997 + (double)draw(world, 7) / 1000;
        world->arbiters[i].clock_ahead_ms = (int64_t)draw(world, 100000000);
        start_arbiter(world, &world->arbiters[i]);
    }
    world->restored_at_ms = -1000000;
    (void)n;
}

static void step(struct world *world)
{
    world->now_ms += STEP_MS;
    step_faults(world);
    for (int i = 0; i < world->count; i++) {
        step_member(world, i);
        check_acting(world);
    }
    step_arbiter(world, &world->arbiters[0], false);
    check_acting(world);
    step_arbiter(world, &world->arbiters[1], world->faults->stale && !world->calm);
    check_acting(world);
}

static void calm_down(struct world *world)
{
    world->calm = true;
    world->hub_down_until_ms = 0;
    for (int i = 0; i < world->count; i++) {
        world->clusters[i].cut_until_ms = 0;
        world->clusters[i].turns_before_calm = world->clusters[i].turns;
    }
}

static bool all_served(const struct world *world)
{
    for (int i = 0; i < world->count; i++) {
        if (world->clusters[i].turns == world->clusters[i].turns_before_calm) {
            return false;
        }
    }
    return true;
}

static void close_world(struct world *world)
{
    world->result.least_turns = world->clusters[0].turns;
    for (int i = 0; i < world->count; i++) {
        free(world->clusters[i].in_flight);
        if (world->clusters[i].turns < world->result.least_turns) {
            world->result.least_turns = world->clusters[i].turns;
        }
    }
    for (int i = 0; i < 2; i++) {
        zl_fleet_clocks_free(world->arbiters[i].clocks);
        clear_hub(&world->arbiters[i].cache);
    }
    clear_hub(&world->hub);
    clear_hub(&world->backup);
    for (int i = 0; i < DECODED; i++) {
        zl_fleet_ledger_clear(&world->decoded[i].ledger);
    }
}

struct zl_world_result zl_world_run(uint64_t seed, int clusters, int n, int minutes,
                                    const struct zl_world_faults *faults)
{
    struct world *world = zl_alloc(sizeof *world);
    world->random = seed * UINT64_C(2654435761) + 88172645463325252u;
    world->faults = faults;
    world->count = clusters;
    open_world(world, n);
    bool n_is_set = false;
    for (int64_t end_ms = (int64_t)minutes * 60000;
         world->now_ms < end_ms && world->result.violation[0] == '\0';) {
        step(world);
        if (!n_is_set && world->hub.leases[0].text != NULL) {
            set_n(world, n);
            n_is_set = true;
        }
    }
    calm_down(world);
    int64_t calm_ms = world->now_ms;
    while (!all_served(world) && world->now_ms - calm_ms < 3600000 &&
           world->result.violation[0] == '\0') {
        step(world);
    }
    world->result.served_ms = all_served(world) ? world->now_ms - calm_ms : -1;
    close_world(world);
    struct zl_world_result result = world->result;
    free(world);
    return result;
}
