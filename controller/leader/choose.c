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

/* Milliseconds until POD has been Ready long enough; 0: it has. */
static int64_t time_to_wait_ms(const struct zl_pod *pod, int64_t min_ready_ms, int64_t now_us)
{
    if (min_ready_ms <= 0 || pod->ready_since_us == 0) {
        return 0;
    }
    int64_t left_ms = min_ready_ms - (now_us - pod->ready_since_us) / 1000;
    if (left_ms > min_ready_ms) {
        return min_ready_ms; /* another machine's clock is ahead */
    }
    return left_ms > 0 ? left_ms : 0;
}

struct zl_choice zl_choose_leader(const struct zl_pod *const *pods, size_t count,
                                  const char *current_uid, const struct zl_choice_rules *rules,
                                  int64_t now_us)
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
        int64_t wait_ms = leads ? 0 : time_to_wait_ms(pod, rules->min_ready_ms, now_us);
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
