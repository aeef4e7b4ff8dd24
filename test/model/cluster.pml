/* SPDX-License-Identifier: Apache-2.0 */
/* cluster.pml - what the API server stores, what only the model knows, and what must always hold. */

/* --- what the API server stores --- */

/* The Lease zen-lead-<pool>. */
bool lease_there = LED;
byte holder = (LED -> 0 : NOBODY);
bool provisional = false;
bool released = false;   /* the holder is empty because we released it */
byte lease_token = LED;
byte successor = NOBODY;
byte deposed = 0;        /* mask */
byte ready_holder = (LED -> 0 : NOBODY);
byte proven = (LED -> 0 : NOBODY); /* the revision of ready_holder; NOBODY: none */
byte failed = NOBODY;    /* the revision that gets no successor */
byte fresh = 0;          /* who read the Lease as it is now */

/* LeaderPolicy status: fencingToken, currentHolder and the token with which that was written. */
byte status_token = LED;
byte led_last = (LED -> 0 : NOBODY);
byte led_token = LED;

/* Pods, as masks. A pod is in none of them before it is asked for. */
byte review = 0;   /* its review is under way */
byte stored_soon = 0; /* allowed, on its way into etcd */
byte alive = (LED -> 1 : 0); /* stored; its phase is neither Failed nor Succeeded */
byte terminating = 0;  /* of those alive */
byte stuck = 0;        /* of those terminating: never gone */
byte ready = (LED -> 1 : 0);
byte gone = 0;     /* was there, or will never come */

/* ReplicaSets and the Deployment. */
byte wanted[2] = 0;
bool asleep[2] = false; /* the owner backs off after a refusal; up to 16 minutes, for ever here */

/* --- what only the model knows --- */

byte claimed = 0;  /* mask: named in the Lease by a claim, or as successor: such a uid is never asked for again */
byte named = (LED -> 1 : 0); /* has been the Lease's holder */
byte lost = 0;     /* has been deposed */
byte forgotten = 0; /* has been deposed, and someone deleted the Lease that said so */
byte last_token = LED; /* of the latest leader */
byte token_of[PODS] = 0; /* with which it claimed */
byte faults = FAULTS;

/*
 * P believes that it leads: it was named in the Lease, it lives, and it was not deposed. That is what the
 * pod's own process may conclude at any time from what it has read, however long ago.
 */
#define BELIEVERS (named & alive & ~lost)
inline at_most_one() { assert(BELIEVERS == 0 || ONE(BELIEVERS)) }

/* A new leader's token is larger than that of every leader before it. */
inline new_token(t) { assert((t) > last_token); last_token = (t) }

#if FAULTS == 255
#define MAY_FAIL :: goto refuse
#else
#define MAY_FAIL :: atomic { faults > 0 -> faults--; goto refuse }
#endif

#if DROPS
byte drops = DROPS;
#endif
#if KILLS
byte kills = KILLS;
#endif
#if FLAPS
byte flaps = FLAPS;
#endif
#if STUCK
byte stuck_left = STUCK;
#endif
#if DELETES
byte deletes = DELETES;
#endif
#if EMPTIES
byte empties = EMPTIES;
#endif
#if BYPASSES
byte bypasses = BYPASSES;
byte slipped;
#endif
