/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/fleet/member_internal.h"

#include "common/base/log.h"
#include "common/objects/names.h"
#include "controller/fleet/cronjobs.h"
#include "controller/fleet/jobs.h"

#include <string.h>

struct job_name {
    const char *namespace_, *name, *pool;
};

/* Does a LeaderPolicy of POOL stand in NAMESPACE_? */
static bool has_policy(const struct zl_refs *policies, const char *pool, const char *namespace_)
{
    for (size_t i = 0; i < policies->count; i++) {
        const struct zl_fleet_policy *policy = zl_ref_object(policies->items[i]);
        if (strcmp(policy->pool, pool) == 0 && strcmp(policy->meta.namespace_, namespace_) == 0) {
            return true;
        }
    }
    return false;
}

/* Servers before 1.22 do not know spec.suspend: the webhook alone keeps the pods out, and a hold that was written is all there is. */
static void note_dropped(struct zl_cluster_member *member, const struct cJSON *patch,
                         const struct cJSON *answer)
{
    const bool dropped = zl_json_bool(patch, false, "spec", "suspend", NULL) &&
                         zl_json_at(answer, "metadata", NULL) != NULL &&
                         !zl_json_bool(answer, false, "spec", "suspend", NULL);
    if (dropped && !atomic_exchange(&member->cannot_suspend, true)) {
        ZL_LOG_INFO("this API server cannot suspend Jobs: those that wait for a turn are kept out "
                    "by webhooks with --fleet alone");
    }
}

/* @return the version that was stored; 0: none was */
static uint64_t patch_named(struct zl_cluster_member *member, const struct job_name *job,
                            struct cJSON *taken, const char *what)
{
    struct zl_error err = {0};
    ZL_AUTO_JSON struct cJSON *patch = taken;
    ZL_AUTO_JSON struct cJSON *answer = NULL;
    const struct zl_kube_target target = {.resource = &ZL_KUBE_JOBS,
                                          .namespace_ = job->namespace_,
                                          .name = job->name,
                                          .shape = ZL_FLEET_JOB_SHAPE};
    enum zl_status status =
        zl_kube_patch(member->spec.cluster, &target, ZL_KUBE_PATCH_MERGE, patch, &answer, &err);
    if (status == ZL_OK) {
        note_dropped(member, patch, answer);
        ZL_LOG_INFO(what, ZL_STR("namespace", job->namespace_), ZL_STR("job", job->name),
                    ZL_STR("pool", job->pool));
    } else if (status != ZL_E_CONFLICT && status != ZL_E_NOT_FOUND) {
        ZL_LOG_WARN("a Job of a fleet cannot be written", ZL_STR("job", job->name), ZL_ERR(&err));
    }
    const char *version = zl_json_text(answer, "metadata", "resourceVersion", NULL);
    return status == ZL_OK ? zl_resource_version_number(version) : 0;
}

static uint64_t patch_job(struct zl_cluster_member *member, const struct zl_fleet_job *job,
                          struct cJSON *taken, const char *what)
{
    const struct job_name name = {
        .namespace_ = job->meta.namespace_, .name = job->meta.name, .pool = job->pool};
    return patch_named(member, &name, taken, what);
}

static bool is_known(const struct zl_refs *jobs, const char *namespace_, const char *name)
{
    for (size_t i = 0; i < jobs->count; i++) {
        const struct zl_fleet_job *job = zl_ref_object(jobs->items[i]);
        if (strcmp(job->meta.name, name) == 0 && strcmp(job->meta.namespace_, namespace_) == 0) {
            return true;
        }
    }
    return false;
}

void zl_member_label_jobs(struct zl_cluster_member *member, const struct zl_refs *jobs,
                          const struct zl_refs *policies)
{
    ZL_AUTO_REFS struct zl_refs cronjobs = {0};
    zl_store_list(zl_informer_store(member->cronjobs), NULL, &cronjobs);
    for (size_t i = 0; i < cronjobs.count; i++) {
        const struct zl_fleet_cronjob *cronjob = zl_ref_object(cronjobs.items[i]);
        const char *namespace_ = cronjob->meta.namespace_;
        if (!has_policy(policies, cronjob->pool, namespace_)) {
            continue;
        }
        for (size_t j = 0; j < cronjob->active_count; j++) {
            const struct job_name name = {
                .namespace_ = namespace_, .name = cronjob->active[j], .pool = cronjob->pool};
            if (!is_known(jobs, namespace_, cronjob->active[j])) {
                (void)patch_named(member, &name, zl_fleet_cronjob_label_patch(cronjob),
                                  "Job labelled as its CronJob is");
            }
        }
    }
}

