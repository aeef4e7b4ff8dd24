/* SPDX-License-Identifier: Apache-2.0 */
/* guards.pml - the rules that webhook and controller share. With -DNAME one of them is out. */

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
 * The claim timeout, the model's one statement about time: when it has passed since a process first saw a
 * claim, the claimed pod is stored, or never will be.
 */
#if defined(LATE_STORE) || defined(NO_PROVISIONAL)
#define ON_ITS_WAY 0
#else
#define ON_ITS_WAY ((review | stored_soon) & claimed)
#endif

/*
 * An empty seat that we did not release: a Lease that was deleted, or emptied by hand. Some pod may believe
 * that it leads.
 */
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
 * One pod need not wait: the status names it as the leader with the newest token of all, so no claim can be
 * on its way. The status must be read after the Lease.
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

/*
 * NotReady for the lease duration, once it was Ready; never Ready before the progress deadline; terminating
 * for its grace period and more.
 */
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
