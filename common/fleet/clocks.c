/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/memory.h"
#include "common/fleet/view.h"

enum {
    PERIODS = 3, /* heartbeats that may be missing */
    PERIOD_LEAST_MS = 5000,
    PERIOD_MOST_MS = 600000,
};

/* What was last seen of one cluster, and since when. */
struct clock {
    char name[ZL_FLEET_NAME_MAX];
    int64_t beat, beat_ms;
    int64_t
        heard_ms; /* when it was seen to change, or to appear while the watch was open; 0: never */
    char uid[ZL_FLEET_UID_MAX], other[ZL_FLEET_UID_MAX]; /* who beat last, and who before */
    int64_t other_ms;
    int64_t token, gen, entry_ms, elapsed_ms; /* of its entry */
    int64_t offer, declines, refused_ms;
    int64_t want, want_ms;
};

struct zl_fleet_clocks {
    struct clock *items; /* in order of their names */
    size_t count;
    int64_t watch_ms; /* when the watch of the last look began */
    int64_t seen_token;
    int64_t restored_serial, restored_ms;
    bool older; /* until the ledger says that it is restored */
};

struct zl_fleet_clocks *zl_fleet_clocks_new(int64_t appeared_in_ms)
{
    struct zl_fleet_clocks *clocks = zl_alloc(sizeof *clocks);
    clocks->watch_ms = appeared_in_ms;
    return clocks;
}

void zl_fleet_clocks_free(struct zl_fleet_clocks *clocks)
{
    if (clocks != NULL) {
        free(clocks->items);
        free(clocks);
    }
}

static int64_t period_ms(const struct zl_fleet_member *member)
{
    int64_t period = member->period_ms;
    return period < PERIOD_LEAST_MS  ? PERIOD_LEAST_MS
           : period > PERIOD_MOST_MS ? PERIOD_MOST_MS
                                     : period;
}

bool zl_fleet_is_absent(const struct zl_fleet_cluster *cluster)
{
    return cluster->member == NULL || cluster->silent_ms > PERIODS * period_ms(cluster->member);
}

static bool is_aligned(const struct zl_fleet_clocks *clocks, const struct zl_fleet_view *view)
{
    bool aligned = clocks->count == view->count;
    for (size_t i = 0; i < view->count && aligned; i++) {
        aligned = strcmp(clocks->items[i].name, view->clusters[i].name) == 0;
    }
    return aligned;
}

/*
 * One clock for each cluster of VIEW, in its order; of those that are gone nothing is kept. Who appears while the watch is
 * open has just written its Lease.
 */
static void align(struct zl_fleet_clocks *clocks, const struct zl_fleet_view *view,
                  int64_t watching_since_ms, int64_t now_ms)
{
    if (is_aligned(clocks, view)) {
        return;
    }
    bool joins = clocks->watch_ms == watching_since_ms && clocks->watch_ms != 0;
    struct clock *items = zl_alloc((view->count + 1) * sizeof *items);
    size_t at = 0;
    for (size_t i = 0; i < view->count; i++) {
        const char *name = view->clusters[i].name;
        while (at < clocks->count && strcmp(clocks->items[at].name, name) < 0) {
            at++;
        }
        if (at < clocks->count && strcmp(clocks->items[at].name, name) == 0) {
            items[i] = clocks->items[at++];
        } else {
            ZL_FLEET_TEXT(items[i].name, name);
            items[i].beat_ms = now_ms;
            items[i].beat = -1;
            items[i].heard_ms = joins ? now_ms : 0;
        }
    }
    free(clocks->items);
    clocks->items = items;
    clocks->count = view->count;
}

/* A beat that is smaller than it was, of the same cluster, was stored before the hub was restored. */
static void look_at_beat(struct zl_fleet_clocks *clocks, struct clock *clock,
                         const struct zl_fleet_member *member, int64_t now_ms)
{
    bool first = clock->beat < 0;
    bool same = strcmp(clock->uid, member->cluster_uid) == 0;
    if (!first && same && member->beat == clock->beat) {
        return;
    }
    if (!first && same && member->beat < clock->beat) {
        clocks->older = true;
    }
    if (!first && !same) {
        ZL_FLEET_TEXT(clock->other, clock->uid);
        clock->other_ms = clock->beat_ms;
    }
    ZL_FLEET_TEXT(clock->uid, member->cluster_uid);
    clock->beat = member->beat;
    clock->beat_ms = now_ms;
    clock->heard_ms = first ? clock->heard_ms : now_ms;
}

