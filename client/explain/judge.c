/* SPDX-License-Identifier: Apache-2.0 */
#include "client/explain/judge.h"

#include "client/explain/texts.h"
#include "client/status/pools.h"
#include "common/base/clock.h"

#include <inttypes.h>

#define NOTHING "nothing does"

static void say(struct zl_explanation *out, const char *verdict, const char *changes,
                const char *cure)
{
    out->verdict = verdict;
    out->changes = zl_strdup(changes);
    out->cure = zl_strdup(cure);
}

void zl_explanation_clear(struct zl_explanation *explanation)
{
    free(explanation->what);
    free(explanation->by);
    free(explanation->changes);
    free(explanation->cure);
    *explanation = (struct zl_explanation){0};
}

static char *by_lease(const struct zl_explain_facts *facts, const char *program)
{
    return zl_asprintf("%s, Lease %s/" ZL_LEASE_PREFIX "%s", program, facts->namespace_,
                       facts->pool);
}

/* "web-x leads pool web (token 17)"; the caller frees. */
static char *who_leads(const struct zl_explain_facts *facts)
{
    const struct zl_lease *lease = facts->lease;
    const struct zl_policy_status *status = &facts->policy->status;
    const char *leader = status->holder_name;
    int64_t token = status->fencing_token;
    if (lease != NULL) {
        leader = !zl_lease_is_held(lease)    ? NULL
                 : lease->holder_pod != NULL ? lease->holder_pod
                                             : lease->holder_identity;
        token = lease->fencing_token > token ? lease->fencing_token : token;
    }
    if (leader == NULL) {
        return zl_asprintf("nobody leads pool %s", facts->pool);
    }
    return zl_asprintf("%s leads pool %s (token %" PRId64 ")", leader, facts->pool, token);
}

static bool nobody_leads(const struct zl_explain_facts *facts)
{
    return facts->lease != NULL ? !zl_lease_is_held(facts->lease)
                                : facts->policy->status.holder_name == NULL;
}

/* ", for 3h" since the Lease's last change of hands; "" where that is not known. */
static void for_how_long(const struct zl_explain_facts *facts, char out[ZL_AGE_TEXT_MAX + 8])
{
    char age[ZL_AGE_TEXT_MAX];
    out[0] = '\0';
    if (facts->lease != NULL && facts->lease->acquire_us > 0) {
        zl_age_format((facts->now_us - facts->lease->acquire_us) / 1000000, age);
        (void)snprintf(out, ZL_AGE_TEXT_MAX + 8, ", for %s", age);
    }
}

/* The gatekeeper is not asked: what ought to be refused is not. NULL: it is, or nobody knows. */
static const char *unarmed(const struct zl_explain_facts *facts)
{
    const struct zl_condition *armed =
        &facts->policy->status.conditions[ZL_CONDITION_GATEKEEPER_ARMED];
    return zl_same_string(armed->status, "False")
               ? (armed->message != NULL ? armed->message : armed->reason)
               : NULL;
}

/* --- no pool --- */

static bool explain_stranger(const struct zl_explain_facts *facts, struct zl_explanation *out)
{
    if (facts->opted_out) {
        say(out, ZL_VERDICT_OPTED_OUT, "when that annotation goes", "nothing, if that is meant");
        out->what = zl_asprintf("%s %s opts out (" ZL_KEY_JOIN ": \"false\"): nothing is refused",
                                facts->kind, facts->name);
        out->by = zl_strdup("nobody");
    } else if (facts->pool == NULL) {
        say(out, ZL_VERDICT_NOT_OURS, "when it gets the label " ZL_KEY_POOL,
            "nothing here; if it is refused or does not start, its own Events say why");
        out->what = zl_asprintf("%s %s is in no pool: zen-lead neither refuses nor routes it",
                                facts->kind, facts->name);
        out->by = zl_strdup("nobody");
    } else if (facts->policy == NULL) {
        say(out, ZL_VERDICT_POLICY_MISSING, "when the LeaderPolicy is created",
            "create the LeaderPolicy, or remove the label " ZL_KEY_POOL);
        out->what = zl_asprintf("%s %s joins pool %s, which has no LeaderPolicy: nothing is "
                                "refused, nothing is routed",
                                facts->kind, facts->name, facts->pool);
        out->by = zl_strdup("nobody");
    } else {
        return false;
    }
    return true;
}

