/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/apply/internal.h"

#include "common/objects/names.h"

#define BIT(kind) ZL_STEP_BIT(ZL_STEP_##kind)

/*
 * Who waits for whom: a step is not carried out when one of an AFTER kind failed, or was not
 * carried out itself. What is planned after the Lease is true only when that is stored.
 */
static const struct {
    enum zl_status (*run)(struct zl_applying *applying, const struct zl_step *step,
                          struct zl_error *err);
    unsigned after;
} HOW[ZL_STEP_KIND_COUNT] = {
    [ZL_STEP_RECORD_TOKEN] = {zl_apply_token, 0},
    [ZL_STEP_RESERVE_TOKEN] = {zl_apply_token, 0},
    [ZL_STEP_LEASE] = {zl_apply_lease, BIT(RECORD_TOKEN) | BIT(RESERVE_TOKEN)},
    [ZL_STEP_SLICES] = {zl_apply_slices, BIT(LEASE)},
    [ZL_STEP_RESUME_JOB] = {zl_apply_resume, BIT(LEASE)},
    [ZL_STEP_WAKE] = {zl_apply_wake, BIT(LEASE)},
    [ZL_STEP_UNBLOCK] = {zl_apply_wake, BIT(LEASE)},
    [ZL_STEP_SERVICE] = {zl_apply_service, BIT(LEASE)},
    /* What goes is what the routes that stay do not need. */
    [ZL_STEP_CLEAN_ROUTES] = {zl_apply_clean, BIT(LEASE) | BIT(SLICES) | BIT(SERVICE)},
    [ZL_STEP_QUEUE_JOB] = {zl_apply_wait, BIT(LEASE)},
    [ZL_STEP_SUSPEND_JOB] = {zl_apply_wait, BIT(LEASE)},
    [ZL_STEP_DELETE_JOB] = {zl_apply_delete_job, BIT(LEASE)},
    [ZL_STEP_DELETE_POD] = {zl_apply_delete_pod, BIT(LEASE)},
    /* Who leads no more loses the label before another gets it. */
    [ZL_STEP_LABEL_POD] = {zl_apply_label, BIT(LEASE) | BIT(LABEL_POD)},
    /* It forgets who was refused. */
    [ZL_STEP_STATUS] = {zl_apply_status, BIT(LEASE) | BIT(UNBLOCK)},
    [ZL_STEP_UNMARK] = {zl_apply_unmark, BIT(LEASE)},
    [ZL_STEP_TELL] = {zl_apply_tell, BIT(STATUS)},
};

static enum zl_status carry_out(struct zl_applying *applying, const struct zl_step *step,
                                struct zl_error *err)
{
    enum zl_status status = zl_prove(applying, step, err);
    return status == ZL_OK ? HOW[step->kind].run(applying, step, err) : status;
}

/* All steps of KIND; the first failure of all is kept in *FIRST and *ERR. */
static void carry_out_kind(struct zl_applying *applying, enum zl_step_kind kind,
                           enum zl_status *first, struct zl_error *err)
{
    for (size_t i = 0; i < applying->steps->count; i++) {
        const struct zl_step *step = &applying->steps->items[i];
        struct zl_error other = {0};
        if (step->kind != kind) {
            continue;
        }
        bool waits_in_vain = (applying->failed & HOW[kind].after) != 0;
        enum zl_status status = waits_in_vain ? ZL_OK : carry_out(applying, step, &other);
        if (waits_in_vain || status != ZL_OK) {
            applying->failed |= ZL_STEP_BIT(kind);
        }
        if (status != ZL_OK && *first == ZL_OK) {
            *first = status;
            *err = other;
        }
    }
}

/* What this process must know of the pool when it looks at it next. */
static void remember(const struct zl_applying *applying)
{
    const struct zl_writer *writer = applying->writer;
    const struct zl_view *view = applying->view;
    if (view->policy == NULL || (applying->failed & BIT(LEASE)) != 0) {
        return;
    }
    zl_wakes_set(writer->wakes, view->namespace_, view->name, &applying->steps->wake, view->now_ms);
    if (zl_route_writes_moved(applying)) {
        /* Proxies have their time from the next look on. */
        (void)zl_since(writer->sinces, view->namespace_, view->name, ZL_TOPIC_ROUTED, NULL,
                       view->now_ms);
    }
}

struct zl_result zl_apply(const struct zl_writer *writer, struct zl_steps *steps,
                          struct zl_error *err)
{
    struct zl_applying applying = {.writer = writer, .steps = steps, .view = &steps->after};
    enum zl_status first = ZL_OK;
    for (int kind = 0; kind < ZL_STEP_KIND_COUNT; kind++) {
        carry_out_kind(&applying, (enum zl_step_kind)kind, &first, err);
    }
    remember(&applying);
    zl_route_writes_free(&applying);
    zl_lease_free(applying.live);
    return (struct zl_result){.status = first,
                              .requeue_after_ms = steps->look_again_ms,
                              .idle_after_ms = steps->idle_after_ms};
}

enum zl_status zl_delete_object(const struct zl_writer *writer,
                                const struct zl_kube_resource *resource, const struct zl_meta *meta,
                                bool *deleted, struct zl_error *err)
{
    const struct zl_kube_target target = {
        .resource = resource, .namespace_ = meta->namespace_, .name = meta->name};
    const struct zl_kube_delete_options options = {.uid = meta->uid, .grace_period_s = -1};
    enum zl_status status = zl_kube_delete(writer->client, &target, &options, err);
    *deleted = status == ZL_OK;
    if (status == ZL_E_NOT_FOUND || status == ZL_E_CONFLICT) {
        return ZL_OK; /* gone, or another one under its name */
    }
    return status;
}

const struct zl_metric *const ZL_POOL_METRICS[] = {&ZL_TRANSITIONS, &ZL_CLAIMS_EXPIRED, &ZL_WAKES,
                                                   &ZL_SURPLUS_DELETED, NULL};
