/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/leader/choose.h"
#include "common/seat/rank.h"

#include <string.h>

bool zl_can_lead(const struct zl_pod *pod)
{
    return pod->ready && !pod->finished && !pod->meta.deleting && pod->ips[0] != NULL;
}

bool zl_is_leaving(const struct zl_pod *pod)
{
    return pod->meta.deleting && !pod->finished && pod->ips[0] != NULL;
}

bool zl_may_recover(const struct zl_pod *pod)
{
    return !pod->ready && !pod->finished && !pod->meta.deleting && pod->ips[0] != NULL;
}

/* LEFT was created before RIGHT, by name where that is the same second. */
static bool is_older(const struct zl_pod *left, const struct zl_pod *right)
{
    return left->meta.created_us != right->meta.created_us
               ? left->meta.created_us < right->meta.created_us
               : strcmp(left->meta.name, right->meta.name) < 0;
}

/* Both can lead. */
static bool is_preferred(const struct zl_pod *left, const struct zl_pod *right,
                         const struct zl_choice_rules *rules)
{
    switch (rules->prefers) {
    case ZL_PREFER_OLDEST:
        return is_older(left, right);
    case ZL_PREFER_NEWEST:
        return is_older(right, left);
    case ZL_PREFER_OTHER_NODE: {
        bool left_there = zl_same_string(left->node, rules->lost_node);
        bool right_there = zl_same_string(right->node, rules->lost_node);
        if (rules->lost_node != NULL && left_there != right_there) {
            return right_there;
        }
        break;
    }
    case ZL_PREFER_LONGEST_READY:
        break;
    }
    return zl_pod_precedes(left, right);
}

/* How long pods[I] must still be Ready before it may lead. */
static int64_t wait_of(const struct zl_choice_rules *rules, size_t i)
{
    return rules->min_ready_ms > 0 ? rules->min_ready_ms - rules->ready_ms[i] : 0;
}

static const struct zl_pod *find_current(const struct zl_pod *const *pods, size_t count,
                                         const char *uid)
{
    for (size_t i = 0; uid != NULL && i < count; i++) {
        if (zl_same_string(pods[i]->meta.uid, uid)) {
            return pods[i];
        }
    }
    return NULL;
}

static const struct zl_pod *choose(const struct zl_pod *const *pods, size_t count,
                                   const struct zl_pod *current,
                                   const struct zl_choice_rules *rules)
{
    const struct zl_pod *best = NULL;
    for (size_t i = 0; i < count; i++) {
        if (zl_can_lead(pods[i]) && (pods[i] == current || wait_of(rules, i) <= 0) &&
            (best == NULL || is_preferred(pods[i], best, rules))) {
            best = pods[i];
        }
    }
    return best;
}

/* When the first of those that still wait would lead instead of LEADER (NULL: nobody). 0: none would. */
static int64_t next_look(const struct zl_pod *const *pods, size_t count,
                         const struct zl_pod *leader, const struct zl_choice_rules *rules)
{
    int64_t least_ms = 0;
    for (size_t i = 0; i < count && (leader == NULL || !rules->sticky); i++) {
        int64_t wait_ms = wait_of(rules, i);
        if (zl_can_lead(pods[i]) && wait_ms > 0 && pods[i] != leader &&
            (leader == NULL || is_preferred(pods[i], leader, rules)) &&
            (least_ms == 0 || wait_ms < least_ms)) {
            least_ms = wait_ms;
        }
    }
    return least_ms;
}

struct zl_choice zl_choose_leader(const struct zl_pod *const *pods, size_t count,
                                  const char *current_uid, const struct zl_choice_rules *rules)
{
    const struct zl_pod *current = find_current(pods, count, current_uid);
    bool can_lead = current != NULL && zl_can_lead(current);
    int64_t patience_ms = rules->failover_delay_ms - rules->unready_ms;
    if (can_lead && rules->sticky) {
        return (struct zl_choice){.leader = current};
    }
    if (current != NULL && zl_may_recover(current) && patience_ms > 0) {
        return (struct zl_choice){.leader = current, .recheck_ms = patience_ms};
    }
    struct zl_choice_rules now = *rules;
    if (can_lead) {
        now.lost_node = NULL; /* it is not lost */
    }
    struct zl_choice choice = {.leader = choose(pods, count, current, &now)};
    choice.recheck_ms = next_look(pods, count, choice.leader, &now);
    return choice;
}
