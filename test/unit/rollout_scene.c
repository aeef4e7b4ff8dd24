/* SPDX-License-Identifier: Apache-2.0 */
#include "test/unit/rollout_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NOW_US 1767225600000000
#define SECOND_US INT64_C(1000000)
#define NEVER_MS INT64_C(1000000000000)

static char ns[] = "shop", pool[] = "web", version[] = "7", nobody[] = "", ip[] = "10.0.0.1";
static char ready_time[] = "2026-01-01T00:00:00Z";
static char node_a[] = "node-a";
static char pod_a[] = "web-a", uid_a[] = "uid-a", identity_a[] = "web-a_uid-a";
static char pod_s[] = "web-s", uid_s[] = "uid-s", deposed_a[] = "uid-z,uid-a";
char rs_old[] = "rs-old", rs_new[] = "rs-new", rs_next[] = "rs-next", rs_other[] = "rs-0";

static const struct zl_workload OTHER = {.meta = {.namespace_ = ns, .name = pod_s},
                                         .kind = &ZL_KIND_DEPLOYMENT,
                                         .pool = pool,
                                         .replicas = 3};

static void set_leader(struct scene *scene, const struct knobs *knobs)
{
    bool leaving = knobs->seat == LEADER_LEAVING;
    bool serving = leaving ? knobs->serves : knobs->unready_s == 0;
    bool there = knobs->seat == LED || leaving || knobs->deposed;
    struct zl_view *view = &scene->view;
    scene->leader = (struct zl_pod){
        .meta = {.namespace_ = ns,
                 .name = pod_a,
                 .uid = uid_a,
                 .created_us = 1,
                 .deleting = leaving,
                 .controller = {.uid = knobs->leader_new ? rs_new : rs_old}},
        .ready = serving && !leaving,
        .serving = serving,
        .ips = {ip},
        .node = node_a,
        .grace_s = knobs->grace_s,
    };
    if (knobs->seat == LED || leaving) {
        view->holder_pod = &scene->leader;
        view->holder = leaving ? ZL_HOLDER_TERMINATING : ZL_HOLDER_ALIVE;
    } else if (knobs->seat == DEAD) {
        view->holder = ZL_HOLDER_GONE;
    }
    if (there) {
        scene->members[view->member_count++] =
            (struct zl_member){.pod = &scene->leader,
                               .workload = &scene->deployment,
                               .gatekept = !knobs->single || knobs->beside};
    }
    view->unready_ms = knobs->unready_s * 1000;
    view->terminating_ms = knobs->terminating_s * 1000;
    view->holder_runs_on = knobs->runs_on;
    view->leader_outdated = knobs->outdated;
}

static void set_successor(struct scene *scene, const struct knobs *knobs)
{
    struct zl_view *view = &scene->view;
    int64_t ready_s = knobs->ready_s != 0 ? knobs->ready_s : 5;
    bool ready = !knobs->unready && !knobs->deleting && !knobs->finished;
    scene->successor = (struct zl_pod){
        .meta = {.namespace_ = ns,
                 .name = pod_s,
                 .uid = uid_s,
                 .created_us = 2,
                 .deleting = knobs->deleting,
                 .controller = {.uid = rs_new}},
        .ready = ready,
        .serving = ready || knobs->goes_on,
        .finished = knobs->finished,
        .grace_s = knobs->leaving_grace_s,
        .ips = {ip},
        .node = node_a,
        .ready_since_us = ready ? NOW_US - ready_s * SECOND_US : 0,
    };
    if (knobs->none || knobs->missing) {
        view->successor_age_ms = knobs->none ? 0 : knobs->age_s * 1000;
        return;
    }
    view->successor_pod = &scene->successor;
    view->successor_revision_known = !knobs->lagging;
    view->successor_terminating_ms = knobs->leaving_s * 1000;
    view->successor_runs_on = knobs->stays_on;
    view->successor_ready_ms = ready && ready_s > 0 ? ready_s * 1000 : 0;
    view->successor_age_ms = (knobs->age_s != 0 ? knobs->age_s : 10) * 1000;
    if (!knobs->finished) {
        scene->members[view->member_count++] =
            (struct zl_member){.pod = &scene->successor,
                               .workload = &scene->deployment,
                               .gatekept = !knobs->single || knobs->beside};
    }
}

