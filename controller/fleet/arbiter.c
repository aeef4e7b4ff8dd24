/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/fleet/arbiter.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/monitor.h"
#include "common/fleet/hub_store.h"
#include "common/fleet/next.h"
#include "common/kube/elector.h"
#include "common/kube/informer.h"

#include <string.h>

enum {
    LOOK_MS = 500,     /* time alone changes what must be done */
    LOST_MS = 250,     /* after a lost race, until the watch has shown what won */
    FAILED_MS = 2000,  /* after a write that failed otherwise */
    BREAK_MS = 2000,   /* a watch that is away for longer was broken */
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
    struct zl_refs own; /* what it wrote, until the watch shows it or something newer */
    struct pool *pools;
    size_t pool_count;
    int64_t watching_since_ms; /* boot clock; 0: it is not watching */
    struct zl_monitor monitor; /* guards the rest */
    bool stopping, changed, lost;
};

static const struct zl_hub_lease *lease_at(const struct zl_refs *refs, size_t at)
{
    return zl_ref_object(refs->items[at]);
}

static uint64_t version_of(const struct zl_hub_lease *lease)
{
    return zl_resource_version_number(lease->version);
}

static int by_name(const void *left, const void *right)
{
    const struct zl_hub_lease *a = zl_ref_object(*(struct zl_ref *const *)left);
    const struct zl_hub_lease *b = zl_ref_object(*(struct zl_ref *const *)right);
    return strcmp(a->name, b->name);
}

/* Of our writes, those that the watch has not shown yet take the place of what it has; the others are forgotten. */
static void overlay(struct zl_arbiter *arbiter, struct zl_refs *refs)
{
    uint64_t position = zl_informer_state(arbiter->informer, arbiter->namespace_).position;
    size_t kept = 0;
    for (size_t i = 0; i < arbiter->own.count; i++) {
        struct zl_ref *own = arbiter->own.items[i];
        const struct zl_hub_lease *written = zl_ref_object(own);
        struct zl_ref **place = NULL;
        for (size_t j = 0; j < refs->count && place == NULL; j++) {
            place = strcmp(lease_at(refs, j)->name, written->name) == 0 ? &refs->items[j] : NULL;
        }
        bool is_newer = version_of(written) > position &&
                        (place == NULL || version_of(zl_ref_object(*place)) < version_of(written));
        if (!is_newer) {
            zl_ref_drop(own);
            continue;
        }
        arbiter->own.items[kept++] = own;
        if (place != NULL) {
            zl_ref_drop(*place);
            *place = zl_ref_hold(own);
        } else {
            zl_refs_add(refs, zl_ref_hold(own));
        }
    }
    arbiter->own.count = kept;
}

static void note_own(struct zl_arbiter *arbiter, struct zl_hub_lease *taken)
{
    for (size_t i = 0; i < arbiter->own.count; i++) {
        if (strcmp(lease_at(&arbiter->own, i)->name, taken->name) == 0) {
            zl_ref_drop(arbiter->own.items[i]);
            arbiter->own.items[i] = zl_ref_new(taken, zl_hub_lease_free);
            return;
        }
    }
    zl_refs_add(&arbiter->own, zl_ref_new(taken, zl_hub_lease_free));
}

static void take_snapshot(struct zl_arbiter *arbiter, struct zl_refs *refs)
{
    zl_store_list(zl_informer_store(arbiter->informer), arbiter->namespace_, refs);
    overlay(arbiter, refs);
    if (refs->count > 0) {
        /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
        qsort(refs->items, refs->count, sizeof *refs->items, by_name);
    }
}

