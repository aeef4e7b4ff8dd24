/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/fleet/snapshot.h"

#include "common/kube/informer.h"

#include <string.h>

struct zl_snapshot {
    struct zl_refs leases; /* in order */
    struct zl_refs own;    /* what was written, until the watch shows it or something newer */
    uint64_t position;     /* of the last take */
};

struct zl_snapshot *zl_snapshot_new(void)
{
    return zl_alloc(sizeof(struct zl_snapshot));
}

void zl_snapshot_free(struct zl_snapshot *snapshot)
{
    if (snapshot != NULL) {
        zl_refs_clear(&snapshot->leases);
        zl_refs_clear(&snapshot->own);
        free(snapshot);
    }
}

static const struct zl_hub_lease *lease_at(const struct zl_refs *refs, size_t at)
{
    return zl_ref_object(refs->items[at]);
}

static uint64_t version_of(const struct zl_hub_lease *lease)
{
    return zl_resource_version_number(lease->version);
}

static int compare(const struct zl_hub_lease *lease, enum zl_hub_lease_kind kind, const char *of)
{
    return lease->kind != kind ? (lease->kind < kind ? -1 : 1) : strcmp(lease->of, of);
}

static int by_kind_and_name(const void *left, const void *right)
{
    const struct zl_hub_lease *b = zl_ref_object(*(struct zl_ref *const *)right);
    return compare(zl_ref_object(*(struct zl_ref *const *)left), b->kind, b->of);
}

/* Where the Lease is, or would be. */
static size_t place_of(const struct zl_refs *leases, enum zl_hub_lease_kind kind, const char *of)
{
    size_t low = 0, high = leases->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        bool is_before = compare(lease_at(leases, middle), kind, of) < 0;
        low = is_before ? middle + 1 : low;
        high = is_before ? high : middle;
    }
    return low;
}

static bool is_at(const struct zl_refs *leases, size_t at, const struct zl_hub_lease *lease)
{
    return at < leases->count && compare(lease_at(leases, at), lease->kind, lease->of) == 0;
}

static void put(struct zl_refs *leases, struct zl_ref *taken)
{
    const struct zl_hub_lease *lease = zl_ref_object(taken);
    size_t at = place_of(leases, lease->kind, lease->of);
    if (is_at(leases, at, lease)) {
        zl_ref_drop(leases->items[at]);
        leases->items[at] = taken;
        return;
    }
    zl_refs_add(leases, taken);
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
    memmove(&leases->items[at + 1], &leases->items[at], (leases->count - 1 - at) * sizeof taken);
    leases->items[at] = taken;
}

/* Our writes that the watch has not shown yet take the place of what it has; the others are forgotten. */
static void put_own(struct zl_snapshot *snapshot, uint64_t position)
{
    size_t kept = 0;
    for (size_t i = 0; i < snapshot->own.count; i++) {
        struct zl_ref *own = snapshot->own.items[i];
        const struct zl_hub_lease *written = zl_ref_object(own);
        size_t at = place_of(&snapshot->leases, written->kind, written->of);
        if (version_of(written) <= position ||
            (is_at(&snapshot->leases, at, written) &&
             version_of(lease_at(&snapshot->leases, at)) >= version_of(written))) {
            zl_ref_drop(own);
            continue;
        }
        snapshot->own.items[kept++] = own;
        put(&snapshot->leases, zl_ref_hold(own));
    }
    snapshot->own.count = kept;
}

void zl_snapshot_take(struct zl_snapshot *snapshot, struct zl_refs *taken, uint64_t position)
{
    if (position < snapshot->position) { /* the hub was restored: it never stored what we wrote */
        zl_refs_clear(&snapshot->own);
    }
    snapshot->position = position;
    zl_refs_clear(&snapshot->leases);
    snapshot->leases = *taken;
    memset(taken, 0, sizeof *taken);
    if (snapshot->leases.count > 0) {
        /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
        qsort(snapshot->leases.items, snapshot->leases.count, sizeof *snapshot->leases.items,
              by_kind_and_name);
    }
    put_own(snapshot, position);
}

