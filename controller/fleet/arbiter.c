/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/fleet/arbiter.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/monitor.h"
#include "common/fleet/hub_store.h"
#include "common/fleet/next.h"
#include "common/kube/elector.h"
#include "common/kube/informer.h"
#include "common/kube/informer_health.h"
#include "controller/fleet/arbiter_metrics.h"
#include "controller/fleet/snapshot.h"

#include <string.h>

enum {
    LOOK_MS = 500,     /* time alone changes what must be done */
    LOST_MS = 250,     /* after a lost race, until the watch has shown what won */
    FAILED_MS = 2000,  /* after a write that failed otherwise */
    BREAK_MS = 2000,   /* a watch that is away for longer was broken */
    MEASURE_MS = 1000, /* metrics are no newer than that */
    ROUND_MS = 200,    /* how old a view may grow while its own writes are made */
    WRITES_MAX = 4096, /* in one look: then others get their turn */
};

/* What is remembered of one pool. */
struct pool {
    char name[ZL_FLEET_NAME_MAX];
    struct zl_fleet_clocks *clocks;
    bool broken_said;
    bool seen; /* in this look */
};

struct zl_arbiter {
    struct zl_kube_client *hub;
    char *namespace_, *identity;
    struct zl_informer *informer;
    struct zl_elector *elector;
    pthread_t thread;
    /* The thread's own. */
    struct zl_snapshot *snapshot;
    int64_t snapshot_ms, measured_ms; /* when it was taken, and shown as metrics */
    struct pool *pools;
    size_t pool_count;
    int64_t watching_since_ms; /* boot clock; 0: it is not watching */
    int64_t looked_in_ms;      /* in which watch, by when it began, pools were last looked for */
    int64_t marks;             /* of all members that found the hub older */
    struct zl_monitor monitor; /* guards the rest */
    bool stopping, changed, lost;
};

static void take_snapshot(struct zl_arbiter *arbiter)
{
    ZL_AUTO_REFS struct zl_refs leases = {0};
    uint64_t position = zl_informer_state(arbiter->informer, arbiter->namespace_).position;
    zl_store_list(zl_informer_store(arbiter->informer), arbiter->namespace_, &leases);
    zl_snapshot_take(arbiter->snapshot, &leases, position);
    arbiter->snapshot_ms = zl_clock_ms();
}

/* --- pools --- */

static struct pool *pool_named(struct zl_arbiter *arbiter, const char *name)
{
    for (size_t i = 0; i < arbiter->pool_count; i++) {
        if (strcmp(arbiter->pools[i].name, name) == 0) {
            return &arbiter->pools[i];
        }
    }
    arbiter->pools = zl_realloc(arbiter->pools, arbiter->pool_count + 1, sizeof *arbiter->pools);
    struct pool *pool = &arbiter->pools[arbiter->pool_count++];
    memset(pool, 0, sizeof *pool);
    ZL_FLEET_TEXT(pool->name, name);
    const bool appears = arbiter->looked_in_ms == arbiter->watching_since_ms;
    pool->clocks = zl_fleet_clocks_new(appears ? arbiter->watching_since_ms : 0);
    return pool;
}

/* Those that have a ledger, or that a member names. */
static void find_pools(struct zl_arbiter *arbiter)
{
    for (size_t i = 0; i < zl_snapshot_count(arbiter->snapshot); i++) {
        const struct zl_hub_lease *lease = zl_snapshot_at(arbiter->snapshot, i);
        if (lease->kind == ZL_HUB_LEDGER) {
            pool_named(arbiter, lease->of)->seen = true;
        }
        for (size_t j = 0; lease->kind == ZL_HUB_MEMBER && j < lease->member.count; j++) {
            pool_named(arbiter, lease->member.items[j].pool)->seen = true;
        }
    }
    size_t kept = 0;
    for (size_t i = 0; i < arbiter->pool_count; i++) {
        struct pool pool = arbiter->pools[i];
        if (!pool.seen) {
            zl_fleet_clocks_free(pool.clocks);
            continue;
        }
        pool.seen = false;
        arbiter->pools[kept++] = pool;
    }
    arbiter->pool_count = kept;
    arbiter->looked_in_ms = arbiter->watching_since_ms;
}

/* --- one write --- */

static enum zl_status put(struct zl_arbiter *arbiter, enum zl_hub_lease_kind kind, const char *of,
                          const char *text, struct zl_error *err)
{
    struct zl_hub_lease *stored = NULL;
    const char *prefix = kind == ZL_HUB_TURN ? ZL_FLEET_TURN_PREFIX : ZL_FLEET_LEDGER_PREFIX;
    ZL_AUTO_FREE char *name = zl_asprintf("%s%s", prefix, of);
    enum zl_status status =
        zl_hub_lease_put(arbiter->hub, arbiter->namespace_, name,
                         zl_snapshot_find(arbiter->snapshot, kind, of), text, false, &stored, err);
    if (stored != NULL) {
        zl_snapshot_note(arbiter->snapshot, stored);
    }
    return status;
}

