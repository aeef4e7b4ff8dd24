/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/leader/plan.h"

#include "common/base/backoff.h"
#include "common/base/clock.h"
#include "common/seat/rank.h"
#include "controller/leader/choose.h"
#include "controller/state_guard/plan_jobs.h"

#include <string.h>

enum { WAKE_DELAY_FIRST_MS = 1000, WAKE_DELAY_MAX_MS = 30000, LISTING_LOOK_MS = 100 };

/* Renewing three times within the lease duration survives one lost write and one slow one. */
static int64_t renew_interval_ms(const struct zl_policy *policy)
{
    int64_t third_ms = policy->lease_duration_s * 1000 / 3;
    int64_t retry_ms = policy->retry_period_s * 1000;
    return third_ms > retry_ms ? third_ms : retry_ms;
}

bool zl_is_gatekept(const struct zl_pool_facts *facts)
{
    for (size_t i = 0; i < facts->workload_count; i++) {
        if (zl_refuses_followers(facts->workloads[i])) {
            return true;
        }
    }
    return zl_is_guarded(facts);
}

bool zl_is_of_job(const struct zl_pod *pod)
{
    return zl_kind_is_of_turns(&pod->meta.controller);
}

/*
 * The member that leads a scaleDown pool if nobody does. Any live pod comes before a new one, even one on
 * its way out: it may be the leader whose Lease was lost. Beside a gatekept workload, one that wants a
 * single replica has no part in the election.
 */
static const struct zl_pod *best_member(const struct zl_pool_facts *facts)
{
    const struct zl_pod *best = NULL;
    bool gatekept_only = zl_is_gatekept(facts);
    for (size_t i = 0; i < facts->member_count; i++) {
        const struct zl_pod *pod = facts->members[i].pod;
        if ((gatekept_only && !facts->members[i].gatekept) ||
            zl_lease_sets_aside(facts->lease, pod->meta.uid)) {
            continue;
        }
        if (zl_policy_led_last(facts->policy, pod->meta.uid, facts->last_token)) {
            return pod; /* its Lease was lost, not its seat */
        }
        /* Jobs are not wanted beside a Deployment, but one that runs alone is let finish. */
        bool better =
            best == NULL || (zl_is_of_job(pod) == zl_is_of_job(best) ? zl_pod_precedes(pod, best)
                                                                     : zl_is_of_job(best));
        if (better) {
            best = pod;
        }
    }
    return best;
}

/* The one that leads a standby pool: sticky, Ready, and it stays. */
static const struct zl_pod *best_standby(const struct zl_pool_facts *facts)
{
    const struct zl_choice_rules rules = {.sticky = true};
    const struct zl_pod **pods = zl_alloc((facts->member_count + 1) * sizeof(struct zl_pod *));
    const char *current = facts->holder_pod != NULL ? facts->holder_pod->meta.uid : NULL;
    for (size_t i = 0; i < facts->member_count; i++) {
        pods[i] = facts->members[i].pod;
    }
    struct zl_choice choice =
        zl_choose_leader(pods, facts->member_count, current, &rules, facts->now_us);
    free(pods);
    return choice.leader;
}

void zl_plan_look_again(struct zl_plan *plan, int64_t ms)
{
    int64_t after_ms = ms > 0 ? ms : 1;
    if (plan->requeue_after_ms == 0 || after_ms < plan->requeue_after_ms) {
        plan->requeue_after_ms = after_ms;
    }
}

static void take_or_release(const struct zl_pod *taker, bool held, struct zl_plan *plan)
{
    plan->taker = taker;
    if (taker != NULL) {
        plan->action = ZL_LEASE_TAKE;
    } else if (held) {
        plan->action = ZL_LEASE_RELEASE;
    }
}

