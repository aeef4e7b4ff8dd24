/* SPDX-License-Identifier: Apache-2.0 */
/* webhook.pml - one pod CREATE, as the gatekeeper's live.c, decide.c and claim.c handle it. */

/*
 * Everything that is read before a claim is read in one step here. That loses nothing: the swap fails unless
 * the Lease has stayed as it was from the first read on, a holder that was dead stays dead, so the reads
 * could all have happened at the moment of the last one. It holds only because the Lease is read first:
 * -DLEASE_READ_LAST.
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
