/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/fleet/jobs.h"

#include "common/base/clock.h"
#include "common/base/parse.h"
#include "common/objects/names.h"

#include <string.h>

#define STOPPED_S 1 /* the shortest deadline: it has passed */
#define EARLY_S 5   /* so exact are clocks read */

static const struct zl_json_shape LABELS[] = {{.name = ZL_KEY_FLEET}, {.name = NULL}};
static const struct zl_json_shape ANNOTATIONS[] = {{.name = ZL_KEY_FLEET_HELD},
                                                   {.name = ZL_KEY_FLEET_TURN},
                                                   {.name = ZL_KEY_FLEET_OWN_DEADLINE},
                                                   {.name = NULL}};
static const struct zl_json_shape METADATA[] = {{.name = "labels", .members = LABELS},
                                                {.name = "annotations", .members = ANNOTATIONS},
                                                {.members = ZL_META_SHAPE}};
static const struct zl_json_shape SPEC[] = {
    {.name = "suspend"}, {.name = "activeDeadlineSeconds"}, {.name = NULL}};
static const struct zl_json_shape CONDITION[] = {
    {.name = "type"}, {.name = "status"}, {.name = "message"}, {.name = NULL}};
static const struct zl_json_shape STATUS[] = {
    {.name = "conditions", .members = CONDITION}, {.name = "startTime"}, {.name = NULL}};
const struct zl_json_shape ZL_FLEET_JOB_SHAPE[] = {{.name = "metadata", .members = METADATA},
                                                   {.name = "spec", .members = SPEC},
                                                   {.name = "status", .members = STATUS},
                                                   {.name = NULL}};

static void decode_conditions(const struct cJSON *object, struct zl_fleet_job *job)
{
    const struct cJSON *condition = zl_json_first(zl_json_at(object, "status", "conditions", NULL));
    for (; condition != NULL; condition = zl_json_next(condition)) {
        const char *type = zl_json_text(condition, "type", NULL);
        if (!zl_same_string(zl_json_text(condition, "status", NULL), "True")) {
            continue;
        }
        if (zl_same_string(type, "Failed")) {
            job->failed = true;
            zl_replace_string(&job->why, zl_json_text(condition, "message", NULL));
        }
        job->finished = job->finished || job->failed || zl_same_string(type, "Complete");
    }
}

enum zl_status zl_fleet_job_decode(const struct cJSON *object, struct zl_fleet_job **out,
                                   struct zl_error *err)
{
    const char *pool = zl_json_text(object, "metadata", "labels", ZL_KEY_FLEET, NULL);
    const struct cJSON *annotations = zl_json_at(object, "metadata", "annotations", NULL);
    *out = NULL;
    if (pool == NULL || !zl_fleet_name_is_valid(pool)) {
        return ZL_OK;
    }
    struct zl_fleet_job *job = zl_alloc(sizeof *job);
    enum zl_status status = zl_meta_decode(object, &job->meta, err);
    if (status != ZL_OK) {
        zl_fleet_job_free(job);
        return status;
    }
    const char *turn = zl_json_text(annotations, ZL_KEY_FLEET_TURN, NULL);
    if (turn == NULL || zl_parse_i64(turn, 1, ZL_FLEET_NUMBER_MAX, &job->turn, NULL) != ZL_OK) {
        job->turn = 0;
    }
    job->pool = zl_strdup(pool);
    job->own_deadline = zl_json_text(annotations, ZL_KEY_FLEET_OWN_DEADLINE, NULL) != NULL;
    job->held = zl_json_text(annotations, ZL_KEY_FLEET_HELD, NULL) != NULL;
    job->suspended = zl_json_bool(object, false, "spec", "suspend", NULL);
    job->deadline_s = zl_json_i64(object, 0, "spec", "activeDeadlineSeconds", NULL);
    if (!zl_time_parse(zl_json_text(object, "status", "startTime", NULL), &job->started_us)) {
        job->started_us = 0;
    }
    decode_conditions(object, job);
    *out = job;
    return ZL_OK;
}

void zl_fleet_job_free(void *object)
{
    struct zl_fleet_job *job = object;
    if (job == NULL) {
        return;
    }
    zl_meta_clear(&job->meta);
    free(job->pool);
    free(job->why);
    free(job);
}

/* As far as the server can. */
static bool is_held_back(const struct zl_fleet_job *job)
{
    return job->held && (job->suspended || job->cannot_suspend);
}

bool zl_fleet_job_must_be_held(const struct zl_fleet_job *job)
{
    return !job->finished && !job->meta.deleting && job->turn == 0 && !job->suspended &&
           !is_held_back(job);
}

/* Ours, and for its turn. */
static bool is_waiting(const struct zl_fleet_job *job)
{
    return !job->finished && !job->meta.deleting && job->turn == 0 &&
           (job->held || !job->suspended);
}

