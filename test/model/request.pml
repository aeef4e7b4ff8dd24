/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request.pml - the protocol by which somebody asks for another leader (zen-lead handover, release): an annotation of the pool's Lease,
 * about one leader, until a time, answered by the controller alone.
 *
 * What each guard stands for and what is left out: docs/model.md. run.sh checks this file in several scenarios, and then with one
 * guard removed at a time: spin must find the fault.
 *
 * One API request is one atomic step; FRESH has a bit for each process that has read the Lease as it is now, as in seat.pml. Two people,
 * who may go away at any step (nobody is made to go on), and two controllers, each of whose views may be as old as it likes when it acts on it.
 */

/* --- the scenario: run.sh overrides these --- */

#ifndef SCALE_DOWN
#define SCALE_DOWN 0 /* 1: one pod runs, and the answer is its deletion; 0: the seat moves */
#endif
#ifndef PODS
#define PODS (SCALE_DOWN -> 3 : 2) /* that there ever are; at most 3 */
#endif
#ifndef DEATHS
#define DEATHS 0 /* pods that die, leaders or not */
#endif
#ifndef STOPPED
#define STOPPED 1 /* reconciliations of a second controller, which was stopped at any step and goes on at any time */
#endif
#ifndef STRANGERS
#define STRANGERS 0 /* times that a program which knows nothing of requests moves the seat: an older release */
#endif

mtype = { NOTHING, ELECT, DROP, ANSWER };
#define ANY 7
#define BIT(p) (1 << (p))
#define HAS(mask, p) (((mask) >> (p)) & 1)

/* --- what the API server stores --- */

byte holder = 0;
byte token = 1;
bool asked = false; /* there is a request */
byte asked_token = 0;
byte asked_to = ANY;
byte asked_by = 0;
byte fresh = 0;
byte alive = (SCALE_DOWN -> 1 : BIT(PODS) - 1);
byte terminating = 0; /* of those alive */

/* --- what only the model knows --- */

bool sent[2] = false;    /* the request was written */
bool over[2] = false;    /* its time is up, by everybody's clock */
bool told_no[2] = false; /* its author was told that nothing came of it, and nothing will */
byte answers[2] = 0;
byte deaths = DEATHS;
byte strangers = STRANGERS;

#define SEEN(me) fresh = fresh | BIT(me)
#define WRITTEN fresh = 0
#ifdef NO_CAS
#define UNCHANGED(me) true
#else
#define UNCHANGED(me) HAS(fresh, me)
#endif
#ifdef NO_CAS_ASK
#define MAY_ASK(me) true
#else
#define MAY_ASK(me) HAS(fresh, me)
#endif
#ifdef NO_CAS_TAKE_BACK
#define MAY_TAKE_BACK(me) true
#else
#define MAY_TAKE_BACK(me) HAS(fresh, me)
#endif
#define STANDS (asked && asked_token == token && !over[asked_by])

#ifdef REQUEST_OF_ANY_LEADER
#define OF_THIS_LEADER true
#else
#define OF_THIS_LEADER (asked_token == token)
#endif
#ifdef NO_DEADLINE
#define IN_TIME true
#else
#define IN_TIME (!over[asked_by])
#endif
#ifdef TAKE_BACK_ANY
#define MINE (asked && token == about)
#else
#define MINE (asked && asked_by == me)
#endif

inline move_seat(p)
{
    holder = p;
    token++;
    WRITTEN
}

/* zl_choose_leader: any of MASK, which is not empty. */
inline choose(mask, out)
{
    if
    :: HAS(mask, 0) -> out = 0
    :: HAS(mask, 1) -> out = 1
    :: HAS(mask, 2) -> out = 2
    fi
}

/* zen-lead handover or release: client/handover. */
proctype person(byte me)
{
    byte about = 0;
    byte to = ANY;

ask:
    atomic { true ->
        if
        :: !HAS(alive, holder) -> goto leave
#ifndef ASK_OVER_ANOTHER
        :: HAS(alive, holder) && STANDS -> goto leave /* somebody has just asked */
        :: HAS(alive, holder) && !STANDS
#else
        :: HAS(alive, holder)
#endif
        fi;
        SEEN(me);
        about = token;
        if
        :: to = ANY
        :: !SCALE_DOWN && holder != 1 -> to = 1
        fi
    }
    if
    :: atomic { MAY_ASK(me) ->
        assert(!STANDS); /* nobody's request is written over */
        asked = true; asked_token = about; asked_to = to; asked_by = me;
        sent[me] = true;
        WRITTEN
    }
    :: atomic { !MAY_ASK(me) -> goto ask }
    fi;

    if
    :: atomic { token > about -> goto leave }               /* another leads */
    :: atomic { !asked && token == about -> goto leave }    /* it was refused */
    :: over[me]
    fi;

take_back:
    atomic { true ->
        SEEN(me);
#ifndef NO_LAST_LOOK
        if
        :: token > about || !asked -> goto leave /* it was answered or refused meanwhile */
        :: token == about && asked
        fi;
#endif
        if
        :: MINE
        :: !MINE -> goto no
        fi
    }
#ifndef NO_TAKE_BACK
    if
    :: atomic { MAY_TAKE_BACK(me) ->
        assert(!asked || asked_by == me); /* nor is it taken back by others */
        asked = false;
        WRITTEN
    }
    :: atomic { !MAY_TAKE_BACK(me) -> goto take_back }
    fi;
#endif
no:
    atomic { true ->
        assert(SCALE_DOWN || answers[me] == 0); /* who is told no was not answered */
        told_no[me] = true
    }
leave:
    about = 0; to = ANY
}

