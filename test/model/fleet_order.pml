/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fleet_order.pml - in which order the clusters of a fleet get their turns (I4): tickets, and offers by them.
 *
 * As in fleet.pml: one API request is one atomic step, arbiter 0 sees what is there, arbiter 1 has a view of any age to which it adds
 * its own writes, and each may die between any two. Here are the parts that order rests on, and nothing else: wants, tickets that
 * are reserved in the ledger and then told, offers, and what brings a cluster back into the queue. Three clusters, one slot.
 * With -DNAME a guard is out.
 */

#ifndef CLUSTERS
#define CLUSTERS 3
#endif
#ifndef VIEWS
#define VIEWS 1 /* times that the second arbiter looks */
#endif
#ifndef WANTS
#define WANTS 1 /* of each cluster */
#endif
#ifndef DECLINES
#define DECLINES 1 /* of all clusters together */
#endif
#ifndef TICKETS
#define TICKETS 6
#endif

mtype = { IDLE, WAITING, OFFERED };

/* --- what the hub stores; [view * CLUSTERS + cluster] --- */

/* The ledger. */
byte next_ticket[2] = 1;
byte reserved[2 * CLUSTERS] = 0; /* for the want that stands */
bool slot[2 * CLUSTERS] = false;

/* The Leases turn.<cluster>. */
mtype turn[2 * CLUSTERS] = IDLE;
byte ticket[2 * CLUSTERS] = 0;

/* The Leases member.<cluster>. */
bool wants[2 * CLUSTERS] = false;
bool declines[2 * CLUSTERS] = false;

#define LEDGER 1
#define TURN(c) (2 << (c))
byte fresh = 0;
byte views = VIEWS;
byte left[CLUSTERS] = WANTS;
byte declines_left = DECLINES;

/* --- what only the model knows --- */

byte told_to[TICKETS + 2] = 0; /* by ticket: the cluster that was told it, plus 1 */
byte kept[CLUSTERS] = 0;       /* the ticket of the want that stands, once it was told */
byte passed[CLUSTERS] = 0;     /* how often that ticket was passed over */

#ifdef NO_CAS_LEDGER
#define MAY_SWAP_LEDGER(v) true
#else
#define MAY_SWAP_LEDGER(v) ((v) == 0 || (fresh & LEDGER))
#endif
#define MAY_SWAP_TURN(v, c) ((v) == 0 || (fresh & TURN(c)))

#define WAITS(v, c) (turn[(v) * CLUSTERS + (c)] == WAITING && !slot[(v) * CLUSTERS + (c)])
#define IS_ELIGIBLE(v, c) (WAITS(v, c) && wants[(v) * CLUSTERS + (c)] && !declines[(v) * CLUSTERS + (c)])
#define IS_BEFORE(v, j, c) (IS_ELIGIBLE(v, j) && ticket[(v) * CLUSTERS + (j)] < ticket[(v) * CLUSTERS + (c)])
#define ANY_BEFORE(v, c) (IS_BEFORE(v, 0, c) || IS_BEFORE(v, 1, c) || (CLUSTERS > 2 && IS_BEFORE(v, CLUSTERS - 1, c)))
#define IS_FREE(v) (!slot[(v) * CLUSTERS] && !slot[(v) * CLUSTERS + 1] && !slot[(v) * CLUSTERS + CLUSTERS - 1])

#ifdef OFFER_OUT_OF_ORDER
#define MAY_GO_FIRST(v, c) true
#else
#define MAY_GO_FIRST(v, c) (!ANY_BEFORE(v, c))
#endif

inline copy_ledger(from, to)
{
    byte k;
    next_ticket[to] = next_ticket[from];
    for (k : 0 .. CLUSTERS - 1) {
        reserved[(to) * CLUSTERS + k] = reserved[(from) * CLUSTERS + k];
        slot[(to) * CLUSTERS + k] = slot[(from) * CLUSTERS + k]
    }
    k = 0
}
inline ledger_written(v)
{
    if
    :: v == 1 -> copy_ledger(1, 0)
    :: v == 0 -> fresh = fresh & ~LEDGER
    fi
}
inline turn_written(v, c)
{
    if
    :: v == 1 -> turn[c] = turn[CLUSTERS + c]; ticket[c] = ticket[CLUSTERS + c]
    :: v == 0 -> fresh = fresh & ~TURN(c)
    fi
}
/* No two clusters are ever told one ticket, and who waits keeps its own. */
inline was_told(i, c)
{
    assert(told_to[ticket[i]] == 0 || told_to[ticket[i]] == c + 1);
    told_to[ticket[i]] = c + 1;
    assert(kept[c] == 0 || kept[c] == ticket[i]);
    kept[c] = ticket[i]
}
/* I4. By what is there: who sees that never passes anybody; who has an old view may pass a ticket once, that was told since. */
inline was_offered(v, c)
{
    byte j;
    for (j : 0 .. CLUSTERS - 1) {
        if
        :: IS_BEFORE(0, j, c) ->
            passed[j]++;
            assert(v == 1 && !IS_ELIGIBLE(1, j));
            assert(passed[j] <= VIEWS)
        :: else
        fi
    }
    j = 0
}

