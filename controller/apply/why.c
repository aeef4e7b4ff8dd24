/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/apply/why.h"

#include "common/base/buf.h"
#include "common/objects/names.h"

#include <string.h>

/* Events are cut at 1,024 bytes anyway. */
enum { TEXT_MAX_BYTES = 4096 };

#define NOT_THERE                                                                                  \
    "the pod that was admitted as leader did not appear within {number} s: a quota or another "    \
    "webhook refused it; the seat is free again"
#define LEADS "pod {pod} leads, fencing token {number}"
#define STAYED_NOT_READY                                                                           \
    "leader pod {pod} stayed not Ready (leaseDurationSeconds: {number}): it lost the seat for "    \
    "good and is deleted; the next pod leads"

static const struct zl_reason REASONS[ZL_WHY_COUNT] = {
    [ZL_WHY_NO_LEASE] = {.name = "no-lease"},
    [ZL_WHY_RENEWAL] = {.name = "renewal"},
    [ZL_WHY_ROLLOUT] = {.name = "rollout"},
    /* LeaderElected follows with the status, and says enough. */
    [ZL_WHY_ELECTED] = {.name = "elected", .log = "leader elected", .label = "elected"},
    [ZL_WHY_LEADER_GONE] = {.name = "leader-gone",
                            .log = "seat released",
                            .label = "released",
                            .event = "LeaderLost",
                            .warning = true,
                            .text = "leader pod {pod} is gone; the next pod that is created leads"},
    [ZL_WHY_LEADER_OUTSIDE] = {.name = "leader-outside",
                               .log = "seat released",
                               .label = "released",
                               .event = "LeaderLost",
                               .warning = true,
                               .text = "leader pod {pod} left the pool; the next pod that is "
                                       "created leads"},
    /* A Job's own Events say enough. */
    [ZL_WHY_TURN_OVER] = {.name = "turn-over", .log = "seat released", .label = "released"},
    [ZL_WHY_CLAIM_EXPIRED] = {.name = "claim-expired",
                              .log = "seat released",
                              .label = "released",
                              .event = "ClaimReleased",
                              .warning = true,
                              .text = NOT_THERE},
    [ZL_WHY_CLAIM_EXPIRED_TAKEN] = {.name = "claim-expired",
                                    .log = "leader elected",
                                    .label = "elected",
                                    .event = "ClaimReleased",
                                    .warning = true,
                                    .text = NOT_THERE},
    [ZL_WHY_NOT_READY] = {.name = "not-ready",
                          .log = "seat released",
                          .label = "released",
                          .event = "LeaderNotReady",
                          .warning = true,
                          .text = STAYED_NOT_READY},
    [ZL_WHY_NOT_READY_TAKEN] = {.name = "not-ready",
                                .log = "leader elected",
                                .label = "elected",
                                .event = "LeaderNotReady",
                                .warning = true,
                                .text = STAYED_NOT_READY},
    [ZL_WHY_HANDED_OVER] = {.name = "handed-over",
                            .log = "leader elected",
                            .label = "elected",
                            .event = "HandedOver",
                            .text = "pod {other} of the newest revision is Ready and leads; the "
                                    "leader before it, pod {pod}, is deleted "
                                    "(handoverGracePeriodSeconds: {number})"},
    [ZL_WHY_REQUESTED] = {.name = "requested",
                          .log = "leader elected",
                          .label = "elected",
                          .event = "HandedOver",
                          .text = "pod {other} leads in place of pod {pod}: {detail} asked for it"},
    [ZL_WHY_REQUEST_VOID] = {.name = "request-void",
                             .event = "HandoverRefused",
                             .warning = true,
                             .text = "{other} asked for another leader in vain: {detail}"},
    [ZL_WHY_TOKEN] = {.name = "token"},
    [ZL_WHY_LEADS] = {.name = "leads"},
    [ZL_WHY_NO_LEADER] = {.name = "no-leader",
                          .event = "NoReadyPods",
                          .warning = true,
                          .text = "no Ready pod leads: the leader Service leads nowhere"},
    [ZL_WHY_NO_READY_POD] = {.name = "no-ready-pod",
                             .event = "NoReadyPods",
                             .warning = true,
                             .text = "no pod is Ready (long enough) to lead: the leader Service "
                                     "leads nowhere"},
    [ZL_WHY_NO_POD] = {.name = "no-pod",
                       .event = "NoPodsFound",
                       .warning = true,
                       .text = "the selector matches no pod: the leader Service leads nowhere"},
    [ZL_WHY_LEADER_AWAITED] = {.name = "leader-awaited",
                               .event = "LeaderNotReady",
                               .warning = true,
                               .text = "the leader is not Ready, and is waited for as long "
                                       "as " ZL_KEY_FAILOVER_DELAY
                                       " says: the leader Service leads nowhere"},
    [ZL_WHY_NOT_WANTED] = {.name = "not-wanted", .log = "removed"},
    [ZL_WHY_ITS_TURN] = {.name = "its-turn", .log = "Job resumed"},
    [ZL_WHY_HAD_ITS_TURN] = {.name = "had-its-turn", .log = "Job resumed"},
    [ZL_WHY_NOT_GUARDED] = {.name = "not-guarded", .log = "Job resumed"},
    [ZL_WHY_WAITS] = {.name = "waits",
                      .log = "Job queued",
                      .event = "Queued",
                      .text = "waits for its turn in pool {pool} at position {number}; {detail}"},
    [ZL_WHY_RESUMED_TOO_EARLY] = {.name = "resumed-too-early", .log = "Job queued"},
    [ZL_WHY_DUPLICATE] = {.name = "duplicate",
                          .log = "Job removed",
                          .label = "duplicate",
                          .event = "TickSkipped",
                          .text = "Job {detail} of {time} was removed: Job {other} has that time "
                                  "in pool {pool}"},
    [ZL_WHY_DUPLICATE_OLD] = {.name = "duplicate",
                              .log = "Job removed",
                              .label = "duplicate",
                              .event = "TickSkipped",
                              .text = "Job {detail} of {time} was removed: so long ago that nobody "
                                      "knows whether that time was used up in pool {pool}"},
    [ZL_WHY_MISSED] = {.name = "missed",
                       .log = "Job removed",
                       .label = "missed",
                       .event = "TickMissed",
                       .warning = true,
                       .text = "Job {detail} of {time} was removed: its turn in pool {pool} did "
                               "not come within startingDeadlineSeconds ({number})"},
    [ZL_WHY_SEAT_FREE] = {.name = "seat-free", .log = "owner woken"},
    [ZL_WHY_NEWEST_WAITS] = {.name = "newest-waits", .log = "owner woken"},
    [ZL_WHY_NOT_GATEKEPT] = {.name = "not-gatekept", .log = "owner woken"},
    [ZL_WHY_SURPLUS] = {.name = "surplus",
                        .log = "surplus pod deleted",
                        .event = "SurplusPodDeleted",
                        .text = "deleted pod {pod}: it ran beside the leader {other} "
                                "(followerMode: scaleDown)"},
    [ZL_WHY_SURPLUS_OF_JOB] = {.name = "surplus-of-job",
                               .log = "surplus pod deleted",
                               .event = "SurplusPodDeleted",
                               .text = "deleted pod {pod} of a Job: it ran beside pod {other}, "
                                       "whose turn it is"},
    [ZL_WHY_DEPOSED] = {.name = "deposed",
                        .log = "surplus pod deleted",
                        .event = "SurplusPodDeleted",
                        .text = "deleted pod {pod}: it lost the seat for good"},
    [ZL_WHY_LED_BEFORE] = {.name = "led-before", .log = "former leader deleted"},
    [ZL_WHY_SUCCESSOR_FAILED] = {.name = "successor-failed",
                                 .log = "pod removed by rollout",
                                 .event = "HandoverFailed",
                                 .warning = true,
                                 .text = "pod {pod} of the newest revision was not Ready before "
                                         "the progress deadline ({number} s): it is deleted and "
                                         "the leader stays; fix the Deployment, or kubectl rollout "
                                         "restart to try again"},
    [ZL_WHY_SUCCESSOR_STALE] = {.name = "successor-stale",
                                .log = "pod removed by rollout",
                                .event = "HandoverCancelled",
                                .text = "pod {pod} was to take over, but its revision is not the "
                                        "newest any more, or no handover is wanted: it is deleted "
                                        "and the leader stays"},
    [ZL_WHY_LEADER_OUTDATED] = {.name = "leader-outdated",
                                .log = "pod removed by rollout",
                                .event = "LeaderReplaced",
                                .text = "leader pod {pod} is of an old revision and is deleted; a "
                                        "pod of the newest one leads when it is gone"},
    [ZL_WHY_ASKED_TO_GO] = {.name = "asked-to-go",
                            .log = "pod removed by request",
                            .event = "LeaderReplaced",
                            .text = "leader pod {pod} is deleted: {detail} asked for another "
                                    "leader; the next pod leads when it is gone"},
    [ZL_WHY_NOBODY_WAITS] = {.name = "nobody-waits"},
    [ZL_WHY_ROLE] = {.name = "role", .log = "pod labelled with its role"},
    [ZL_WHY_STATUS] = {.name = "status"},
    [ZL_WHY_LEADER_ELECTED] = {.name = "leader-elected", .event = "LeaderElected", .text = LEADS},
    [ZL_WHY_ELECTED_AFTER_GONE] = {.name = "leader-elected",
                                   .event = "LeaderElected",
                                   .text = LEADS ": pod {other}, which led, is gone"},
    [ZL_WHY_ELECTED_AFTER_DELETION] = {.name = "leader-elected",
                                       .event = "LeaderElected",
                                       .text = LEADS ": pod {other}, which led, is being deleted"},
    [ZL_WHY_ELECTED_AFTER_UNREADY] = {.name = "leader-elected",
                                      .event = "LeaderElected",
                                      .text = LEADS ": pod {other}, which led, is not Ready"},
    [ZL_WHY_ARMED] = {.name = "armed", .event = "GatekeeperArmed", .text = "{detail}"},
    [ZL_WHY_NOT_ARMED] = {.name = "not-armed",
                          .event = "GatekeeperNotArmed",
                          .warning = true,
                          .text = "{detail}"},
    [ZL_WHY_LABELS_FORBIDDEN] = {.name = "labels-forbidden",
                                 .log = "pods cannot be labelled with their roles",
                                 .event = "PodRoleLabelForbidden",
                                 .warning = true,
                                 .text = "{detail}"},
    [ZL_WHY_TURN_STARTED] = {.name = "turn-started",
                             .event = "TurnStarted",
                             .text = "it is its turn in pool {pool}: pod {pod} executes, fencing "
                                     "token {number}"},
    [ZL_WHY_POOL_IS_LED] = {.name = "pool-is-led",
                            .event = "PoolIsLed",
                            .warning = true,
                            .text = "pool {pool} is led by a Deployment or another workload that "
                                    "stays: its seat is theirs and pods of Jobs are refused; give "
                                    "Jobs a LeaderPolicy of their own"},
    [ZL_WHY_INCOMPATIBLE] = {.name = "incompatible",
                             .event = "Incompatible",
                             .warning = true,
                             .text = "{other}: {detail}"},
    [ZL_WHY_FOREIGN_ENDPOINTS] = {.name = "foreign-endpoints",
                                  .event = "ForeignEndpoints",
                                  .warning = true,
                                  .stands = true,
                                  .text = "{detail}"},
    [ZL_WHY_RUNS_ON] = {.name = "runs-on",
                        .event = "PodStuckTerminating",
                        .warning = true,
                        .stands = true,
                        .text =
                            "pod {pod} was deleted and had {number} s to end; by its status its "
                            "containers still run and node {other} is Ready, so it keeps its "
                            "place in the pool until it is gone; look at the kubelet of that "
                            "node, or, if you know that the pod is dead: kubectl delete pod "
                            "{pod} -n {detail} --grace-period=0 --force"},
    [ZL_WHY_CONTESTED] = {.name = "contested",
                          .event = "JobContested",
                          .warning = true,
                          .stands = true,
                          .text = "somebody else resumes this Job while it waits for its turn in "
                                  "pool {pool}: it is left "
                                  "so, and its pods are refused until its turn comes"},
    [ZL_WHY_ELSEWHERE] = {.name = "elsewhere",
                          .event = "JobManagedElsewhere",
                          .warning = true,
                          .stands = true,
                          .text = "spec.managedBy names another controller, whose pods pool {pool} "
                                  "does not see: this Job "
                                  "gets no turn and waits for none"},
    [ZL_WHY_LEFT_POOL] =
        {.name = "left-pool",
         .event = "LeftPool",
         .warning = true,
         .stands = true,
         .text = "this workload is in no pool any more: nothing of it is refused, and all of its "
                 "replicas start; as an annotation " ZL_KEY_POOL
                 " goes with kubectl rollout undo, as a label it stays"},
    [ZL_WHY_NO_POLICY] = {.name = "no-policy",
                          .event = "LeaderPolicyNotFound",
                          .warning = true,
                          .stands = true,
                          .text = "LeaderPolicy \"{pool}\" does not exist in namespace "
                                  "\"{detail}\", so nothing is gatekept; create it or "
                                  "remove " ZL_KEY_POOL},
    [ZL_WHY_BAD_NAME] = {.name = "bad-name",
                         .event = "InvalidService",
                         .warning = true,
                         .stands = true,
                         .text = "\"{detail}\" cannot be the name of a Service: nothing is routed"},
    [ZL_WHY_BAD_SERVICE] = {.name = "bad-service",
                            .event = "InvalidService",
                            .warning = true,
                            .stands = true,
                            .text = "{detail}"},
    [ZL_WHY_BAD_WISH] = {.name = "bad-wish",
                         .event = "InvalidService",
                         .warning = true,
                         .stands = true,
                         .text = "{detail}: ignored"},
};