/* --- workloads --- */

/* Nothing is refused, whatever the pool wants. */
static bool all_run(const struct zl_explain_facts *facts)
{
    return facts->policy->standby ||
           (facts->workload != NULL && facts->workload->kind->wanted == NULL);
}

static int64_t wanted_by(const struct zl_explain_facts *facts)
{
    return zl_workload_wants(facts->workload);
}

static void explain_refused(const struct zl_explain_facts *facts, const char *leader,
                            struct zl_explanation *out)
{
    const int64_t wanted = wanted_by(facts);
    char age[ZL_AGE_TEXT_MAX + 8];
    for_how_long(facts, age);
    say(out, ZL_VERDICT_REFUSED, "",
        "nothing: this is scaleDown; followerMode: standby lets all run");
    free(out->changes);
    out->changes = zl_asprintf("when that pod is gone, or not Ready for %" PRId64 "s",
                               facts->policy->lease_duration_s);
    out->what = zl_asprintf("%" PRId64 " of %" PRId64 " replicas%s: %s", wanted - facts->running,
                            wanted, age, leader);
}

/* All that it wants run: one pod, which leads, or some that the controller deletes. */
static void explain_full(const struct zl_explain_facts *facts, const char *leader,
                         struct zl_explanation *out)
{
    const int64_t wanted = wanted_by(facts);
    if (wanted == 0) {
        say(out, ZL_VERDICT_SINGLE, "when it wants a replica", "nothing");
        out->what = zl_asprintf("%s %s wants no pod; %s", facts->kind, facts->name, leader);
    } else if (wanted == 1 && facts->leader_inside) {
        say(out, ZL_VERDICT_LEADS,
            "when its pod is gone or not Ready: another one of the pool leads", "nothing");
        out->what = zl_asprintf("its pod leads; the pool's other workloads want %" PRId64
                                " more, which are refused: %s",
                                facts->others, leader);
    } else {
        say(out, ZL_VERDICT_SURPLUS, "when the controller deletes all but the leader",
            "kubectl get events: SurplusPodDeleted says which");
        out->what = zl_asprintf("all %" PRId64 " replicas run, and one pod of the pool may; %s",
                                wanted, leader);
    }
}

static void explain_refusing(const struct zl_explain_facts *facts, const char *leader,
                             struct zl_explanation *out)
{
    const char *not_asked = unarmed(facts);
    if (not_asked != NULL) {
        say(out, ZL_VERDICT_ALL_RUN, "when the API server asks the webhook again",
            "zen-lead doctor -n NAMESPACE; docs/troubleshooting.md#my-pool-is-not-gatekept");
        out->what = zl_asprintf("pods are not refused: %s; %s", not_asked, leader);
    } else if (nobody_leads(facts)) {
        say(out, ZL_VERDICT_ELECTING, "when the next pod is created: it leads",
            "if it stays: kubectl describe its ReplicaSet; its Events say why no pod comes");
        out->what = zl_asprintf("%" PRId64 " of %" PRId64 " replicas run; %s", facts->running,
                                wanted_by(facts), leader);
    } else if (wanted_by(facts) > facts->running) {
        explain_refused(facts, leader, out);
    } else {
        explain_full(facts, leader, out);
    }
}