proctype arbiter(byte v; byte c)
{
#define i (v * CLUSTERS + c)
end_idle:
    do
#ifdef TICKET_TOLD_FIRST
    :: d_step { MAY_SWAP_TURN(v, c) && wants[i] && turn[i] == IDLE && next_ticket[v] <= TICKETS ->
        turn[i] = WAITING; ticket[i] = next_ticket[v];
        was_told(i, c);
        turn_written(v, c) }
    :: d_step { MAY_SWAP_LEDGER(v) && ticket[i] == next_ticket[v] && turn[i] == WAITING ->
        next_ticket[v] = next_ticket[v] + 1;
        ledger_written(v) }
#else
    /* A ticket is reserved in the ledger ... */
    :: d_step { MAY_SWAP_LEDGER(v) && wants[i] && turn[i] == IDLE && reserved[i] == 0 && next_ticket[v] <= TICKETS ->
        reserved[i] = next_ticket[v]; next_ticket[v] = next_ticket[v] + 1;
        ledger_written(v) }
    /* ... and told. */
    :: d_step { MAY_SWAP_TURN(v, c) && wants[i] && turn[i] == IDLE && reserved[i] > ticket[i] ->
        turn[i] = WAITING; ticket[i] = reserved[i];
        was_told(i, c);
        turn_written(v, c) }
#endif
    :: d_step { MAY_SWAP_LEDGER(v) && IS_FREE(v) && IS_ELIGIBLE(v, c) && MAY_GO_FIRST(v, c) ->
        was_offered(v, c);
        slot[i] = true;
        reserved[i] = 0;
        ledger_written(v) }
    :: d_step { MAY_SWAP_TURN(v, c) && slot[i] && turn[i] == WAITING ->
        turn[i] = OFFERED;
        turn_written(v, c) }
    /* Declined: it waits again, with the ticket that it had. */
    :: d_step { MAY_SWAP_LEDGER(v) && slot[i] && turn[i] == OFFERED && declines[i] -> slot[i] = false; ledger_written(v) }
    :: d_step { MAY_SWAP_TURN(v, c) && !slot[i] && turn[i] == OFFERED && wants[i] ->
#ifdef TICKET_ANEW
        turn[i] = IDLE;
#else
        turn[i] = WAITING;
#endif
        turn_written(v, c) }
    /* Its turn, from an offer to its end, is one step here: it wants nothing more. */
    :: d_step { MAY_SWAP_LEDGER(v) && slot[i] && turn[i] == OFFERED && !wants[i] -> slot[i] = false; ledger_written(v) }
    :: d_step { MAY_SWAP_TURN(v, c) && !slot[i] && turn[i] != IDLE && !wants[i] -> turn[i] = IDLE; turn_written(v, c) }
    od
#undef i
}

proctype member(byte c)
{
end_idle:
    do
    :: d_step { left[c] > 0 && !wants[c] && turn[c] == IDLE -> left[c]--; wants[c] = true; kept[c] = 0; passed[c] = 0 }
    :: d_step { turn[c] == OFFERED && wants[c] && !declines[c] -> wants[c] = false }
    :: d_step { declines_left > 0 && turn[c] == OFFERED && wants[c] -> declines_left--; declines[c] = true }
    :: d_step { declines[c] && turn[c] == WAITING -> declines[c] = false }
    od
}

proctype watch()
{
end_idle:
    do
    :: d_step { views > 0 ->
        views--;
        fresh = LEDGER | TURN(0) | TURN(1) | TURN(2);
        copy_ledger(0, 1);
        byte w;
        for (w : 0 .. CLUSTERS - 1) {
            turn[CLUSTERS + w] = turn[w]; ticket[CLUSTERS + w] = ticket[w];
            wants[CLUSTERS + w] = wants[w]; declines[CLUSTERS + w] = declines[w]
        }
        w = 0
    }
    od
}

/* When nothing can happen any more nobody waits. */
proctype judge()
{
    byte k;
end_idle:
    timeout ->
        for (k : 0 .. CLUSTERS - 1) {
            assert(!wants[k] && !slot[k] && turn[k] == IDLE)
        }
}

init {
    byte k;
    atomic {
        for (k : 0 .. CLUSTERS - 1) {
            run arbiter(0, k);
            run member(k);
            if
            :: VIEWS > 0 -> run arbiter(1, k)
            :: else
            fi
        }
        run watch();
        run judge()
    }
}
