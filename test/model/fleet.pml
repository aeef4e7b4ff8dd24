/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fleet.pml - the protocol by which at most N clusters act at once: ledger, turn and member Leases, two arbiters. Their order is fleet_order.pml.
 *
 * What each guard stands for, what is left out and how time is seen: docs/model.md. run.sh checks this file in several scenarios,
 * and then with one guard removed at a time: spin must find the fault.
 *
 * One API request is one atomic step. An arbiter has no memory but its timers: each step is one write, decided by what it sees. So it
 * may die between any two, and that is an interleaving like others. Arbiter 0 sees what is there; arbiter 1 has a view
 * of any age, to which it adds its own writes. FRESH has a bit for each object of that view, cleared by every write of others: while it
 * is set, a compare-and-swap succeeds.
 *
 * Time: whatever a cluster asked for before a swap was seen ends before the arbiter's timer for that swap fires (limitMs + G after it,
 * the cluster limitMs less a margin after it asked). Nonces count the requests of a cluster, and SNAP is the last one before
 * the swap, so a timer that fires means: whoever acts by a nonce up to SNAP has stopped.
 */

/* --- the scenario: run.sh overrides these --- */

#ifndef TURNS
#define TURNS 2 /* tokens that can be given */
#endif
#ifndef NONCES
#define NONCES 2 /* requests of a cluster, at most 7 */
#endif
#ifndef CLUSTERS
#define CLUSTERS 2 /* or 3 */
#endif
#ifndef N
#define N 1
#endif
#ifndef RESTARTS
#define RESTARTS 0 /* of a member's process, of each cluster; its Job runs on */
#endif
#ifndef EXTENSIONS
#define EXTENSIONS 0 /* that a cluster asks for */
#endif
#ifndef VIEWS
#define VIEWS 1 /* times that the second arbiter looks */
#endif
#ifndef PAUSES
#define PAUSES 0 /* times that people pause the fleet */
#endif
#ifndef RESUMES
#define RESUMES 0 /* times that people resume it */
#endif
#ifndef LOWERS
#define LOWERS 0 /* 1: people set N to 1 */
#endif
#ifndef RESTORES
#define RESTORES 0 /* 1: the hub is restored, from a backup that was made before the fleet began */
#endif

#define GENS 3 /* an entry's gen, at most */
mtype = { NONE, OFFERED, ACTIVE, DONE, RELEASED, FAILED, EXPIRED, DONE_LATE, ACCEPT, RESUME, EXTEND, CLAIM };

/* --- what the hub stores; [view * CLUSTERS + cluster], view 0: what is there, view 1: what the second arbiter saw --- */

/* The Lease fleet.<pool>. */
byte n[2] = N;
bool paused[2] = false;
bool restored[2] = false;
byte pause_id[2] = 0;
byte last_token[2] = 0;
byte failed[2] = 0; /* mask of tokens */
mtype entry[2 * CLUSTERS] = NONE;
byte entry_token[2 * CLUSTERS] = 0;
byte entry_gen[2 * CLUSTERS] = 0;
byte entry_answers[2 * CLUSTERS] = 0;
byte entry_snap[2 * CLUSTERS] = 0; /* see above: in the arbiters' memory, really */

/* The Leases turn.<cluster>. */
mtype turn[2 * CLUSTERS] = NONE;
byte turn_token[2 * CLUSTERS] = 0;
byte turn_gen[2 * CLUSTERS] = 0;
byte turn_answers[2 * CLUSTERS] = 0;
byte ended_token[2 * CLUSTERS] = 0;
mtype outcome[2 * CLUSTERS] = NONE;

/* The Leases member.<cluster>. */
mtype verb[2 * CLUSTERS] = NONE;
byte verb_nonce[2 * CLUSTERS] = 0;
byte verb_token[2 * CLUSTERS] = 0;
byte report[2 * CLUSTERS] = 0;
mtype report_outcome[2 * CLUSTERS] = NONE;

#define LEDGER 1
#define TURN(c) (2 << (c))
byte fresh = 0;
byte views = VIEWS;

/* --- the clusters --- */

byte nonce[CLUSTERS] = 0;      /* the latest */
byte first[CLUSTERS] = 0;      /* those after it are of the process that runs */
byte acts[CLUSTERS] = 0;       /* by which nonce work runs, 0: none does */
byte acts_token[CLUSTERS] = 0;
byte dead[CLUSTERS] = 0;       /* nonces up to it have run out of time */
byte reported[CLUSTERS] = 0;   /* the end of which token was reported, or is about to be */
byte pending[CLUSTERS] = 0;    /* a report that the hub has not taken */
mtype pending_outcome[CLUSTERS] = NONE;
byte granted[CLUSTERS] = 0;    /* the latest Active that turn showed, for a member whose watch lags */
byte granted_token[CLUSTERS] = 0;
byte restarts[CLUSTERS] = RESTARTS;
byte extensions[CLUSTERS] = EXTENSIONS;

/* --- what only the model knows --- */

byte newest_token = 0;
byte over[CLUSTERS] = 0;       /* the latest token of a cluster's work that came to its end */
byte counted = 0;       /* mask of tokens that once counted as failures */
byte hold[CLUSTERS] = 0;       /* nonces before the hub was restored */
byte clock_token = 0;   /* tokens are never smaller than the time, and so than those of a time before */
byte owed = 0;          /* tokens that ended badly, and nobody has resumed the fleet since */

#define BIT(t) (1 << (t))
#define HAS(mask, t) (((mask) >> (t)) & 1)
#define TAKEN(v, c) (entry[(v) * CLUSTERS + (c)] != NONE)
#if CLUSTERS == 3
#define IN_USE(v) (TAKEN(v, 0) + TAKEN(v, 1) + TAKEN(v, 2))
#define ACTING ((acts[0] != 0) + (acts[1] != 0) + (acts[2] != 0))
#else
#define IN_USE(v) (TAKEN(v, 0) + TAKEN(v, 1))
#define ACTING ((acts[0] != 0) + (acts[1] != 0))
#endif
#define IS_ACTIVE(c) (acts[c] == 0 || (entry[c] == ACTIVE && entry_token[c] == acts_token[c]) || restored[0])
#define BAD(o) ((o) == FAILED || (o) == EXPIRED)
#define MAX(a, b) ((a) > (b) -> (a) : (b))

/* I2: who acts is in the ledger; of a restored one, when its hold is over. Never do more act than N was, in any case. */
inline who_acts_is_active()
{
    assert(IS_ACTIVE(0));
    assert(IS_ACTIVE(1));
#if CLUSTERS == 3
    assert(IS_ACTIVE(2));
#endif
    assert(ACTING <= N)
}

#include "fleet_arbiter.pml"
#include "fleet_member.pml"

init {
    atomic {
        run arbiter(0, 0); run arbiter(0, 1);
#if CLUSTERS == 3
        run arbiter(0, 2); run member(2);
#endif
#if VIEWS
        run arbiter(1, 0); run arbiter(1, 1);
#if CLUSTERS == 3
        run arbiter(1, 2);
#endif
        run watch();
#endif
        run member(0); run member(1);
#if PAUSES + RESUMES + LOWERS + RESTORES
        run people();
#endif
        run judge()
    }
}