/* Someone wrote over the holder or the turn, or identityStrategy was changed. */
static bool holder_is_misnamed(const struct zl_pool_facts *facts)
{
    const struct zl_pod *pod = facts->holder_pod;
    if (pod == NULL) {
        return false;
    }
    const char *turn = zl_is_of_job(pod) ? pod->meta.controller.uid : NULL;
    /* A pod that its Job left behind does not say whose turn it is. */
    if (pod->meta.controller.uid != NULL && !zl_same_string(facts->lease->turn_uid, turn)) {
        return true;
    }
    const struct zl_candidate holder = zl_candidate_of(pod, facts->policy);
    return !zl_lease_names(facts->lease, &holder);
}

void zl_plan_renewal(const struct zl_pool_facts *facts, struct zl_plan *plan)
{
    const struct zl_lease *lease = facts->lease;
    const struct zl_policy *policy = facts->policy;
    int64_t interval_ms = renew_interval_ms(policy);
    int64_t age_ms = (facts->now_us - lease->renew_us) / 1000;
    /* A renewTime in the future is another machine's clock, or an edit: renew. */
    bool due = age_ms >= interval_ms || age_ms < 0;

    if (due || lease->provisional || lease->wants_repair || holder_is_misnamed(facts) ||
        lease->duration_s != policy->lease_duration_s ||
        lease->fencing_token < policy->status.fencing_token) {
        plan->action = ZL_LEASE_RENEW;
    }
    zl_plan_look_again(plan, plan->action == ZL_LEASE_RENEW ? interval_ms : interval_ms - age_ms);
}

/* Who is to have an empty seat: the successor if it may, else whoever runs. */
static const struct zl_pod *next_leader(const struct zl_pool_facts *facts)
{
    const struct zl_pod *heir = zl_plan_heir(facts);
    return heir != NULL ? heir : best_member(facts);
}

bool zl_plan_must_wait(const struct zl_pool_facts *facts, const struct zl_pod *taker)
{
    return facts->last_token > 0 && zl_lease_is_lost(facts->lease) &&
           facts->lost_ms < facts->claim_timeout_ms &&
           !(taker != NULL &&
             zl_policy_led_last(facts->policy, taker->meta.uid, facts->last_token));
}

static bool has_deposed_member(const struct zl_pool_facts *facts)
{
    for (size_t i = 0; i < facts->member_count; i++) {
        if (zl_lease_has_deposed(facts->lease, facts->members[i].pod->meta.uid)) {
            return true;
        }
    }
    return false;
}

/* Nothing is gatekept (any more): successor and deposed pods are pods like others. */
static void forget_rollout(const struct zl_pool_facts *facts, struct zl_plan *plan)
{
    const struct zl_lease *lease = facts->lease;
    plan->forget_rollout =
        lease != NULL && (lease->successor_uid != NULL || lease->deposed != NULL);
    if (plan->forget_rollout && plan->action == ZL_LEASE_KEEP) {
        plan->action = ZL_LEASE_RENEW;
    }
}

static void plan_scale_down(const struct zl_pool_facts *facts, enum zl_seat seat,
                            struct zl_plan *plan)
{
    switch (seat) {
    case ZL_SEAT_HELD:
        if (!zl_plan_handover(facts, plan) && !zl_plan_sick_leader(facts, plan)) {
            zl_plan_renewal(facts, plan);
        }
        break;
    case ZL_SEAT_PROVISIONAL:
        plan->requeue_after_ms = facts->claim_timeout_ms - facts->claim_age_ms;
        return;
    case ZL_SEAT_ABSENT:
        /*
         * Nobody lives who could be elected, or else there would be one, or nothing is gatekept. A Lease
         * that exists is kept true all the same (below), so that scaling up finds the running pod in it.
         */
        break;
    case ZL_SEAT_EMPTY:
        if (zl_plan_must_wait(facts, next_leader(facts))) {
            zl_plan_look_again(plan, facts->claim_timeout_ms - facts->lost_ms);
            return;
        }
        take_or_release(next_leader(facts), false, plan);
        break;
    case ZL_SEAT_ABANDONED:
        plan->claim_expired = facts->lease->provisional && facts->holder == ZL_HOLDER_GONE;
        take_or_release(next_leader(facts), true, plan);
        break;
    case ZL_SEAT_UNKNOWN:
        return;
    }
    if (zl_is_gatekept(facts)) {
        zl_plan_rollout(facts, seat, plan);
    } else {
        forget_rollout(facts, plan);
    }
    bool led =
        plan->action == ZL_LEASE_TAKE || (seat == ZL_SEAT_HELD && plan->action != ZL_LEASE_RELEASE);
    plan->delete_surplus = led || plan->depose || has_deposed_member(facts);
    plan->seat_free = !led && zl_is_gatekept(facts);
}