/* The pool as a whole wants one pod at most. */
static void explain_single(const struct zl_explain_facts *facts, const char *leader,
                           struct zl_explanation *out)
{
    if (facts->foreign_leads && facts->running < wanted_by(facts)) {
        say(out, ZL_VERDICT_REFUSED,
            "when that pod, which is of none of the pool's workloads, is gone",
            "nothing, or delete that pod");
        out->what = zl_asprintf("its pod is refused for now: %s", leader);
        return;
    }
    say(out, ZL_VERDICT_SINGLE, "when its pool wants 2 pods or more, of whichever workloads",
        "spec.replicas: 2, for a pod that takes over");
    out->what = zl_asprintf("%s %s wants %" PRId64 " replica, and no other workload of pool %s "
                            "any: its pod is let in; %s",
                            facts->kind, facts->name, wanted_by(facts), facts->pool, leader);
}

static void explain_workload(const struct zl_explain_facts *facts, struct zl_explanation *out)
{
    ZL_AUTO_FREE char *leader = who_leads(facts);
    if (all_run(facts)) {
        say(out, ZL_VERDICT_ALL_RUN, "when that pod is gone or not Ready: another one leads",
            "nothing: traffic goes to the leader through the leader Service");
        out->what = zl_asprintf("all %" PRId64 " pods may run (followerMode: standby); %s",
                                facts->workload->replicas, leader);
        out->by = by_lease(facts, "the controller");
        return;
    }
    out->by = by_lease(facts, "webhook zen-lead");
    if (zl_refuses_followers(facts->workload, facts->others)) {
        explain_refusing(facts, leader, out);
    } else {
        explain_single(facts, leader, out);
    }
}

/* --- pods --- */

static void explain_follower(const struct zl_explain_facts *facts, struct zl_explanation *out)
{
    ZL_AUTO_FREE char *leader = who_leads(facts);
    if (all_run(facts) ||
        (facts->workload != NULL && !zl_refuses_followers(facts->workload, facts->others))) {
        say(out, ZL_VERDICT_FOLLOWS, "when the leader is gone or not Ready, and this pod is next",
            "zen-lead handover --to this pod, if it shall lead");
        out->what = zl_asprintf("pod %s follows%s: %s", facts->name,
                                facts->pod->ready ? "" : ", not Ready", leader);
        out->by = by_lease(facts, "the controller");
        return;
    }
    say(out, ZL_VERDICT_SURPLUS, "when the controller deletes it",
        "nothing; if it stays: zen-lead doctor, the controller may be down");
    out->what =
        zl_asprintf("pod %s runs beside the leader and is surplus: %s", facts->name, leader);
    out->by = by_lease(facts, "the controller");
}

static void explain_pod(const struct zl_explain_facts *facts, struct zl_explanation *out)
{
    const struct zl_lease *lease = facts->lease;
    const char *uid = facts->pod->meta.uid;
    char age[ZL_AGE_TEXT_MAX + 8];
    for_how_long(facts, age);
    if (lease != NULL ? zl_lease_is_held_by(lease, uid)
                      : zl_same_string(facts->policy->status.holder_uid, uid)) {
        say(out, facts->takes_turns ? ZL_VERDICT_EXECUTES : ZL_VERDICT_LEADS,
            "when it is gone, or not Ready for too long", "nothing");
        out->what = zl_asprintf("pod %s %s pool %s%s%s", facts->name,
                                facts->takes_turns ? "executes for" : "leads", facts->pool, age,
                                facts->pod->meta.deleting ? "; it is being deleted, and keeps the "
                                                            "seat until it is gone"
                                : facts->pod->ready || facts->takes_turns ? ""
                                                                          : "; it is not Ready");
        out->by = by_lease(facts, "webhook and controller");
    } else if (zl_lease_has_deposed(lease, uid)) {
        say(out, ZL_VERDICT_DEPOSED, "nothing does: it never leads again", "nothing");
        out->what = zl_asprintf("pod %s lost the seat of pool %s for good, and is deleted",
                                facts->name, facts->pool);
        out->by = by_lease(facts, "the controller");
    } else if (zl_lease_is_succeeded_by(lease, uid)) {
        say(out, ZL_VERDICT_SUCCEEDS, "when it has been Ready for minReadySeconds: it leads",
            "kubectl describe the pod, if it does not become Ready");
        out->what = zl_asprintf("pod %s of the newest revision is to take over pool %s",
                                facts->name, facts->pool);
        out->by = by_lease(facts, "webhook and controller");
    } else {
        explain_follower(facts, out);
    }
}

