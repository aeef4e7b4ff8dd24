/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/leader/choose.h"
#include "common/seat/rank.h"

bool zl_can_lead(const struct zl_pod *pod)
{
    return pod->ready && !pod->finished && !pod->meta.deleting && pod->ips[0] != NULL;
}

bool zl_is_leaving(const struct zl_pod *pod)
{
    return pod->meta.deleting && !pod->finished && pod->ips[0] != NULL;
}

struct zl_choice zl_choose_leader(const struct zl_pod *const *pods, size_t count,
                                  const char *current_uid, const struct zl_choice_rules *rules)
{
    struct zl_choice choice = {0};
    for (size_t i = 0; i < count; i++) {
        const struct zl_pod *pod = pods[i];
        if (!zl_can_lead(pod)) {
            continue;
        }
        bool leads = current_uid != NULL && zl_same_string(pod->meta.uid, current_uid);
        if (leads && rules->sticky) {
            return (struct zl_choice){.leader = pod};
        }
        bool waits = !leads && rules->min_ready_ms > 0;
        int64_t wait_ms = waits ? rules->min_ready_ms - rules->ready_ms[i] : 0;
        if (wait_ms > 0) {
            if (choice.recheck_ms == 0 || wait_ms < choice.recheck_ms) {
                choice.recheck_ms = wait_ms;
            }
        } else if (choice.leader == NULL || zl_pod_precedes(pod, choice.leader)) {
            choice.leader = pod;
        }
    }
    /* One that waits became Ready later than any that does not, so it would not come before it. */
    if (choice.leader != NULL) {
        choice.recheck_ms = 0;
    }
    return choice;
}
