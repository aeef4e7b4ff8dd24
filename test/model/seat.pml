/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seat.pml - the protocol by which one pod of a scaleDown pool leads: claim, confirm, release, handover,
 * surplus.
 *
 * What each guard stands for in the code, what is left out and how to read a counterexample: docs/model.md.
 * run.sh checks this file in several scenarios, and then with one guard removed at a time: spin must find the
 * fault.
 *
 * One API request is one atomic step: the API server orders them, and whatever happens between two steps (a
 * process is stopped for an hour, a cache lags, a message waits) is an interleaving. A process that dies, or
 * a message or an answer that is lost, ends the review or reconciliation between two steps, and nothing is
 * remembered: no decision rests on memory that outlives one.
 *
 * Resource versions are not numbers here (they would make the state space infinite): FRESH has a bit for each
 * process, set when it reads the Lease and cleared by every write to it. A compare-and-swap succeeds while
 * the bit is set.
 */

/* --- the scenario: run.sh overrides these --- */

#ifndef PODS
#define PODS 3 /* at most 4 */
#endif
#ifndef NEW
#define NEW 0 /* mask: the pods that belong to the newest revision; 0: there is one revision only */
#endif
#ifndef LED
#define LED 0 /* 1: pod 0 leads and is Ready at the start; 0: a new pool */
#endif
#ifndef STOPPED
#define STOPPED 0 /* reconciliations of a second controller, an old one that was stopped at any step and goes on at any time */
#endif
#ifndef BAD
#define BAD 0 /* 1: the newest revision's pods never become Ready */
#endif
#ifndef FAULTS
#define FAULTS 255 /* deaths of processes and lost messages; 255: any number */
#endif
#ifndef DELETES
#define DELETES 0 /* times that someone deletes the Lease ... */
#endif
#ifndef EMPTIES
#define EMPTIES 0 /* ... or empties its holder by hand */
#endif
#ifndef DROPS
#define DROPS 0 /* admitted pods that are never stored: quota, another webhook */
#endif
#ifndef KILLS
#define KILLS 0 /* pods that are deleted, evicted or fail */
#endif
#ifndef FLAPS
#define FLAPS 0 /* times that a Ready pod becomes NotReady */
#endif
#ifndef STUCK
#define STUCK 0 /* pods that never finish terminating: their node is lost */
#endif
#ifndef BYPASSES
#define BYPASSES 0 /* pods created while the webhook is off */
#endif

#define NOBODY 7
#define BIT(p) (1 << (p))
#define HAS(mask, p) (((mask) >> (p)) & 1) /* false for NOBODY */
#define REVISION(p) HAS(NEW, p)
#define OLD (BIT(PODS) - 1 - NEW)
#define OF(r) ((r) == 1 -> NEW : OLD)
#define NEWEST (NEW != 0)
#define ONLY(p) ((p) == NOBODY -> 0 : BIT(p))
#define ONE(mask) ((mask) != 0 && ((mask) & ((mask) - 1)) == 0)
#define MAX(a, b) ((a) > (b) -> (a) : (b))

#include "cluster.pml"
#include "guards.pml"
#include "webhook.pml"
#include "controller.pml"
#include "world.pml"

init {
    atomic {
        wanted[0] = 2;
        wanted[1] = (NEW != 0);
        run pod_create(0, 0);
        run pod_create(1, NEWEST);
        run controller(2, 255);
#if STOPPED
        run controller(3, STOPPED);
#endif
        run pod_life(0); run pod_life(1); run pod_life(2);
#if PODS > 3
        run pod_life(3);
#endif
#if NEW
        run deployment();
#endif
#if DELETES + EMPTIES + BYPASSES
        run people()
#endif
    }
}

/* Faults are bounded and the processes fair: then, in the end and for good, the right pod leads, alone. */
#define LEADS_ALONE                                                                        \
    (lease_there && HAS(alive & ~terminating, holder) && (alive & ~stuck & ~BIT(holder)) == 0 && \
     (NEW == 0 || HAS(NEW, holder) == 1 - BAD))
#ifdef LIVENESS
ltl in_the_end { <> [] (LEADS_ALONE) }
#endif
