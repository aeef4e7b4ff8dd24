/* SPDX-License-Identifier: Apache-2.0 */
/*
 * looks.h - what a strategy may want to know of its pool beyond what every look at one shows.
 *
 * Threads: pure.
 */
#ifndef ZL_CONTROLLER_VIEW_LOOKS_H
#define ZL_CONTROLLER_VIEW_LOOKS_H

enum zl_looks {
    ZL_LOOK_JOBS = 1,   /* pods of Jobs are members: they are refused, or take turns */
    ZL_LOOK_LOSS = 2,   /* a lost Lease: token and members live */
    ZL_LOOK_HOLDER = 4, /* the holder's pod live, unless the cache shows it; does it belong here? */
    ZL_LOOK_ROLLOUT = 8, /* revisions, the successor, since when the leader is not Ready */
    ZL_LOOK_TURN = 16,   /* is the turn over, does its Job retry? */
    /*
     * A holder that the cache does not show is gone, if the cache is newer than the Lease. Where the wrong leader
     * costs a write, not two leaders in one seat, and traffic waits.
     */
    ZL_LOOK_TRUSTS_CACHE = 32,
};

#endif
