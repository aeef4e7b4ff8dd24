/* SPDX-License-Identifier: Apache-2.0 */
/* fleet_arbiter.pml - zl_fleet_next: the one write to make, by what arbiter V sees of cluster C. With -DNAME a guard is out. */

/* --- compare-and-swap --- */

#ifdef NO_CAS_LEDGER
#define MAY_SWAP_LEDGER(v) true
#else
#define MAY_SWAP_LEDGER(v) ((v) == 0 || (fresh & LEDGER))
#endif
#ifdef NO_CAS_TURN
#define MAY_SWAP_TURN(v, c) true
#else
#define MAY_SWAP_TURN(v, c) ((v) == 0 || (fresh & TURN(c)))
#endif

inline copy_ledger(from, to)
{
    n[to] = n[from]; paused[to] = paused[from]; restored[to] = restored[from]; pause_id[to] = pause_id[from];
    last_token[to] = last_token[from]; failed[to] = failed[from];
    copy_entry((from) * CLUSTERS, (to) * CLUSTERS);
#if CLUSTERS == 3
    copy_entry((from) * CLUSTERS + 2, (to) * CLUSTERS + 2);
#endif
    copy_entry((from) * CLUSTERS + 1, (to) * CLUSTERS + 1)
}
inline copy_entry(a, b)
{
    entry[b] = entry[a]; entry_token[b] = entry_token[a]; entry_gen[b] = entry_gen[a];
    entry_answers[b] = entry_answers[a]; entry_snap[b] = entry_snap[a]
}
inline copy_turn(a, b)
{
    turn[b] = turn[a]; turn_token[b] = turn_token[a]; turn_gen[b] = turn_gen[a]; turn_answers[b] = turn_answers[a];
    ended_token[b] = ended_token[a]; outcome[b] = outcome[a]
}
inline copy_member(a, b)
{
    verb[b] = verb[a]; verb_nonce[b] = verb_nonce[a]; verb_token[b] = verb_token[a];
    report[b] = report[a]; report_outcome[b] = report_outcome[a]
}
/* A PUT writes all of the object as its writer sees it. */
inline ledger_written(v)
{
    if
    :: v == 1 -> copy_ledger(1, 0)
    :: v == 0 -> fresh = fresh & ~LEDGER
    fi;
    who_acts_is_active()
}
inline turn_written(v, c)
{
    if
    :: v == 1 -> copy_turn(CLUSTERS + c, c)
    :: v == 0 -> fresh = fresh & ~TURN(c)
    fi;
    if
    :: turn[c] == ACTIVE -> granted[c] = turn_answers[c]; granted_token[c] = turn_token[c]
    :: else
    fi
}

/* --- guards --- */

#ifdef OFFER_IN_PAUSE
#define MAY_OFFER(v) (!restored[v] && IN_USE(v) < n[v])
#elif defined(OFFER_ABOVE_N)
#define MAY_OFFER(v) (!paused[v] && !restored[v])
#elif defined(OFFER_WHILE_RESTORED)
#define MAY_OFFER(v) (!paused[v] && IN_USE(v) < n[v])
#else
#define MAY_OFFER(v) (!paused[v] && !restored[v] && IN_USE(v) < n[v])
#endif
#ifdef ACCEPT_IN_PAUSE
#define MAY_ACCEPT(v) true
#else
#define MAY_ACCEPT(v) (!paused[v])
#endif
#ifdef TOKEN_FROM_LEDGER
#define NEW_TOKEN(v) (last_token[v] + 1)
#elif defined(TOKEN_FROM_ENTRIES)
#define NEW_TOKEN(v) (MAX(entry_token[(v) * CLUSTERS], entry_token[(v) * CLUSTERS + 1]) + 1)
#else
#define NEW_TOKEN(v) (MAX(last_token[v], clock_token) + 1)
#endif
#ifdef LATE_DONE_TWICE
#define STILL_COUNTED(v, token) true
#else
#define STILL_COUNTED(v, token) HAS(failed[v], token)
#endif
/* Never backwards, and never over an end. */
#ifdef PROJECT_BACKWARDS
#define AHEAD(i) (entry[i] != turn[i] || entry_token[i] != turn_token[i] || entry_gen[i] != turn_gen[i])
#else
#define AHEAD(i)                                                                                                     \
    (entry_token[i] > ended_token[i] &&                                                                              \
     (entry_token[i] > turn_token[i] || (entry_token[i] == turn_token[i] && entry_gen[i] > turn_gen[i])))
#endif
#define TIMED_OUT(i) (turn[i] == ACTIVE && turn_token[i] == entry_token[i] && turn_gen[i] == entry_gen[i])
/* A resume gets the rest of the limit, an extension never ends before what it follows: so their timer covers whoever acts by an older nonce. */
#ifdef SHORTER_LIMIT
#define RUN_OUT(i, c) (acts[c] == entry_answers[i])
#else
#define RUN_OUT(i, c) (acts[c] != 0 && acts[c] <= entry_snap[i])
#endif
#ifdef ANSWERS_AT_PROJECTION
#define ANSWERS(i) (entry[i] == ACTIVE -> verb_nonce[i] : 0)
#else
#define ANSWERS(i) entry_answers[i]
#endif
#ifdef RESUME_AFTER_END
#define NOT_ENDED(i) true
#else
#define NOT_ENDED(i) (ended_token[i] < entry_token[i])
#endif