const struct zl_reason *zl_reason_of(enum zl_why why)
{
    return &REASONS[why];
}

/* The word for the placeholder at the beginning of TEXT, and its *LENGTH; NULL: there is none. */
static const char *word_at(const char *text, const struct zl_words *words, const char *number,
                           size_t *length)
{
    const struct {
        const char *name, *word;
    } known[] = {{"{pool}", words->pool}, {"{pod}", words->pod},       {"{other}", words->other},
                 {"{time}", words->time}, {"{detail}", words->detail}, {"{number}", number}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        *length = strlen(known[i].name);
        if (strncmp(text, known[i].name, *length) == 0) {
            return known[i].word != NULL ? known[i].word : "";
        }
    }
    return NULL;
}

char *zl_reason_text(enum zl_why why, const struct zl_words *words)
{
    ZL_AUTO_FREE char *number = zl_asprintf("%lld", (long long)words->number);
    const char *text = REASONS[why].text != NULL ? REASONS[why].text : "";
    struct zl_buf out;
    zl_buf_init(&out, TEXT_MAX_BYTES);
    while (*text != '\0') {
        size_t length = 1;
        const char *word = word_at(text, words, number, &length);
        if (word == NULL) {
            length = 1;
            (void)zl_buf_add(&out, text, length);
        } else {
            (void)zl_buf_add_text(&out, word);
        }
        text += length;
    }
    return zl_buf_take(&out);
}
