/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/leader/status.h"

#include "common/base/clock.h"

#include <string.h>

static int64_t count_blocked(const struct zl_view *view)
{
    int64_t wanted = 0;
    int64_t running = 0;
    for (size_t i = 0; i < view->workload_count; i++) {
        if (zl_view_refuses(view, view->workloads[i])) {
            wanted += view->workloads[i]->replicas;
        }
    }
    for (size_t i = 0; i < view->member_count; i++) {
        const struct zl_member *member = &view->members[i];
        if (member->gatekept && member->job == NULL && !member->pod->meta.deleting) {
            running++;
        }
    }
    return wanted > running ? wanted - running : 0;
}

/* That a leader works is known for its life, also when the Lease that says so is deleted. */
static void fill_first_ready(const struct zl_view *view, struct zl_policy_status *out)
{
    const struct zl_policy_status *before = &view->policy->status;
    const struct zl_pod *leader = view->holder_pod;
    char now[ZL_TIME_TEXT_MAX];
    if (zl_same_string(before->holder_uid, out->holder_uid)) {
        out->holder_ready_time = zl_strdup(before->holder_ready_time);
    }
    if (out->holder_ready_time == NULL && leader != NULL && leader->ready) {
        zl_time_format(view->now_us, now);
        out->holder_ready_time = zl_strdup(now);
    }
}

static void fill_holder(const struct zl_view *view, struct zl_policy_status *out)
{
    const struct zl_lease *lease = view->lease;
    char text[ZL_TIME_TEXT_MAX];
    if (!zl_lease_is_held(lease) || lease->provisional) {
        return; /* a claim is not a leader until its pod was seen */
    }
    out->holder_name = zl_strdup(lease->holder_pod);
    out->holder_uid = zl_strdup(lease->holder_uid);
    out->holder_namespace = zl_strdup(view->policy->meta.namespace_);
    out->holder_token = lease->fencing_token;
    if (lease->acquire_us != 0) {
        zl_time_format(lease->acquire_us, text);
        out->holder_start_time = zl_strdup(text);
    }
    fill_first_ready(view, out);
}

static void set_ready(struct zl_policy_status *out, bool ready, const char *reason,
                      const char *message)
{
    zl_condition_set(&out->conditions[ZL_CONDITION_READY], ready, reason, message);
}

static void fill_ready(const struct zl_view *view, struct zl_policy_status *out)
{
    const struct zl_lease *lease = view->lease;
    const struct zl_pod *leader = view->holder_pod;
    if (view->workload_count == 0) {
        set_ready(out, false, "NoWorkload",
                  "no workload joins this pool: label one of this namespace with zen-lead/pool");
    } else if (!zl_lease_is_held(lease)) {
        set_ready(out, false, "NoLeader", "no pod leads; the next one that is created may");
    } else if (lease->provisional || leader == NULL) {
        set_ready(out, false, "ClaimPending", "a pod was admitted as leader and is not there yet");
    } else if (view->holder_runs_on && leader->meta.deleting) {
        ZL_AUTO_FREE char *message =
            zl_asprintf("leader pod %s does not end although its grace period is over: by its "
                        "status its containers still run and node %s is Ready, so it keeps the "
                        "seat; if it is dead: kubectl delete pod %s --grace-period=0 --force",
                        leader->meta.name, leader->node, leader->meta.name);
        set_ready(out, false, "LeaderStuckTerminating", message);
    } else if (!leader->ready) {
        set_ready(out, false, "LeaderNotReady", "the leader's pod is not Ready");
    } else {
        set_ready(out, true, "LeaderReady", "the leader's pod is Ready");
    }
}

static void fill_led(const struct zl_view *view, struct zl_policy_status *out)
{
    const struct zl_lease *lease = view->lease;
    fill_holder(view, out);
    if (lease != NULL && view->successor_pod != NULL) {
        out->successor_name = zl_strdup(lease->successor_pod);
        out->successor_uid = zl_strdup(lease->successor_uid);
    }
    for (size_t i = 0; i < view->member_count; i++) {
        out->candidates += view->members[i].job == NULL;
    }
}

static void set_phase(const struct zl_view *view, bool nothing_to_elect,
                      struct zl_policy_status *out)
{
    const struct zl_lease *lease = view->lease;
    bool led = zl_lease_is_held(lease) && !lease->provisional && view->holder_pod != NULL;
    bool jobs_alone = view->workload_count == 0 && view->jobs.turn_count > 0;
    out->phase = zl_strdup(led || jobs_alone || nothing_to_elect ? "Stable" : "Electing");
}

void zl_status_standby(const struct zl_view *after, struct zl_policy_status *out)
{
    fill_led(after, out);
    set_phase(after, false, out);
    if (after->workload_count == 0 && out->workload_count > 0) {
        set_ready(out, true, "JobsNotGuarded",
                  "followerMode: standby guards no Jobs: they all run at once; use scaleDown");
    } else {
        fill_ready(after, out);
    }
}