/* The answer to an old report leaves a newer turn alone. */
#ifdef ANSWER_CLEARS_TURN
#define CLEARS_TURN(i, token) true
#else
#define CLEARS_TURN(i, token) (turn_token[i] <= (token))
#endif

#ifdef PAUSE_KEEPS_ID
#define NEW_ID(v) (paused[v] -> pause_id[v] : pause_id[v] + 1)
#else
#define NEW_ID(v) (pause_id[v] + 1)
#endif
#ifdef COUNT_WITHOUT_PAUSE
#define PAUSES_BY_ITSELF(v) paused[v]
#else
#define PAUSES_BY_ITSELF(v) true
#endif

/* --- steps --- */

/* I5: what ends neither done nor released counts in the swap that ends it, and pauses. */
inline count_end(v, token, how)
{
    if
    :: BAD(how) ->
        owed = owed | BIT(token);
        counted = counted | BIT(token);
#ifndef END_WITHOUT_COUNT
        failed[v] = failed[v] | BIT(token);
        pause_id[v] = NEW_ID(v);
        paused[v] = PAUSES_BY_ITSELF(v)
#endif
    :: else
    fi
}
/* The timer of the entry that this arbiter sees fires: whom it covers has stopped, by its own clock. */
inline time_passes(i, c)
{
    if
    :: RUN_OUT(i, c) ->
        over[c] = acts_token[c]; reported[c] = acts_token[c]; pending[c] = acts_token[c]; pending_outcome[c] = FAILED;
        acts[c] = 0; acts_token[c] = 0
    :: else
    fi;
    dead[c] = MAX(dead[c], entry_snap[i])
}
inline hold_is_over(k)
{
    if
    :: acts[k] != 0 && acts[k] <= hold[k] ->
        over[k] = acts_token[k]; reported[k] = acts_token[k]; pending[k] = acts_token[k]; pending_outcome[k] = FAILED;
        acts[k] = 0; acts_token[k] = 0
    :: else
    fi;
    dead[k] = MAX(dead[k], hold[k])
}
inline end_turn(i, token, how)
{
    assert(BAD(how) || how == DONE_LATE || !HAS(counted, token)); /* what turn says and what was counted agree */
    if
    :: CLEARS_TURN(i, token) -> turn[i] = NONE; turn_answers[i] = 0
    :: else
    fi;
    ended_token[i] = token;
    outcome[i] = how
}
inline clear_entry(i)
{
    entry[i] = NONE; entry_token[i] = 0; entry_gen[i] = 0; entry_answers[i] = 0; entry_snap[i] = 0
}

