/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/apply/steps.h"

#include "common/objects/names.h"
#include "controller/result.h"

#include <string.h>

void zl_steps_begin(struct zl_steps *steps, const struct zl_view *view)
{
    memset(steps, 0, sizeof *steps);
    steps->before = view;
    steps->after = *view;
    steps->wake = view->wake;
}

void zl_steps_clear(struct zl_steps *steps)
{
    for (size_t i = 0; i < steps->kept_count; i++) {
        free(steps->kept[i]);
    }
    free(steps->kept);
    free(steps->items);
    free(steps->turns);
    zl_lease_free(steps->next);
    zl_policy_status_clear(&steps->status);
    memset(steps, 0, sizeof *steps);
}

void zl_steps_add(struct zl_steps *steps, const struct zl_step *step)
{
    steps->items = zl_realloc(steps->items, steps->count + 1, sizeof *steps->items);
    steps->items[steps->count++] = *step;
}

/* Whose turn it is may change with the Lease. */
static void judge_turns(struct zl_steps *steps)
{
    struct zl_jobs_view *jobs = &steps->after.jobs;
    steps->turns = zl_alloc((jobs->turn_count + 1) * sizeof *steps->turns);
    for (size_t i = 0; i < jobs->turn_count; i++) {
        steps->turns[i] = jobs->turns[i];
    }
    jobs->turns = steps->turns;
    zl_view_judge_turns(&steps->after, steps->next, steps->turns);
}

void zl_steps_lease(struct zl_steps *steps, const struct zl_step *step, struct zl_lease *next,
                    const struct zl_pod *taker)
{
    struct zl_view *after = &steps->after;
    steps->next = next;
    steps->taker = taker;
    after->lease = next;
    if (taker != NULL) {
        after->holder_pod = taker;
        after->holder = zl_holder_of(next, taker);
        after->claim_age_ms = after->routed_ms = 0;
    } else if (!zl_lease_is_held(next)) {
        after->holder_pod = NULL;
        after->holder = ZL_HOLDER_UNKNOWN;
    }
    judge_turns(steps);
    zl_steps_add(steps, step);
}

void zl_steps_set_token(struct zl_steps *steps, int64_t token)
{
    int64_t planned = steps->next->fencing_token;
    steps->next->fencing_token = token;
    if (steps->status.holder_token == planned) {
        steps->status.holder_token = token;
    }
    if (steps->status.fencing_token < token) {
        steps->status.fencing_token = token;
    }
}

void zl_steps_look_again(struct zl_steps *steps, int64_t ms)
{
    zl_look_again(&steps->look_again_ms, ms);
}

void zl_steps_idle_after(struct zl_steps *steps, int64_t ms)
{
    zl_look_again(&steps->idle_after_ms, ms);
}

void *zl_steps_keep(struct zl_steps *steps, void *taken)
{
    steps->kept = zl_realloc(steps->kept, steps->kept_count + 1, sizeof *steps->kept);
    steps->kept[steps->kept_count++] = taken;
    return taken;
}

bool zl_steps_have(const struct zl_steps *steps, enum zl_step_kind kind)
{
    for (size_t i = 0; i < steps->count; i++) {
        if (steps->items[i].kind == kind) {
            return true;
        }
    }
    return false;
}

bool zl_steps_only_create(const struct zl_steps *steps)
{
    return steps->next != NULL && steps->before->lease == NULL && !zl_lease_is_held(steps->next);
}

struct zl_subject zl_subject_policy(const struct zl_view *view)
{
    return zl_subject_of(ZL_POLICY_API_VERSION, ZL_POLICY_KIND, &view->policy->meta);
}

bool zl_pod_must_go(const struct zl_pod *pod, const struct zl_lease *lease)
{
    const char *uid = pod->meta.uid;
    if (pod->meta.deleting || pod->is_static || zl_lease_is_held_by(lease, uid) ||
        zl_lease_is_succeeded_by(lease, uid)) {
        return false;
    }
    return zl_lease_is_held(lease) || zl_lease_has_deposed(lease, uid);
}