void zl_member_hold_jobs(struct zl_cluster_member *member, const struct zl_refs *jobs,
                         const struct zl_refs *policies)
{
    for (size_t i = 0; i < jobs->count; i++) {
        const struct zl_fleet_job *job = zl_ref_object(jobs->items[i]);
        if (zl_fleet_job_must_be_held(job) &&
            has_policy(policies, job->pool, job->meta.namespace_)) {
            (void)patch_job(member, job, zl_fleet_job_hold_patch(job, zl_clock_wall_us()),
                            "Job held until its cluster's turn");
        }
    }
}

static size_t jobs_of(const struct zl_refs *jobs, const struct zl_refs *policies, const char *pool,
                      const struct zl_fleet_job **out)
{
    size_t count = 0;
    for (size_t i = 0; i < jobs->count; i++) {
        const struct zl_fleet_job *job = zl_ref_object(jobs->items[i]);
        if (strcmp(job->pool, pool) == 0 &&
            (has_policy(policies, job->pool, job->meta.namespace_) || job->turn != 0)) {
            out[count++] = job;
        }
    }
    return count;
}

static struct zl_fleet_outside outside_of(const struct zl_refs *policies, const char *pool)
{
    struct zl_fleet_outside outside = {.accepted = -1};
    for (size_t i = 0; i < policies->count; i++) {
        const struct zl_fleet_policy *policy = zl_ref_object(policies->items[i]);
        if (strcmp(policy->pool, pool) == 0) {
            zl_fleet_outside_join(&outside, &policy->outside);
        }
    }
    return outside;
}

void zl_member_look_at_jobs(struct zl_cluster_member *member, struct zl_member_part *part,
                            const struct zl_refs *jobs, const struct zl_refs *policies)
{
    bool forgotten = false;
    zl_member_see_turn(member, part, &forgotten);
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
    const struct zl_fleet_job **list = zl_alloc((jobs->count + 1) * sizeof *list);
    size_t count = jobs_of(jobs, policies, part->agent.turn.pool, list);
    const int64_t boot_ms = zl_clock_boot_ms(); /* before anything is sent */
    bool settled =
        zl_informer_state(member->jobs, member->namespaces).position >= part->started_version;
    const struct zl_fleet_outside outside = outside_of(policies, part->agent.turn.pool);
    struct zl_fleet_job_plan plan =
        zl_fleet_jobs_plan(list, count, &outside, &part->agent, part->started, settled, boot_ms);
    if (plan.stop != NULL) {
        (void)patch_job(member, plan.stop, zl_fleet_job_stop_patch(plan.stop),
                        "Job stopped: its cluster's turn is over");
    }
    uint64_t version =
        plan.start != NULL
            ? patch_job(member, plan.start,
                        zl_fleet_job_start_patch(plan.start, plan.token, plan.deadline_s,
                                                 plan.own_deadline, zl_clock_wall_us()),
                        "Job started in its cluster's turn")
            : 0;
    if (version != 0) {
        part->started = plan.token;
        part->started_version = version;
    }
    const int64_t longer_s =
        plan.current != NULL
            ? zl_fleet_job_longer_s(plan.current, &part->agent, boot_ms, zl_clock_wall_us())
            : 0;
    if (longer_s > 0) {
        (void)patch_job(member, plan.current, zl_fleet_job_prolong_patch(plan.current, longer_s),
                        "Job has more time: its cluster's turn was extended");
    }
    if (zl_fleet_member_next(&part->agent, &plan.intent, forgotten, zl_member_nonce(), boot_ms)) {
        member->dirty = true;
    }
    free(list);
}