static bool is_before(const struct zl_fleet_job *left, const struct zl_fleet_job *right)
{
    if (right == NULL || left->meta.created_us != right->meta.created_us) {
        return right == NULL || left->meta.created_us < right->meta.created_us;
    }
    return strcmp(left->meta.name, right->meta.name) < 0;
}

/* The oldest that waits and is held already: one that may still run pods is not started. */
static const struct zl_fleet_job *first_waiting(const struct zl_fleet_job *const *jobs,
                                                size_t count, bool held_only)
{
    const struct zl_fleet_job *first = NULL;
    for (size_t i = 0; i < count; i++) {
        bool fits = is_waiting(jobs[i]) && (!held_only || is_held_back(jobs[i]));
        if (fits && is_before(jobs[i], first)) {
            first = jobs[i];
        }
    }
    return first;
}

static const struct zl_fleet_job *of_turn(const struct zl_fleet_job *const *jobs, size_t count,
                                          int64_t token)
{
    for (size_t i = 0; i < count && token > 0; i++) {
        if (jobs[i]->turn == token) {
            return jobs[i];
        }
    }
    return NULL;
}

/* The first end that was not reported: one report at a time is on its way. */
static const struct zl_fleet_job *unreported(const struct zl_fleet_job *const *jobs, size_t count,
                                             const struct zl_fleet_agent *agent)
{
    const struct zl_fleet_job *first = NULL;
    for (size_t i = 0; i < count; i++) {
        if (jobs[i]->finished && jobs[i]->turn <= agent->turn.token && /* no number of somebody's */
            jobs[i]->turn > agent->request.report.token &&
            jobs[i]->turn > agent->turn.ended_token &&
            (first == NULL || jobs[i]->turn < first->turn)) {
            first = jobs[i];
        }
    }
    return first;
}

/* A turn that expired and whose Job was done all the same: the failure is taken back. */
static const struct zl_fleet_job *done_late(const struct zl_fleet_job *const *jobs, size_t count,
                                            const struct zl_fleet_agent *agent)
{
    const struct zl_fleet_job *job = of_turn(jobs, count, agent->turn.ended_token);
    return job != NULL && job->finished && !job->failed &&
                   agent->turn.outcome == ZL_FLEET_EXPIRED &&
                   agent->request.report.token < job->turn
               ? job
               : NULL;
}

static void plan_outcome(const struct zl_fleet_job *job, struct zl_fleet_intent *intent)
{
    intent->outcome = job->failed ? ZL_FLEET_FAILED : ZL_FLEET_DONE;
    intent->outcome_token = job->turn;
    intent->reason = job->why;
}

static void plan_turn(const struct zl_fleet_job *const *jobs, size_t count,
                      const struct zl_fleet_outside *outside, const struct zl_fleet_agent *agent,
                      int64_t started, bool settled, int64_t boot_ms,
                      struct zl_fleet_job_plan *plan)
{
    int64_t until_ms = 0, token = agent->turn.token;
    const struct zl_fleet_job *current = of_turn(jobs, count, token);
    bool unseen = started == token && !settled; /* the watch is behind what we wrote */
    if (unseen || (current != NULL && !current->meta.deleting)) {
        plan->intent.wants = true;
        plan->current = current;
        return;
    }
    if (started == token || current != NULL) { /* it was deleted */
        plan->intent.outcome = ZL_FLEET_RELEASED;
        plan->intent.outcome_token = token;
        return;
    }
    if (zl_fleet_outside_wants(outside, &agent->turn) ||
        !zl_fleet_may_act(agent, boot_ms, &until_ms) || (until_ms - boot_ms) / 1000 < 1) {
        return;
    }
    plan->start = first_waiting(jobs, count, true);
    plan->token = token;
    plan->deadline_s = (until_ms - boot_ms) / 1000;
    if (plan->start != NULL && plan->start->deadline_s > 0 &&
        plan->start->deadline_s < plan->deadline_s) {
        plan->deadline_s = plan->start->deadline_s;
        plan->own_deadline = true;
    }
}

/* Is the turn of JOB over, on the hub or by the clock of the process that asked for it? */
static bool is_overdue(const struct zl_fleet_job *job, const struct zl_fleet_agent *agent,
                       int64_t boot_ms)
{
    const struct zl_fleet_turn *turn = &agent->turn;
    int64_t until_ms = 0;
    if (job->finished || job->meta.deleting || job->turn == 0 || job->deadline_s == STOPPED_S) {
        return false;
    }
    if (turn->ended_token >= job->turn) {
        return true;
    }
    return turn->token == job->turn && turn->state == ZL_FLEET_ACTIVE &&
           !zl_fleet_may_act(agent, boot_ms, &until_ms) && until_ms > 0;
}

static const struct zl_fleet_job *first_overdue(const struct zl_fleet_job *const *jobs,
                                                size_t count, const struct zl_fleet_agent *agent,
                                                int64_t boot_ms)
{
    for (size_t i = 0; i < count; i++) {
        if (is_overdue(jobs[i], agent, boot_ms)) {
            return jobs[i];
        }
    }
    return NULL;
}

