/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seat.pml - the protocol by which one pod of a scaleDown pool leads: claim, confirm, release, handover, surplus.
 *
 * What each guard stands for in the code, what is left out and how to read a counterexample: docs/model.md. run.sh
 * checks this file in several scenarios, and then with one guard removed at a time: spin must find the fault.
 *
 * One API request is one atomic step: the API server orders them, and whatever happens between two steps (a process is stopped for an hour,
 * a cache lags, a message waits) is an interleaving. A process that dies, or a message or an answer that is lost, ends
 * the review or reconciliation between two steps, and nothing is remembered: no decision rests on memory that outlives one.
 *
 * Resource versions are not numbers here (they would make the state space infinite): FRESH has a bit for each process, set
 * when it reads the Lease and cleared by every write to it. A compare-and-swap succeeds while the bit is set.
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
 * P believes that it leads: it was named in the Lease, it lives, and it was not deposed. That is what the pod's own process may
 * conclude at any time from what it has read, however long ago.
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

/* --- the guards; with -DNAME run.sh takes one out and wants to see the fault --- */

#ifdef CREATE_HELD_LEASE
byte nothing_there = 0; /* who saw no Lease, and will create one */
#define SEEN(me)                                                                             \
    nothing_there = (lease_there -> nothing_there & ~BIT(me) : nothing_there | BIT(me)); \
    fresh = fresh | BIT(me)
#define FIRST_LEASE(me) (!lease_there && HAS(nothing_there, me))
#define NO_EMPTY_LEASE true
#else
#define SEEN(me) fresh = fresh | BIT(me)
#define FIRST_LEASE(me) false
#define NO_EMPTY_LEASE false
#endif
#define WRITTEN fresh = 0
#ifdef NO_CAS
#define UNCHANGED(me) lease_there
#else
#define UNCHANGED(me) (lease_there && HAS(fresh, me))
#endif

/*
 * The claim timeout, the model's one statement about time: when it has passed since a process first saw a claim, the
 * claimed pod is stored, or never will be.
 */
#if defined(LATE_STORE) || defined(NO_PROVISIONAL)
#define ON_ITS_WAY 0
#else
#define ON_ITS_WAY ((review | stored_soon) & claimed)
#endif

/* An empty seat that we did not release: a Lease that was deleted, or emptied by hand. Some pod may believe that it leads. */
#ifdef NO_RELEASE_MARK
#define NOT_RELEASED false
#else
#define NOT_RELEASED (holder == NOBODY && !released)
#endif
/* Such a seat is left alone for one claim timeout, unless there never was a claim. */
#ifdef NO_SETTLING
#define SETTLED true
#else
#define SETTLED (!NOT_RELEASED || status_token == 0 || ON_ITS_WAY == 0)
#endif
#ifdef EMPTY_WITHOUT_LOOKING
#define LISTED(pods) 0
#else
#define LISTED(pods) (pods)
#endif
#ifdef TAKE_FROM_CACHE
#define LIVE_LIST pods
#else
#define LIVE_LIST alive
#endif
/*
 * One pod need not wait: the status names it as the leader with the newest token of all, so no claim can be on its way. The status must
 * be read after the Lease.
 */
#ifdef SURE_FROM_CACHE
#define SURE_POD sure
#else
#define SURE_POD (led_token == status_token -> led_last : NOBODY)
#endif
#define SURE HAS(alive & ~deposed, SURE_POD)
/* zl_seat_judge: nobody is named, or one who is dead and not on its way. Expiry is no part of it. */
#ifdef CLAIM_EXPIRED_LEASE
#define VACANT (!HAS(ON_ITS_WAY, holder))
#else
#define VACANT (!HAS(alive | (provisional -> ON_ITS_WAY : 0), holder))
#endif

