/* SPDX-License-Identifier: Apache-2.0 */
/* world.pml - kubelets, the Deployment, and people. */

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