static enum zl_status put_turn(struct zl_arbiter *arbiter, const struct zl_fleet_write *write,
                               struct zl_error *err)
{
    struct zl_fleet_turns turns = {0};
    const struct zl_hub_lease *was =
        zl_snapshot_find(arbiter->snapshot, ZL_HUB_TURN, write->cluster);
    for (size_t i = 0; was != NULL && i < was->turns.count; i++) {
        zl_fleet_turn_put(&turns, &was->turns.items[i]);
    }
    zl_fleet_turn_put(&turns, &write->turn);
    ZL_AUTO_FREE char *text = zl_fleet_turns_encode(&turns);
    zl_fleet_turns_clear(&turns);
    return put(arbiter, ZL_HUB_TURN, write->cluster, text, err);
}

static enum zl_status carry_out(struct zl_arbiter *arbiter, const char *pool,
                                const struct zl_fleet_write *write, struct zl_error *err)
{
    if (write->kind == ZL_FLEET_WRITE_TURN) {
        return put_turn(arbiter, write, err);
    }
    ZL_AUTO_FREE char *text = zl_fleet_ledger_encode(write->ledger);
    return put(arbiter, ZL_HUB_LEDGER, pool, text, err);
}

/* Decide on VIEW, and write. What VIEW borrows is replaced by the write: what is told of it afterwards is copied. */
static enum zl_status decide(struct zl_arbiter *arbiter, const struct zl_fleet_view *view,
                             struct zl_error *err)
{
    char cluster[ZL_FLEET_NAME_MAX];
    enum zl_status status = ZL_E_NOT_FOUND;
    const struct zl_fleet_now now = {.wall_s = zl_clock_wall_us() / 1000000,
                                     .server_s = zl_kube_server_time_s(arbiter->hub)};
    struct zl_fleet_write write = zl_fleet_next(view, &now);
    ZL_FLEET_TEXT(cluster, write.cluster);
    if (write.kind != ZL_FLEET_NO_WRITE) {
        status = carry_out(arbiter, view->pool, &write, err);
        if (status == ZL_OK) {
            zl_arbiter_count_turn(write.ended);
        }
        ZL_LOG_INFO("fleet", ZL_STR("pool", view->pool), ZL_STR("rule", write.rule),
                    ZL_STR("cluster", cluster), ZL_STR("result", zl_status_name(status)));
    }
    zl_fleet_write_clear(&write);
    return status;
}

static void say_broken(struct pool *pool, const struct zl_hub_lease *ledger)
{
    if (ledger->broken && !pool->broken_said) {
        ZL_LOG_ERROR("a ledger cannot be read: correct or delete it; until then nobody gets a turn",
                     ZL_STR("lease", ledger->name), ZL_STR("error", ledger->why));
    }
    pool->broken_said = ledger->broken;
}

/* What is known of POOL now; the caller frees its clusters. */
static struct zl_fleet_view view_of(struct zl_arbiter *arbiter, struct pool *pool)
{
    const struct zl_hub_lease *ledger =
        zl_snapshot_find(arbiter->snapshot, ZL_HUB_LEDGER, pool->name);
    struct zl_fleet_view view = {.pool = pool->name,
                                 .ledger = ledger != NULL ? ledger->ledger : NULL};
    view.count = zl_snapshot_clusters(arbiter->snapshot, pool->name, &view.clusters);
    zl_fleet_clocks_look(pool->clocks, &view, arbiter->watching_since_ms, zl_clock_boot_ms());
    return view;
}

/* Look at POOL, and write what is to be written. ZL_E_NOT_FOUND: nothing is. */
static enum zl_status look_at_pool(struct zl_arbiter *arbiter, struct pool *pool, bool leads,
                                   struct zl_error *err)
{
    const struct zl_hub_lease *ledger =
        zl_snapshot_find(arbiter->snapshot, ZL_HUB_LEDGER, pool->name);
    if (ledger != NULL) {
        say_broken(pool, ledger);
        if (ledger->broken) {
            return ZL_E_NOT_FOUND;
        }
    }
    struct zl_fleet_view view = view_of(arbiter, pool);
    enum zl_status status = leads ? decide(arbiter, &view, err) : ZL_E_NOT_FOUND;
    free(view.clusters);
    return status;
}

/* A round of writes has one snapshot, and with many writes a new one now and then: reports are heard meanwhile.
 * @return how long to wait, unless something changes */
