/* SPDX-License-Identifier: Apache-2.0 */
#include "client/dashboard/follow.h"

#include "client/dashboard/health.h"
#include "client/dashboard/kinds.h"
#include "client/dashboard/rows.h"
#include "client/dashboard/timeline.h"
#include "common/base/clock.h"
#include "common/base/monitor.h"
#include "common/fleet/hub_store.h"

struct slot {
    struct zl_follow *follow;
    enum zl_followed kind;
    struct zl_informer *informer; /* NULL: it is not followed */
    bool live; /* its first list is over: what comes now happens now. Guarded as the board */
};

struct zl_follow {
    struct zl_follow_spec spec;
    struct zl_informer_thread *thread; /* of all but the hub's */
    struct slot slots[ZL_FOLLOWED_COUNT];
    struct zl_health *health;
    struct zl_monitor monitor; /* guards the rest */
    struct zl_board *board;
    struct zl_timeline *timeline;
};

/* --- rows: with the lock held, so that who looked later writes later --- */

static struct zl_ref *find(struct zl_follow *follow, enum zl_followed kind, const char *namespace_,
                           const char *name)
{
    return zl_store_find(zl_informer_store(follow->slots[kind].informer), namespace_, name);
}

static const void *object_of(const struct zl_ref *ref)
{
    return ref != NULL ? zl_ref_object(ref) : NULL;
}

static bool put_or_drop(struct zl_follow *follow, const char *sort, const char *namespace_,
                        const char *name, struct cJSON *row)
{
    ZL_AUTO_FREE char *key = zl_asprintf("%s %s/%s", sort, namespace_, name);
    return row != NULL ? zl_board_put(follow->board, key, row) : zl_board_drop(follow->board, key);
}

static bool show_pool(struct zl_follow *follow, const char *namespace_, const char *pool)
{
    ZL_AUTO_FREE char *lease_name = zl_lease_name(pool);
    ZL_AUTO_REF struct zl_ref *policy = find(follow, ZL_FOLLOWED_POLICIES, namespace_, pool);
    ZL_AUTO_REF struct zl_ref *lease = find(follow, ZL_FOLLOWED_LEASES, namespace_, lease_name);
    return put_or_drop(follow, "pool", namespace_, pool,
                       policy != NULL ? zl_row_of_pool(zl_ref_object(policy), object_of(lease))
                                      : NULL);
}

static bool show_service(struct zl_follow *follow, const char *namespace_, const char *name)
{
    ZL_AUTO_REF struct zl_ref *ref = find(follow, ZL_FOLLOWED_SERVICES, namespace_, name);
    const struct zl_service *service = object_of(ref);
    if (service == NULL || !service->opted_in || service->ours) {
        return put_or_drop(follow, "service", namespace_, name, NULL);
    }
    ZL_AUTO_FREE char *wanted = zl_service_leader_name(service);
    ZL_AUTO_REF struct zl_ref *led = find(follow, ZL_FOLLOWED_SERVICES, namespace_, wanted);
    return put_or_drop(follow, "service", namespace_, name,
                       zl_row_of_service(service, object_of(led)));
}

static bool on_policy(struct zl_follow *follow, const void *old_object, const void *new_object)
{
    const struct zl_policy *policy = new_object != NULL ? new_object : old_object;
    return show_pool(follow, policy->meta.namespace_, policy->meta.name);
}

static bool on_lease(struct zl_follow *follow, const void *old_object, const void *new_object)
{
    const struct zl_lease *lease = new_object != NULL ? new_object : old_object;
    bool changed = show_pool(follow, lease->namespace_, lease->pool);
    if (follow->slots[ZL_FOLLOWED_LEASES].live) {
        changed |=
            zl_timeline_note_lease(follow->timeline, old_object, new_object, zl_clock_wall_us());
    }
    return changed;
}

static bool on_service(struct zl_follow *follow, const void *old_object, const void *new_object)
{
    const struct zl_service *service = new_object != NULL ? new_object : old_object;
    bool changed = show_service(follow, service->meta.namespace_, service->meta.name);
    if (service->ours && service->source != NULL) {
        changed |= show_service(follow, service->meta.namespace_, service->source);
    }
    return changed;
}