static const struct zl_hub_lease *find(const struct zl_refs *refs, const char *prefix,
                                       const char *of)
{
    size_t low = 0, high = refs->count;
    ZL_AUTO_FREE char *name = zl_asprintf("%s%s", prefix, of);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(lease_at(refs, middle)->name, name);
        if (order == 0) {
            return lease_at(refs, middle);
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return NULL;
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
    pool->clocks = zl_fleet_clocks_new();
    return pool;
}

/* Those that have a ledger, or that a member names. */
static void find_pools(struct zl_arbiter *arbiter, const struct zl_refs *refs)
{
    for (size_t i = 0; i < refs->count; i++) {
        const struct zl_hub_lease *lease = lease_at(refs, i);
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
}

/* Clusters that have a part in the pool: those that were told something, or ask for something. */
static size_t list_clusters(const struct zl_refs *refs, const char *pool,
                            struct zl_fleet_cluster *clusters)
{
    size_t count = 0;
    for (size_t i = 0; i < refs->count; i++) {
        const struct zl_hub_lease *lease = lease_at(refs, i);
        bool is_member = lease->kind == ZL_HUB_MEMBER;
        if (lease->kind == ZL_HUB_LEDGER ||
            (!is_member && find(refs, ZL_FLEET_MEMBER_PREFIX, lease->of) != NULL)) {
            continue; /* it stands beside its member */
        }
        const struct zl_hub_lease *turns =
            is_member ? find(refs, ZL_FLEET_TURN_PREFIX, lease->of) : lease;
        struct zl_fleet_cluster cluster = {
            .name = lease->of,
            .turn = turns != NULL ? zl_fleet_turn_of(&turns->turns, pool) : NULL,
            .member = is_member && !lease->broken ? &lease->member : NULL,
            .request = is_member ? zl_fleet_request_of(&lease->member, pool) : NULL};
        if (cluster.turn != NULL || cluster.request != NULL) {
            clusters[count++] = cluster;
        }
    }
    return count;
}

static int by_cluster(const void *left, const void *right)
{
    return strcmp(((const struct zl_fleet_cluster *)left)->name,
                  ((const struct zl_fleet_cluster *)right)->name);
}

/* --- one write --- */

static enum zl_status put(struct zl_arbiter *arbiter, const char *prefix, const char *of,
                          const struct zl_refs *refs, const char *text, struct zl_error *err)
{
    struct zl_hub_lease *stored = NULL;
    ZL_AUTO_FREE char *name = zl_asprintf("%s%s", prefix, of);
    enum zl_status status = zl_hub_lease_put(arbiter->hub, arbiter->namespace_, name,
                                             find(refs, prefix, of), text, false, &stored, err);
    if (stored != NULL) {
        note_own(arbiter, stored);
    }
    return status;
}

static enum zl_status put_turn(struct zl_arbiter *arbiter, const struct zl_fleet_write *write,
                               const struct zl_refs *refs, struct zl_error *err)
{
    struct zl_fleet_turns turns = {0};
    const struct zl_hub_lease *was = find(refs, ZL_FLEET_TURN_PREFIX, write->cluster);
    for (size_t i = 0; was != NULL && i < was->turns.count; i++) {
        zl_fleet_turn_put(&turns, &was->turns.items[i]);
    }
    zl_fleet_turn_put(&turns, &write->turn);
    ZL_AUTO_FREE char *text = zl_fleet_turns_encode(&turns);
    zl_fleet_turns_clear(&turns);
    return put(arbiter, ZL_FLEET_TURN_PREFIX, write->cluster, refs, text, err);
}

static enum zl_status carry_out(struct zl_arbiter *arbiter, const char *pool,
                                const struct zl_fleet_write *write, const struct zl_refs *refs,
                                struct zl_error *err)
{
    if (write->kind == ZL_FLEET_WRITE_TURN) {
        return put_turn(arbiter, write, refs, err);
    }
    ZL_AUTO_FREE char *text = zl_fleet_ledger_encode(write->ledger);
    return put(arbiter, ZL_FLEET_LEDGER_PREFIX, pool, refs, text, err);
}

static void say_broken(struct pool *pool, const struct zl_hub_lease *ledger)
{
    if (ledger->broken && !pool->broken_said) {
        ZL_LOG_ERROR("a ledger cannot be read: correct or delete it; until then nobody gets a turn",
                     ZL_STR("lease", ledger->name), ZL_STR("error", ledger->why));
    }
    pool->broken_said = ledger->broken;
}

/* Look at POOL, and write what is to be written. ZL_E_NOT_FOUND: nothing is. */
static enum zl_status look_at_pool(struct zl_arbiter *arbiter, struct pool *pool, bool leads,
                                   const struct zl_refs *refs, struct zl_error *err)
{
    const struct zl_hub_lease *ledger = find(refs, ZL_FLEET_LEDGER_PREFIX, pool->name);
    if (ledger != NULL) {
        say_broken(pool, ledger);
        if (ledger->broken) {
            return ZL_E_NOT_FOUND;
        }
    }
    struct zl_fleet_cluster *clusters = zl_alloc((refs->count + 1) * sizeof *clusters);
    struct zl_fleet_view view = {.pool = pool->name,
                                 .ledger = ledger != NULL ? &ledger->ledger : NULL,
                                 .clusters = clusters,
                                 .count = list_clusters(refs, pool->name, clusters)};
    qsort(clusters, view.count, sizeof *clusters, by_cluster);
    zl_fleet_clocks_look(pool->clocks, &view, arbiter->watching_since_ms, zl_clock_boot_ms());
    enum zl_status status = ZL_E_NOT_FOUND;
    if (leads) {
        const struct zl_fleet_now now = {.wall_s = zl_clock_wall_us() / 1000000};
        struct zl_fleet_write write = zl_fleet_next(&view, &now);
        if (write.kind != ZL_FLEET_NO_WRITE) {
            status = carry_out(arbiter, pool->name, &write, refs, err);
            ZL_LOG_INFO("fleet", ZL_STR("pool", pool->name), ZL_STR("rule", write.rule),
                        ZL_STR("cluster", write.cluster != NULL ? write.cluster : ""),
                        ZL_STR("result", zl_status_name(status)));
        }
        zl_fleet_write_clear(&write);
    }
    free(clusters);
    return status;
}

/* @return how long to wait, unless something changes */
static int64_t work_on(struct zl_arbiter *arbiter, const char *name, bool leads)
{
    for (int i = 0; i < WRITES_MAX; i++) {
        struct zl_error err = {0};
        ZL_AUTO_REFS struct zl_refs refs = {0};
        take_snapshot(arbiter, &refs);
        enum zl_status status =
            look_at_pool(arbiter, pool_named(arbiter, name), leads, &refs, &err);
        if (status == ZL_E_NOT_FOUND) {
            return LOOK_MS;
        }
        if (status == ZL_E_CONFLICT) {
            return LOST_MS;
        }
        if (status != ZL_OK) {
            ZL_LOG_WARN("the fleet's Lease cannot be written", ZL_STR("pool", name), ZL_ERR(&err));
            return FAILED_MS;
        }
    }
    return 0;
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

static void *arbitrate(void *ctx)
{
    struct zl_arbiter *arbiter = ctx;
    int64_t delay_ms = 0;
    while (wait_for_change(arbiter, delay_ms)) {
        keep_standing(arbiter);
        note_watch(arbiter);
        delay_ms = LOOK_MS;
        if (arbiter->watching_since_ms == 0) {
            continue; /* nothing that is known is sure to be so now */
        }
        bool leads = arbiter->elector != NULL && zl_elector_is_leader(arbiter->elector);
        ZL_AUTO_REFS struct zl_refs refs = {0};
        take_snapshot(arbiter, &refs);
        find_pools(arbiter, &refs);
        for (size_t i = 0; i < arbiter->pool_count; i++) {
            char name[ZL_FLEET_NAME_MAX];
            ZL_FLEET_TEXT(name, arbiter->pools[i].name);
            int64_t wait_ms = work_on(arbiter, name, leads);
            delay_ms = wait_ms < delay_ms ? wait_ms : delay_ms;
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
    *out = lease;
    return status;
}

static void changed(void *ctx, const void *old_object, const void *new_object)
{
    struct zl_arbiter *arbiter = ctx;
    (void)old_object;
    (void)new_object;
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
    zl_refs_clear(&arbiter->own);
    zl_monitor_clear(&arbiter->monitor);
    free(arbiter->namespace_);
    free(arbiter->identity);
    free(arbiter);
}