static void plan_standby(const struct zl_pool_facts *facts, enum zl_seat seat, struct zl_plan *plan)
{
    const struct zl_pod *best = best_standby(facts);
    /* The pool was switched to standby: what was refused until now waits for its owner's back-off. */
    plan->wake_blocked = facts->policy->status.blocked > 0;
    switch (seat) {
    case ZL_SEAT_HELD:
        /* Sticky: a leader that is Ready keeps the seat; so does one that nobody can replace. */
        if (facts->holder_pod == NULL || zl_can_lead(facts->holder_pod) || best == NULL) {
            zl_plan_renewal(facts, plan);
        } else {
            take_or_release(best, true, plan);
        }
        break;
    case ZL_SEAT_PROVISIONAL:
        plan->requeue_after_ms = facts->claim_timeout_ms - facts->claim_age_ms;
        return; /* no write before the claim is settled: it would confirm it */
    case ZL_SEAT_ABSENT:
    case ZL_SEAT_EMPTY:
        take_or_release(best, false, plan);
        break;
    case ZL_SEAT_ABANDONED:
        take_or_release(best, true, plan);
        break;
    case ZL_SEAT_UNKNOWN:
        return;
    }
    forget_rollout(facts, plan);
}

/*
 * The first leader of all is the pod that has been Ready for longest, and it stays. Which one that is, half a list
 * does not say.
 */
static bool elects_too_early(const struct zl_pool_facts *facts, const struct zl_plan *plan)
{
    bool never_led =
        facts->last_token == 0 && (facts->lease == NULL || facts->lease->fencing_token == 0);
    return plan->action == ZL_LEASE_TAKE && never_led && facts->being_listed;
}

struct zl_plan zl_plan_pool(const struct zl_pool_facts *facts)
{
    struct zl_plan plan = {.action = ZL_LEASE_KEEP};
    enum zl_seat seat =
        zl_seat_judge(facts->lease, facts->holder, facts->claim_age_ms, facts->claim_timeout_ms);
    if (facts->policy->standby) {
        plan_standby(facts, seat, &plan);
    } else if (zl_is_guarded(facts)) {
        zl_plan_guard(facts, seat, &plan);
    } else {
        plan_scale_down(facts, seat, &plan);
    }
    if (elects_too_early(facts, &plan)) {
        return (struct zl_plan){.action = ZL_LEASE_KEEP, .requeue_after_ms = LISTING_LOOK_MS};
    }
    if (plan.action == ZL_LEASE_TAKE) {
        plan.requeue_after_ms = renew_interval_ms(facts->policy);
    }
    return plan;
}

bool zl_is_surplus(const struct zl_member *member, const struct zl_lease *lease)
{
    const char *uid = member->pod->meta.uid;
    if (!member->gatekept || member->pod->meta.deleting || member->pod->is_static ||
        zl_lease_is_held_by(lease, uid) || zl_lease_is_succeeded_by(lease, uid)) {
        return false;
    }
    return zl_lease_is_held(lease) || zl_lease_has_deposed(lease, uid);
}

int64_t zl_wake_delay_ms(int attempt)
{
    if (attempt <= 0) {
        return 0;
    }
    return zl_backoff_ms(attempt - 1, WAKE_DELAY_FIRST_MS, WAKE_DELAY_MAX_MS);
}