#define PROVEN_WANTS (proven != NOBODY && wanted[proven & 1] > 0)
/* Who takes no part in filling an empty seat: the deposed; the successor, while the proven revision can send a pod. */
#define SET_ASIDE (deposed | (PROVEN_WANTS && !HAS(ready, successor) -> ONLY(successor) : 0))
/* zl_rollout_may_lead: the revision that may fill an empty seat */
#ifdef ANY_REVISION_LEADS
#define MAY_LEAD revision
#else
#define MAY_LEAD (PROVEN_WANTS -> proven : NEWEST)
#endif
/* zl_rollout_may_succeed */
#ifdef TWO_SUCCESSORS
#define NO_SUCCESSOR true
#else
#define NO_SUCCESSOR (successor == NOBODY)
#endif
#define MAY_SUCCEED(r) (NEW != 0 && (r) == 1 && failed != 1 && NO_SUCCESSOR && !HAS(NEW, holder))
/* It is of the revision that leads already: there is nothing left to hand over. */
#define STALE_SUCCESSOR (successor != NOBODY && HAS(NEW, holder) && HAS(NEW, successor))

/* NotReady for the lease duration, once it was Ready; never Ready before the progress deadline; terminating for its grace period and more. */
#define NOT_READY_TOO_LONG(p) (HAS(stuck, p) || (ready_holder == (p) || (BAD && HAS(NEW, p))) && !HAS(terminating, p))

#ifdef PRUNE_FROM_CACHE
#define STILL_THERE pods
#else
#define STILL_THERE alive
#endif

/* zl_is_surplus; and who was deposed goes in any case */
#define SURPLUS (deposed | (holder != NOBODY -> 15 & ~(ONLY(holder) | ONLY(successor)) : 0))

/* Owners are woken while the seat is vacant, and the newest revision's while there is room for a successor. */
#ifdef NO_WAKE
#define WAITING(r) false
#else
#define WAITING(r) (asleep[r] && (VACANT || MAY_SUCCEED(r)))
#endif
#define OWNER_ASKS(r) (wanted[r] > COUNT(ACTIVE(r)) && !asleep[r] && UNASKED(r) != 0)

/* An absent Lease is made empty, and then treated as one that was emptied: only a swap ever names a holder. */
inline make_if_absent()
{
    if
    :: !lease_there && !NO_EMPTY_LEASE -> lease_there = true; WRITTEN
    :: else
    fi
}

/* A swap of LeaderPolicy status, before the swap of the Lease: a token that was once given is never given again. */
inline reserve_token(token)
{
#ifdef NO_TOKEN_MEMORY
    token = lease_token + 1;
#else
    token = MAX(status_token, lease_token) + 1;
#endif
    status_token = token
}

inline depose(mask)
{
    deposed = deposed | (mask);
    lost = lost | (mask);
    forgotten = forgotten & ~(mask);
    successor = (HAS(mask, successor) -> NOBODY : successor)
}

/* The Lease names P. */
inline seat(p, token)
{
    assert(!HAS(lost & ~forgotten, p));
    assert(!(BAD && REVISION(p) == 1 && proven == 0 && wanted[0] > 0));
    lost = lost & ~BIT(p);
    named = named | BIT(p);
    lease_there = true;
    holder = p;
    released = false;
    lease_token = token;
    successor = (successor == p -> NOBODY : successor);
    WRITTEN
}

inline release()
{
    holder = NOBODY;
    provisional = false;
    released = true;
    WRITTEN
}

/* The holder's pod was seen; and it is Ready, which makes its revision the proven one. */
inline confirm()
{
    provisional = false;
    if
    :: HAS(pods_ready, holder) -> ready_holder = holder; proven = REVISION(holder)
    :: else
    fi;
    WRITTEN
}

inline ends(p)
{
    alive = alive & ~BIT(p); terminating = terminating & ~BIT(p); stuck = stuck & ~BIT(p);
    ready = ready & ~BIT(p); gone = gone | BIT(p);
    asleep[REVISION(p)] = false /* its own ReplicaSet notices */
}