proctype arbiter(byte v; byte c)
{
#ifdef LEDGER_FIRST
    mtype told = NONE;
    byte was = 0;
#endif
#define i (v * CLUSTERS + c)
end_idle:
    do
    /* Nobody -> Offered. I1, I3. */
    :: d_step { MAY_SWAP_LEDGER(v) && entry[i] == NONE && turn[i] == NONE && MAY_OFFER(v) && NEW_TOKEN(v) <= TURNS ->
        assert(IN_USE(0) < n[0] && !paused[0] && owed == 0);
        last_token[v] = NEW_TOKEN(v);
        assert(last_token[v] > newest_token);
        newest_token = last_token[v];
        entry[i] = OFFERED;
        entry_token[i] = last_token[v];
        ledger_written(v)
    }
    /* Offered -> nobody: declined, silent, paused, released. */
    :: d_step { MAY_SWAP_LEDGER(v) && entry[i] == OFFERED -> clear_entry(i); ledger_written(v) }
    /* Offered -> Active. */
    :: d_step { MAY_SWAP_LEDGER(v) && entry[i] == OFFERED && verb[i] == ACCEPT && verb_token[i] == entry_token[i] && MAY_ACCEPT(v) ->
        assert(!paused[0] && owed == 0);
        entry[i] = ACTIVE;
        entry_gen[i] = 1;
        entry_answers[i] = verb_nonce[i];
        entry_snap[i] = nonce[c];
        ledger_written(v)
    }
    /* Active -> Active: resume, extend. */
    :: d_step { MAY_SWAP_LEDGER(v) && entry[i] == ACTIVE && NOT_ENDED(i) && (verb[i] == RESUME || verb[i] == EXTEND) &&
        verb_token[i] == entry_token[i] && verb_nonce[i] != entry_answers[i] && entry_gen[i] < GENS ->
        entry_gen[i] = entry_gen[i] + 1;
        entry_answers[i] = verb_nonce[i];
#ifndef TIMER_OF_TOKEN
        entry_snap[i] = nonce[c];
#endif
        ledger_written(v)
    }
    /* turn shows what the ledger says. */
    :: d_step { MAY_SWAP_TURN(v, c) && entry[i] != NONE && AHEAD(i) ->
        turn[i] = entry[i];
        turn_token[i] = entry_token[i];
        turn_gen[i] = entry_gen[i];
        turn_answers[i] = ANSWERS(i);
        turn_written(v, c)
    }
    :: d_step { MAY_SWAP_TURN(v, c) && entry[i] == NONE && turn[i] == OFFERED && turn_token[i] <= last_token[v] ->
        turn[i] = NONE;
        turn_written(v, c)
    }
#ifdef LEDGER_FIRST
    :: d_step { MAY_SWAP_LEDGER(v) && entry[i] == ACTIVE && report[i] == entry_token[i] ->
        count_end(v, entry_token[i], report_outcome[i]);
        clear_entry(i);
        ledger_written(v)
    }
    :: d_step { MAY_SWAP_LEDGER(v) && entry[i] == ACTIVE && TIMED_OUT(i) ->
        time_passes(i, c);
        count_end(v, entry_token[i], EXPIRED);
        clear_entry(i);
        ledger_written(v)
    }
    :: d_step { MAY_SWAP_TURN(v, c) && entry_token[i] != turn_token[i] && turn[i] == ACTIVE ->
        if
        :: HAS(failed[v], turn_token[i]) -> told = EXPIRED
        :: !HAS(failed[v], turn_token[i]) && report[i] == turn_token[i] -> told = report_outcome[i]
        :: else -> told = RELEASED
        fi;
        was = turn_token[i];
        end_turn(i, was, told);
        turn_written(v, c)
    }
#else
    /* Active -> ended: turn first ... */
    :: d_step { MAY_SWAP_TURN(v, c) && entry[i] == ACTIVE && NOT_ENDED(i) && report[i] == entry_token[i] ->
        end_turn(i, entry_token[i], report_outcome[i]);
        turn_written(v, c)
    }
    :: d_step { MAY_SWAP_TURN(v, c) && entry[i] == ACTIVE && !restored[v] && NOT_ENDED(i) && TIMED_OUT(i) ->
        time_passes(i, c);
        end_turn(i, entry_token[i], EXPIRED);
        turn_written(v, c)
    }
    /* ... then the ledger, by what turn shows. */
    :: d_step { MAY_SWAP_LEDGER(v) && entry[i] == ACTIVE && ended_token[i] >= entry_token[i] ->
        count_end(v, entry_token[i], outcome[i]);
        clear_entry(i);
        ledger_written(v)
    }
#endif
    /* A report for a token that the ledger does not know. */
    :: d_step { MAY_SWAP_TURN(v, c) && report[i] > ended_token[i] && report[i] != entry_token[i] &&
        !(turn[i] == ACTIVE && turn_token[i] == report[i]) ->
        end_turn(i, report[i], RELEASED);
        turn_written(v, c)
    }
    /* Expired, and done after all. */
    :: d_step { MAY_SWAP_LEDGER(v) && entry_token[i] != report[i] && report[i] == ended_token[i] && report_outcome[i] == DONE &&
        outcome[i] == EXPIRED && STILL_COUNTED(v, report[i]) ->
        assert(HAS(failed[0], report[i]));
        failed[v] = failed[v] & ~BIT(report[i]);
        ledger_written(v)
    }
    :: d_step { MAY_SWAP_TURN(v, c) && entry_token[i] != report[i] && report[i] != 0 && report[i] == ended_token[i] && report_outcome[i] == DONE &&
        outcome[i] == EXPIRED && !HAS(failed[v], report[i]) ->
        outcome[i] = DONE_LATE;
        turn_written(v, c)
    }
#if RESTORES
    /* The hub was restored: who acts is taken in again, and it is waited for those who cannot be heard. */
    :: d_step { MAY_SWAP_LEDGER(v) && restored[v] && verb[i] == CLAIM && verb_token[i] > ended_token[i] && verb_token[i] > entry_token[i] ->
        last_token[v] = MAX(last_token[v], verb_token[i]);
        entry[i] = ACTIVE;
        entry_token[i] = verb_token[i];
        entry_gen[i] = 1;
        entry_answers[i] = verb_nonce[i];
        entry_snap[i] = nonce[c];
        ledger_written(v)
    }
    :: d_step { MAY_SWAP_LEDGER(v) && restored[v] ->
#ifndef RESTORED_WITHOUT_HOLD
        hold_is_over(0);
        hold_is_over(1);
#if CLUSTERS == 3
        hold_is_over(2);
#endif
#endif
        restored[v] = false;
        ledger_written(v)
    }
#endif
#undef i
    od
}

/* The second arbiter's watch catches up. */
proctype watch()
{
end_idle:
    do
    :: d_step { views > 0 ->
        views--;
        fresh = LEDGER | TURN(0) | TURN(1) | TURN(2);
        copy_ledger(0, 1);
#if CLUSTERS == 3
        copy_turn(2, CLUSTERS + 2); copy_member(2, CLUSTERS + 2);
#endif
        copy_turn(0, CLUSTERS); copy_turn(1, CLUSTERS + 1);
        copy_member(0, CLUSTERS); copy_member(1, CLUSTERS + 1)
    }
    od
}