/* An Event that the server forgets stays on the page. */
static bool on_news(struct zl_follow *follow, const void *old_object, const void *new_object)
{
    (void)old_object;
    return new_object != NULL && zl_timeline_note_news(follow->timeline, new_object);
}

static bool on_membership(struct zl_follow *follow, const void *old_object, const void *new_object)
{
    const struct zl_membership *membership = new_object != NULL ? new_object : old_object;
    return put_or_drop(follow, "membership", membership->meta.namespace_, membership->meta.name,
                       new_object != NULL ? zl_json_copy(membership->row) : NULL);
}

/* --- the hub --- */

/* The turns in POOL of all clusters. */
static size_t turns_of(const struct zl_refs *leases, const char *pool, struct zl_cluster_turn *out)
{
    size_t count = 0;
    for (size_t i = 0; i < leases->count; i++) {
        const struct zl_hub_lease *lease = zl_ref_object(leases->items[i]);
        const struct zl_fleet_turn *turn =
            lease->kind == ZL_HUB_TURN ? zl_fleet_turn_of(&lease->turns, pool) : NULL;
        if (turn != NULL) {
            out[count++] = (struct zl_cluster_turn){lease->of, turn};
        }
    }
    return count;
}

static bool show_fleet(struct zl_follow *follow, const struct zl_refs *leases,
                       const struct zl_hub_lease *ledger)
{
    ZL_AUTO_FREE struct zl_cluster_turn *turns = zl_alloc((leases->count + 1) * sizeof *turns);
    ZL_AUTO_FREE char *key = zl_asprintf("fleet %s", ledger->of);
    const size_t count = turns_of(leases, ledger->of, turns);
    return zl_board_put(follow->board, key,
                        zl_row_of_fleet(ledger->of, ledger->ledger, turns, count));
}

/* A cluster's Lease tells of several fleets, and there are few. */
static bool on_hub(struct zl_follow *follow, const void *old_object, const void *new_object)
{
    const struct zl_hub_lease *lease = new_object != NULL ? new_object : old_object;
    ZL_AUTO_REFS struct zl_refs leases = {0};
    bool changed = false;
    if (lease->kind == ZL_HUB_MEMBER) {
        return false;
    }
    if (lease->kind == ZL_HUB_LEDGER && new_object == NULL) {
        ZL_AUTO_FREE char *key = zl_asprintf("fleet %s", lease->of);
        return zl_board_drop(follow->board, key);
    }
    zl_store_list(zl_informer_store(follow->slots[ZL_FOLLOWED_HUB].informer), NULL, &leases);
    for (size_t i = 0; i < leases.count; i++) {
        const struct zl_hub_lease *ledger = zl_ref_object(leases.items[i]);
        if (ledger->kind == ZL_HUB_LEDGER &&
            (lease->kind == ZL_HUB_TURN || zl_same_string(lease->name, ledger->name))) {
            changed |= show_fleet(follow, &leases, ledger);
        }
    }
    return changed;
}

/* --- informers --- */

static void on_change(void *ctx, const void *old_object, const void *new_object)
{
    static bool (*const rows[ZL_FOLLOWED_COUNT])(struct zl_follow * follow, const void *old_object,
                                                 const void *new_object) = {
        [ZL_FOLLOWED_POLICIES] = on_policy,  [ZL_FOLLOWED_LEASES] = on_lease,
        [ZL_FOLLOWED_SERVICES] = on_service, [ZL_FOLLOWED_EVENTS] = on_news,
        [ZL_FOLLOWED_REFUSALS] = on_news,    [ZL_FOLLOWED_MEMBERSHIPS] = on_membership,
        [ZL_FOLLOWED_HUB] = on_hub,
    };
    const struct slot *slot = ctx;
    struct zl_follow *follow = slot->follow;
    zl_monitor_lock(&follow->monitor);
    const bool changed = rows[slot->kind](follow, old_object, new_object);
    zl_monitor_unlock(&follow->monitor);
    if (changed) {
        follow->spec.changed(follow->spec.ctx);
    }
}

