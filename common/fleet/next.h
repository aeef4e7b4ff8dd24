/* SPDX-License-Identifier: Apache-2.0 */
/*
 * next.h - the arbiter's decision: the one write to make next, a swap of the ledger or of one cluster's turn.
 *
 * Each write is a PUT with the resourceVersion of what VIEW was made from; who loses it looks again and decides again.
 * After a write the view is made anew and the next one asked for, until there is none. Every step is found again from what
 * the hub shows, so that an arbiter may die between any two writes, and two arbiters may act at once, one on an old view.
 *
 * What never happens, whatever the view (I1 to I5 of docs/fleet.md): a slot beyond N is given or one in a pause; a turn is
 * told that the ledger does not have; a token comes twice; somebody eligible is passed over; a failure is not counted.
 *
 * Threads: pure.
 */
#ifndef ZL_FLEET_NEXT_H
#define ZL_FLEET_NEXT_H

#include "common/fleet/view.h"

enum {
    ZL_FLEET_OFFER_MS = 15000, /* how long an offer waits for its answer */
    ZL_FLEET_UNBROKEN_MS =
        90000, /* of watching, before a turn may expire: reports queue while the hub is down */
    ZL_FLEET_COLD_MS = 75000,     /* the longest that a new arbiter waits for all to have beaten */
    ZL_FLEET_BACK_OFF_MS = 30000, /* after a declined offer, doubling */
    ZL_FLEET_BACK_OFF_MAX_MS = 600000,
    ZL_FLEET_ELAPSED_PARTS = 10, /* of a limit: how often what has gone by is written down */
};

enum zl_fleet_write_kind { ZL_FLEET_NO_WRITE, ZL_FLEET_WRITE_LEDGER, ZL_FLEET_WRITE_TURN };

struct zl_fleet_write {
    enum zl_fleet_write_kind kind;
    const char *rule;               /* which one: a constant, for the log, metrics and tests */
    struct zl_fleet_ledger *ledger; /* of a ledger's; the caller frees */
    enum zl_fleet_outcome ended;    /* of a ledger's: so a turn ended; for metrics */
    const char *cluster;            /* of a turn's; borrowed from the view */
    struct zl_fleet_turn turn;
};

struct zl_fleet_write zl_fleet_next(const struct zl_fleet_view *view,
                                    const struct zl_fleet_now *now);
void zl_fleet_write_clear(struct zl_fleet_write *write);

/*
 * Why a cluster that waits gets no offer now, its own reason: "absent", ...; NULL: it is eligible. A pause, or that all
 * slots are taken, is nobody's own reason. Without a ledger nothing of its plan is looked at.
 */
const char *zl_fleet_why(const struct zl_fleet_ledger *ledger,
                         const struct zl_fleet_cluster *cluster, const struct zl_fleet_now *now);

#endif