/*
 * controller/leader/request.c, standby.c and scale_down.c, and controller/apply. What is read and planned is one step, since a
 * plan is a function of what was read; what is done by it comes any time later.
 */
proctype controller(byte me; byte rounds)
{
    byte pods = 0;
    byte leads = 0;
    byte about = 0;
    byte by = 0;
    byte taker = ANY;
    mtype plan = NOTHING;

end_idle:
    do
    :: atomic { rounds > 0 && (HAS(alive & ~terminating, holder) -> asked : !SCALE_DOWN && (alive & ~terminating) != 0) ->
        SEEN(me);
        rounds = (rounds == 255 -> 255 : rounds - 1);
        pods = alive & ~terminating;
        if
        :: !HAS(pods, holder) -> choose(pods, taker); plan = ELECT
        :: HAS(pods, holder) && OF_THIS_LEADER && IN_TIME ->
            assert(!over[asked_by]);
            leads = holder; about = asked_token; by = asked_by;
            pods = pods & ~BIT(holder);
            if
            :: SCALE_DOWN -> plan = ANSWER
            :: !SCALE_DOWN && asked_to == ANY && pods != 0 -> choose(pods, taker); plan = ANSWER
            :: !SCALE_DOWN && asked_to != ANY && HAS(pods, asked_to) -> taker = asked_to; plan = ANSWER
            :: else /* it is awaited */
            fi
        :: HAS(pods, holder) && !(OF_THIS_LEADER && IN_TIME) -> by = asked_by; plan = DROP
        fi;
        pods = 0
    }
    if
    :: atomic { plan == ELECT && UNCHANGED(me) -> move_seat(taker); asked = false }
    :: atomic { plan == DROP && UNCHANGED(me) ->
        assert(SCALE_DOWN || answers[by] == 0); /* what was answered is not said to be refused */
        asked = false;
        WRITTEN
    }
#if SCALE_DOWN
#ifdef NO_LIVE_LOOK
    :: atomic { plan == ANSWER ->
#else
    :: atomic { plan == ANSWER && asked && asked_by == by && asked_token == about && holder == leads ->
#endif
        assert(!told_no[by]); /* nobody decides by a request that is taken back */
        answers[by] = 1
    }
    atomic { true -> /* DELETE, the uid is its precondition */
        assert(!HAS(alive, leads) || holder != leads || token == about);
        terminating = terminating | (alive & BIT(leads))
    }
#else
    :: atomic { plan == ANSWER && UNCHANGED(me) ->
        assert(token == about);   /* the leader that it is about goes, and no other */
        assert(!told_no[by]);     /* not when its author was told that nothing will come of it */
        assert(answers[by] == 0); /* once */
        answers[by]++;
        move_seat(taker)
#ifndef REQUEST_STAYS
        ; asked = false
#endif
    }
#endif
    :: true /* it dies, or the swap is refused, or there is nothing to do */
    fi;
    atomic {
        leads = 0; about = 0; by = 0; taker = ANY; plan = NOTHING;
        fresh = fresh & ~BIT(me)
    }
    od
}

proctype world()
{
    byte p = 0;
end_idle:
    do
    :: atomic { sent[0] && !over[0] -> over[0] = true }
    :: atomic { sent[1] && !over[1] -> over[1] = true }
    :: atomic { fresh != 0 -> WRITTEN } /* the Lease is renewed */
    :: atomic { terminating != 0 -> alive = alive & ~terminating; terminating = 0 }
#if SCALE_DOWN
    /* The next pod is let in: the webhook's claim moves the seat, and clears the request. */
    :: atomic { !HAS(alive, holder) && holder < PODS - 1 -> p = holder + 1; alive = alive | BIT(p); move_seat(p); asked = false; p = 0 }
#endif
#if DEATHS
    :: atomic { deaths > 0 && alive != 0 -> deaths--; choose(alive, p); alive = alive & ~BIT(p); p = 0 }
#endif
#if STRANGERS
    :: atomic { strangers > 0 && (alive & ~BIT(holder)) != 0 -> strangers--; choose(alive & ~BIT(holder), p); move_seat(p); p = 0 }
#endif
    od
}

init {
    atomic {
        run person(0); run person(1);
        run controller(2, 255);
        run controller(3, STOPPED);
        run world()
    }
}
