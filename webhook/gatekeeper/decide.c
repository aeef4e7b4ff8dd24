/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/gatekeeper/decide.h"

static struct zl_decision answer(enum zl_outcome outcome)
{
    return (struct zl_decision){.step = ZL_STEP_ANSWER, .outcome = outcome};
}

static struct zl_decision then(enum zl_step step, enum zl_outcome outcome)
{
    return (struct zl_decision){.step = step, .outcome = outcome};
}

/* Why a pod may not lead beside one that holds the seat. */
static enum zl_outcome follower(const struct zl_facts *facts)
{
    return facts->held_by_job ? ZL_OUTCOME_JOB_EXECUTES : ZL_OUTCOME_FOLLOWER;
}

/* A stale denial only delays, so memory may deny; only live facts may let a pod in. */
static struct zl_decision decide_from_memory(const struct zl_facts *facts)
{
    bool steadily_held = facts->seat == ZL_SEAT_HELD && !facts->holder_terminating &&
                         !facts->is_holder && !facts->is_successor && !facts->may_succeed;
    return steadily_held ? answer(follower(facts)) : then(ZL_STEP_READ, ZL_OUTCOME_CLAIM_PENDING);
}

static struct zl_decision decide_beside_leader(const struct zl_facts *facts)
{
    /* A leader on its way out leaves the seat in a moment: then this pod may have that. */
    bool place = facts->may_succeed && !facts->successor_lives && !facts->holder_terminating;
    return place ? then(ZL_STEP_SUCCEED, ZL_OUTCOME_SUCCESSOR) : answer(follower(facts));
}

static struct zl_decision decide_empty_seat(const struct zl_facts *facts)
{
    if (facts->other_pod_lives) {
        return then(ZL_STEP_ADOPT, ZL_OUTCOME_ADOPTED);
    }
    if (facts->may_lead) {
        return then(ZL_STEP_CLAIM, ZL_OUTCOME_CLAIMED);
    }
    /* Not proven yet: it may start, and leads when it is Ready. */
    if (facts->may_succeed && !facts->successor_lives) {
        return then(ZL_STEP_SUCCEED, ZL_OUTCOME_SUCCESSOR);
    }
    /* The revision that ought to lead sends no pod. An old one that serves is better than none. */
    return facts->vacant_long && !facts->successor_lives && !facts->may_succeed
               ? then(ZL_STEP_CLAIM, ZL_OUTCOME_CLAIMED)
               : answer(ZL_OUTCOME_OTHER_REVISION);
}

static struct zl_decision decide_live(const struct zl_facts *facts)
{
    if (facts->is_holder) {
        return answer(ZL_OUTCOME_IS_LEADER);
    }
    if (facts->is_successor) {
        return answer(ZL_OUTCOME_SUCCESSOR);
    }
    switch (facts->seat) {
    case ZL_SEAT_HELD:
        return decide_beside_leader(facts);
    case ZL_SEAT_PROVISIONAL:
        return answer(facts->held_by_job ? ZL_OUTCOME_JOB_EXECUTES : ZL_OUTCOME_CLAIM_PENDING);
    case ZL_SEAT_ABSENT:
    case ZL_SEAT_EMPTY:
        if (facts->claim_in_flight && !facts->other_led) {
            return answer(ZL_OUTCOME_CLAIM_PENDING);
        }
        break;
    case ZL_SEAT_ABANDONED:
        break;
    case ZL_SEAT_UNKNOWN:
        return answer(ZL_OUTCOME_UNREACHABLE);
    }
    return decide_empty_seat(facts);
}

struct zl_decision zl_decide(const struct zl_facts *facts)
{
    if (facts->workload == NULL && facts->job == NULL) {
        return answer(ZL_OUTCOME_NOT_IN_POOL);
    }
    if (facts->is_static) {
        return answer(ZL_OUTCOME_STATIC_POD);
    }
    if (facts->policy == NULL) {
        return answer(ZL_OUTCOME_POLICY_MISSING);
    }
    if (facts->workload != NULL && facts->workload->replicas <= 1) {
        return answer(ZL_OUTCOME_SINGLE_REPLICA);
    }
    if (facts->policy->standby) {
        return answer(ZL_OUTCOME_STANDBY);
    }
    if (facts->job != NULL) {
        return zl_decide_turn(facts);
    }
    return facts->live ? decide_live(facts) : decide_from_memory(facts);
}

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
    [ZL_OUTCOME_LED_POOL] = {"led_pool", false,
                             "zen-lead: pool \"%s\" is led by a pod of a Deployment or "
                             "StatefulSet, its Jobs do not start; give them a pool of their own"},
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