static void on_synced(void *ctx)
{
    struct slot *slot = ctx;
    zl_monitor_lock(&slot->follow->monitor);
    slot->live = true;
    zl_monitor_unlock(&slot->follow->monitor);
}

static void on_health(void *ctx, struct cJSON *row)
{
    struct zl_follow *follow = ctx;
    zl_monitor_lock(&follow->monitor);
    const bool changed = zl_board_put(follow->board, "health", row);
    zl_monitor_unlock(&follow->monitor);
    if (changed) {
        follow->spec.changed(follow->spec.ctx);
    }
}

/* So soon is a failed request tried again: somebody looks. */
#define RECONNECT_SPREAD_MS 1000

static void make_informer(struct zl_follow *follow, enum zl_followed kind)
{
    const struct zl_followed_kind *followed = &ZL_FOLLOWED[kind];
    const bool hub = kind == ZL_FOLLOWED_HUB;
    struct slot *slot = &follow->slots[kind];
    const struct zl_informer_spec spec = {
        .resource = followed->resource,
        .thread = hub ? NULL : follow->thread,
        .reconnect_spread_ms = RECONNECT_SPREAD_MS,
        .namespace_ = hub ? follow->spec.fleet_namespace : follow->spec.namespace_,
        .label_selector = followed->label_selector,
        .field_selector = followed->field_selector,
        .shape = followed->shape,
        .decode = followed->decode,
        .free_object = followed->free_object,
        .on_change = on_change,
        .on_synced = on_synced,
        .ctx = slot,
    };
    *slot = (struct slot){.follow = follow, .kind = kind};
    if (!hub || follow->spec.hub != NULL) {
        slot->informer = zl_informer_new(hub ? follow->spec.hub : follow->spec.client, &spec);
    }
}

struct zl_follow *zl_follow_start(const struct zl_follow_spec *spec)
{
    struct zl_follow *follow = zl_alloc(sizeof *follow);
    struct zl_informer *informers[ZL_FOLLOWED_COUNT];
    follow->spec = *spec;
    follow->board = zl_board_new();
    follow->timeline = zl_timeline_new(follow->board);
    follow->thread = zl_informer_thread_new("informers");
    zl_monitor_init(&follow->monitor);
    for (int i = 0; i < ZL_FOLLOWED_COUNT; i++) {
        make_informer(follow, (enum zl_followed)i);
        informers[i] = follow->slots[i].informer;
    }
    for (int i = 0; i < ZL_FOLLOWED_COUNT; i++) { /* each may look into the others' stores */
        if (informers[i] != NULL) {
            zl_informer_start(informers[i]);
        }
    }
    const struct zl_health_spec health = {.client = spec->client,
                                          .namespace_ = spec->namespace_,
                                          .hub = spec->hub,
                                          .fleet_namespace = spec->fleet_namespace,
                                          .told = on_health,
                                          .ctx = follow};
    follow->health = zl_health_start(&health, informers);
    return follow;
}

void zl_follow_stop(struct zl_follow *follow)
{
    if (follow == NULL) {
        return;
    }
    zl_health_stop(follow->health);
    for (int i = 0; i < ZL_FOLLOWED_COUNT; i++) {
        if (follow->slots[i].informer != NULL) {
            zl_informer_stop(follow->slots[i].informer);
        }
    }
    for (int i = 0; i < ZL_FOLLOWED_COUNT; i++) {
        if (follow->slots[i].informer != NULL) {
            zl_informer_free(follow->slots[i].informer);
        }
    }
    zl_informer_thread_free(follow->thread);
    zl_timeline_free(follow->timeline);
    zl_board_free(follow->board);
    zl_monitor_clear(&follow->monitor);
    free(follow);
}

char *zl_follow_tell(struct zl_follow *follow, int64_t *seen, int64_t now_ms)
{
    zl_monitor_lock(&follow->monitor);
    char *text = zl_board_tell(follow->board, seen, now_ms);
    zl_monitor_unlock(&follow->monitor);
    return text;
}

int64_t zl_follow_last(struct zl_follow *follow)
{
    zl_monitor_lock(&follow->monitor);
    const int64_t last = zl_board_last(follow->board);
    zl_monitor_unlock(&follow->monitor);
    return last;
}
