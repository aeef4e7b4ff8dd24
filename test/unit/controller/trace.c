/* SPDX-License-Identifier: Apache-2.0 */
#include "test/unit/controller/trace.h"

#include "common/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { TRACE_MAX = 16384 };

static const char *const KINDS[ZL_STEP_KIND_COUNT] = {[ZL_STEP_RECORD_TOKEN] = "record-token",
                                                      [ZL_STEP_RESERVE_TOKEN] = "reserve-token",
                                                      [ZL_STEP_LEASE] = "lease",
                                                      [ZL_STEP_SLICES] = "slices",
                                                      [ZL_STEP_RESUME_JOB] = "resume",
                                                      [ZL_STEP_WAKE] = "wake",
                                                      [ZL_STEP_UNBLOCK] = "unblock",
                                                      [ZL_STEP_SERVICE] = "service",
                                                      [ZL_STEP_CLEAN_ROUTES] = "clean",
                                                      [ZL_STEP_QUEUE_JOB] = "queue",
                                                      [ZL_STEP_SUSPEND_JOB] = "suspend",
                                                      [ZL_STEP_DELETE_JOB] = "delete-job",
                                                      [ZL_STEP_DELETE_POD] = "delete-pod",
                                                      [ZL_STEP_LABEL_POD] = "label",
                                                      [ZL_STEP_STATUS] = "status",
                                                      [ZL_STEP_UNMARK] = "unmark",
                                                      [ZL_STEP_TELL] = "tell"};

static const char *const PROOFS[] = {"taker-lives",   "still-unready", "lease-same", "holder-same",
                                     "leads",         "leads-not",     "turn-same",  "no-turn",
                                     "owners-listed", "asked"};

static const char *or_none(const char *text)
{
    return text != NULL && text[0] != '\0' ? text : "-";
}

static void print_change(struct zl_buf *out, const char *name, const char *before,
                         const char *after)
{
    if (strcmp(or_none(before), or_none(after)) != 0) {
        (void)zl_buf_printf(out, " %s=%s", name, or_none(after));
    }
}

static void print_lease(struct zl_buf *out, const struct zl_steps *steps)
{
    static const struct zl_lease none = {0};
    const struct zl_lease *before = steps->before->lease != NULL ? steps->before->lease : &none;
    const struct zl_lease *after = steps->next;
    (void)zl_buf_add_text(out, ":");
    print_change(out, "holder", steps->taker != NULL ? NULL : before->holder_pod,
                 after->holder_pod);
    print_change(out, "turn", before->turn_job, after->turn_job);
    print_change(out, "successor", before->successor_uid, after->successor_uid);
    print_change(out, "deposed", before->deposed, after->deposed);
    print_change(out, "ready", before->ready_holder, after->ready_holder);
    print_change(out, "proven", before->ready_revision, after->ready_revision);
    print_change(out, "failed", before->failed_revision, after->failed_revision);
    print_change(out, "request", before->request, after->request);
}

static void print_owner(struct zl_buf *out, const struct zl_wake_target *owner)
{
    if (owner->job != NULL) {
        (void)zl_buf_printf(out, " Job/%s", owner->job->meta.name);
    } else if (owner->replicaset != NULL) {
        (void)zl_buf_printf(out, " ReplicaSet/%s", owner->replicaset->meta.uid);
    } else {
        (void)zl_buf_printf(out, " %s/%s", owner->workload->kind->name, owner->workload->meta.name);
    }
}

static void print_route(struct zl_buf *out, const struct zl_route *route)
{
    (void)zl_buf_printf(out, " %s -> %s", route->name,
                        route->leader != NULL ? route->leader->meta.name : "nobody");
    if (route->from != NULL) {
        (void)zl_buf_printf(out, " ports=%s", route->from->meta.name);
    }
}