/* zl_pod_precedes: any pod of MASK, a Ready one first; NOBODY if it is empty. */
#define BEST(mask, p) ((((mask) & ready & ~terminating) != 0 -> (mask) & ready & ~terminating : (mask)) >> (p) & 1)
inline best_of(mask, out)
{
    if
    :: BEST(mask, 0) -> out = 0
    :: BEST(mask, 1) -> out = 1
    :: BEST(mask, 2) -> out = 2
    :: BEST(mask, 3) -> out = 3
    :: (mask) == 0 -> out = NOBODY
    fi
}
inline first(mask, out)
{
    if
    :: HAS(mask, 0) -> out = 0
    :: HAS(mask, 1) && !HAS(mask, 0) -> out = 1
    :: HAS(mask, 2) && ((mask) & 3) == 0 -> out = 2
    :: HAS(mask, 3) && ((mask) & 7) == 0 -> out = 3
    fi
}
#define COUNT(mask) (HAS(mask, 0) + HAS(mask, 1) + HAS(mask, 2) + HAS(mask, 3))

#define UNASKED(r) (OF(r) & ~(review | stored_soon | alive | gone))
#define ACTIVE(r) (OF(r) & (review | stored_soon | (alive & ~terminating)))

/* --- the webhook: one pod CREATE, as claim.c and decide.c handle it --- */

/*
 * Everything that is read before a claim is read in one step here. That loses nothing: the swap fails unless the Lease has stayed
 * as it was from the first read on, a holder that was dead stays dead, so the reads could all have happened at the moment of the last
 * one. It holds only because the Lease is read first: -DLEASE_READ_LAST.
 */
proctype pod_create(byte me; byte revision)
{
    byte pod = NOBODY;
    byte chosen = NOBODY; /* it, or a live pod that is adopted instead */
    byte others = 0;
    byte token = 0;
#ifdef LEASE_READ_LAST
    byte listed = 0;
#endif

end_idle:
    do
    :: atomic { OWNER_ASKS(revision) ->
        first(UNASKED(revision), pod);
        review = review | BIT(pod);
#ifdef LEASE_READ_LAST
        listed = alive
    }
    atomic { true ->
#else
#define listed alive
#endif
        make_if_absent();
        SEEN(me);
        others = LISTED(listed) & ~SET_ASIDE & ~ONLY(holder);
        if
        :: VACANT && !SETTLED -> goto refuse
        :: VACANT && SETTLED && others != 0 ->
            best_of(others, chosen);
            others = others & ~ONLY(chosen)
        :: VACANT && SETTLED && others == 0 && MAY_LEAD == revision -> chosen = pod
        :: (!VACANT || (SETTLED && others == 0 && MAY_LEAD != revision)) && MAY_SUCCEED(revision) -> others = 0
        :: else -> goto refuse
        fi
    }

    if
    :: atomic { chosen == NOBODY ->
        if
        :: UNCHANGED(me) ->
            assert(!HAS(alive | stored_soon, successor)); /* at most one */
            successor = pod;
            claimed = claimed | BIT(pod);
            WRITTEN;
            goto allow
        :: else -> goto refuse
        fi
    }
    :: atomic { chosen != NOBODY -> reserve_token(token) }
    MAY_FAIL
    fi;

    if
    :: atomic { UNCHANGED(me) || FIRST_LEASE(me) ->
        seat(chosen, token);
        if
        :: chosen == pod ->
            provisional = true;
            claimed = claimed | BIT(pod);
            token_of[pod] = token
        :: else ->
            provisional = false;
            new_token(token);
#ifndef TAKE_DEPOSES_NOBODY
            depose(others);
#endif
            at_most_one();
            goto refuse
        fi
    }
    :: atomic { !(UNCHANGED(me) || FIRST_LEASE(me)) -> goto refuse }
    MAY_FAIL
    fi;

allow:
    if
    :: atomic { true ->
        review = review & ~BIT(pod);
        stored_soon = stored_soon | BIT(pod);
        if
        :: HAS(named, pod) -> new_token(token_of[pod]); token_of[pod] = 0
        :: else
        fi;
        goto done
    }
    MAY_FAIL
    fi;

refuse: /* by decision, or because the webhook died or a message was lost */
    atomic {
        review = review & ~BIT(pod);
        asleep[revision] = true;
        gone = gone | (claimed & BIT(pod));
        token_of[pod] = 0;
done:
        pod = NOBODY; chosen = NOBODY; others = 0; token = 0;
        fresh = fresh & ~BIT(me)
#ifdef LEASE_READ_LAST
        ; listed = 0
#endif
    }
    od
}

