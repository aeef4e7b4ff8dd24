/* SPDX-License-Identifier: Apache-2.0 */
/*
 * turn_watch.h - a cluster's turn in a fleet, followed until it is over: its own LeaderPolicy of that fleet, found by what it says and
 * then watched. The turn's end is a time of its controller's clock, so this machine's must agree with that one within the fleet's
 * margin (the smaller of 10 s and a twentieth of the turn).
 *
 * Threads: one watches (run, once); zl_turn_watch_end and zl_turn_watch_rest from any.
 */
#ifndef ZL_CLIENT_TURN_WATCH_H
#define ZL_CLIENT_TURN_WATCH_H

#include "common/fleet/report_store.h"
#include "common/kube/client.h"

/* What is told is told anew after so long at most. */
#define ZL_TURN_WATCH_S 30

struct zl_turn_watch_spec {
    const char *fleet; /* copied */
    /*
     * What is there, then each change. PLACE NULL: no LeaderPolicy of that fleet is. ASKED_MS: zl_clock_boot_ms before the
     * last look at it left. The watching thread's, and its failure ends the watch.
     */
    enum zl_status (*told)(void *ctx, const struct zl_fleet_place *place, int64_t asked_ms,
                           struct zl_error *err);
    /* A look, and the next one follows. NULL: a refusal, which the next one would be too, ends the watch. */
    void (*failed)(void *ctx, const struct zl_error *err);
    void *ctx;
};

struct zl_turn_watch; /* opaque */
struct zl_turn_watch *zl_turn_watch_new(const struct zl_turn_watch_spec *spec);
void zl_turn_watch_free(struct zl_turn_watch *watch); /* nobody watches any more; NULL is fine */

/*
 * @return ZL_E_STOPPED: over, or TOLD said so; another failure: the last look's, and meanwhile it is over
 */
enum zl_status zl_turn_watch_run(struct zl_turn_watch *watch, struct zl_kube_client *client,
                                 const char *namespace_, struct zl_error *err) ZL_MUST_CHECK;

/* As zl_lease_watch's. */
bool zl_turn_watch_rest(struct zl_turn_watch *watch, int64_t until_ms);
void zl_turn_watch_end(struct zl_turn_watch *watch);

#endif
