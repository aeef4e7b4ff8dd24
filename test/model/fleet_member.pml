/* SPDX-License-Identifier: Apache-2.0 */
/* fleet_member.pml - a cluster: its controller, which may restart, and its Job, which runs on; and people. */

/* A request; its clock is read before it leaves. */
inline ask(what, token)
{
    nonce[c] = nonce[c] + 1;
    verb[c] = what;
    verb_nonce[c] = nonce[c];
    verb_token[c] = token
}
#define ASKED(what, token) (verb[c] == what && verb_token[c] == (token) && verb_nonce[c] > first[c])

/* The deadline of this nonce has not passed; and it is of this very process. */
#ifdef ACT_ON_ANY_NONCE
#define MINE(answer) ((answer) > dead[c])
#define ACTS_BY(answer) ((answer) > first[c] -> (answer) : 7) /* who has not sent it cannot know when: it counts from now */
#else
#define MINE(answer) ((answer) > dead[c] && (answer) > first[c])
#define ACTS_BY(answer) (answer)
#endif
#ifdef DEADLINE_FROM_ANSWER
#undef ACTS_BY
#define ACTS_BY(answer) 7
#endif
#ifdef ACT_AFTER_REPORT
#define NO_END_REPORTED(token) true
#else
#define NO_END_REPORTED(token) ((token) > reported[c])
#endif

inline work_ends(how)
{
    over[c] = acts_token[c];
    reported[c] = acts_token[c]; pending[c] = acts_token[c]; pending_outcome[c] = how;
    acts[c] = 0; acts_token[c] = 0
}

proctype member(byte c)
{
end_idle:
    do
    :: d_step { turn[c] == OFFERED && NO_END_REPORTED(turn_token[c]) && nonce[c] < NONCES && !ASKED(ACCEPT, turn_token[c]) ->
        ask(ACCEPT, turn_token[c])
    }
#ifdef ACT_ON_OFFER
    :: d_step { turn[c] == OFFERED && NO_END_REPORTED(turn_token[c]) && acts[c] == 0 ->
        acts[c] = 7; acts_token[c] = turn_token[c]; who_acts_is_active() }
#endif
    /* By a watch that may lag. */
    :: d_step { granted[c] != 0 && MINE(granted[c]) && NO_END_REPORTED(granted_token[c]) && acts[c] != ACTS_BY(granted[c]) ->
        acts[c] = ACTS_BY(granted[c]);
        acts_token[c] = granted_token[c];
        assert(acts_token[c] > over[c]); /* nothing is done twice */
        who_acts_is_active()
    }
    :: d_step { acts[c] != 0 && pending[c] == 0 -> work_ends(DONE) }
    :: d_step { acts[c] != 0 && pending[c] == 0 -> work_ends(FAILED) }
    /* The Job is gone before it began. */
    :: d_step { (turn[c] == OFFERED || turn[c] == ACTIVE) && acts[c] == 0 && turn_token[c] > reported[c] && pending[c] == 0 ->
        reported[c] = turn_token[c]; pending[c] = turn_token[c]; pending_outcome[c] = RELEASED }
    /* A report stays until it is answered. */
    :: d_step { pending[c] != 0 && report[c] <= ended_token[c] ->
        report[c] = pending[c]; report_outcome[c] = pending_outcome[c];
        pending[c] = 0; pending_outcome[c] = NONE }
#if RESTARTS
    :: d_step { restarts[c] > 0 && nonce[c] > first[c] ->
        restarts[c]--;
        first[c] = nonce[c]
#ifdef FORGET_REPORT
        ; report[c] = 0; report_outcome[c] = NONE; pending[c] = 0; pending_outcome[c] = NONE; reported[c] = ended_token[c]
#endif
    }
    :: d_step { turn[c] == ACTIVE && turn_answers[c] <= first[c] && NO_END_REPORTED(turn_token[c]) && nonce[c] < NONCES &&
        !ASKED(RESUME, turn_token[c]) -> ask(RESUME, turn_token[c])
    }
#endif
#if RESTORES
    :: d_step { acts[c] != 0 && acts[c] != 7 && acts[c] > first[c] && turn_token[c] < acts_token[c] && ended_token[c] < acts_token[c] &&
        nonce[c] < NONCES && !ASKED(CLAIM, acts_token[c]) -> ask(CLAIM, acts_token[c])
    }
#endif
#if EXTENSIONS
    :: d_step { extensions[c] > 0 && acts[c] > first[c] && acts[c] != 7 && nonce[c] < NONCES ->
        extensions[c]--;
        ask(EXTEND, acts_token[c])
    }
#endif
    od
}

