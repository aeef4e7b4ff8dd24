/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/gatekeeper/decide.h"

/* Why a pod may not lead beside one that holds the seat. */
static enum zl_outcome follower(bool held_by_job)
{
    return held_by_job ? ZL_OUTCOME_JOB_EXECUTES : ZL_OUTCOME_FOLLOWER;
}

/* --- what memory may say -------------------------------------------------------------------------- */

/*
 * A stale denial only delays, and none is older than ZL_BLIND_MS. What would let a pod of a pool in (no LeaderPolicy, standby, one replica, a free seat) is
 * looked at: a pool that was just made, or a workload that was just scaled up, must not slip two pods past its gatekeeper.
 */
struct zl_decision zl_decide_known(const struct zl_known *known)
{
    if (known->owner_gone) {
        return zl_answer(ZL_OUTCOME_OWNER_GONE);
    }
    if (known->workload == NULL && known->job == NULL) {
        return zl_answer(ZL_OUTCOME_NOT_IN_POOL);
    }
    if (known->is_static) {
        return zl_answer(ZL_OUTCOME_STATIC_POD);
    }
    if (known->is_blind) {
        return zl_then(ZL_STEP_LOOK,
                       known->job != NULL ? ZL_OUTCOME_TURN_PENDING : ZL_OUTCOME_CLAIM_PENDING);
    }
    bool blocks = known->strategy == ZL_STRATEGY_SCALE_DOWN || known->strategy == ZL_STRATEGY_TURNS;
    if (blocks && known->job != NULL) {
        return zl_decide_turn_known(known);
    }
    bool steadily_held = blocks && zl_refuses_followers(known->workload, known->others) &&
                         known->seat == ZL_SEAT_HELD && !known->holder_terminating &&
                         !known->is_holder && !known->is_successor && !known->may_succeed;
    return steadily_held ? zl_answer(follower(known->held_by_job))
                         : zl_then(ZL_STEP_LOOK, ZL_OUTCOME_CLAIM_PENDING);
}

/* --- what was seen -------------------------------------------------------------------------------- */

/* LOOK: at the seat. */
static struct zl_decision decide_without_seat(const struct zl_seen *seen)
{
    if (seen->owner_gone) {
        return zl_answer(ZL_OUTCOME_OWNER_GONE);
    }
    if (seen->workload == NULL && seen->job == NULL) {
        return zl_answer(ZL_OUTCOME_NOT_IN_POOL);
    }
    if (seen->strategy == ZL_STRATEGY_ABSENT) {
        return zl_answer(ZL_OUTCOME_POLICY_MISSING);
    }
    if (seen->workload != NULL && !zl_refuses_followers(seen->workload, seen->others)) {
        return zl_answer(seen->another_leads ? ZL_OUTCOME_FOLLOWER : ZL_OUTCOME_SINGLE_REPLICA);
    }
    if (seen->strategy == ZL_STRATEGY_STANDBY) {
        return zl_answer(ZL_OUTCOME_STANDBY);
    }
    if (seen->job != NULL && seen->strategy != ZL_STRATEGY_TURNS) {
        return zl_answer(ZL_OUTCOME_LED_POOL);
    }
    if (seen->nameless) {
        return zl_answer(ZL_OUTCOME_NAMELESS);
    }
    /* Memory may not know the workload that leads. No option makes that safe, so it is no API error either. */
    if (seen->memory_lags) {
        return zl_answer(ZL_OUTCOME_UNREACHABLE);
    }
    return zl_then(ZL_STEP_LOOK, ZL_OUTCOME_CLAIM_PENDING);
}

bool zl_needs_seat(const struct zl_seen *seen)
{
    return decide_without_seat(seen).step == ZL_STEP_LOOK;
}

static struct zl_decision decide_beside_leader(const struct zl_seen *seen)
{
    const struct zl_revision_seen *revision = &seen->revision;
    /* A leader on its way out leaves the seat in a moment: then this pod may have that. */
    bool place = revision->may_succeed && !revision->successor_lives && !seen->holder_terminating;
    return place ? zl_then(ZL_STEP_SUCCEED, ZL_OUTCOME_SUCCESSOR)
                 : zl_answer(follower(seen->held_by_job));
}