/* --- the controller: one reconciliation, as reconcile_pool.c, plan.c, surplus.c and wake.c do it --- */

/*
 * The pods come from a cache, which may be as old as it likes. The cached Lease may be, too, but nothing is gained by that here: what is
 * decided from an old one is refused by the swap, and pods are deleted after a live read only.
 */
proctype controller(byte me; byte rounds)
{
    byte pods = 0;
    byte pods_ready = 0;
    byte taker = NOBODY;
    byte others = 0;
    byte token = 0;
    byte condemned = 0;
#ifdef SURE_FROM_CACHE
    byte sure = NOBODY;
#endif
#ifdef NO_LIVE_CHECK_BEFORE_SURPLUS
    byte kept = 0;
#endif

end_idle:
    do
    :: atomic { rounds > 0 ->
        rounds = (rounds == 255 -> 255 : rounds - 1);
        pods = alive;
        pods_ready = ready & ~terminating
#ifdef SURE_FROM_CACHE
        ; sure = (led_token == status_token -> led_last : NOBODY)
#endif
#ifdef NO_LIVE_CHECK_BEFORE_SURPLUS
        ; kept = (holder != NOBODY -> ONLY(holder) | ONLY(successor) : 15)
    }
    atomic { true -> pods = alive /* the Lease is older than the pods */
#endif
    }

    atomic { true ->
        make_if_absent();
        if
        :: VACANT && !SETTLED && SURE ->
            taker = SURE_POD; others = alive & ~deposed & ~ONLY(taker); SEEN(me); goto take
        :: VACANT && !SETTLED && !SURE
        :: VACANT && SETTLED ->
            others = (NOT_RELEASED -> LISTED(LIVE_LIST) : pods) & ~SET_ASIDE & ~ONLY(holder);
            best_of(others, taker);
            others = others & ~ONLY(taker);
            if
            :: taker != NOBODY -> SEEN(me); goto take
            :: taker == NOBODY && holder != NOBODY -> release()
            :: else
            fi
        :: !VACANT && HAS(pods, holder) ->
            if
            :: HAS(pods, successor) && STALE_SUCCESSOR -> depose(ONLY(successor)); successor = NOBODY; WRITTEN
            :: !STALE_SUCCESSOR && HAS(pods_ready, successor) ->
                taker = successor; others = ONLY(holder); SEEN(me); goto take
            :: else
            fi;
            if
            :: provisional || (HAS(pods_ready, holder) && ready_holder != holder) -> confirm()
            :: else
            fi;
            if
            :: !HAS(pods_ready, holder) && NOT_READY_TOO_LONG(holder) ->
                depose(ONLY(holder));
                release()
            :: else
            fi;
            if
            :: HAS(pods, successor) && BAD -> /* the progress deadline has passed */
                failed = REVISION(successor);
#ifdef FAILED_SUCCESSOR_NOT_DEPOSED
#else
                depose(ONLY(successor));
#endif
                successor = NOBODY;
                WRITTEN
            :: else
            fi
        :: else /* its pod is on its way, or the cache lags */
        fi;
        if
        :: successor != NOBODY && !HAS(alive | ON_ITS_WAY, successor) -> successor = NOBODY; WRITTEN
        :: else
        fi;
        if
        :: (deposed & ~STILL_THERE) != 0 -> deposed = deposed & STILL_THERE; WRITTEN
        :: else
        fi
    }
    if
    :: atomic { WAITING(0) || WAITING(1) ->
        asleep[0] = asleep[0] && !WAITING(0);
        asleep[1] = asleep[1] && !WAITING(1)
    }
    :: !(WAITING(0) || WAITING(1))
    fi;
    goto surplus;

take:
    if
    :: atomic { HAS(alive, taker) -> reserve_token(token) } /* after a GET of its pod */
    :: !HAS(alive, taker) -> goto surplus
    MAY_FAIL
    fi;
    if
    :: atomic { UNCHANGED(me) ->
        seat(taker, token);
        provisional = false;
        new_token(token);
#ifndef NO_DEPOSED
        depose(others);
#endif
        at_most_one()
    }
    :: !UNCHANGED(me)
    MAY_FAIL
    fi;

surplus:
    atomic { true -> /* GET the Lease, then judge the pods that were seen before */
        taker = NOBODY; others = 0; token = 0; pods_ready = 0; fresh = fresh & ~BIT(me);
        if /* the status */
        :: holder != NOBODY && !provisional -> led_last = holder; led_token = lease_token
        :: else
        fi;
#ifdef NO_LIVE_CHECK_BEFORE_SURPLUS
        condemned = pods & alive & ~terminating & ~kept;
#else
        condemned = pods & alive & ~terminating & SURPLUS;
#endif
        assert((condemned & (ONLY(holder) | ONLY(successor))) == 0);
        pods = 0
    }
    do
    :: atomic { condemned != 0 -> /* DELETE, the uid is its precondition */
        first(condemned, taker);
        condemned = condemned & ~ONLY(taker);
        terminating = terminating | (alive & ONLY(taker));
        taker = NOBODY
    }
    :: condemned == 0 -> break
    MAY_FAIL
    od;

refuse: /* done, or died: all of it is forgotten */
    atomic {
        pods = 0; pods_ready = 0; taker = NOBODY; others = 0; token = 0; condemned = 0;
        fresh = fresh & ~BIT(me)
#ifdef SURE_FROM_CACHE
        ; sure = NOBODY
#endif
#ifdef NO_LIVE_CHECK_BEFORE_SURPLUS
        ; kept = 0
#endif
    }
    od
}