static void print_of(struct zl_buf *out, const struct zl_steps *steps, const struct zl_step *step)
{
    switch (step->kind) {
    case ZL_STEP_RECORD_TOKEN:
        (void)zl_buf_printf(out, " %lld", (long long)step->of.token);
        break;
    case ZL_STEP_RESERVE_TOKEN:
        if (step->of.tick_of != NULL) {
            (void)zl_buf_printf(out, " tick of %s", step->of.tick_of->job->meta.name);
        }
        break;
    case ZL_STEP_LEASE:
        print_lease(out, steps);
        break;
    case ZL_STEP_SLICES:
    case ZL_STEP_SERVICE:
        print_route(out, step->of.route);
        break;
    case ZL_STEP_CLEAN_ROUTES:
        (void)zl_buf_printf(out, " but %zu", step->of.clean.keep_count);
        break;
    case ZL_STEP_RESUME_JOB:
        (void)zl_buf_printf(out, " %s", step->of.job->meta.name);
        break;
    case ZL_STEP_WAKE:
    case ZL_STEP_UNBLOCK:
    case ZL_STEP_UNMARK:
        print_owner(out, &step->of.owner);
        break;
    case ZL_STEP_QUEUE_JOB:
    case ZL_STEP_SUSPEND_JOB:
    case ZL_STEP_DELETE_JOB:
        (void)zl_buf_printf(out, " %s", step->of.turn->job->meta.name);
        break;
    case ZL_STEP_DELETE_POD:
        (void)zl_buf_printf(out, " %s", step->of.pod->meta.name);
        break;
    case ZL_STEP_LABEL_POD:
        (void)zl_buf_printf(out, " %s=%s", step->of.label.pod->meta.name,
                            or_none(zl_role_name(step->of.label.role)));
        break;
    case ZL_STEP_TELL:
        (void)zl_buf_printf(out, " %s/%s", step->subject.kind, step->subject.name);
        break;
    case ZL_STEP_STATUS:
    case ZL_STEP_KIND_COUNT:
        break;
    }
}

static void print_step(struct zl_buf *out, const struct zl_steps *steps, const struct zl_step *step)
{
    const char *join = " if";
    (void)zl_buf_printf(out, "%s", KINDS[step->kind]);
    if (step->why != ZL_WHY_TOKEN) {
        (void)zl_buf_printf(out, " %s", zl_reason_of(step->why)->name);
    }
    print_of(out, steps, step);
    for (size_t i = 0; i < sizeof PROOFS / sizeof PROOFS[0]; i++) {
        if ((step->proofs & (1u << i)) != 0) {
            (void)zl_buf_printf(out, "%s %s", join, PROOFS[i]);
            join = "";
        }
    }
    (void)zl_buf_add_text(out, "\n");
}

int64_t next_look_ms(const struct zl_steps *steps)
{
    int64_t due_ms = steps->look_again_ms;
    int64_t idle_ms = steps->idle_after_ms;
    return due_ms == 0 || (idle_ms > 0 && idle_ms < due_ms) ? idle_ms : due_ms;
}

char *trace_of(const struct zl_steps *steps)
{
    struct zl_buf out;
    zl_buf_init(&out, TRACE_MAX);
    for (int kind = 0; kind < ZL_STEP_KIND_COUNT; kind++) {
        for (size_t i = 0; i < steps->count && kind != ZL_STEP_STATUS; i++) {
            if ((int)steps->items[i].kind == kind) {
                print_step(&out, steps, &steps->items[i]);
            }
        }
    }
    if (next_look_ms(steps) > 0) {
        (void)zl_buf_printf(&out, "again %lld\n", (long long)next_look_ms(steps));
    }
    return zl_buf_take(&out);
}

void expect_trace(const char *name, const struct zl_steps *steps, const char *wanted)
{
    ZL_AUTO_FREE char *trace = trace_of(steps);
    struct zl_buf is;
    zl_buf_init(&is, TRACE_MAX);
    for (const char *at = trace; *at != '\0'; at++) {
        bool last = at[1] == '\0';
        (void)zl_buf_add(&is, *at == '\n' ? "; " : at, *at == '\n' ? (last ? 0 : 2) : 1);
    }
    ZL_AUTO_FREE char *text = zl_buf_take(&is);
    if (strcmp(text, wanted) != 0) {
        fail_msg("%s:\n  is     %s\n  wanted %s", name, text, wanted);
    }
}