static struct zl_decision decide_free_seat(const struct zl_seen *seen)
{
    const struct zl_revision_seen *revision = &seen->revision;
    if (seen->other != NULL) {
        return zl_then(ZL_STEP_ADOPT, ZL_OUTCOME_ADOPTED);
    }
    if (revision->may_lead) {
        return zl_then(ZL_STEP_CLAIM, ZL_OUTCOME_CLAIMED);
    }
    /* Not proven yet: it may start, and leads when it is Ready. */
    if (revision->may_succeed && !revision->successor_lives) {
        return zl_then(ZL_STEP_SUCCEED, ZL_OUTCOME_SUCCESSOR);
    }
    /* The revision that ought to lead sends no pod. An old one that serves is better than none. */
    return revision->vacant_long && !revision->successor_lives && !revision->may_succeed
               ? zl_then(ZL_STEP_CLAIM, ZL_OUTCOME_CLAIMED)
               : zl_answer(ZL_OUTCOME_OTHER_REVISION);
}

static struct zl_decision decide_pod_seen(const struct zl_seen *seen)
{
    if (seen->is_holder) {
        return zl_answer(ZL_OUTCOME_IS_LEADER);
    }
    if (seen->revision.is_successor) {
        return zl_answer(ZL_OUTCOME_SUCCESSOR);
    }
    switch (seen->seat) {
    case ZL_SEAT_HELD:
        return decide_beside_leader(seen);
    case ZL_SEAT_PROVISIONAL:
        return zl_answer(seen->held_by_job ? ZL_OUTCOME_JOB_EXECUTES : ZL_OUTCOME_CLAIM_PENDING);
    case ZL_SEAT_ABSENT:
    case ZL_SEAT_EMPTY:
        if (seen->claim_in_flight && !seen->other_led) {
            return zl_answer(ZL_OUTCOME_CLAIM_PENDING);
        }
        break;
    case ZL_SEAT_ABANDONED:
        break;
    case ZL_SEAT_UNKNOWN:
        return zl_answer(ZL_OUTCOME_UNREACHABLE);
    }
    return decide_free_seat(seen);
}

struct zl_decision zl_decide_seen(const struct zl_seen *seen)
{
    struct zl_decision decision = decide_without_seat(seen);
    if (decision.step != ZL_STEP_LOOK) {
        return decision;
    }
    if (seen->unprepared) {
        return zl_then(ZL_STEP_PREPARE, ZL_OUTCOME_CLAIM_PENDING);
    }
    return seen->job != NULL ? zl_decide_turn_seen(seen) : decide_pod_seen(seen);
}

enum zl_outcome zl_outcome_of_failure(enum zl_status failed, bool allows)
{
    switch (failed) {
    case ZL_E_TRANSIENT:
    case ZL_E_THROTTLED:
    case ZL_E_DENIED:
        return allows ? ZL_OUTCOME_ALLOWED_UNREACHABLE : ZL_OUTCOME_UNREACHABLE;
    case ZL_OK:
    case ZL_E_INVALID:
    case ZL_E_NOT_FOUND:
    case ZL_E_CONFLICT:
    case ZL_E_GONE:
    case ZL_E_TOO_LARGE:
    case ZL_E_STOPPED:
        break;
    }
    return ZL_OUTCOME_UNDECIDED;
}

/* --- what the answers are called, and say --------------------------------------------------------- */

/* One text for whatever a Job waits for: its Events stay one. */
#define NOT_ITS_TURN                                                                               \
    "zen-lead: it is not this pod's turn in pool \"%s\": its Jobs execute in order of creation, "  \
    "one "                                                                                         \
    "pod at a time; LeaderPolicy status shows who executes and who waits"