/* --- status --- */

static int64_t count_blocked(const struct zl_pool_facts *facts)
{
    int64_t wanted = 0;
    int64_t running = 0;
    if (facts->policy->standby) {
        return 0;
    }
    for (size_t i = 0; i < facts->workload_count; i++) {
        if (zl_refuses_followers(facts->workloads[i])) {
            wanted += facts->workloads[i]->replicas;
        }
    }
    for (size_t i = 0; i < facts->member_count; i++) {
        const struct zl_member *member = &facts->members[i];
        if (member->gatekept && member->job == NULL && !member->pod->meta.deleting) {
            running++;
        }
    }
    return wanted > running ? wanted - running : 0;
}

static int compare_workloads(const void *left, const void *right)
{
    const struct zl_status_workload *a = left;
    const struct zl_status_workload *b = right;
    int by_kind = strcmp(a->kind, b->kind);
    return by_kind != 0 ? by_kind : strcmp(a->name, b->name);
}

static void fill_workloads(const struct zl_pool_facts *facts, struct zl_policy_status *out)
{
    out->workloads = zl_alloc((facts->workload_count + 1) * sizeof *out->workloads);
    for (size_t i = 0; i < facts->workload_count; i++) {
        struct zl_status_workload *workload = &out->workloads[out->workload_count++];
        workload->kind = zl_strdup(facts->workloads[i]->kind->name);
        workload->name = zl_strdup(facts->workloads[i]->meta.name);
        workload->strategy = zl_strdup(facts->workloads[i]->kind->strategy);
    }
    zl_guard_list_workloads(facts, ZL_STRATEGY_NONE, out);
}

/* That a leader works is known for its life, also when the Lease that says so is deleted. */
static void fill_first_ready(const struct zl_pool_facts *facts, const struct zl_pod *leader,
                             struct zl_policy_status *out)
{
    const struct zl_policy_status *before = &facts->policy->status;
    char now[ZL_TIME_TEXT_MAX];
    if (zl_same_string(before->holder_uid, out->holder_uid)) {
        out->holder_ready_time = zl_strdup(before->holder_ready_time);
    }
    if (out->holder_ready_time == NULL && leader != NULL && leader->ready) {
        zl_time_format(facts->now_us, now);
        out->holder_ready_time = zl_strdup(now);
    }
}

static void fill_holder(const struct zl_pool_facts *facts, const struct zl_lease *lease,
                        const struct zl_pod *leader, struct zl_policy_status *out)
{
    char text[ZL_TIME_TEXT_MAX];
    if (!zl_lease_is_held(lease) || lease->provisional) {
        return; /* a claim is not a leader until its pod was seen */
    }
    out->holder_name = zl_strdup(lease->holder_pod);
    out->holder_uid = zl_strdup(lease->holder_uid);
    out->holder_namespace = zl_strdup(facts->policy->meta.namespace_);
    out->holder_token = lease->fencing_token;
    if (lease->acquire_us != 0) {
        zl_time_format(lease->acquire_us, text);
        out->holder_start_time = zl_strdup(text);
    }
    fill_first_ready(facts, leader, out);
}

static void set_ready(struct zl_policy_status *out, bool ready, const char *reason,
                      const char *message)
{
    zl_condition_set(&out->conditions[ZL_CONDITION_READY], ready, reason, message);
}

/* Nothing is gatekept, and no Lease is left from a time when something was. */
static bool nothing_to_elect(const struct zl_pool_facts *facts, const struct zl_lease *lease)
{
    return !facts->policy->standby && !zl_is_gatekept(facts) && !zl_lease_is_held(lease);
}

