/* SPDX-License-Identifier: Apache-2.0 */
/* next_internal.h - the rows of zl_fleet_next: each finds its write, or none. */
#ifndef ZL_FLEET_NEXT_INTERNAL_H
#define ZL_FLEET_NEXT_INTERNAL_H

#include "common/fleet/next.h"

typedef struct zl_fleet_write zl_fleet_row(const struct zl_fleet_view *view,
                                           const struct zl_fleet_now *now);

/* next.c */
struct zl_fleet_write zl_fleet_swap(const struct zl_fleet_view *view, struct zl_fleet_ledger *taken,
                                    const char *rule);
struct zl_fleet_write zl_fleet_tell(const struct zl_fleet_cluster *cluster,
                                    const struct zl_fleet_turn *turn, const char *rule);
/* What was told of the pool; all zero but for the pool when nothing was. */
struct zl_fleet_turn zl_fleet_told(const struct zl_fleet_view *view,
                                   const struct zl_fleet_cluster *cluster);
const struct zl_fleet_entry *zl_fleet_slot_of(const struct zl_fleet_view *view,
                                              const struct zl_fleet_cluster *cluster);
/* May the request speak for ENTRY's turn: is it of the cluster that has it? */
bool zl_fleet_speaks_for(const struct zl_fleet_cluster *cluster, const char *uid);
bool zl_fleet_is_held(const struct zl_fleet_ledger *ledger); /* paused or restored */

/* Is it in the queue, after a swap to LEDGER? */
bool zl_fleet_is_waiting(const struct zl_fleet_ledger *ledger,
                         const struct zl_fleet_cluster *cluster);
/* Who waits after a swap to LEDGER, in order; the caller frees. */
struct zl_fleet_place {
    const struct zl_fleet_view *view; /* for qsort */
    const struct zl_fleet_cluster *cluster;
};
struct zl_fleet_place *zl_fleet_queue(const struct zl_fleet_view *view,
                                      const struct zl_fleet_ledger *ledger, size_t *count);

/* next_endings.c: how turns end, and what is told of it */
zl_fleet_row zl_fleet_row_complete, zl_fleet_row_end, zl_fleet_row_late, zl_fleet_row_answer;
/* next_restored.c: a hub that is older than it was */
zl_fleet_row zl_fleet_row_restored, zl_fleet_row_witness, zl_fleet_row_adopt,
    zl_fleet_row_restored_over;
/* next_slots.c: offers and what becomes of them */
zl_fleet_row zl_fleet_row_offer_events, zl_fleet_row_active_events, zl_fleet_row_offer;
/* No arbiter can have given a larger token until now, whatever its own clock said. 0: the API server's Date is not known. */
int64_t zl_fleet_token_most(const struct zl_fleet_now *now);
/*
 * How many more entries LEDGER surely has room for, whatever those that it has will grow to: a swap that the API server refuses for
 * its size would end no turn any more.
 */
int64_t zl_fleet_room(const struct zl_fleet_ledger *ledger);
#define ZL_FLEET_WHY_LEDGER_FULL "as many act as the ledger has room for"
/* next_spec.c: what the clusters say of their fleet */
zl_fleet_row zl_fleet_row_open, zl_fleet_row_spec;
/* next_queue.c: who waits, and where */
zl_fleet_row zl_fleet_row_project, zl_fleet_row_withdrawn, zl_fleet_row_tell_ticket,
    zl_fleet_row_tickets, zl_fleet_row_places;
/* next_stages.c: the fleet's plan */
#define ZL_FLEET_WHY_STAGE_FULL "as many of its stage act as may"
#define ZL_FLEET_WHY_SPREAD_FULL "as many as may act where it is: spread"
zl_fleet_row zl_fleet_row_stages, zl_fleet_row_retry;
int64_t zl_fleet_time_s(const struct zl_fleet_now *now);
/* Note the stage of CLUSTER, and where it is, in its ENTRY. */
void zl_fleet_place_entry(const struct zl_fleet_plan *plan, const struct zl_fleet_cluster *cluster,
                          struct zl_fleet_entry *entry);
/* As zl_fleet_why. The third one is no lasting reason: it is one while others of its kind act. */
const char *zl_fleet_stage_why(const struct zl_fleet_ledger *ledger,
                               const struct zl_fleet_cluster *cluster,
                               const struct zl_fleet_now *now);
const char *zl_fleet_window_why(const struct zl_fleet_cluster *cluster,
                                const struct zl_fleet_now *now);
const char *zl_fleet_crowd_why(const struct zl_fleet_ledger *ledger,
                               const struct zl_fleet_cluster *cluster);
int zl_fleet_order(const struct zl_fleet_view *view, const struct zl_fleet_cluster *left,
                   const struct zl_fleet_cluster *right);

#endif