void zl_status_scale_down(const struct zl_view *after, struct zl_policy_status *out)
{
    /* Nothing is gatekept, and no Lease is left from a time when something was. */
    bool nothing_to_elect =
        after->workload_count > 0 && !zl_view_is_gatekept(after) && !zl_lease_is_held(after->lease);
    fill_led(after, out);
    set_phase(after, nothing_to_elect, out);
    out->blocked = count_blocked(after);
    if (nothing_to_elect) {
        set_ready(out, true, "SingleReplica",
                  "the workloads of this pool want one pod together: nothing to elect");
    } else {
        fill_ready(after, out);
    }
}

/* --- of every pool --- */

void zl_status_begin(const struct zl_view *after, struct zl_policy_status *out)
{
    const struct zl_policy_status *before = &after->policy->status;
    const struct zl_lease *lease = after->lease;
    out->fencing_token = before->fencing_token;
    out->lease_transitions = before->lease_transitions;
    if (lease != NULL && lease->fencing_token > out->fencing_token) {
        out->fencing_token = lease->fencing_token;
    }
    if (lease != NULL && lease->transitions > out->lease_transitions) {
        out->lease_transitions = lease->transitions;
    }
    out->observed_generation = after->policy->meta.generation;
    zl_ticks_copy(&before->ticks, &out->ticks); /* the claims write them */
}

void zl_status_list_workloads(const struct zl_view *after, const char *strategy,
                              struct zl_policy_status *out)
{
    out->workloads = zl_realloc(out->workloads, out->workload_count + after->workload_count + 1,
                                sizeof *out->workloads);
    for (size_t i = 0; i < after->workload_count; i++) {
        const struct zl_workload *workload = after->workloads[i];
        out->workloads[out->workload_count++] =
            (struct zl_status_workload){.kind = zl_strdup(workload->kind->name),
                                        .name = zl_strdup(workload->meta.name),
                                        .strategy = zl_strdup(strategy)};
    }
}

static int compare_workloads(const void *left, const void *right)
{
    const struct zl_status_workload *a = left;
    const struct zl_status_workload *b = right;
    int by_kind = strcmp(a->kind, b->kind);
    return by_kind != 0 ? by_kind : strcmp(a->name, b->name);
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

/* --- what works against the pool --- */

static bool is_contested(const struct zl_jobs_view *jobs)
{
    for (size_t i = 0; i < jobs->turn_count; i++) {
        if (zl_turn_is_contested(&jobs->turns[i])) {
            return true;
        }
    }
    return false;
}

static const char *const CONTESTED = "somebody else resumes Jobs while they wait for their turn: "
                                     "they are left so, and their pods are refused until it comes";

/* Why not; NULL: it is, or nobody has looked. The worst first. */
static const char *incompatible_because(const struct zl_view *after, const char **message)
{
    const struct zl_surroundings *around = &after->surroundings;
    const struct {
        const char *reason, *message;
    } rows[] = {{"OtherDefinition", after->definition_complaint},
                {"ForeignEndpoints", around->slice},
                {"BudgetForbidsEviction", around->budget},
                {"AutoscalerCannotScale", around->autoscaler},
                {"JobsContested", is_contested(&after->jobs) ? CONTESTED : NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].message != NULL) {
            *message = rows[i].message;
            return rows[i].reason;
        }
    }
    return NULL;
}

static void fill_compatible(const struct zl_view *after, struct zl_policy_status *out)
{
    const struct zl_condition *before = &after->policy->status.conditions[ZL_CONDITION_COMPATIBLE];
    struct zl_condition *condition = &out->conditions[ZL_CONDITION_COMPATIBLE];
    bool said = before->status != NULL;
    /* Known at any time, and not by looking around. */
    bool known = zl_same_string(before->reason, "JobsContested") ||
                 zl_same_string(before->reason, "OtherDefinition");
    const char *message = NULL;
    const char *reason = incompatible_because(after, &message);
    char now[ZL_TIME_TEXT_MAX];
    zl_time_format(after->now_us, now);
    if (reason != NULL) {
        zl_condition_set(condition, false, reason, message);
    } else if (said && !after->surroundings.looked && !known) {
        zl_condition_copy(condition, before);
        return;
    } else if (said) {
        zl_condition_set(condition, true, "NothingInTheWay",
                         "nothing else in the namespace works against the pool");
    } else {
        return;
    }
    zl_condition_date(condition, before, now);
}