static void fill_ready(const struct zl_pool_facts *facts, const struct zl_lease *lease,
                       const struct zl_pod *leader, struct zl_policy_status *out)
{
    if (facts->workload_count == 0 && facts->policy->standby && out->workload_count > 0) {
        set_ready(out, true, "JobsNotGuarded",
                  "followerMode: standby guards no Jobs: they all run at once; use scaleDown");
    } else if (facts->workload_count == 0) {
        set_ready(out, false, "NoWorkload",
                  "no workload joins this pool: label a Deployment, StatefulSet, Job or CronJob of "
                  "this namespace with zen-lead/pool");
    } else if (nothing_to_elect(facts, lease)) {
        set_ready(out, true, "SingleReplica",
                  "no workload of this pool wants more than one replica: nothing to elect");
    } else if (!zl_lease_is_held(lease)) {
        set_ready(out, false, "NoLeader", "no pod leads; the next one that is created may");
    } else if (lease->provisional || leader == NULL) {
        set_ready(out, false, "ClaimPending", "a pod was admitted as leader and is not there yet");
    } else if (!leader->ready) {
        set_ready(out, false, "LeaderNotReady", "the leader's pod is not Ready");
    } else {
        set_ready(out, true, "LeaderReady", "the leader's pod is Ready");
    }
}

/* Times move only when what they describe changes. */
static void fill_times(const struct zl_policy_status *before, int64_t now_us,
                       struct zl_policy_status *out)
{
    char now[ZL_TIME_TEXT_MAX];
    zl_time_format(now_us, now);
    bool same_leader = zl_same_string(before->phase, out->phase) &&
                       zl_same_string(before->holder_uid, out->holder_uid);
    out->last_transition_time = zl_strdup(
        same_leader && before->last_transition_time != NULL ? before->last_transition_time : now);
    zl_condition_date(&out->conditions[ZL_CONDITION_READY], &before->conditions[ZL_CONDITION_READY],
                      now);
}

/* Of a pool that guards no Jobs. Jobs in it are listed all the same: they are refused, or run unguarded. */
static void fill_led(const struct zl_pool_facts *facts, const struct zl_lease *lease,
                     const struct zl_pod *leader, struct zl_policy_status *out)
{
    bool led = zl_lease_is_held(lease) && !lease->provisional && leader != NULL;
    bool jobs_alone = facts->workload_count == 0 && facts->guard.turn_count > 0;
    bool stable =
        led || jobs_alone || (facts->workload_count > 0 && nothing_to_elect(facts, lease));

    out->phase = zl_strdup(stable ? "Stable" : "Electing");
    fill_holder(facts, lease, leader, out);
    if (lease != NULL && facts->successor_pod != NULL) {
        out->successor_name = zl_strdup(lease->successor_pod);
        out->successor_uid = zl_strdup(lease->successor_uid);
    }
    for (size_t i = 0; i < facts->member_count; i++) {
        out->candidates += facts->members[i].job == NULL;
    }
    out->blocked = count_blocked(facts);
    fill_workloads(facts, out);
    fill_ready(facts, lease, leader, out);
}

void zl_plan_status(const struct zl_pool_facts *facts, const struct zl_lease *lease,
                    const struct zl_pod *leader, struct zl_policy_status *out)
{
    const struct zl_policy_status *before = &facts->policy->status;
    out->fencing_token = before->fencing_token;
    out->lease_transitions = before->lease_transitions;
    if (lease != NULL && lease->fencing_token > out->fencing_token) {
        out->fencing_token = lease->fencing_token;
    }
    if (lease != NULL && lease->transitions > out->lease_transitions) {
        out->lease_transitions = lease->transitions;
    }
    out->observed_generation = facts->policy->meta.generation;
    zl_ticks_copy(&before->ticks, &out->ticks); /* the claims write them */
    if (zl_is_guarded(facts)) {
        zl_guard_status(facts, lease, leader, out);
    } else {
        fill_led(facts, lease, leader, out);
    }
    if (out->workload_count > 0) {
        qsort(out->workloads, out->workload_count, sizeof *out->workloads, compare_workloads);
    }
    fill_times(before, facts->now_us, out);
}