static int64_t work_on(struct zl_arbiter *arbiter, struct pool *pool, bool leads)
{
    for (int i = 0; i < WRITES_MAX; i++) {
        struct zl_error err = {0};
        if (zl_clock_ms() - arbiter->snapshot_ms > ROUND_MS) {
            take_snapshot(arbiter);
        }
        enum zl_status status = look_at_pool(arbiter, pool, leads, &err);
        if (status == ZL_E_NOT_FOUND) {
            return LOOK_MS;
        }
        if (status == ZL_E_CONFLICT) {
            return LOST_MS;
        }
        if (status != ZL_OK) {
            ZL_LOG_WARN("the fleet's Lease cannot be written", ZL_STR("pool", pool->name),
                        ZL_ERR(&err));
            return FAILED_MS;
        }
    }
    return 0;
}

static void measure(struct zl_arbiter *arbiter, bool leads)
{
    struct zl_arbiter_gauges *gauges = zl_arbiter_gauges_new();
    arbiter->measured_ms = zl_clock_ms();
    for (size_t i = 0; leads && i < arbiter->pool_count; i++) {
        struct zl_fleet_view view = view_of(arbiter, &arbiter->pools[i]);
        zl_arbiter_gauges_add(gauges, &view);
        free(view.clusters);
    }
    zl_arbiter_gauges_show(gauges, arbiter->namespace_, leads);
}

/* --- the thread --- */

static void note_watch(struct zl_arbiter *arbiter)
{
    struct zl_informer_state state = zl_informer_state(arbiter->informer, arbiter->namespace_);
    if (!state.synced || (!state.watching && state.not_watching_ms > BREAK_MS)) {
        arbiter->watching_since_ms = 0;
    } else if (arbiter->watching_since_ms == 0) {
        arbiter->watching_since_ms = zl_clock_boot_ms();
    }
}

static void acquired(void *ctx)
{
    const struct zl_arbiter *arbiter = ctx;
    ZL_LOG_INFO("elected: this arbiter decides", ZL_STR("identity", arbiter->identity));
}

static void lost(void *ctx)
{
    struct zl_arbiter *arbiter = ctx;
    zl_monitor_lock(&arbiter->monitor);
    arbiter->lost = true;
    zl_monitor_unlock(&arbiter->monitor);
}

/* Who lost the Lease stands again: what it writes late loses its swap, so there is nothing to exit for. */
static void keep_standing(struct zl_arbiter *arbiter)
{
    struct zl_error err = {0};
    const struct zl_elector_spec spec = {.namespace_ = arbiter->namespace_,
                                         .lease = ZL_FLEET_ARBITER_LEASE,
                                         .identity = arbiter->identity,
                                         .acquired = acquired,
                                         .lost = lost,
                                         .ctx = arbiter};
    zl_monitor_lock(&arbiter->monitor);
    bool again = arbiter->lost;
    arbiter->lost = false;
    zl_monitor_unlock(&arbiter->monitor);
    if (again) {
        zl_elector_free(arbiter->elector);
        arbiter->elector = NULL;
    }
    if (arbiter->elector == NULL) {
        if (zl_elector_new(arbiter->hub, &spec, &arbiter->elector, &err) == ZL_OK) {
            zl_elector_start(arbiter->elector);
        } else {
            ZL_LOG_ERROR("no election among arbiters", ZL_ERR(&err));
        }
    }
}

/* @return false: it stops */
static bool wait_for_change(struct zl_arbiter *arbiter, int64_t delay_ms)
{
    const int64_t until_ms = zl_clock_ms() + delay_ms;
    zl_monitor_lock(&arbiter->monitor);
    while (!arbiter->stopping && !arbiter->changed &&
           zl_monitor_wait(&arbiter->monitor, until_ms)) {
        ;
    }
    arbiter->changed = false;
    bool go_on = !arbiter->stopping;
    zl_monitor_unlock(&arbiter->monitor);
    return go_on;
}

/*
 * A member found the hub older than it was. What this arbiter has seen of it may be of the hub that is gone, and its watch waits
 * for a version that the hub has lost.
 */
static void hear_witnesses(struct zl_arbiter *arbiter)
{
    int64_t marks = 0;
    for (size_t i = 0; i < zl_snapshot_count(arbiter->snapshot); i++) {
        const struct zl_hub_lease *lease = zl_snapshot_at(arbiter->snapshot, i);
        marks ^= lease->kind == ZL_HUB_MEMBER && !lease->broken ? lease->member.mark : 0;
    }
    if (marks != 0 && marks != arbiter->marks) {
        zl_informer_relist(arbiter->informer);
    }
    arbiter->marks = marks;
}