struct zl_fleet_job_plan zl_fleet_jobs_plan(const struct zl_fleet_job *const *jobs, size_t count,
                                            const struct zl_fleet_outside *outside,
                                            const struct zl_fleet_agent *agent, int64_t started,
                                            bool settled, int64_t boot_ms)
{
    struct zl_fleet_job_plan plan = {0};
    const struct zl_fleet_turn *turn = &agent->turn;
    const struct zl_fleet_job *over = unreported(jobs, count, agent);
    over = over != NULL ? over : done_late(jobs, count, agent);
    plan.intent.is_ready = zl_fleet_outside_is_ready(outside, turn, &plan.intent.not_ready);
    plan.intent.wants =
        zl_fleet_outside_wants(outside, turn) || first_waiting(jobs, count, false) != NULL;
    plan.intent.extends = zl_fleet_outside_extends(outside, turn);
    plan.stop = first_overdue(jobs, count, agent, boot_ms);
    if (over != NULL) {
        plan_outcome(over, &plan.intent);
        return plan;
    }
    if (zl_fleet_outside_reports(outside, agent)) {
        plan.intent.outcome = outside->report.outcome;
        plan.intent.outcome_token = outside->report.token;
        plan.intent.reason = outside->report.reason;
        return plan;
    }
    if (turn->state == ZL_FLEET_ACTIVE && turn->ended_token < turn->token) {
        plan_turn(jobs, count, outside, agent, started, settled, boot_ms, &plan);
    }
    return plan;
}

static struct cJSON *patch_of(const struct zl_fleet_job *job)
{
    struct cJSON *patch = zl_json_object();
    zl_json_set_text(zl_json_child(patch, "metadata"), "resourceVersion",
                     job->meta.resource_version);
    return patch;
}

struct cJSON *zl_fleet_job_hold_patch(const struct zl_fleet_job *job, int64_t wall_us)
{
    char now[ZL_TIME_TEXT_MAX];
    struct cJSON *patch = patch_of(job);
    zl_time_format(wall_us, now);
    zl_json_set_text(zl_json_child(zl_json_child(patch, "metadata"), "annotations"),
                     ZL_KEY_FLEET_HELD, now);
    zl_json_set_bool(zl_json_child(patch, "spec"), "suspend", true);
    return patch;
}

struct cJSON *zl_fleet_job_stop_patch(const struct zl_fleet_job *job)
{
    struct cJSON *patch = patch_of(job);
    zl_json_set_i64(zl_json_child(patch, "spec"), "activeDeadlineSeconds", STOPPED_S);
    return patch;
}

/* From when it began until now, by the clock of its server. */
static int64_t gone_s(const struct zl_fleet_job *job, int64_t wall_us)
{
    return job->started_us > 0 && job->started_us < wall_us ? (wall_us - job->started_us) / 1000000
                                                            : 0;
}

int64_t zl_fleet_job_longer_s(const struct zl_fleet_job *job, const struct zl_fleet_agent *agent,
                              int64_t boot_ms, int64_t wall_us)
{
    int64_t until_ms = 0;
    if (job->finished || job->own_deadline || job->deadline_s <= STOPPED_S ||
        !zl_fleet_may_act(agent, boot_ms, &until_ms)) {
        return 0;
    }
    const int64_t deadline_s = gone_s(job, wall_us) + (until_ms - boot_ms) / 1000;
    return deadline_s > job->deadline_s + EARLY_S ? deadline_s : 0;
}

struct cJSON *zl_fleet_job_prolong_patch(const struct zl_fleet_job *job, int64_t deadline_s)
{
    struct cJSON *patch = patch_of(job);
    zl_json_set_i64(zl_json_child(patch, "spec"), "activeDeadlineSeconds", deadline_s);
    return patch;
}

struct cJSON *zl_fleet_job_start_patch(const struct zl_fleet_job *job, int64_t token,
                                       int64_t deadline_s, bool own_deadline, int64_t wall_us)
{
    struct cJSON *patch = patch_of(job);
    const int64_t counted_s = job->suspended ? 0 : gone_s(job, wall_us);
    struct cJSON *annotations = zl_json_child(zl_json_child(patch, "metadata"), "annotations");
    ZL_AUTO_FREE char *text = zl_asprintf("%lld", (long long)token);
    zl_json_set_text(annotations, ZL_KEY_FLEET_TURN, text);
    zl_json_set_null(annotations, ZL_KEY_FLEET_HELD);
    if (own_deadline) {
        zl_json_set_text(annotations, ZL_KEY_FLEET_OWN_DEADLINE, "true");
    }
    zl_json_set_bool(zl_json_child(patch, "spec"), "suspend", false);
    zl_json_set_i64(zl_json_child(patch, "spec"), "activeDeadlineSeconds", deadline_s + counted_s);
    return patch;
}