/* What scripts that were written for other builds wait for. */
static void fill_elected(const struct zl_view *after, struct zl_policy_status *out)
{
    const struct zl_condition *before = after->policy->status.conditions;
    struct zl_condition *elected = &out->conditions[ZL_CONDITION_LEADER_ELECTED];
    struct zl_condition *available = &out->conditions[ZL_CONDITION_CANDIDATES_AVAILABLE];
    bool led = out->holder_name != NULL;
    char now[ZL_TIME_TEXT_MAX];
    zl_time_format(after->now_us, now);
    zl_condition_set(elected, led, led ? "LeaderActive" : "NoLeader",
                     led ? "status.currentHolder leads" : "nobody leads");
    zl_condition_set(available, out->candidates > 0,
                     out->candidates > 0 ? "CandidatesFound" : "NoCandidates",
                     "status.candidates says how many there are");
    zl_condition_date(elected, &before[ZL_CONDITION_LEADER_ELECTED], now);
    zl_condition_date(available, &before[ZL_CONDITION_CANDIDATES_AVAILABLE], now);
}

void zl_status_end(const struct zl_view *after, struct zl_policy_status *out)
{
    if (out->workload_count > 0) {
        qsort(out->workloads, out->workload_count, sizeof *out->workloads, compare_workloads);
    }
    fill_times(&after->policy->status, after->now_us, out);
    fill_compatible(after, out);
    zl_status_fill_rollout(after, out);
    fill_elected(after, out);
    if (after->armed != NULL && after->armed->status != NULL) {
        zl_condition_copy(&out->conditions[ZL_CONDITION_GATEKEEPER_ARMED], after->armed);
    }
}

/* --- Events --- */

static void tell(struct zl_steps *steps, enum zl_why why, const struct zl_words *words)
{
    const struct zl_step step = {.kind = ZL_STEP_TELL,
                                 .why = why,
                                 .subject = zl_subject_policy(&steps->after),
                                 .words = *words};
    zl_steps_add(steps, &step);
}

/* What became of the leader before this one, which may be why; one that is well and leads no more was told of by who moved it. */
static enum zl_why why_elected(const struct zl_view *view, const char *before_uid)
{
    if (before_uid == NULL) {
        return ZL_WHY_LEADER_ELECTED;
    }
    for (size_t i = 0; i < view->member_count; i++) {
        const struct zl_pod *pod = view->members[i].pod;
        if (zl_same_string(pod->meta.uid, before_uid)) {
            return pod->meta.deleting ? ZL_WHY_ELECTED_AFTER_DELETION
                   : !pod->ready      ? ZL_WHY_ELECTED_AFTER_UNREADY
                                      : ZL_WHY_LEADER_ELECTED;
        }
    }
    return ZL_WHY_ELECTED_AFTER_GONE;
}

static void tell_of_leader(struct zl_steps *steps)
{
    const struct zl_policy_status *after = &steps->status;
    const struct zl_policy_status *before = &steps->after.policy->status;
    const char *before_uid = before->holder_uid;
    if (after->executing.uid != NULL) {
        return; /* a Job's pod leads nobody: its user hears of the turn */
    }
    if (after->holder_uid != NULL && !zl_same_string(before_uid, after->holder_uid) &&
        zl_same_string(after->phase, "Stable")) {
        tell(steps, why_elected(&steps->after, before_uid),
             &(struct zl_words){.pod = after->holder_name,
                                .other = before->holder_name,
                                .number = after->fencing_token});
    }
}

/* Probing is a matter of milliseconds, and no news. */
static void tell_of_arming(struct zl_steps *steps)
{
    const struct zl_policy_status *before = &steps->after.policy->status;
    const struct zl_condition *was = &before->conditions[ZL_CONDITION_GATEKEEPER_ARMED];
    const struct zl_condition *is = &steps->status.conditions[ZL_CONDITION_GATEKEEPER_ARMED];
    if (is->status == NULL || zl_same_string(was->reason, is->reason) ||
        zl_same_string(is->reason, "Probing")) {
        return;
    }
    bool armed = strcmp(is->status, "True") == 0;
    tell(steps, armed ? ZL_WHY_ARMED : ZL_WHY_NOT_ARMED, &(struct zl_words){.detail = is->message});
}

static void tell_of_surroundings(struct zl_steps *steps)
{
    const struct zl_condition *was =
        &steps->after.policy->status.conditions[ZL_CONDITION_COMPATIBLE];
    const struct zl_condition *is = &steps->status.conditions[ZL_CONDITION_COMPATIBLE];
    if (zl_same_string(is->status, "False") && !zl_same_string(is->message, was->message)) {
        tell(steps, ZL_WHY_INCOMPATIBLE,
             &(struct zl_words){.detail = is->message, .other = is->reason});
    }
}

void zl_tell_of_status(struct zl_steps *steps)
{
    tell_of_leader(steps);
    tell_of_arming(steps);
    tell_of_surroundings(steps);
}