/* @return how long to wait, unless something changes */
static int64_t look(struct zl_arbiter *arbiter, bool leads)
{
    int64_t delay_ms = LOOK_MS;
    take_snapshot(arbiter);
    hear_witnesses(arbiter);
    find_pools(arbiter);
    for (size_t i = 0; i < arbiter->pool_count; i++) {
        int64_t wait_ms = work_on(arbiter, &arbiter->pools[i], leads);
        delay_ms = wait_ms < delay_ms ? wait_ms : delay_ms;
    }
    return delay_ms;
}

/* Without a watch nothing that is known is sure to be so now. */
static void *arbitrate(void *ctx)
{
    struct zl_arbiter *arbiter = ctx;
    int64_t delay_ms = 0;
    while (wait_for_change(arbiter, delay_ms)) {
        keep_standing(arbiter);
        note_watch(arbiter);
        bool watches = arbiter->watching_since_ms != 0;
        bool leads = watches && arbiter->elector != NULL && zl_elector_is_leader(arbiter->elector);
        delay_ms = watches ? look(arbiter, leads) : LOOK_MS;
        if (zl_clock_ms() - arbiter->measured_ms >= MEASURE_MS) {
            measure(arbiter, leads);
        }
    }
    return NULL;
}

static enum zl_status decode(void *ctx, const struct cJSON *object, void **out,
                             struct zl_error *err)
{
    struct zl_hub_lease *lease = NULL;
    (void)ctx;
    enum zl_status status = zl_hub_lease_decode(object, &lease, err);
    if (lease != NULL && lease->kind == ZL_HUB_MEMBER) { /* an arbiter never replaces one */
        free(lease->object);
        lease->object = NULL;
    }
    *out = lease;
    return status;
}

/* A cluster's heart has beaten, and that is all it says: thousands of them beat all the time, and the next look is soon enough. */
static bool is_mere_beat(const struct zl_hub_lease *was, const struct zl_hub_lease *is)
{
    return was != NULL && is != NULL && is->kind == ZL_HUB_MEMBER && !was->broken && !is->broken &&
           zl_fleet_member_is_same(&was->member, &is->member);
}

static void changed(void *ctx, const void *old_object, const void *new_object)
{
    struct zl_arbiter *arbiter = ctx;
    if (is_mere_beat(old_object, new_object)) {
        return;
    }
    zl_monitor_lock(&arbiter->monitor);
    arbiter->changed = true;
    zl_monitor_wake_all(&arbiter->monitor);
    zl_monitor_unlock(&arbiter->monitor);
}

struct zl_arbiter *zl_arbiter_start(struct zl_kube_client *hub, const char *namespace_,
                                    const char *identity)
{
    struct zl_arbiter *arbiter = zl_alloc(sizeof *arbiter);
    arbiter->hub = hub;
    arbiter->namespace_ = zl_strdup(namespace_);
    arbiter->identity = zl_strdup(identity);
    arbiter->snapshot = zl_snapshot_new();
    zl_monitor_init(&arbiter->monitor);
    const struct zl_informer_spec spec = {.resource = &ZL_KUBE_LEASES,
                                          .name = "fleet-leases",
                                          .namespace_ = arbiter->namespace_,
                                          .shape = ZL_HUB_LEASE_SHAPE,
                                          .decode = decode,
                                          .free_object = zl_hub_lease_free,
                                          .on_change = changed,
                                          .ctx = arbiter};
    arbiter->informer = zl_informer_new(hub, &spec);
    zl_informer_start(arbiter->informer);
    arbiter->thread = zl_thread_start("arbiter", arbitrate, arbiter);
    return arbiter;
}

char *zl_arbiter_complaint(const struct zl_arbiter *arbiter)
{
    struct zl_informer_health watch = zl_informer_health(arbiter->informer);
    return zl_informer_complaint(zl_informer_name(arbiter->informer), &watch);
}

void zl_arbiter_stop(struct zl_arbiter *arbiter)
{
    if (arbiter == NULL) {
        return;
    }
    zl_monitor_lock(&arbiter->monitor);
    arbiter->stopping = true;
    zl_monitor_wake_all(&arbiter->monitor);
    zl_monitor_unlock(&arbiter->monitor);
    (void)pthread_join(arbiter->thread, NULL);
    zl_elector_free(arbiter->elector);
    zl_informer_free(arbiter->informer);
    for (size_t i = 0; i < arbiter->pool_count; i++) {
        zl_fleet_clocks_free(arbiter->pools[i].clocks);
    }
    free(arbiter->pools);
    zl_snapshot_free(arbiter->snapshot);
    zl_monitor_clear(&arbiter->monitor);
    free(arbiter->namespace_);
    free(arbiter->identity);
    free(arbiter);
}