void zl_snapshot_note(struct zl_snapshot *snapshot, struct zl_hub_lease *taken)
{
    struct zl_ref *ref = zl_ref_new(taken, zl_hub_lease_free);
    put(&snapshot->own, zl_ref_hold(ref));
    put(&snapshot->leases, ref);
}

size_t zl_snapshot_count(const struct zl_snapshot *snapshot)
{
    return snapshot->leases.count;
}

const struct zl_hub_lease *zl_snapshot_at(const struct zl_snapshot *snapshot, size_t at)
{
    return lease_at(&snapshot->leases, at);
}

const struct zl_hub_lease *zl_snapshot_find(const struct zl_snapshot *snapshot,
                                            enum zl_hub_lease_kind kind, const char *of)
{
    size_t at = place_of(&snapshot->leases, kind, of);
    bool found =
        at < snapshot->leases.count && compare(lease_at(&snapshot->leases, at), kind, of) == 0;
    return found ? lease_at(&snapshot->leases, at) : NULL;
}

static struct zl_fleet_cluster cluster_of(const struct zl_hub_lease *turns,
                                          const struct zl_hub_lease *member, const char *pool)
{
    const struct zl_hub_lease *named = member != NULL ? member : turns;
    return (struct zl_fleet_cluster){
        .name = named != NULL ? named->of : "",
        .turn = turns != NULL ? zl_fleet_turn_of(&turns->turns, pool) : NULL,
        .member = member != NULL && !member->broken ? &member->member : NULL,
        .request = member != NULL ? zl_fleet_request_of(&member->member, pool) : NULL};
}

/* Turns and members are two lists in one order: whose name is less stands alone. */
static size_t list_told(const struct zl_snapshot *snapshot, const char *pool,
                        struct zl_fleet_cluster *out)
{
    const struct zl_refs *leases = &snapshot->leases;
    const size_t members = place_of(leases, ZL_HUB_MEMBER, "");
    size_t turn = place_of(leases, ZL_HUB_TURN, ""), member = members, count = 0;
    while (turn < members || member < leases->count) {
        const struct zl_hub_lease *turns = turn < members ? lease_at(leases, turn) : NULL;
        const struct zl_hub_lease *requests =
            member < leases->count ? lease_at(leases, member) : NULL;
        int order = turns == NULL ? 1 : requests == NULL ? -1 : strcmp(turns->of, requests->of);
        struct zl_fleet_cluster cluster =
            cluster_of(order <= 0 ? turns : NULL, order >= 0 ? requests : NULL, pool);
        if (cluster.turn != NULL || cluster.request != NULL) {
            out[count++] = cluster;
        }
        turn += order <= 0;
        member += order >= 0;
    }
    return count;
}

static int by_cluster(const void *left, const void *right)
{
    return strcmp(((const struct zl_fleet_cluster *)left)->name,
                  ((const struct zl_fleet_cluster *)right)->name);
}

/* Those of LEDGER's entries that are not among COUNT clusters, behind them. */
static size_t add_entries(const struct zl_fleet_ledger *ledger, size_t count,
                          struct zl_fleet_cluster *out)
{
    size_t all = count;
    for (size_t i = 0; i < ledger->active_count; i++) {
        struct zl_fleet_cluster cluster = {.name = ledger->active[i].cluster};
        if (bsearch(&cluster, out, count, sizeof *out, by_cluster) == NULL) {
            out[all++] = cluster;
        }
    }
    return all;
}

size_t zl_snapshot_clusters(const struct zl_snapshot *snapshot, const char *pool,
                            struct zl_fleet_cluster **out)
{
    const struct zl_hub_lease *ledger = zl_snapshot_find(snapshot, ZL_HUB_LEDGER, pool);
    size_t slots = ledger != NULL ? ledger->ledger->active_count : 0;
    *out = zl_alloc((snapshot->leases.count + slots + 1) * sizeof **out);
    size_t count = list_told(snapshot, pool, *out);
    size_t all = slots > 0 ? add_entries(ledger->ledger, count, *out) : count;
    if (all > count) {
        qsort(*out, all, sizeof **out, by_cluster);
    }
    return all;
}
