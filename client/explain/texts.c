/* SPDX-License-Identifier: Apache-2.0 */
#include "client/explain/texts.h"

#include "common/base/memory.h"

#include <string.h>

#define TURN_ENDS "when the Job whose turn it is has ended, and those before this one"
#define LEADER_GOES "when the leader's pod is gone, or not Ready for leaseDurationSeconds"
#define SECONDS "within seconds, by itself"

const struct zl_known_text ZL_KNOWN_TEXTS[] = {
    /* Pods. */
    {"follower", "has a leader; only the leader's pod is", true,
     "the pool has a leader, and the others wait (followerMode: scaleDown)", LEADER_GOES,
     "nothing: this is scaleDown; followerMode: standby lets all run"},
    {"claim_pending", "is being claimed by another pod", true,
     "another pod was just let in as leader and is not there yet", SECONDS,
     "nothing; if it stays, a quota or another webhook refuses that pod: see the owner's Events"},
    {"claim_lost", "was claimed by another pod at the same moment", true,
     "of two pods that asked at once, the other one leads", LEADER_GOES,
     "nothing: this is scaleDown; followerMode: standby lets all run"},
    {"adopted", "already runs a pod, which is now its leader", true,
     "a pod of the pool lived that the Lease did not name: it leads now", LEADER_GOES,
     "nothing: this is scaleDown; followerMode: standby lets all run"},
    {"other_revision", "waits for a pod of another revision of", true,
     "the seat is free for the revision that has proven to work, or is the newest",
     "when a pod of that revision leads, or none came for a lease duration",
     "kubectl describe that revision's ReplicaSet: its Events say why it sends no pod"},
    {"job_executes", "a Job still executes in pool", true,
     "a Job was in the pool first, and one of its pods runs", "when that pod has ended",
     "give the Jobs a pool of their own"},
    {"turn", "it is not this pod's turn in pool", true,
     "another Job of the pool executes, or is before this one", TURN_ENDS,
     "nothing: Jobs of a pool take turns; zen-lead status shows who executes and who waits"},
    {"tick_used", "has this scheduled time; it is", true,
     "CronJobs of one pool run each scheduled time once, and another Job has this one", NULL,
     "nothing: the controller removes the Job; spec.ticks: Each for tasks that differ"},
    {"tick_missed", "for longer than its CronJob's startingDeadlineSeconds", true,
     "its turn did not come within startingDeadlineSeconds", NULL,
     "a larger startingDeadlineSeconds, or fewer Jobs in the pool"},
    {"job_over", "is over or suspended", true, "its Job is Complete, Failed or suspended", NULL,
     "nothing; if it stays, look at the Job's spec.suspend and spec.parallelism"},
    {"owner_gone", "this pod's workload or Job does not exist any more", true,
     "its owner was deleted, and the one that made the pod had not noticed yet", SECONDS,
     "nothing"},
    {"led_pool", "so its Jobs do not start", true,
     "a Deployment or another workload that stays leads the pool, so Jobs would never get a turn",
     NULL, "give the Jobs a pool of their own"},
    {"fleet_waits", "waits for its cluster's turn in fleet", true,
     "the Job has the label zen-lead/fleet, and other clusters act now",
     "when it is this cluster's turn: the LeaderPolicy's status says where it stands", "nothing"},
    {"unreachable", "could not read from the API server who leads", true,
     "the webhook could not ask the API server, and refused to be safe",
     "when the API server answers it again",
     "zen-lead doctor; the webhook's log names the call that failed"},
    {"undecided", "could not be found out; refused to", true,
     "the API server answered, and not with what the webhook needs: a right is missing, or the "
     "installed CustomResourceDefinition is of another release",
     "when that is mended", "zen-lead doctor; the webhook's log names the call that failed"},
    {"nameless", "needs metadata.name and metadata.uid to become its leader", true,
     "the review that reached the webhook named no pod, so nobody could lead", NULL,
     "find who changes reviews on their way: the API server fills in both"},
    {"policy_missing", "so nothing is gatekept; create it", false,
     "the workload names a pool that has no LeaderPolicy: all its pods start", NULL,
     "create the LeaderPolicy, or remove the label zen-lead/pool"},
    /* What the API server says when it cannot ask. */
    {"webhook_unreachable", "failed calling webhook", true,
     "no webhook replica answered the API server, so it let nothing through",
     "when one answers again", "zen-lead doctor names what is wrong with it"},
    {"bad_review", "not a valid AdmissionReview", true,
     "what reached the webhook was no AdmissionReview v1", NULL,
     "let nobody but the API server call the webhook"},
    /* LeaderPolicies. */
    {"policy_seconds", "must be a whole number of seconds from", true,
     "the number is outside of its range", NULL, "take the value that the message proposes"},
    {"policy_order", "must be less than", true,
     "retryPeriodSeconds < renewDeadlineSeconds < leaseDurationSeconds does not hold", NULL,
     "take the value that the message proposes"},
    {"policy_choice", "supported values:", true, "the field has a value that it does not know",
     NULL, "take one that the message lists"},
    {"policy_switch", "must be true or false", true, "the field is a truth value", NULL,
     "write true or false, without quotes"},
    {"policy_name_long", "it is the value of the label", true,
     "a pool's name is a label's value, which has at most 63 characters", NULL,
     "choose a shorter name"},
    {"policy_name_reserved", "by which zen-lead's controllers elect one", true,
     "the Lease of a pool of that name is the one of zen-lead's own controllers", NULL,
     "choose another name"},
    {"policy_invalid", "LeaderPolicy.coordination.kube-zen.io", true,
     "the LeaderPolicy's fields contradict each other or are out of range", NULL,
     "each line names the field, the rule and a value that works"},
    {"policy_unknown_field", "unknown field, ignored", false,
     "LeaderPolicies have no such field, and the API server drops it", NULL,
     "correct or remove it: kubectl explain leaderpolicy.spec"},
    {"director_name", "no Service can be named <pool>", false,
     "<pool>-director would be no valid name of a Service, so there is none", NULL,
     "a shorter pool name of a-z, 0-9 and '-', a letter first; else nothing"},
    {"rollout_without_effect", "has no effect with followerMode: standby", false,
     "spec.rollout only concerns pools that run one pod", NULL, "remove it, or use scaleDown"},
    {"never_gatekept", "are never gatekept; use", false,
     "kube-system and zen-lead's own namespace are never intercepted", NULL,
     "followerMode: standby, or another namespace"},
    {"refuses_no_pod", "refuses no pod of", false,
     "pods of this Kind are never refused: all run, and one leads", NULL,
     "write followerMode: standby, which is what happens"},
    /* Workloads. */
    {"pool_missing", "so the pool does nothing; create it", false,
     "the workload names a pool that has no LeaderPolicy in its namespace", NULL,
     "create the LeaderPolicy, or remove the label zen-lead/pool"},
    {"pool_empty", "is empty, so no pool is joined", false, "the key is there and names nothing",
     NULL, "name a LeaderPolicy, or remove the key"},
    {"pool_name", "cannot be the name of a LeaderPolicy", false,
     "no LeaderPolicy can have that name", NULL, "name one: a-z, 0-9, '-' and '.'"},
    {"pool_twice", "\" is ignored: ", false,
     "label and annotation name different pools; the label counts, then the annotation", NULL,
     "keep one of the two"},
    {"join_value", "only \"false\" opts out", false,
     "zen-lead/join has one value that means anything", NULL,
     "\"false\", or remove the annotation"},
    {"truth_value", "; it counts as \"", false, "the annotation is neither \"true\" nor \"false\"",
     NULL, "write one of the two, in quotes"},
    {"key_unknown", "is no key of zen-lead and has no effect", false,
     "zen-lead reads no such label or annotation", NULL, "correct or remove it"},
    {"key_misplaced", "has no effect here; make it", false, "the key exists, and counts elsewhere",
     NULL, "move it to where the message says"},
    {"never_available", "so it never reports all replicas available", false,
     "a Deployment of a scaleDown pool runs one of its replicas", NULL,
     "followerMode: standby, strategy: Recreate, or a health check that knows: docs/gitops.md"},
    {"identity_missing", "which identityStrategy: custom reads", false,
     "the pods have no annotation zen-lead/identity", NULL,
     "add it to the pod template, or identityStrategy: pod"},
    {"identity_without_effect", "has no effect without identityStrategy: custom", false,
     "zen-lead/identity is read with identityStrategy: custom alone", NULL,
     "set that in the LeaderPolicy, or remove the annotation"},
    {"single_replica", "high availability is skipped", false,
     "with one replica there is nothing to elect: every pod is let in", NULL,
     "spec.replicas: 2 or more"},
    {"workload_name", "so there is none; use at most", false,
     "<name>-leader would be no valid name of a Service, so there is none", NULL,
     "a shorter name of a-z, 0-9 and '-', a letter first"},
    {"jobs_beside", "has Jobs, which do not start beside", false,
     "Jobs never get a turn from a workload that stays", NULL, "give each a pool of its own"},
    {"jobs_refused", "which Jobs do not start; give", false,
     "Jobs never get a turn from a workload that stays", NULL, "give the Jobs a pool of their own"},
    {"jobs_at_once", "so its Jobs do not take turns", false,
     "a standby pool refuses nothing: its Jobs all execute at once", NULL,
     "followerMode: scaleDown"},
    {"parallelism", "Jobs execute one at a time; use 1", false,
     "one pod of a pool's Jobs executes at any time", NULL, "parallelism: 1"},
    {"volume", "if it is ReadWriteOnce, the successor of a handover", false,
     "a ReadWriteOnce volume is on one node, and the successor may be on another", NULL,
     "rollout: Recreate in the LeaderPolicy"},
    {"task_differs", "runs something else, and of each scheduled time", false,
     "CronJobs of a pool are copies of one task unless spec.ticks says Each", NULL,
     "spec.ticks: Each, or a pool of its own"},
    {"budget", "never lets the leader go", false,
     "the PodDisruptionBudget counts replicas that scaleDown refuses, so no eviction is allowed",
     NULL, "maxUnavailable: 100%, or followerMode: standby"},
    {"autoscaler", "by its one pod: replicas above 1", false,
     "a HorizontalPodAutoscaler scales what runs one pod", NULL,
     "remove it, or followerMode: standby"},
    /* Services. */
    {"not_enabled", "has no effect without the annotation", false,
     "the annotation counts on Services that are enabled", NULL,
     "zen-lead.io/enabled: \"true\", or remove it"},
    {"leader_name_missing", "so none is made; set the annotation", false,
     "<service>-leader would be no valid name of a Service", NULL,
     "set zen-lead.io/leader-service-name"},
    {"leader_name_own", "names the Service itself", false,
     "the leader Service cannot have the name of the one that it leads for", NULL,
     "choose another name"},
    {"leader_name", "cannot be the name of a Service", false, "no Service can have that name", NULL,
     "at most 63 of a-z, 0-9 and '-', a letter first"},
    {"external_name", "of type ExternalName has no pods", false,
     "there are no pods that could lead", NULL, "annotate a Service with a selector"},
    {"selector_empty", "so there are no pods to choose a leader from", false,
     "a Service without selector has no pods", NULL, "set spec.selector"},
    {"duration", "is not a duration and is ignored", false, "the value is no duration", NULL,
     "write for example 10s or 1m30s"},
    {NULL, NULL, false, NULL, NULL, NULL},
};

const struct zl_known_text *zl_known_text_find(const char *text)
{
    for (const struct zl_known_text *row = ZL_KNOWN_TEXTS; row->id != NULL; row++) {
        if (strstr(text, row->fragment) != NULL) {
            return row;
        }
    }
    return NULL;
}

char *zl_known_text_pool(const char *text)
{
    static const char before[] = "pool \"";
    const char *at = strstr(text, before);
    if (at == NULL) {
        return NULL;
    }
    at += strlen(before);
    const size_t length = strcspn(at, "\"");
    return at[length] == '"' && length > 0 ? zl_strndup(at, length) : NULL;
}
