/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/view/view.h"

#include <string.h>

#define SECOND_US INT64_C(1000000)

bool zl_view_refuses(const struct zl_view *view, const struct zl_workload *workload)
{
    int64_t others = 0;
    for (size_t i = 0; i < view->workload_count; i++) {
        if (view->workloads[i] != workload) {
            others += zl_workload_wants(view->workloads[i]);
        }
    }
    return zl_refuses_followers(workload, others);
}

bool zl_view_is_gatekept(const struct zl_view *view)
{
    for (size_t i = 0; i < view->workload_count; i++) {
        if (zl_view_refuses(view, view->workloads[i])) {
            return true;
        }
    }
    bool has_turn = view->lease != NULL && view->lease->turn_uid != NULL;
    bool has_jobs = view->jobs.turn_count > 0 || view->jobs.cronjob_count > 0;
    return view->workload_count == 0 && (has_jobs || has_turn);
}

bool zl_is_of_job(const struct zl_pod *pod)
{
    return zl_kind_is_of_turns(&pod->meta.controller);
}

const struct zl_workload *zl_view_workload_of(const struct zl_view *view, const struct zl_pod *pod)
{
    for (size_t i = 0; i < view->member_count; i++) {
        if (strcmp(view->members[i].pod->meta.uid, pod->meta.uid) == 0) {
            return view->members[i].workload;
        }
    }
    return NULL;
}

const struct zl_turn *zl_view_turn_of(const struct zl_view *view, const struct zl_pod *pod)
{
    return zl_turns_find(view->jobs.turns, view->jobs.turn_count, pod->meta.controller.uid);
}

bool zl_view_knows_holder(const struct zl_view *view)
{
    for (size_t i = 0; i < view->member_count; i++) {
        if (zl_lease_is_held_by(view->lease, view->members[i].pod->meta.uid)) {
            return true;
        }
    }
    return false;
}

int64_t zl_view_overdue_in_ms(const struct zl_view *view, const struct zl_pod *pod,
                              int64_t terminating_ms)
{
    return (pod->grace_s + view->policy->lease_duration_s) * 1000 - terminating_ms;
}

void zl_view_judge_turns(const struct zl_view *view, const struct zl_lease *lease,
                         struct zl_turn *turns)
{
    static const struct zl_ticks none = {0};
    for (size_t i = 0; i < view->jobs.turn_count; i++) {
        turns[i].runs = false;
        for (size_t j = 0; j < view->member_count; j++) {
            if (view->members[j].job == turns[i].job) {
                turns[i].runs = true;
            }
        }
    }
    zl_turns_judge(turns, view->jobs.turn_count, lease != NULL ? lease->turn_uid : NULL,
                   view->policy != NULL ? zl_policy_ticks(view->policy) : &none,
                   view->now_us / SECOND_US);
}