#if PAUSES + RESUMES + LOWERS + RESTORES
byte restores = RESTORES;
byte pauses = PAUSES;
byte resumes = RESUMES;
byte lowers = LOWERS;
byte seen_id = 0;
byte seen_failed = 0;

#ifdef PAUSE_APART
#define PAUSE_WRITTEN
#else
#define PAUSE_WRITTEN fresh = fresh & ~LEDGER
#endif
#ifdef N_APART
#define N_WRITTEN
#else
#define N_WRITTEN fresh = fresh & ~LEDGER
#endif
#ifdef RESUME_ANY_PAUSE
#define SAME_PAUSE true
#else
#define SAME_PAUSE (pause_id[0] == seen_id)
#endif

inline forget(k)
{
    entry[k] = NONE; entry_token[k] = 0; entry_gen[k] = 0; entry_answers[k] = 0; entry_snap[k] = 0;
    turn[k] = NONE; turn_token[k] = 0; turn_gen[k] = 0; turn_answers[k] = 0; ended_token[k] = 0; outcome[k] = NONE;
    verb[k] = NONE; verb_nonce[k] = 0; verb_token[k] = 0; report[k] = 0; report_outcome[k] = NONE;
    hold[k] = nonce[k]
}

proctype people()
{
end_idle:
    do
#if PAUSES
    :: d_step { pauses > 0 && !paused[0] -> pauses--; paused[0] = true; pause_id[0] = pause_id[0] + 1; PAUSE_WRITTEN }
#endif
#if RESUMES
    :: d_step { resumes > 0 && paused[0] && seen_id != pause_id[0] -> seen_id = pause_id[0]; seen_failed = failed[0] }
    :: d_step { resumes > 0 && paused[0] && seen_id != 0 && SAME_PAUSE ->
        resumes--;
        assert((failed[0] & ~seen_failed) == 0); /* nobody ends a pause for a failure that he has not seen */
        paused[0] = false; failed[0] = 0; owed = 0; seen_id = 0; seen_failed = 0;
        fresh = fresh & ~LEDGER }
#endif
#if RESTORES
    /* The arbiter finds its own election older than it wrote it, and marks the ledger: nothing comes before that. */
    :: d_step { restores > 0 ->
        restores--;
        forget(0); forget(1);
#if CLUSTERS == 3
        forget(2);
#endif
        n[0] = N; paused[0] = false; pause_id[0] = 0; last_token[0] = 0; failed[0] = 0; owed = 0; counted = 0;
        clock_token = newest_token;
        restored[0] = true;
        fresh = 0 }
#endif
#if LOWERS
    :: d_step { lowers > 0 -> lowers--; n[0] = 1; N_WRITTEN }
#endif
    od
}
#endif

/* When nothing can happen any more: every report is answered, every turn is over, and a done is no failure. */
#define SETTLED(c)                                                                                                  \
    (ended_token[c] >= report[c] && acts[c] == 0 && (entry[c] == NONE || (paused[0] && entry[c] == OFFERED)) &&    \
     !(report_outcome[c] == DONE && HAS(failed[0], report[c])))
proctype judge()
{
end_idle:
    timeout ->
#if CLUSTERS == 3
        assert(SETTLED(2));
#endif
        assert(SETTLED(0) && SETTLED(1))
}