/* --- the world --- */

proctype pod_life(byte p)
{
end_idle:
    do
    :: atomic { HAS(stored_soon, p) ->
        stored_soon = stored_soon & ~BIT(p);
        alive = alive | BIT(p);
        at_most_one()
    }
#if DROPS
    :: atomic { HAS(stored_soon, p) && drops > 0 ->
        drops--;
        stored_soon = stored_soon & ~BIT(p);
        gone = gone | BIT(p);
        asleep[REVISION(p)] = true
    }
#endif
    :: atomic { HAS(alive & ~ready & ~terminating, p) && !(BAD && REVISION(p) == 1) -> ready = ready | BIT(p) }
    :: atomic { HAS(alive & terminating & ~stuck, p) -> ends(p) }
#if FLAPS
    :: atomic { HAS(ready, p) && flaps > 0 -> flaps--; ready = ready & ~BIT(p) }
#endif
#if KILLS
    :: atomic { HAS(alive, p) && kills > 0 -> kills--; ends(p) }
    :: atomic { HAS(alive & ~terminating, p) && kills > 0 -> kills--; terminating = terminating | BIT(p) }
#endif
#if STUCK
    :: atomic { HAS(alive & ~stuck, p) && stuck_left > 0 ->
        stuck_left--;
        terminating = terminating | BIT(p); stuck = stuck | BIT(p); ready = ready & ~BIT(p)
    }
#endif
#if NEW
    :: atomic { HAS(alive & ~terminating & OLD, p) && wanted[0] == 0 -> terminating = terminating | BIT(p) }
#endif
    od
}

#if NEW
/* The Deployment's controller: a pod of the new revision is available, the old one is not needed any more. */
proctype deployment()
{
end_idle:
    atomic { (ready & ~terminating & NEW) != 0 -> wanted[0] = 0; wanted[1] = 2 }
}
#endif

#if DELETES + EMPTIES + BYPASSES
proctype people()
{
end_idle:
    do
#if DELETES
    :: atomic { lease_there && deletes > 0 ->
        deletes--;
        forgotten = forgotten | deposed;
        lease_there = false; holder = NOBODY; provisional = false; released = false; lease_token = 0;
        successor = NOBODY; deposed = 0; ready_holder = NOBODY; proven = NOBODY; failed = NOBODY;
        WRITTEN
    }
#endif
#if EMPTIES
    :: atomic { holder != NOBODY && empties > 0 -> empties--; holder = NOBODY; provisional = false; WRITTEN }
#endif
#if BYPASSES
    :: atomic { UNASKED(0) != 0 && bypasses > 0 -> bypasses--; first(UNASKED(0), slipped); alive = alive | BIT(slipped) }
#endif
    od
}
#endif

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
