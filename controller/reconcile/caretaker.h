/* SPDX-License-Identifier: Apache-2.0 */
/*
 * caretaker.h - renewals by a replica that stands by, for as long as nobody sees to them.
 *
 * A controller that dies is missed when its own Lease has ended, 15 s later, and pools' Leases end sooner: whoever reads their time
 * would take leaders that are well for leaders no more. So the replica beside it, which follows the same objects, renews a Lease
 * that should have been renewed by now. It decides nothing: who holds the Lease goes on to hold it, and must be alive
 * and fit; all else waits for whoever is elected. It goes on for a while after the election: renewals then wait until everything
 * has been looked at. What it stores is a compare-and-swap like any other, so an acting controller that
 * was late after all loses a write, and no more.
 *
 * Time is counted by this replica's own clock from when it first saw a renewTime, as client-go counts it.
 *
 * Threads: several at once, each with its share of the pools: one write after the other is 100 to 200 a second.
 */
#ifndef ZL_CONTROLLER_RECONCILE_CARETAKER_H
#define ZL_CONTROLLER_RECONCILE_CARETAKER_H

#include "controller/reconcile/context.h"

/* How often to look: what is overdue is renewed well before it ends. */
enum { ZL_CARETAKER_LOOK_MS = 500 };

/* Of the pools each COUNTth, the first of them the INDEXth (from 0). */
struct zl_caretaker_share {
    size_t index, count;
};

/* Look at them once, at NOW_MS (zl_clock_ms). GO_ON says whether renewals are still this replica's care. Blocks on the API server. */
void zl_caretaker_look(struct zl_context *context, struct zl_caretaker_share share, int64_t now_ms,
                       bool (*go_on)(void *ctx), void *ctx);

extern const struct zl_metric *const ZL_CARETAKER_METRICS[];

#endif