/* --- Jobs --- */

static int64_t place_of(const struct zl_policy_status *status, const char *uid)
{
    for (size_t i = 0; i < status->queue_count; i++) {
        if (zl_same_string(status->queue[i].uid, uid)) {
            return (int64_t)i + 1;
        }
    }
    return 0;
}

/* A pool with workloads that stay: its Jobs get no turn. */
static bool is_led(const struct zl_policy_status *status)
{
    for (size_t i = 0; i < status->workload_count; i++) {
        if (zl_same_string(status->workloads[i].strategy, ZL_STRATEGY_TRAFFIC_DIRECTOR)) {
            return true;
        }
    }
    return false;
}

static void explain_waiting(const struct zl_explain_facts *facts, struct zl_explanation *out)
{
    const struct zl_policy_status *status = &facts->policy->status;
    const char *turn = facts->lease != NULL ? facts->lease->turn_job : status->executing.name;
    const int64_t place = place_of(status, facts->job->meta.uid);
    say(out, ZL_VERDICT_WAITS, "when the Jobs before it have ended",
        "nothing: Jobs of a pool take turns");
    out->what = place > 0 ? zl_asprintf("Job %s is number %" PRId64 " of %" PRId64
                                        " that wait in pool %s; %s executes",
                                        facts->name, place, status->waiting, facts->pool,
                                        turn != NULL ? turn : "nobody")
                          : zl_asprintf("Job %s waits in pool %s; %s executes", facts->name,
                                        facts->pool, turn != NULL ? turn : "nobody");
}

static void explain_job(const struct zl_explain_facts *facts, struct zl_explanation *out)
{
    const struct zl_job *job = facts->job;
    out->by = by_lease(facts, "webhook and controller");
    if (job->finished || job->meta.deleting) {
        say(out, ZL_VERDICT_OVER, NOTHING, "nothing");
        out->what = zl_asprintf("Job %s is over (%s): it takes no turn", facts->name,
                                job->failed ? "Failed" : "Complete");
    } else if (facts->policy->standby) {
        say(out, ZL_VERDICT_ALL_RUN, NOTHING, "followerMode: scaleDown, for one at a time");
        out->what = zl_asprintf("pool %s is standby: its Jobs take no turns and execute at once",
                                facts->pool);
    } else if (is_led(&facts->policy->status)) {
        say(out, ZL_VERDICT_REFUSED, NOTHING, "give the Jobs a pool of their own");
        out->what = zl_asprintf("pool %s has a workload that stays, so Job %s does not start",
                                facts->pool, facts->name);
    } else if (facts->lease != NULL && zl_same_string(facts->lease->turn_uid, job->meta.uid)) {
        say(out, ZL_VERDICT_EXECUTES, "when it is Complete or Failed", "nothing");
        out->what = zl_asprintf("it is the turn of Job %s in pool %s (token %" PRId64 ")",
                                facts->name, facts->pool, facts->lease->fencing_token);
    } else if (zl_job_is_paused(job)) {
        say(out, ZL_VERDICT_PAUSED, "when somebody resumes it",
            "its spec.suspend, spec.parallelism or spec.managedBy, which are not zen-lead's doing");
        out->what = zl_asprintf("Job %s wants no pod now: it is suspended, has parallelism 0, or "
                                "another controller makes its pods",
                                facts->name);
    } else {
        explain_waiting(facts, out);
    }
}

