/* SPDX-License-Identifier: Apache-2.0 */
/* controller.pml - one reconciliation, as controller/leader plans it and controller/apply carries it out. */

/*
 * The pods come from a cache, which may be as old as it likes. The cached Lease may be, too, but nothing is
 * gained by that here: what is decided from an old one is refused by the swap, and pods are deleted after a
 * live read only.
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
