/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view.h - all that an arbiter knows of one pool at one moment, and what its own clock says of it.
 *
 * The hub's part is a state that the hub was in: one watch shows ledger, turns and members. Ages are counted by this
 * arbiter's boot clock from when it first saw what they are of, so no clock of another machine plays a part; a new arbiter
 * starts later, and therefore frees later.
 *
 * Threads: plain data; one clocks object, one thread.
 */
#ifndef ZL_FLEET_VIEW_H
#define ZL_FLEET_VIEW_H

#include "common/fleet/fleet.h"

/* One cluster. All texts and structs are borrowed. */
struct zl_fleet_cluster {
    const char *name;
    const struct zl_fleet_turn *turn;       /* NULL: nothing was told */
    const struct zl_fleet_member *member;   /* NULL: it has no Lease */
    const struct zl_fleet_request *request; /* of this pool; NULL: none */
    /* What zl_fleet_clocks_look fills. */
    int64_t silent_ms;  /* since its beat changed */
    bool beaten;        /* it changed since the watch began */
    bool duplicate;     /* two clusters beat under this name */
    int64_t entry_ms;   /* of its entry's (token, gen): a lower bound of what has gone by */
    int64_t refused_ms; /* since its last offer came to nothing */
    int64_t wanted_ms;  /* since this want was seen */
};

struct zl_fleet_view {
    const char *pool;
    const struct zl_fleet_ledger *ledger; /* NULL: none yet */
    struct zl_fleet_cluster *clusters;    /* in order of their names */
    size_t count;
    /* What zl_fleet_clocks_look fills. */
    int64_t unbroken_ms; /* how long the hub has been watched without a gap */
    int64_t restored_ms; /* how long the ledger has been seen to be restored */
    bool older;          /* the hub is older than this arbiter saw it */
    int64_t seen_token;  /* the largest that this arbiter saw */
};

struct zl_fleet_now {
    int64_t wall_s;   /* this machine's clock; of use for tokens and people alone */
    int64_t server_s; /* the API server's Date; 0: unknown */
};

struct zl_fleet_clocks; /* opaque; of one pool */
/*
 * @param appeared_in_ms  the watch, by when it was opened, that had been looked at without the pool before: whoever names it has
 *                        written since. 0: the pool may have been there before the watch was
 */
struct zl_fleet_clocks *zl_fleet_clocks_new(int64_t appeared_in_ms);
void zl_fleet_clocks_free(struct zl_fleet_clocks *clocks);

/*
 * Note what VIEW shows at NOW_MS (zl_clock_boot_ms), and fill its ages.
 *
 * @param watching_since_ms  when the watch that is open now was opened
 */
void zl_fleet_clocks_look(struct zl_fleet_clocks *clocks, struct zl_fleet_view *view,
                          int64_t watching_since_ms, int64_t now_ms);

/* Its heartbeat is too old for an offer. */
bool zl_fleet_is_absent(const struct zl_fleet_cluster *cluster);

#endif