static void set_rollout(struct scene *scene, const struct knobs *knobs)
{
    static char *const uids[] = {[NEW] = rs_new,
                                 [OLD] = rs_old,
                                 [NEXT] = rs_next,
                                 [NEW_WANTS_NONE] = rs_new,
                                 [UNKNOWN] = rs_new};
    struct zl_view *view = &scene->view;
    scene->deployment = (struct zl_workload){
        .meta = {.namespace_ = ns, .name = pool},
        .kind = knobs->outdated ? &ZL_KIND_STATEFULSET : &ZL_KIND_DEPLOYMENT,
        .pool = pool,
        .replicas = knobs->single ? 1 : 3,
        .paused = knobs->paused,
        .recreates = knobs->recreates,
        .min_ready_s = knobs->min_ready_s,
        .progress_deadline_s = knobs->deadline_s != 0 ? knobs->deadline_s : 600};
    scene->old = (struct zl_replicaset){.meta = {.uid = rs_old}, .replicas = 3, .revision = 1};
    scene->newest = (struct zl_replicaset){.meta = {.uid = uids[knobs->newest]},
                                           .replicas = knobs->newest == NEW_WANTS_NONE ? 0 : 1,
                                           .revision = 2};
    scene->workloads[0] = &scene->deployment;
    if (knobs->beside) {
        scene->workloads[view->workload_count++] = &OTHER;
    }
    if (!knobs->outdated && !knobs->elsewhere) {
        view->deployment = &scene->deployment;
        view->rollout.newest = knobs->newest == UNKNOWN ? NULL : &scene->newest;
        view->rollout.proven = knobs->unproven ? NULL : &scene->old;
    }
}

void set_scene(struct scene *scene, const struct knobs *knobs)
{
    bool held = knobs->seat != VACANT;
    memset(scene, 0, sizeof *scene);
    scene->policy = (struct zl_policy){.meta = {.namespace_ = ns, .name = pool},
                                       .lease_duration_s = 15,
                                       .retry_period_s = 2,
                                       .handover_grace_s = knobs->grace_period_s,
                                       .recreate = knobs->recreate};
    scene->policy.status.holder_uid = uid_a;
    scene->policy.status.holder_ready_time = knobs->status_knows ? ready_time : NULL;
    scene->lease =
        (struct zl_lease){.namespace_ = ns,
                          .pool = pool,
                          .resource_version = version,
                          .holder_identity = held ? identity_a : nobody,
                          .holder_pod = held ? pod_a : NULL,
                          .holder_uid = held ? uid_a : NULL,
                          .successor_pod = knobs->none ? NULL : pod_s,
                          .successor_uid = knobs->none ? NULL : uid_s,
                          .deposed = knobs->deposed ? deposed_a : (knobs->ousted ? uid_s : NULL),
                          .ready_holder = knobs->starting ? rs_other : uid_a,
                          .ready_revision = rs_old,
                          .failed_revision = knobs->failed,
                          .duration_s = 15,
                          .fencing_token = 3,
                          .released_token = 3,
                          .renew_us = NOW_US};
    scene->view = (struct zl_view){.namespace_ = ns,
                                   .name = pool,
                                   .policy = &scene->policy,
                                   .lease = &scene->lease,
                                   .claim_timeout_ms = 5000,
                                   .workloads = scene->workloads,
                                   .workload_count = 1,
                                   .members = scene->members,
                                   .members_are_current = true,
                                   .wake = {.runs = true, .attempts = 9},
                                   .now_us = NOW_US};
    set_leader(scene, knobs);
    set_successor(scene, knobs);
    set_rollout(scene, knobs);
}

/* When the plan looks again if nobody is to be woken before that; NEVER: on the next event. */
static int64_t idle_ms(const struct scene *scene)
{
    struct zl_view view = scene->view;
    ZL_AUTO_STEPS struct zl_steps steps;
    view.wake.due_in_ms = NEVER_MS;
    zl_steps_begin(&steps, &view);
    zl_plan_scale_down(&view, &steps);
    return next_look_ms(&steps);
}

void expect_plan(const char *name, const struct scene *scene, const char *wanted)
{
    ZL_AUTO_STEPS struct zl_steps steps;
    zl_steps_begin(&steps, &scene->view);
    zl_plan_scale_down(&scene->view, &steps);
    if (!zl_steps_have(&steps, ZL_STEP_WAKE)) {
        expect_trace(name, &steps, wanted);
        return;
    }
    const char *idle = strstr(wanted, "; idle ");
    ZL_AUTO_FREE char *steps_wanted =
        zl_strndup(wanted, idle != NULL ? (size_t)(idle - wanted) : 0);
    int64_t ms = idle_ms(scene);
    ZL_AUTO_FREE char *is =
        ms == NEVER_MS ? zl_strdup("; idle never") : zl_asprintf("; idle %lld", (long long)ms);
    expect_trace(name, &steps, steps_wanted);
    if (idle == NULL || strcmp(idle, is) != 0) {
        fail_msg("%s: without the wake%s", name, is);
    }
}

void check_row(const struct plan_row *row)
{
    struct scene scene;
    set_scene(&scene, &row->knobs);
    expect_plan(row->name, &scene, row->steps);
}