static void look_at_entry(struct clock *clock, const struct zl_fleet_entry *entry, int64_t now_ms)
{
    if (clock->token != entry->token || clock->gen != entry->gen) {
        clock->token = entry->token;
        clock->gen = entry->gen;
        clock->entry_ms = now_ms;
        clock->elapsed_ms = entry->elapsed_ms;
    }
    /* Another arbiter has watched for longer. */
    if (entry->elapsed_ms > clock->elapsed_ms + (now_ms - clock->entry_ms)) {
        clock->elapsed_ms = entry->elapsed_ms;
        clock->entry_ms = now_ms;
    }
}

static void look_at_turn(struct clock *clock, const struct zl_fleet_turn *turn, int64_t now_ms)
{
    if (clock->offer != turn->token || clock->declines != turn->declines) {
        clock->offer = turn->token;
        clock->declines = turn->declines;
        clock->refused_ms = now_ms;
    }
}

static void look_at_want(struct clock *clock, const struct zl_fleet_request *request,
                         int64_t now_ms)
{
    if (clock->want != request->nonce) {
        clock->want = request->nonce;
        clock->want_ms = now_ms;
    }
}

static void look_at_cluster(struct zl_fleet_clocks *clocks, struct clock *clock,
                            const struct zl_fleet_view *view, struct zl_fleet_cluster *cluster,
                            int64_t watching_since_ms, int64_t now_ms)
{
    const struct zl_fleet_entry *entry =
        view->ledger != NULL ? zl_fleet_entry_of(view->ledger, cluster->name) : NULL;
    bool first = clock->beat < 0;
    if (cluster->member != NULL) {
        look_at_beat(clocks, clock, cluster->member, now_ms);
        cluster->duplicate = clock->other[0] != '\0' &&
                             now_ms - clock->other_ms <= PERIODS * period_ms(cluster->member);
    }
    if (entry != NULL) {
        look_at_entry(clock, entry, now_ms);
        cluster->entry_ms = clock->elapsed_ms + (now_ms - clock->entry_ms);
    }
    if (cluster->turn != NULL) {
        look_at_turn(clock, cluster->turn, now_ms);
        cluster->refused_ms = now_ms - clock->refused_ms;
    }
    if (cluster->request != NULL) {
        look_at_want(clock, cluster->request, now_ms);
        cluster->wanted_ms = now_ms - clock->want_ms;
    }
    if (first) { /* its Lease was read, which does not say that it lives */
        clock->beat_ms = now_ms > watching_since_ms ? now_ms : watching_since_ms;
    }
    cluster->silent_ms = now_ms - clock->beat_ms;
    cluster->beaten = clock->heard_ms > watching_since_ms;
}

static void look_at_ledger(struct zl_fleet_clocks *clocks, struct zl_fleet_view *view,
                           int64_t now_ms)
{
    int64_t serial = view->ledger != NULL ? view->ledger->restored_serial : 0;
    int64_t token = view->ledger != NULL ? view->ledger->last_token : 0;
    if (serial != clocks->restored_serial) {
        clocks->restored_serial = serial;
        clocks->restored_ms = now_ms;
    }
    if (token < clocks->seen_token) {
        clocks->older = true;
    }
    if (serial != 0) { /* it has been said */
        clocks->older = false;
        clocks->seen_token = token;
    }
    clocks->seen_token = token > clocks->seen_token ? token : clocks->seen_token;
    view->restored_ms = now_ms - clocks->restored_ms;
}

void zl_fleet_clocks_look(struct zl_fleet_clocks *clocks, struct zl_fleet_view *view,
                          int64_t watching_since_ms, int64_t now_ms)
{
    align(clocks, view, watching_since_ms, now_ms);
    clocks->watch_ms = watching_since_ms;
    for (size_t i = 0; i < view->count; i++) {
        look_at_cluster(clocks, &clocks->items[i], view, &view->clusters[i], watching_since_ms,
                        now_ms);
    }
    look_at_ledger(clocks, view, now_ms);
    view->older = clocks->older;
    view->seen_token = clocks->seen_token;
    view->unbroken_ms = now_ms - watching_since_ms;
}