static const struct {
    const char *name;
    bool allows;
    const char *message; /* with one %s for the pool */
} OUTCOMES[ZL_OUTCOME_COUNT] = {
    [ZL_OUTCOME_NOT_A_POD_CREATE] = {"not_a_pod_create", true, NULL},
    [ZL_OUTCOME_NOT_IN_POOL] = {"not_in_pool", true, NULL},
    [ZL_OUTCOME_STATIC_POD] = {"static_pod", true, NULL},
    [ZL_OUTCOME_POLICY_MISSING] = {"policy_missing", true,
                                   "zen-lead: LeaderPolicy \"%s\" does not exist in this "
                                   "namespace, so nothing is gatekept; create it"},
    [ZL_OUTCOME_SINGLE_REPLICA] = {"single_replica", true, NULL},
    [ZL_OUTCOME_STANDBY] = {"standby", true, NULL},
    [ZL_OUTCOME_IS_LEADER] = {"is_leader", true, NULL},
    [ZL_OUTCOME_CLAIMED] = {"claimed", true, NULL},
    [ZL_OUTCOME_SUCCESSOR] = {"successor", true, NULL},
    [ZL_OUTCOME_ALLOWED_UNREACHABLE] = {"allowed_unreachable", true, NULL},
    [ZL_OUTCOME_FOLLOWER] = {"follower", false,
                             "zen-lead: pool \"%s\" has a leader; only the leader's pod is "
                             "allowed, followers wait (followerMode: scaleDown)"},
    [ZL_OUTCOME_CLAIM_PENDING] = {"claim_pending", false,
                                  "zen-lead: pool \"%s\" is being claimed by another pod; "
                                  "followers wait (followerMode: scaleDown)"},
    [ZL_OUTCOME_ADOPTED] = {"adopted", false,
                            "zen-lead: pool \"%s\" already runs a pod, which is now its leader; "
                            "followers wait (followerMode: scaleDown)"},
    [ZL_OUTCOME_OTHER_REVISION] = {"other_revision", false,
                                   "zen-lead: pool \"%s\" waits for a pod of another revision of "
                                   "this Deployment to lead (rollout in progress)"},
    [ZL_OUTCOME_CLAIM_LOST] = {"claim_lost", false,
                               "zen-lead: pool \"%s\" was claimed by another pod at the same "
                               "moment; followers wait (followerMode: scaleDown)"},
    [ZL_OUTCOME_UNREACHABLE] = {"unreachable", false,
                                "zen-lead: could not read from the API server who leads; "
                                "refused to be safe, try again"},
    [ZL_OUTCOME_UNDECIDED] = {"undecided", false,
                              "zen-lead: who leads pool \"%s\" could not be found out; refused to "
                              "be safe, the log of zen-lead-webhook says why"},
    [ZL_OUTCOME_NAMELESS] = {"nameless", false,
                             "zen-lead: a pod of pool \"%s\" needs metadata.name and metadata.uid "
                             "to become its leader"},
    [ZL_OUTCOME_JOB_EXECUTES] = {"job_executes", false,
                                 "zen-lead: a Job still executes in pool \"%s\"; its Deployments "
                                 "and StatefulSets wait until that pod has ended"},
    [ZL_OUTCOME_TURN_TAKEN] = {"turn_taken", false, NOT_ITS_TURN},
    [ZL_OUTCOME_TURN_PENDING] = {"turn_pending", false, NOT_ITS_TURN},
    [ZL_OUTCOME_TURN_ADOPTED] = {"turn_adopted", false, NOT_ITS_TURN},
    [ZL_OUTCOME_TURN_LOST] = {"turn_lost", false, NOT_ITS_TURN},
    [ZL_OUTCOME_QUEUED] = {"queued", false, NOT_ITS_TURN},
    [ZL_OUTCOME_TICK_USED] = {"tick_used", false,
                              "zen-lead: another Job of pool \"%s\" has this scheduled time; it "
                              "is run once"},
    [ZL_OUTCOME_TICK_MISSED] = {"tick_missed", false,
                                "zen-lead: this Job waited in pool \"%s\" for longer than its "
                                "CronJob's startingDeadlineSeconds"},
    [ZL_OUTCOME_JOB_OVER] = {"job_over", false,
                             "zen-lead: this pod's Job in pool \"%s\" is over or suspended"},
    [ZL_OUTCOME_OWNER_GONE] = {"owner_gone", false,
                               "zen-lead: this pod's workload or Job does not exist any more"},
    [ZL_OUTCOME_LED_POOL] =
        {"led_pool", false,
         "zen-lead: pool \"%s\" is led by a Deployment or another "
         "workload that stays, so its Jobs do not start; give them a pool of their own"},
    [ZL_OUTCOME_FLEET_WAITS] = {"fleet_waits", false,
                                "zen-lead: this Job waits for its cluster's turn in fleet \"%s\""},
};

bool zl_outcome_allows(enum zl_outcome outcome)
{
    return OUTCOMES[outcome].allows;
}

const char *zl_outcome_name(enum zl_outcome outcome)
{
    return OUTCOMES[outcome].name;
}

char *zl_outcome_message(enum zl_outcome outcome, const char *pool)
{
    const char *message = OUTCOMES[outcome].message;
    if (message == NULL) {
        return NULL;
    }
    const char *place = strstr(message, "%s");
    if (place == NULL) {
        return zl_strdup(message);
    }
    return zl_asprintf("%.*s%s%s", (int)(place - message), message, pool, place + 2);
}