static void explain_cronjob(const struct zl_explain_facts *facts, struct zl_explanation *out)
{
    const char *turn = facts->policy->status.executing.name;
    say(out, ZL_VERDICT_MEMBER, "with each of its Jobs",
        "zen-lead explain job/NAME says it of one of them");
    out->what =
        zl_asprintf("the Jobs of CronJob %s take turns in pool %s%s; %s executes", facts->name,
                    facts->pool, facts->policy->each_tick ? "" : ", each scheduled time once",
                    turn != NULL ? turn : "nobody");
    out->by = by_lease(facts, "webhook and controller");
}

/* --- Services --- */

static void explain_own_service(const struct zl_explain_facts *facts, struct zl_explanation *out)
{
    const struct zl_service *service = facts->service;
    say(out, ZL_VERDICT_LEADER_SERVICE, "with the leader",
        "nothing: zen-lead made it and keeps it");
    out->what =
        service->leader_pod != NULL
            ? zl_asprintf("Service %s leads to pod %s, since %s", facts->name, service->leader_pod,
                          service->leader_switch_time != NULL ? service->leader_switch_time
                                                              : "a while")
            : zl_asprintf("Service %s leads nowhere: no pod can lead", facts->name);
}

static void explain_service(const struct zl_explain_facts *facts, struct zl_explanation *out)
{
    const struct zl_service *service = facts->service;
    const struct zl_service *led = facts->led;
    out->by = zl_strdup("the controller");
    if (service->ours) {
        explain_own_service(facts, out);
    } else if (!service->opted_in) {
        say(out, ZL_VERDICT_NOT_OURS, "when it gets " ZL_KEY_ENABLED ": \"true\"",
            "that annotation, or the leader Service of a pool");
        zl_replace_string(&out->by, "nobody");
        out->what = zl_asprintf("Service %s is not annotated: it leads to all of its Ready pods",
                                facts->name);
    } else if (led == NULL) {
        say(out, ZL_VERDICT_REFUSED, "when what is in the way goes",
            "kubectl describe the Service: its Events name it (NameConflict, InvalidService, "
            "LeaderServiceRefused); or the controller is down: zen-lead doctor");
        out->what = zl_asprintf("Service %s is annotated and has no leader Service", facts->name);
    } else if (led->leader_pod == NULL) {
        say(out, ZL_VERDICT_ELECTING, "when one of its pods is Ready",
            "look at the pods' readiness probes");
        out->what = zl_asprintf("Service %s of %s leads nowhere: no pod can lead", led->meta.name,
                                facts->name);
    } else {
        say(out, ZL_VERDICT_ROUTED, "when that pod is gone or not Ready", "nothing");
        out->what = zl_asprintf("Service %s of %s leads to pod %s", led->meta.name, facts->name,
                                led->leader_pod);
    }
}

void zl_explain_judge(const struct zl_explain_facts *facts, struct zl_explanation *out)
{
    if (facts->service != NULL) {
        explain_service(facts, out);
    } else if (explain_stranger(facts, out)) {
        return;
    } else if (facts->pod != NULL) {
        explain_pod(facts, out);
    } else if (facts->job != NULL) {
        explain_job(facts, out);
    } else if (facts->takes_turns) {
        explain_cronjob(facts, out);
    } else {
        explain_workload(facts, out);
    }
}

void zl_explain_text(const char *text, struct zl_explanation *out)
{
    const struct zl_known_text *row = zl_known_text_find(text);
    ZL_AUTO_FREE char *pool = zl_known_text_pool(text);
    if (row == NULL) {
        say(out, ZL_VERDICT_UNKNOWN, "not known", "ask whoever said it");
        out->what = zl_strdup("this is no text of zen-lead");
        out->by = zl_strdup("somebody else: a quota, another webhook, the API server itself");
        return;
    }
    say(out, row->refuses ? ZL_VERDICT_REFUSED : ZL_VERDICT_WARNED,
        row->changes != NULL ? row->changes : NOTHING, row->cure);
    out->what = zl_strdup(row->what);
    out->by = pool != NULL ? zl_asprintf("webhook zen-lead (%s), pool %s", row->id, pool)
                           : zl_asprintf("webhook zen-lead (%s)", row->id);
}
